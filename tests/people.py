"""Who may do what, as rows."""

from dataclasses import dataclass

from endpoints.domain.actor import Actor
from endpoints.enums import Source
from endpoints.models import User


@dataclass(frozen=True)
class People:
    """One person of each kind; staff is the site's IT, the stranger has no role anywhere."""

    owner: User
    contributor: User
    reader: User
    stranger: User
    staff: User

    def actor(self, kind: str) -> Actor:
        return Actor(user=getattr(self, kind), source=Source.UI, request_id=f"request-of-{kind}")
