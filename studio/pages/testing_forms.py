"""The Test tab's form: what stands in it, and the request that it makes."""

from dataclasses import dataclass, replace
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from endpoints.domain.errors import Invalid
from endpoints.domain.limits import METHODS
from endpoints.domain.requests import ScoringRequest, headers_in
from endpoints.models import Deployment, SavedRequest, TestCall

MOST_FILE_BYTES = 64 * 1024 * 1024
ME, NOBODY, GIVEN = "me", "none", "given"
AUTHENTICATION = ((ME, "As you"), (GIVEN, "A key or token of yours"), (NOBODY, "Without any"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What stands in the form. A credential is never put back into it. `note` says what could not be. A body
    that is None is the sample."""

    method: str = "POST"
    path: str = "/score"
    headers: str = ""
    content_type: str = "application/json"
    deployment: str = ""
    authentication: str = ME
    body: str | None = ""
    note: str = ""

    @property
    def unusual(self) -> bool:
        """So that what is not as it always is stands open."""
        usual = Asked(deployment=self.deployment, body=self.body, note=self.note)
        return replace(self, path=usual.path) != usual

    @property
    def methods(self) -> tuple[str, ...]:
        return METHODS

    @property
    def authentications(self) -> tuple[tuple[str, str], ...]:
        return AUTHENTICATION


def posted(request: HttpRequest) -> Asked:
    given = request.POST
    return Asked(
        method=given.get("method", "POST"),
        path=given.get("path") or "/score",
        headers=given.get("headers", ""),
        content_type=given.get("content_type", "").strip() or "application/json",
        deployment=given.get("deployment", ""),
        authentication=given.get("authentication", ME),
        body=given.get("body", "").replace("\r\n", "\n"),
    )


def of_call(call: TestCall) -> Asked:
    asked = Asked(
        method=call.method,
        path=call.path,
        headers=call.headers,
        content_type=call.content_type,
        deployment=call.pinned_to,
        body=call.request_body,
    )
    size = call.request_bytes
    if size is None or size == len(call.request_body.encode()):
        return asked
    sent = f"It sent {filesizeformat(size)} of {call.content_type}"
    kept = "only the beginning was kept" if call.request_body else "which is no text and was not kept"
    return replace(asked, note=f"{sent}, {kept}. Choose the file again before you send it.")


def of_saved(saved: SavedRequest) -> Asked:
    return Asked(
        method=saved.method,
        path=saved.path,
        headers=saved.headers,
        content_type=saved.content_type,
        deployment=saved.pinned_to,
        body=saved.body,
    )


def file_limit(deployments: list[Deployment]) -> int:
    """What the most generous of them takes."""
    return min(max((item.max_request_bytes for item in deployments), default=MOST_FILE_BYTES), MOST_FILE_BYTES)


def scoring_request(request: HttpRequest, asked: Asked, limit: int) -> ScoringRequest:
    """Invalid on `file` and `credential`; the rest is checked where it is sent."""
    body, content_type = (asked.body or "").encode(), asked.content_type
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        body, content_type = _file(file, limit), _type_of(file)
    return ScoringRequest(
        body=body,
        method=asked.method,
        path=asked.path,
        headers=headers_in(asked.headers),
        content_type=content_type,
        deployment=asked.deployment,
        credential=_credential(request, asked.authentication),
    )


def _file(file: "UploadedFile[bytes]", limit: int) -> bytes:
    size = file.size or 0
    if size > limit:
        raise Invalid({"file": f"{file.name} has {filesizeformat(size)}; at most {filesizeformat(limit)} can be sent."})
    content: bytes = file.read()
    return content


def _type_of(file: "UploadedFile[bytes]") -> str:
    return file.content_type or "application/octet-stream"


def _credential(request: HttpRequest, authentication: str) -> str | None:
    if authentication == NOBODY:
        return ""
    if authentication != GIVEN:
        return None
    given = request.POST.get("credential", "").strip()
    if not given:
        raise Invalid({"credential": "Paste a key or a token, or choose another authentication."})
    return given


def field_problems(error: Invalid) -> dict[str, Any]:
    """The whole message under "all", and each under its field."""
    return {**error.fields, "all": str(error)}
