"""Azure's failure codes in what a server says before it ends (AML/how-to-troubleshoot-online-endpoints)."""

import re

from endpoints.enums import FailureCode

_QUOTED = re.compile(r"\b(UserScript(?:InitFailed|ImportError|FunctionNotFound))\b")


def failure_of(message: str) -> FailureCode | None:
    """The code that the message names, if it names one."""
    found = _QUOTED.search(message)
    return FailureCode(found.group(1)) if found else None
