"""Optimistic locking by ETag (RFC 9110, 13.1.1)."""

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from endpoints.domain.errors import Invalid

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag that the change was made against; else 412."
)


def etag(version: int) -> str:
    return f'"{version}"'


def expected_version(request: Request, in_body: int | None = None) -> int | None:
    """What the caller says to have read; None where it does not say. Raises Invalid for what is no version."""
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        return in_body
    found = re.fullmatch(r'"?(\d{1,9})"?', header)
    if found is None:
        raise Invalid({"If-Match": 'Send the ETag as it was given, such as "3".'})
    version = int(found.group(1))
    if in_body not in (None, version):
        raise Invalid({"version": f"The body says {in_body}, If-Match says {version}. Send one of them."})
    return version
