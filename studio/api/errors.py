"""Every error as RFC 9457 problem+json: {type, title, status, code, detail, instance, request_id}, and for bad input
`errors`: [{field, message}]; for a change that came too late `changes`: what was done meanwhile."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core import exceptions as django_errors
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions as api_errors
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import Invalid, StaleVersion, StudioError

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
# code: (status, title). The code is a stable word for programs; the docs page lists them.
KINDS: dict[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "unauthenticated": (401, "Sign in first"),
    "budget_exceeded": (402, "A budget is used up"),
    "forbidden": (403, "Not allowed"),
    "not_found": (404, "Not found"),
    "method_not_allowed": (405, "Method not allowed"),
    "not_acceptable": (406, "Not acceptable"),
    "conflict": (409, "Not in this state"),
    "stale_version": (409, "Changed meanwhile"),
    "precondition_failed": (412, "Changed meanwhile"),
    "too_large": (413, "Too large"),
    "unsupported_media_type": (415, "Unsupported media type"),
    "invalid": (422, "The input is not valid"),
    "OutOfQuota": (422, "A quota is used up"),
    "throttled": (429, "Too many requests"),
    "internal": (500, "Something went wrong here"),
    "unavailable": (503, "Not available now"),
    "read_only": (503, "The studio is read-only"),
}
_OTHERS: tuple[tuple[type[Exception], str], ...] = (
    (api_errors.ParseError, "malformed"),
    (api_errors.NotAuthenticated, "unauthenticated"),
    (api_errors.AuthenticationFailed, "unauthenticated"),
    (api_errors.PermissionDenied, "forbidden"),
    (django_errors.PermissionDenied, "forbidden"),
    (api_errors.NotFound, "not_found"),
    (Http404, "not_found"),
    (api_errors.MethodNotAllowed, "method_not_allowed"),
    (api_errors.NotAcceptable, "not_acceptable"),
    (api_errors.UnsupportedMediaType, "unsupported_media_type"),
    (api_errors.Throttled, "throttled"),
    (django_errors.RequestDataTooBig, "too_large"),
    (django_errors.TooManyFilesSent, "too_large"),
    (django_errors.TooManyFieldsSent, "too_large"),
    (django_errors.SuspiciousOperation, "malformed"),
    (UnreadablePostError, "malformed"),
)
INTERNAL = "This is our fault, and the log has it under the request id. Nothing says that it would fail again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    code: str
    detail: str
    errors: list[dict[str, str]] = field(default_factory=list)
    changes: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self) -> int:
        return KINDS[self.code][0]

    def body(self, request_id: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "type": f"urn:endpoint-studio:problem:{self.code}",
            "title": KINDS[self.code][1],
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "instance": f"urn:uuid:{request_id}",
            "request_id": request_id,
        }
        more = {"errors": self.errors, "changes": self.changes}
        return body | {name: listed for name, listed in more.items() if listed}


def problem_response(error: Exception, context: Mapping[str, Any]) -> Response:
    """REST framework's exception handler. Nothing gets past it, what is our own fault neither."""
    request: Request = context["request"]
    problem = _problem(error, conditional="If-Match" in request.headers)
    request_id = getattr(request, "request_id", "")
    if problem.code == "internal":
        logger.error("%s %s failed, request %s", request.method, request.path, request_id, exc_info=error)
    response = Response(problem.body(request_id), status=problem.status, content_type=CONTENT_TYPE)
    if challenge := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait))
    return response


def _problem(error: Exception, *, conditional: bool) -> Problem:
    if isinstance(error, Invalid):
        errors = [{"field": name, "message": message} for name, message in error.fields.items()]
        return Problem(code=error.code, detail=str(error), errors=errors)
    if isinstance(error, api_errors.ValidationError):
        errors = list(_flat(error.detail))
        return Problem(code="invalid", detail=" ".join(map(_sentence, errors)), errors=errors)
    if isinstance(error, StaleVersion):
        code = "precondition_failed" if conditional else error.code
        return Problem(code=code, detail=str(error), changes=error.changes)
    if isinstance(error, StudioError) and error.code in KINDS:
        return Problem(code=error.code, detail=str(error))
    code = next((code for kind, code in _OTHERS if isinstance(error, kind)), "internal")
    return Problem(code=code, detail=_detail(code, error))


def _detail(code: str, error: Exception) -> str:
    """A sentence for people, in place of those that name our settings."""
    if code == "internal":
        return INTERNAL
    if code == "too_large":
        mebibytes = (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0) // 1024**2
        return f"At most {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files, or {mebibytes} MiB of anything else, at a time."
    return str(error) or KINDS[code][1]


def _flat(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """{"probe": {"period": ["…"]}} as a field "probe.period"."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(filter(None, (path, step))))
    elif isinstance(detail, list):
        for inner in detail:
            yield from _flat(inner, path)
    else:
        yield {"field": path, "message": str(detail)}


def _sentence(error: Mapping[str, str]) -> str:
    return f"{error['field']}: {error['message']}" if error["field"] else error["message"]


@contextmanager
def renamed(names: Mapping[str, str]) -> Iterator[None]:
    """Problems that a service finds, at the fields that the caller wrote: {the service's name: the body's}."""
    try:
        yield
    except Invalid as error:
        raise type(error)({names.get(name, name): message for name, message in error.fields.items()}) from error


@csrf_exempt
def unknown_route(request: HttpRequest, **_: Any) -> HttpResponse:
    """What no route of the API answers."""
    detail = f"The API has no {request.path}. GET /api/v1/openapi.json lists what it has."
    body = Problem(code="not_found", detail=detail).body(getattr(request, "request_id", ""))
    return HttpResponse(json.dumps(body), status=404, content_type=CONTENT_TYPE)
