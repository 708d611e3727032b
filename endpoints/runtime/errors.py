"""What can go wrong, and how it is told."""

from __future__ import annotations

IMPORT_ERROR = "UserScriptImportError"
FUNCTION_NOT_FOUND = "UserScriptFunctionNotFound"
INIT_FAILED = "UserScriptInitFailed"

_LONGEST = 1000


class LoadError(Exception):
    """The model cannot be loaded; `code` is Azure's word for it (AML/how-to-troubleshoot-online-endpoints)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ScoringError(Exception):
    """A request that gets an error; `message` goes to the caller, so it holds no traceback."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after  # seconds; 0: no Retry-After header


def last_line(error: BaseException) -> str:
    """The error as the last line of its traceback would have it, on one line and of bounded length."""
    text = str(error)
    if "Traceback (most recent call last)" in text:
        text = text.rstrip().rsplit("\n", 1)[-1]
    return one_line(f"{type(error).__name__}: {text}" if text else type(error).__name__)


def one_line(text: str) -> str:
    joined = " ".join(text.split())
    return joined if len(joined) <= _LONGEST else joined[: _LONGEST - 1] + "…"
