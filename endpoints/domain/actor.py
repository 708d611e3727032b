"""Who does something, and through which face."""

from dataclasses import dataclass
from typing import Any

from endpoints.enums import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """`user` is a row of the user table, or None for the studio itself and whoever is not known."""

    user: Any = None
    source: Source = Source.SYSTEM
    request_id: str = ""
    label: str = "system"  # of one who is no user

    @property
    def name(self) -> str:
        return self.user.email if self.user else self.label


SYSTEM = Actor()
