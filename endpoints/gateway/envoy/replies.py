"""Every answer that the gateway itself gives is JSON: {"error": {"code", "message"}}, and says what to do."""

from endpoints.gateway.envoy.documents import METADATA, Json, extension
from endpoints.gateway.envoy.holding import HOLD_ENDED

OWN_MESSAGE = "%LOCAL_REPLY_BODY%"
# For requests that are refused before they were given an id.
EARLY = {"x-request-id": "%UNIQUE_ID%"}
SOON = {"retry-after": "5"}


def local_reply_config() -> Json:
    """The first mapper that fits wins: what Envoy knows of the cause (its response flags), then the status."""
    return {
        "mappers": [*by_cause(), *by_status()],
        "body_format": body_format("GatewayError", OWN_MESSAGE),
    }


def by_cause() -> list[Json]:
    return [
        mapper(
            flagged("UT"),
            408,
            "RequestTimeout",
            "The model did not answer within the deployment's request_timeout_ms. "
            "Send a smaller request, or raise request_timeout_ms.",
        ),
        mapper(
            flagged("UO"),
            429,
            "TooManyRequests",
            "The deployment has more requests in flight than it can work on. Try again later, "
            "or raise its instance count or max_concurrent_requests_per_instance.",
            headers={"retry-after": "1"},
        ),
        mapper(
            flagged("UPE"),
            424,
            "ModelError",
            "The model server's answer is not valid HTTP. See the deployment's log.",
            headers={"ms-azureml-model-error-reason": "invalid HTTP response"},
        ),
        mapper(
            flagged("UH", "UF", "UC", "UR", "URX", "LR", "NC"),
            503,
            "ServiceUnavailable",
            "The deployment has no replica that can answer now. Try again in a moment; "
            "if it goes on, see the deployment's log.",
            headers={"retry-after": "1"},
        ),
    ]


def by_status() -> list[Json]:
    challenge = {"www-authenticate": CHALLENGE}
    key = "Send one of the endpoint's keys in the header 'Authorization: Bearer <key>'."
    slow = "The request was not received in time. Send it again without pauses."
    size = "The request's headers are too large or too many. Send fewer or shorter ones."
    body = "The request body is larger than the deployment accepts. Send a smaller one, or raise max_request_bytes."
    bad = "The request is not valid HTTP or its path is not allowed."
    asleep = "The deployment is scaled to zero, and no replica started in time. Try again; one may be starting now."
    often = (
        "The endpoint gets more requests per second than its limit allows. Send them slower, "
        "or raise requests_per_second in its settings."
    )
    full = "The gateway is at its limit. Try again in a moment."
    return [
        mapper(status(400), 400, "BadRequest", bad, headers=EARLY),
        *refusals(),
        mapper(status(401), 401, "Unauthorized", key, headers=challenge),
        used_up(),
        mapper(status(404), 404, "NotFound", OWN_MESSAGE),
        mapper(status(408), 408, "RequestTimeout", slow, headers=EARLY),
        mapper(both(status(413), DECLARED), 413, "PayloadTooLarge", OWN_MESSAGE),
        mapper(status(413), 413, "PayloadTooLarge", body),
        mapper(status(429), 429, "TooManyRequests", often, headers={"retry-after": "1"}),
        mapper(status(431), 431, "RequestHeadersTooLarge", size, headers=EARLY),
        mapper(both(status(503), {"header_filter": HOLD_ENDED}), 503, "ServiceUnavailable", asleep, headers=SOON),
        mapper(status(503), 503, "ServiceUnavailable", full, headers=SOON),
    ]


def used_up() -> Json:
    """The route itself names the budget."""
    reply = mapper(status(402), 402, "BudgetExceeded", OWN_MESSAGE)
    named = {name: f"%METADATA(ROUTE:{METADATA}:{name})%" for name in ("budget", "resets_at")}
    reply["body_format_override"]["json_format"]["error"] |= named
    return reply


def refusals() -> list[Json]:
    """Of callers without a token that is good for the endpoint: why, and how to get one that is. All are 401."""
    reasons = {
        "Jwt_is_missing": ("", "The request has no token."),
        "Jwt_is_expired": (INVALID, "The token has expired."),
        "Jwt_not_yet_valid": (INVALID, "The token is not valid yet. Look at the clock of whoever issued it."),
        "Audiences_in_Jwt": (INVALID, "The token is for another audience."),
        "Jwt_issuer_is_not": (INVALID, "The token is of an issuer that is not trusted here."),
        "jwt_authn": (
            INVALID,
            "The token cannot be verified: it is not signed by a key of its issuer, or it has no expiry.",
        ),
        "rbac_access_denied": (
            ', error="insufficient_scope"',
            "The token is good, but does not open this endpoint: it is bound to another one, or its subject has no "
            "role to score here. An Owner of the workspace can grant it.",
        ),
    }
    return [
        mapper(
            detailed(part), 401, "Unauthorized", f"{why} {HOW_TO}", headers={"www-authenticate": f"{CHALLENGE}{error}"}
        )
        for part, (error, why) in reasons.items()
    ]


CHALLENGE = 'Bearer realm="endpoint"'
INVALID = ', error="invalid_token"'
HOW_TO = f"%METADATA(ROUTE:{METADATA}:how)%"


def detailed(part: str) -> Json:
    """What Envoy tells of the response has this part."""
    name, message = "cel", "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter"
    return {"extension_filter": extension(name, message, expression=f"response.code_details.contains('{part}')")}


def mapper(condition: Json, code: int, name: str, message: str, *, headers: dict[str, str] | None = None) -> Json:
    added = [
        {"header": {"key": key, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for key, value in (headers or {}).items()
    ]
    return {
        "filter": condition,
        "status_code": code,
        "body_format_override": body_format(name, message),
        "headers_to_add": added,
    }


def body_format(name: str, message: str) -> Json:
    return {"json_format": {"error": {"code": name, "message": message}}}


# A declared length is refused by the deployment's own route, whose message names the limit.
DECLARED: Json = {"header_filter": {"header": {"name": "content-length", "present_match": True}}}


def both(one: Json, other: Json) -> Json:
    return {"and_filter": {"filters": [one, other]}}


def flagged(*flags: str) -> Json:
    return {"response_flag_filter": {"flags": list(flags)}}


def status(code: int) -> Json:
    value = {"default_value": code, "runtime_key": f"gateway.status.{code}"}
    return {"status_code_filter": {"comparison": {"op": "EQ", "value": value}}}
