"""Test calls: sent through the gateway like anybody's, kept for the person who sent them."""

import json
import re
import time
from dataclasses import dataclass, field
from urllib.parse import unquote

import httpx

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.models import Endpoint, TestCall
from endpoints.permissions import Action, require
from endpoints.services.access_tokens import test_credential
from endpoints.services.gateway_client import gateway_client, gateway_url

KEPT = 50
MAX_KEPT_BYTES = 256 * 1024
PIN_HEADER = "azureml-model-deployment"
MODEL_MS_HEADER = "x-studio-model-ms"
_PATH = re.compile(r"/[!-~]{0,199}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Durations in milliseconds; `status` is None when nothing did."""

    status: int | None
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    duration_ms: float = 0
    model_ms: float | None = None
    answered_by: str = ""
    request_id: str = ""
    error: str = ""


def invoke(
    *,
    actor: Actor,
    endpoint: Endpoint,
    body: bytes,
    deployment: str = "",
    path: str = "/score",
    content_type: str = "application/json",
) -> tuple[Answer, TestCall]:
    """Sends the body to the endpoint, or pinned to one deployment, as the person: with the studio's own use of a key,
    or with a token of theirs that lives for two minutes."""
    answer = ask(actor=actor, endpoint=endpoint, body=body, deployment=deployment, path=path, content_type=content_type)
    return answer, _keep(actor, endpoint, body, deployment, path, answer)


def ask(
    *,
    actor: Actor,
    endpoint: Endpoint,
    body: bytes,
    deployment: str = "",
    path: str = "/score",
    content_type: str = "application/json",
) -> Answer:
    """As invoke(), and nothing is kept."""
    require(actor.user, Action.SCORE, endpoint)
    if not _PATH.fullmatch(path) or any(trick in unquote(path) for trick in ("..", "//", "\\")):
        raise Invalid({"path": "A path starts with / and stays within the endpoint, such as /score."})
    if deployment and not endpoint.deployments.present().filter(name=deployment).exists():
        raise Invalid({"deployment": f"“{endpoint.name}” has no deployment “{deployment}”."})
    credential = test_credential(actor=actor, endpoint=endpoint)
    return _send(endpoint, credential, body, deployment, path, content_type)


def _send(endpoint: Endpoint, credential: str, body: bytes, deployment: str, path: str, content_type: str) -> Answer:
    headers = {"authorization": f"Bearer {credential}", "content-type": content_type}
    if deployment:
        headers[PIN_HEADER] = deployment
    client = gateway_client()
    started = time.perf_counter()
    try:
        url = f"{gateway_url()}/{endpoint.name}{path}"
        response = client.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        took = (time.perf_counter() - started) * 1000
        return Answer(
            status=None,
            duration_ms=took,
            error=f"The gateway did not answer: {error or type(error).__name__}",
        )
    return _answer(response, (time.perf_counter() - started) * 1000)


def _answer(response: httpx.Response, duration_ms: float) -> Answer:
    spent = response.headers.get(MODEL_MS_HEADER, "")
    return Answer(
        status=response.status_code,
        body=response.content,
        headers=dict(response.headers),
        duration_ms=duration_ms,
        model_ms=float(spent) if spent.replace(".", "", 1).isdigit() else None,
        answered_by=response.headers.get(PIN_HEADER, ""),
        request_id=response.headers.get("x-request-id", ""),
    )


def _keep(actor: Actor, endpoint: Endpoint, body: bytes, deployment: str, path: str, answer: Answer) -> TestCall:
    call = TestCall.objects.create(
        user=actor.user,
        endpoint=endpoint,
        pinned_to=deployment,
        path=path,
        answered_by=answer.answered_by,
        status=answer.status,
        error=answer.error,
        duration_ms=answer.duration_ms,
        model_ms=answer.model_ms,
        request_body=_text(body),
        response_body=_text(answer.body),
        request_id=answer.request_id,
    )
    mine = TestCall.objects.filter(user=actor.user, endpoint=endpoint)
    oldest = next(iter(mine.values_list("id", flat=True)[KEPT : KEPT + 1]), None)
    if oldest is not None:
        mine.filter(id__lte=oldest).delete()
    return call


def _text(body: bytes) -> str:
    return body[:MAX_KEPT_BYTES].decode("utf-8", "replace")


def parsed(body: bytes) -> object:
    """The JSON value of a body, or None when it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None
