"""The two ways in by token, tried on a real Envoy by callers who should not get in, and by those who should."""

import asyncio
import dataclasses
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest

from endpoints.domain.routing import EndpointRoute, Invokers, Issuer, claims_of, route_table
from endpoints.domain.token_checks import examine
from endpoints.enums import AuthMode
from endpoints.gateway.port import RouteTableRefused
from tests.gateway.replica import Replica, Replicas
from tests.gateway.running import KEY, RunningGateway, deployment, endpoint, eventually
from tests.gateway.test_publishing import under_load
from tests.gateway.test_requests import log_line
from tests.tokens import AUDIENCE, Signer, bearer, encoded, jwks

STUDIO, PROVIDER = Signer("https://studio.example/aml", "studio"), Signer(kid="provider")
ELLIPTIC = Signer("https://id.example/realms/lab", "elliptic", algorithm="ES256")
MINE, OTHER = "0" * 31 + "1", "0" * 31 + "2"


def believed(*signers: Signer, mode: AuthMode = AuthMode.AAD_TOKEN, **settings: Any) -> Issuer:
    first = signers[0]
    return Issuer(
        name=first.kid,
        issuer=first.issuer,
        audiences=settings.pop("audiences", (AUDIENCE,)),
        jwks=jwks(*signers),
        auth_mode=mode,
        **settings,
    )


ISSUERS = (believed(STUDIO, mode=AuthMode.AML_TOKEN), believed(PROVIDER), believed(ELLIPTIC, subject_claim="oid"))
ADA = Invokers(
    subjects=(("https://login.example.com", "ada"), ("https://id.example/realms/lab", "1-2-3")),
    groups=(("https://login.example.com", "scorers"),),
)


def guarded(
    name: str,
    replica: Replica,
    mode: AuthMode,
    *,
    endpoint_id: str = MINE,
    invokers: Invokers = ADA,
    issuers: tuple[Issuer, ...] = ISSUERS,
) -> EndpointRoute:
    claims = tuple(claims_of(endpoint_id=endpoint_id, auth_mode=mode, invokers=invokers, issuers=issuers))
    route = endpoint(name, deployment("blue", replica.socket, cluster=f"d-{name}"))
    return dataclasses.replace(route, auth_mode=mode, claims=claims)


@pytest.fixture
def served(envoy: RunningGateway, servers: Replicas) -> Replica:
    """`/mine` and `/other` take studio tokens, `/open` those of the identity providers."""
    replica = servers.start("blue")
    envoy.put(
        guarded("mine", replica, AuthMode.AML_TOKEN),
        guarded("other", replica, AuthMode.AML_TOKEN, endpoint_id=OTHER),
        guarded("open", replica, AuthMode.AAD_TOKEN),
        issuers=ISSUERS,
    )
    return replica


def test_a_studio_token_opens_its_endpoint_and_no_other(served: Replica, client: httpx.Client) -> None:
    headers = bearer(STUDIO.token(endpoint=MINE))
    assert client.post("/mine/score", headers=headers).status_code == 200
    assert client.get("/mine/swagger.json", headers=headers).status_code == 200
    refused = client.post("/other/score", headers=headers)
    assert refused.status_code == 401
    assert "bound to another one" in refused.json()["error"]["message"]
    assert len(served.requests) == 2


@pytest.mark.parametrize(
    ("signer", "subject", "claims"),
    [
        (PROVIDER, "ada", {}),
        (PROVIDER, "nobody", {"groups": ["others", "scorers"]}),
        (ELLIPTIC, "whoever", {"oid": "1-2-3"}),
        (PROVIDER, "ada", {"aud": ["elsewhere", AUDIENCE]}),
    ],
)
def test_a_providers_token_opens_to_its_subject_and_its_groups(
    served: Replica, client: httpx.Client, signer: Signer, subject: str, claims: dict[str, Any]
) -> None:
    assert client.post("/open/score", headers=bearer(signer.token(subject, **claims))).status_code == 200


def hs256_with_the_public_key(signer: Signer) -> str:
    """As if the key that everybody knows were a secret that both sides share."""
    head = {"alg": "HS256", "typ": "JWT", "kid": signer.kid}
    body = {"iss": signer.issuer, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 300, "endpoint": MINE}
    signed = f"{encoded(head)}.{encoded(body)}"
    mac = hmac.new(signer.pem, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{jwt.utils.base64url_encode(mac).decode()}"


def unsigned(signer: Signer, *, tail: str = "") -> str:
    body = {"iss": signer.issuer, "aud": AUDIENCE, "sub": "ada", "exp": time.time() + 300, "endpoint": MINE}
    return f"{encoded({'alg': 'none', 'typ': 'JWT', 'kid': signer.kid})}.{encoded(body)}.{tail}"


def tampered(token: str) -> str:
    """Another subject under the same signature."""
    head, body, signature = token.split(".")
    claims = json.loads(jwt.utils.base64url_decode(body))
    return f"{head}.{encoded(claims | {'sub': 'eve', 'endpoint': OTHER})}.{signature}"


def refused_tokens(signer: Signer) -> dict[str, tuple[str, str]]:
    """Name: the token, and what the answer says of it."""
    thief = Signer(signer.issuer, signer.kid)  # says that it is the issuer, and has a key of its own
    good: dict[str, Any] = {"endpoint": MINE}
    return {
        "expired": (signer.token(lifetime=-60, **good), "has expired"),
        "not yet valid": (signer.token(nbf=int(time.time()) + 3600, **good), "not valid yet"),
        "for ever": (signer.token(exp=None, **good), "no expiry"),
        "wrong audience": (signer.token(aud="https://management.example", **good), "another audience"),
        "no audience": (signer.token(aud=None, **good), "another audience"),
        "wrong issuer": (signer.token(iss="https://evil.example", **good), "issuer that is not trusted"),
        "no issuer": (signer.token(iss=None, **good), ""),
        "stolen name": (thief.token(**good), "cannot be verified"),
        "unsigned": (unsigned(signer), "cannot be verified"),
        "unsigned with a tail": (unsigned(signer, tail="AAAA"), "cannot be verified"),
        "public key as a secret": (hs256_with_the_public_key(signer), "cannot be verified"),
        "tampered": (tampered(signer.token(**good)), "cannot be verified"),
        "a key": (KEY, "cannot be verified"),
        "rubbish": ("a.b.c", "cannot be verified"),
        "long": ("x" * 20_000, ""),
    }


@pytest.mark.parametrize("case", list(refused_tokens(STUDIO)))
@pytest.mark.parametrize(("path", "signer"), [("/mine/score", STUDIO), ("/open/score", PROVIDER)])
def test_a_token_that_is_not_good_is_401_and_says_why(
    served: Replica, client: httpx.Client, path: str, signer: Signer, case: str
) -> None:
    token, says = refused_tokens(signer)[case]
    answer = client.post(path, headers=bearer(token))
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert error["code"] == "Unauthorized"
    assert says in error["message"]
    assert "Authorization: Bearer <token>" in error["message"]
    assert answer.headers["www-authenticate"].startswith('Bearer realm="endpoint"')
    assert "azureml-model-deployment" not in answer.headers
    assert token not in answer.text
    assert served.requests == []


def test_without_a_token_the_answer_says_how_to_get_one(served: Replica, client: httpx.Client) -> None:
    for path, says in (("/mine/score", "/token/"), ("/open/score", "identity provider")):
        message = client.post(path).json()["error"]["message"]
        assert message.startswith("The request has no token.")
        assert says in message


@pytest.mark.parametrize(("subject", "groups"), [("ada", []), ("x", ["a", "scorers"])])
def test_one_of_many_is_found(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client, subject: str, groups: list[str]
) -> None:
    """And somebody who is not one of them is not."""
    login = PROVIDER.issuer
    many = Invokers(
        subjects=(*((login, f"person-{number}") for number in range(200)), *ADA.subjects),
        groups=(*((login, f"group-{number}") for number in range(200)), *ADA.groups),
    )
    envoy.put(guarded("open", servers.start("blue"), AuthMode.AAD_TOKEN, invokers=many), issuers=ISSUERS)
    found = PROVIDER.token(subject, groups=groups)
    assert client.post("/open/score", headers=bearer(found)).status_code == 200
    eve = PROVIDER.token("group-7", groups=["person-7"])
    assert client.post("/open/score", headers=bearer(eve)).status_code == 401


def test_a_token_in_the_query_opens_nothing(served: Replica, client: httpx.Client) -> None:
    assert client.post(f"/open/score?access_token={PROVIDER.token('ada')}").status_code == 401


def test_tokens_of_one_mode_open_nothing_of_the_other(served: Replica, client: httpx.Client) -> None:
    for path, token in (
        ("/open/score", STUDIO.token("ada", endpoint=MINE)),
        ("/mine/score", PROVIDER.token("ada", endpoint=MINE)),
        ("/open/score", PROVIDER.token("eve", oid="1-2-3")),
        ("/open/score", ELLIPTIC.token("ada")),
        ("/open/score", ELLIPTIC.token("x", groups=["scorers"], oid="x")),
        ("/open/score", PROVIDER.token("eve", groups="scorers of another kind")),
    ):
        assert client.post(path, headers=bearer(token)).status_code == 401, path
    assert served.requests == []


def test_an_endpoint_without_issuers_or_invokers_is_closed(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    replica = servers.start("blue")
    for issuers in ((), ISSUERS, (dataclasses.replace(ISSUERS[1], jwks='{"keys": []}'),)):
        envoy.put(
            guarded("nobody", replica, AuthMode.AAD_TOKEN, invokers=Invokers(), issuers=issuers),
            guarded("alone", replica, AuthMode.AAD_TOKEN, issuers=()),
            guarded("unbound", replica, AuthMode.AML_TOKEN, issuers=()),
            issuers=issuers,
        )
        for path in ("/nobody/score", "/alone/score", "/unbound/score"):
            for token in (PROVIDER.token("ada"), STUDIO.token(endpoint=MINE), STUDIO.token(endpoint=""), KEY):
                assert client.post(path, headers=bearer(token)).status_code == 401
    assert replica.requests == []


def test_the_routes_that_answer_themselves_are_guarded_too(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    """Too large, unknown pin, no traffic: a stranger learns nothing of them."""
    route = guarded("quiet", servers.start("blue"), AuthMode.AML_TOKEN)
    small = dataclasses.replace(route.deployments[0], max_request_bytes=10)
    off = dataclasses.replace(guarded("off", servers.start("off"), AuthMode.AML_TOKEN), deployments=())
    envoy.put(dataclasses.replace(route, deployments=(small,)), off, issuers=ISSUERS)
    good = bearer(STUDIO.token(endpoint=MINE))
    for path, headers, body, status in (
        ("/quiet/score", {}, b"x" * 11, 413),
        ("/quiet/score", {"azureml-model-deployment": "red"}, b"", 404),
        ("/off/score", {}, b"", 404),
    ):
        assert client.post(path, content=body, headers=headers).status_code == 401
        assert client.post(path, content=body, headers=headers | good).status_code == status


def test_no_token_reaches_the_replica_or_the_log(envoy: RunningGateway, served: Replica, client: httpx.Client) -> None:
    token = PROVIDER.token("ada")
    many = [("authorization", f"Bearer {token}"), ("authorization", "Bearer second")]
    for headers in (bearer(token), many):
        answer = client.post("/open/score", headers=headers)
        assert answer.status_code in (200, 401)
        if answer.status_code == 200:
            assert "authorization" not in answer.json()["headers"]
            assert token not in answer.text
    line = log_line(envoy, client.post("/open/score", headers=bearer(token)).headers["x-request-id"])
    expected = {"auth_mode": "aad_token", "issuer": PROVIDER.issuer, "subject": "ada", "endpoint": "open"}
    assert line | expected == line
    assert token not in envoy.access_log.read_text()


def test_who_was_refused_for_want_of_a_role_stands_in_the_log(
    envoy: RunningGateway, served: Replica, client: httpx.Client
) -> None:
    answer = client.post("/open/score", headers=bearer(PROVIDER.token("eve")))
    line = log_line(envoy, answer.headers["x-request-id"])
    assert (line["subject"], line["status"]) == ("eve", 401)


def test_a_role_that_was_taken_away_is_gone_with_the_next_routes(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    """Also for a token that Envoy has verified before and keeps in its cache."""
    replica, headers = servers.start("blue"), bearer(PROVIDER.token("ada"))
    envoy.put(guarded("open", replica, AuthMode.AAD_TOKEN), issuers=ISSUERS)
    assert [client.post("/open/score", headers=headers).status_code for _ in range(3)] == [200] * 3
    left = Invokers(groups=ADA.groups)
    envoy.put(guarded("open", replica, AuthMode.AAD_TOKEN, invokers=left), issuers=ISSUERS)
    assert client.post("/open/score", headers=headers).status_code == 401


def test_a_token_expires_though_it_was_seen_before(served: Replica, client: httpx.Client) -> None:
    headers = bearer(PROVIDER.token("ada", lifetime=-8.5))  # within what clocks may differ
    assert client.post("/open/score", headers=headers).status_code == 200
    eventually(lambda: client.post("/open/score", headers=headers).status_code == 401)


def test_keys_rotate_without_a_new_listener(envoy: RunningGateway, servers: Replicas, client: httpx.Client) -> None:
    replica, new = servers.start("blue"), Signer(kid="second")
    route = guarded("open", replica, AuthMode.AAD_TOKEN)
    envoy.put(route, issuers=ISSUERS)
    listeners = (envoy.config_dir / "listeners.json").stat().st_ino
    for trusted, good, bad in (((PROVIDER, new), (PROVIDER, new), ()), ((new,), (new,), (PROVIDER,))):
        issuer = dataclasses.replace(ISSUERS[1], jwks=jwks(*trusted))
        envoy.put(route, issuers=(issuer,))
        for signer in good:
            assert client.post("/open/score", headers=bearer(signer.token("ada"))).status_code == 200
        for signer in bad:
            assert client.post("/open/score", headers=bearer(signer.token("ada"))).status_code == 401
    assert (envoy.config_dir / "listeners.json").stat().st_ino == listeners


async def test_issuers_change_under_load_without_a_failure(envoy: RunningGateway, servers: Replicas) -> None:
    replica = servers.start("blue")
    route = guarded("load", replica, AuthMode.KEY)
    await asyncio.to_thread(envoy.put, route, issuers=ISSUERS)

    def change() -> None:
        for number in range(5):
            newcomer = believed(Signer(f"https://new.example/{number}", f"new-{number}"))
            envoy.put(route, issuers=(*ISSUERS, newcomer))

    result = await under_load(envoy, "load", change)
    assert result.failures == 0
    assert result.requests > 100


def test_a_version_is_not_reported_before_its_issuers_are(envoy: RunningGateway, servers: Replicas) -> None:
    table = envoy.put(guarded("exact", servers.start("blue"), AuthMode.AAD_TOKEN), issuers=ISSUERS)
    manifest = envoy.config_dir / "published.json"
    told = json.loads(manifest.read_text())
    for wrong in ({"tokens": "0" * 16}, {"tokens": None}):
        manifest.write_text(json.dumps(told | wrong))
        assert envoy.gateway.observe().version is None
    manifest.write_text(json.dumps(told))
    assert envoy.gateway.observe().version == table.version


@pytest.mark.parametrize("running", [True, False])
def test_a_key_set_that_envoy_refuses_changes_nothing(
    own_envoy: RunningGateway, servers: Replicas, running: bool
) -> None:
    route = guarded("open", servers.start("blue"), AuthMode.AAD_TOKEN)
    table = own_envoy.put(route, issuers=ISSUERS)
    if not running:
        own_envoy.stop()
    broken = dataclasses.replace(ISSUERS[1], jwks='{"keys": [{"kty": "RSA", "n": "!", "e": "!"}]}')
    with pytest.raises(RouteTableRefused):
        own_envoy.gateway.publish(route_table([route], [broken]))
    if not running:
        own_envoy.start()
    eventually(lambda: own_envoy.gateway.observe().version == table.version)
    answer = httpx.post(f"{own_envoy.url}/open/score", headers=bearer(PROVIDER.token("ada")))
    assert answer.status_code == 200


def every_token() -> dict[str, str]:
    """Good and bad, of both kinds."""
    bad = {
        f"{name} of {signer.kid}": pair[0]
        for signer in (STUDIO, PROVIDER)
        for name, pair in refused_tokens(signer).items()
    }
    return bad | {
        "bound": STUDIO.token(endpoint=MINE),
        "bound elsewhere": STUDIO.token(endpoint=OTHER),
        "ada": PROVIDER.token("ada"),
        "eve": PROVIDER.token("eve"),
        "member": PROVIDER.token("x", groups=["scorers"]),
        "group of the name": PROVIDER.token("x", groups="scorers"),
        "by oid": ELLIPTIC.token("x", oid="1-2-3"),
        "by sub": ELLIPTIC.token("1-2-3"),
        "nearly expired": PROVIDER.token("ada", lifetime=-3),
    }


def test_what_the_studio_says_of_a_token_is_what_the_gateway_does(served: Replica, client: httpx.Client) -> None:
    """The page that explains a token goes through the same checks; it may not tell anything else."""
    for path, mode in (("/mine/score", AuthMode.AML_TOKEN), ("/open/score", AuthMode.AAD_TOKEN)):
        of_mode = [issuer for issuer in ISSUERS if issuer.auth_mode == mode]
        wanted = list(claims_of(endpoint_id=MINE, auth_mode=mode, invokers=ADA, issuers=ISSUERS))
        for name, token in every_token().items():
            told = examine(token, of_mode, now=datetime.now(UTC), wanted=wanted).accepted
            assert (client.post(path, headers=bearer(token)).status_code == 200) == told, (path, name)
