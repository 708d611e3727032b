"""What a script prints while it works on a request carries the request's id, so that the id leads to its lines."""

from __future__ import annotations

import sys
from typing import Any, TextIO, cast


class _Now:
    request_id = ""


def begin(request_id: str) -> None:
    _Now.request_id = request_id


def end() -> None:
    _Now.request_id = ""


def mark_streams() -> None:
    """Before the script is imported: what it keeps of sys.stderr, as logging does, is marked too."""
    sys.stdout = cast("TextIO", _Marked(sys.stdout))
    sys.stderr = cast("TextIO", _Marked(sys.stderr))


class _Marked:
    """A text stream; everything but writing is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._fresh = True  # at the start of a line

    def write(self, text: str) -> int:
        if _Now.request_id and _Now.request_id not in text:
            text = self._with_mark(text)
        self._fresh = text.endswith("\n") or (self._fresh and not text)
        self._stream.write(text)
        return len(text)

    def _with_mark(self, text: str) -> str:
        mark = f"[request {_Now.request_id}] "
        lines = text.splitlines(keepends=True)
        marked = [mark + line if number or self._fresh else line for number, line in enumerate(lines)]
        return "".join(marked)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
