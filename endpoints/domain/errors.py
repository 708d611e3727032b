"""What can be wrong with a request. Every face turns these into its own form: a field error, a problem+json body,
a line on standard error."""

from collections.abc import Iterable, Mapping
from typing import Any


class StudioError(Exception):
    """`code` is a stable word for programs; the message is a sentence for people that says what to do."""

    code = "error"


class Invalid(StudioError):
    """Bad input. Nothing was changed. `fields` maps a field's name to its message; "" is the whole input."""

    code = "invalid"

    def __init__(self, fields: Mapping[str, str] | str) -> None:
        self.fields = {"": fields} if isinstance(fields, str) else dict(fields)
        super().__init__(" ".join(self.fields.values()))


class OutOfQuota(Invalid):
    """It would pass a quota. The message shows the arithmetic."""

    code = "OutOfQuota"


class BudgetExceeded(StudioError):
    """It would pass a budget, or one that is used up forbids it. The message names it, and when it resets."""

    code = "budget_exceeded"


class Conflict(StudioError):
    """Not in this state, or not any more: somebody else was first, something else is running."""

    code = "conflict"


class StaleVersion(Conflict):
    """Optimistic locking: the version that was read is not the present one. `changes` is what was done meanwhile, in
    order: [{at, by, source, verb, reason, fields: [{field, before, after}]}], as far as it is known."""

    code = "stale_version"

    def __init__(self, message: str, *, changes: Iterable[Mapping[str, Any]] = ()) -> None:
        self.changes = [dict(change) for change in changes]
        super().__init__(message)


class Forbidden(StudioError):
    """Known, but may not. The message names the role that is needed."""

    code = "forbidden"


class NotFound(StudioError):
    """There is none, or none that this person may know of."""

    code = "not_found"


class Unavailable(StudioError):
    """A part of the studio that this needs does not answer; trying again may help."""

    code = "unavailable"


class ReadOnly(StudioError):
    """IT has closed the studio to people's writes for a while. `wait`: seconds until it opens, if that is known."""

    code = "read_only"

    def __init__(self, message: str, *, wait: int = 0) -> None:
        self.wait = wait
        super().__init__(message)
