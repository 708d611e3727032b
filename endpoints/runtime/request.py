"""A request, as a worker sees it."""

from __future__ import annotations

from typing import NamedTuple

# curl's default for -d is the form type, whatever the body is.
_TEXT_TYPES = ("", "application/json", "application/x-www-form-urlencoded")


class Request(NamedTuple):
    id: str
    path: str
    content_type: str
    body: bytes
    method: str = "POST"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()  # only for a model whose description has `http`
    json_length: int = -1  # of a body in two parts, JSON and tensors: bytes of the first; -1: it is JSON alone

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_text(self) -> bool:
        media_type = self.media_type
        return media_type in _TEXT_TYPES or media_type.startswith("text/") or media_type.endswith("+json")
