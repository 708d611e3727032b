"""The three ways in: keys by the API-key filter, tokens by the JWT filter, and who may score by RBAC on their claims.

Closed twice over: the API-key filter refuses every route that does not open it, and so does RBAC. The JWT filter's
configuration comes by a discovery file of its own, so that a new signing key or identity provider needs no new
listener; who may score stands in the routes, so that a role which was taken away is gone with the next of them.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from endpoints.domain.routing import Claim, EndpointRoute, Issuer, RouteTable
from endpoints.enums import AuthMode
from endpoints.gateway.envoy.documents import Json, extension, typed

API_KEY_FILTER = "api_key_auth"
TOKEN_FILTER = "jwt_authn"  # noqa: S105
ROLE_FILTER = "rbac"
CLAIMS = "claims"  # of a verified token, in the dynamic metadata of the JWT filter
CLAIMS_NAMESPACE = "envoy.filters.http.jwt_authn"
CALLER = "key"  # by the name of which a caller came in, in the dynamic metadata
CALLER_NAMESPACE = "endpoint_studio.caller"
CALLER_HEADER = "x-studio-caller"  # from the API-key filter to the next one; no replica sees it
CLOCK_SKEW_SECONDS = 10
CACHED_TOKENS = 2000  # per provider and worker thread
LONGEST_CACHED = 8192  # bytes
TOKEN_CONFIG = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"  # noqa: S105
API_KEYS = "envoy.extensions.filters.http.api_key_auth.v3"
RBAC = "envoy.extensions.filters.http.rbac.v3"
HOW: dict[AuthMode, str] = {
    AuthMode.AML_TOKEN: (
        "Get a token of this endpoint from the studio (POST /api/v1/endpoints/<name>/token/) and send it in the "
        "header 'Authorization: Bearer <token>'."
    ),
    AuthMode.AAD_TOKEN: (
        "Get a token from an identity provider that the studio trusts, for the audience that is set there, and send "
        "it in the header 'Authorization: Bearer <token>'."
    ),
}


def authentication_filters(tokens: Path) -> list[Json]:
    """`tokens` is the discovery file of the JWT filter."""
    return [api_key_auth(), key_name(), token_auth(tokens), roles()]


def api_key_auth() -> Json:
    """Closed by default: only a route opens it, with the keys of its endpoint."""
    return extension(
        API_KEY_FILTER,
        f"{API_KEYS}.ApiKeyAuth",
        key_sources=[{"header": "Authorization"}],
        forwarding={"hide_credentials": True},
    )


def key_name() -> Json:
    """For the access log. What a caller sent under this name is gone before, or the API-key filter refused it."""
    known = {"metadata_namespace": CALLER_NAMESPACE, "key": CALLER, "type": "STRING"}
    return extension(
        "key_name",
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        request_rules=[{"header": CALLER_HEADER, "on_header_present": known, "remove": True}],
    )


def token_auth(tokens: Path) -> Json:
    source = {"path_config_source": {"path": str(tokens)}, "resource_api_version": "V3"}
    discovery = {"config_source": source, "type_urls": [f"type.googleapis.com/{TOKEN_CONFIG}"]}
    return {"name": TOKEN_FILTER, "config_discovery": discovery}


def roles() -> Json:
    """Closed by default: nobody meets a policy that is not there."""
    return extension(ROLE_FILTER, f"{RBAC}.RBAC", rules={"action": "ALLOW", "policies": {}})


def token_configuration(table: RouteTable) -> Json:
    """What the discovery file of the JWT filter holds: who is believed, and what each mode asks for."""
    believed = [issuer for issuer in table.issuers if usable(issuer)]
    config = typed(
        TOKEN_CONFIG,
        providers={issuer.name: provider(issuer) for issuer in believed},
        requirement_map={
            mode.value: requirement([issuer.name for issuer in believed if issuer.auth_mode == mode])
            for mode in (AuthMode.AML_TOKEN, AuthMode.AAD_TOKEN)
        },
    )
    return typed("envoy.config.core.v3.TypedExtensionConfig", name=TOKEN_FILTER, typed_config=config)


def usable(issuer: Issuer) -> bool:
    """Envoy takes no key set without keys, and asks for no audience where none is given."""
    return bool(issuer.audiences and json.loads(issuer.jwks).get("keys"))


def provider(issuer: Issuer) -> Json:
    return {
        "issuer": issuer.issuer,
        "audiences": list(issuer.audiences),
        "local_jwks": {"inline_string": issuer.jwks},
        # Named, because the default takes a token from the query too, where logs would keep it.
        "from_headers": [{"name": "Authorization", "value_prefix": "Bearer "}],
        "forward": False,
        "require_expiration": True,
        "clock_skew_seconds": CLOCK_SKEW_SECONDS,
        "payload_in_metadata": CLAIMS,
        "jwt_cache_config": {"jwt_cache_size": CACHED_TOKENS, "jwt_max_token_size": LONGEST_CACHED},
    }


def requirement(names: list[str]) -> Json:
    """A token of any of them. Where there is none, RBAC refuses whoever comes."""
    if not names:
        return {"allow_missing_or_failed": {}}
    if len(names) == 1:
        return {"provider_name": names[0]}
    return {"requires_any": {"requirements": [{"provider_name": name} for name in names]}}


def guards(endpoint: EndpointRoute) -> Json:
    """Of each route of the endpoint: the configuration of the three filters."""
    if endpoint.auth_mode == AuthMode.KEY:
        return {API_KEY_FILTER: api_keys(endpoint), TOKEN_FILTER: NO_TOKEN, ROLE_FILTER: ANY_ROLE}
    required = typed(
        "envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", requirement_name=endpoint.auth_mode.value
    )
    return {API_KEY_FILTER: NO_KEY, TOKEN_FILTER: required, ROLE_FILTER: who_may(endpoint.claims)}


def way_in(endpoint: EndpointRoute) -> dict[str, str]:
    """In the route's metadata: for the access log, and for who is refused."""
    names = {"auth_mode": endpoint.auth_mode.value}
    return names if endpoint.auth_mode == AuthMode.KEY else names | {"how": HOW[endpoint.auth_mode]}


def stripped(endpoint: EndpointRoute) -> Json:
    """No replica sees a token, whatever the filters did."""
    return {} if endpoint.auth_mode == AuthMode.KEY else {"request_headers_to_remove": ["authorization"]}


def api_keys(endpoint: EndpointRoute) -> Json:
    """The endpoint's own keys and no other. Without one, every request is refused."""
    names = dict(zip(endpoint.keys, endpoint.key_names, strict=False))
    keys = dict.fromkeys(endpoint.keys)
    return typed(
        f"{API_KEYS}.ApiKeyAuthPerRoute",
        credentials=[
            {"key": key, "client": names.get(key) or f"key-{number}"} for number, key in enumerate(keys, start=1)
        ],
        forwarding={"hide_credentials": True, "header": CALLER_HEADER},
    )


NO_KEY: Json = typed("envoy.config.route.v3.FilterConfig", disabled=True)
NO_TOKEN: Json = typed("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", disabled=True)
ANY_ROLE: Json = typed(f"{RBAC}.RBACPerRoute")
UNGUARDED: Json = {API_KEY_FILTER: NO_KEY, TOKEN_FILTER: NO_TOKEN, ROLE_FILTER: ANY_ROLE}


def who_may(claims: Iterable[Claim]) -> Json:
    """Whose token has any of the claims; nobody when there is none."""
    groups: dict[tuple[str, str, bool], list[str]] = {}
    for claim in claims:
        groups.setdefault((claim.issuer, claim.name, claim.listed), []).append(claim.value)
    principals = [
        {"and_ids": {"ids": [claimed("iss", [issuer]), claimed(name, values, listed=listed)]}}
        for (issuer, name, listed), values in groups.items()
    ]
    policies = {"callers": {"permissions": [{"any": True}], "principals": principals}} if principals else {}
    return typed(f"{RBAC}.RBACPerRoute", rbac={"rules": {"action": "ALLOW", "policies": policies}})


def claimed(name: str, values: list[str], *, listed: bool = False) -> Json:
    """One look at the claim, however many the values are."""
    exact = [{"string_match": {"exact": value}} for value in values]
    any_of = {"or_match": {"value_matchers": exact}} if len(exact) > 1 else exact[0]
    matcher = {
        "filter": CLAIMS_NAMESPACE,
        "path": [{"key": CLAIMS}, {"key": name}],
        "value": {"list_match": {"one_of": any_of}} if listed else any_of,
    }
    return {"sourced_metadata": {"metadata_matcher": matcher}}
