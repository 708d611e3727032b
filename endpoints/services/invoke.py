"""Test calls: sent through the gateway like anybody's, kept for the person who sent them."""

import json
import re
import time
from contextlib import closing
from dataclasses import dataclass, field

import httpx

from endpoints.domain.actor import Actor
from endpoints.domain.errors import Invalid
from endpoints.domain.requests import WITHOUT_BODY, ScoringRequest, headers_as_text, request_faults
from endpoints.models import Endpoint, TestCall
from endpoints.permissions import Action, require
from endpoints.services.access_tokens import test_credential
from endpoints.services.gateway_client import gateway_client, gateway_url

MOST_BYTES = 32 * 1024 * 1024  # of an answer: what is more would fill the studio's memory
KEPT = 50
MAX_KEPT_BYTES = 256 * 1024
PIN_HEADER = "azureml-model-deployment"
MODEL_MS_HEADER = "x-studio-model-ms"


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
    error: str = ""  # of an answer that has a status: why it has no end


def invoke(*, actor: Actor, endpoint: Endpoint, request: ScoringRequest) -> tuple[Answer, TestCall]:
    """Sends the request to the endpoint, or pinned to one deployment. Unless it brings a credential, as the person:
    with the studio's own use of a key, or with a token of theirs that lives for two minutes."""
    answer = ask(actor=actor, endpoint=endpoint, request=request)
    return answer, keep(actor=actor, endpoint=endpoint, request=request, answer=answer)


def ask(*, actor: Actor, endpoint: Endpoint, request: ScoringRequest) -> Answer:
    """As invoke(), and nothing is kept."""
    outgoing = outgoing_request(actor=actor, endpoint=endpoint, request=request)
    started = time.perf_counter()
    try:
        with closing(gateway_client().send(outgoing, stream=True)) as response:
            body, cut = _body_of(response)
    except httpx.HTTPError as error:
        return no_answer(error, started)
    return answer_of(response, body, started, error=cut)


def _body_of(response: httpx.Response) -> tuple[bytes, str]:
    """And why it is not all of it, where there is more than is taken."""
    body = bytearray()
    for piece in response.iter_bytes():
        if len(body) + len(piece) > MOST_BYTES:
            return bytes(body), cut_after(len(body))
        body += piece
    return bytes(body), ""


def cut_after(size: int) -> str:
    return f"The answer was cut after {size} bytes: a test call takes no more than {MOST_BYTES}."


def outgoing_request(*, actor: Actor, endpoint: Endpoint, request: ScoringRequest) -> httpx.Request:
    """As it goes to the gateway. Forbidden, or Invalid by field, where it must not go."""
    require(actor.user, Action.SCORE, endpoint)
    if faults := dict(request_faults(request)):
        raise Invalid(faults)
    if request.deployment and not endpoint.deployments.present().filter(name=request.deployment).exists():
        raise Invalid({"deployment": f"“{endpoint.name}” has no deployment “{request.deployment}”."})
    credential = request.credential
    if credential is None:
        credential = test_credential(actor=actor, endpoint=endpoint)
    url = f"{gateway_url()}/{endpoint.name}{request.path}"
    body = None if request.method in WITHOUT_BODY else request.body
    return httpx.Request(request.method, url, headers=_headers(request, credential), content=body)


def _headers(request: ScoringRequest, credential: str) -> list[tuple[str, str]]:
    """The person's, and after them the gateway's own, which a person cannot set."""
    headers = list(request.headers)
    if "accept" not in {name.lower() for name, _ in headers}:
        headers.append(("accept", "*/*"))
    if credential:
        headers.append(("authorization", f"Bearer {credential}"))
    if request.deployment:
        headers.append((PIN_HEADER, request.deployment))
    if request.method not in WITHOUT_BODY:
        headers.append(("content-type", request.content_type))
    return headers


def no_answer(error: Exception, started: float) -> Answer:
    return Answer(
        status=None,
        duration_ms=(time.perf_counter() - started) * 1000,
        error=f"The gateway did not answer: {error or type(error).__name__}",
    )


def answer_of(response: httpx.Response, body: bytes, started: float, *, error: str = "") -> Answer:
    spent = response.headers.get(MODEL_MS_HEADER, "")
    return Answer(
        status=response.status_code,
        body=body,
        headers=dict(response.headers),
        duration_ms=(time.perf_counter() - started) * 1000,
        model_ms=float(spent) if re.fullmatch(r"\d{1,12}(\.\d{1,6})?", spent) else None,
        answered_by=response.headers.get(PIN_HEADER, ""),
        request_id=response.headers.get("x-request-id", ""),
        error=error,
    )


def keep(*, actor: Actor, endpoint: Endpoint, request: ScoringRequest, answer: Answer) -> TestCall:
    """Into the person's history. What others were given a link to is not among the KEPT, and stays."""
    call = TestCall.objects.create(
        user=actor.user,
        endpoint=endpoint,
        pinned_to=request.deployment,
        method=request.method,
        path=request.path,
        headers=headers_as_text(request.headers),
        content_type=request.content_type,
        answered_by=answer.answered_by[:32],
        status=answer.status,
        error=answer.error,
        duration_ms=answer.duration_ms,
        model_ms=answer.model_ms,
        request_body=body_as_text(request.body),
        response_body=_beginning(answer.body).decode("utf-8", "replace"),
        request_bytes=len(request.body),
        response_bytes=len(answer.body),
        request_id=answer.request_id[:64],
    )
    mine = TestCall.objects.filter(user=actor.user, endpoint=endpoint, share=None)
    oldest = next(iter(mine.values_list("id", flat=True)[KEPT : KEPT + 1]), None)
    if oldest is not None:
        mine.filter(id__lte=oldest).delete()
    return call


def body_as_text(body: bytes) -> str:
    """The beginning; empty for what is no text, which an editor could not give back."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return ""
    return _beginning(body).decode("utf-8", "ignore")


def _beginning(body: bytes) -> bytes:
    return body[:MAX_KEPT_BYTES]


def parsed(body: bytes) -> object:
    """The JSON value of a body, or None when it is not JSON."""
    try:
        return json.loads(body)
    except ValueError:
        return None
