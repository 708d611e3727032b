"""One worker at a time per thing. A lease that ran out is anybody's; what it guarded is safe to do twice."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from endpoints.models import Lease

SECONDS = 30
FREE = datetime(1970, 1, 1, tzinfo=UTC)  # given back: free by any clock


@dataclass(frozen=True, slots=True)
class Held:
    name: str
    token: str
    seconds: int

    def keep(self) -> bool:
        """Longer, if it is still ours. Inside atomic() nobody else can take it before that ends: guards a write."""
        until = timezone.now() + timedelta(seconds=self.seconds)
        return bool(self._row().update(expires_at=until))

    def give_back(self, *, chain: str | None = None) -> None:
        """`chain` is the follow-up call that still counts; None leaves it as it is."""
        fields = {"token": "", "expires_at": FREE}
        self._row().update(**fields if chain is None else {**fields, "chain": chain})

    def _row(self) -> QuerySet[Lease]:
        return Lease.objects.filter(name=self.name, token=self.token)


@contextmanager
def lease(name: str, *, seconds: int = SECONDS) -> Iterator[Held | None]:
    """Ours until the block ends; None when somebody else has it: then do nothing."""
    held = _take(name, str(uuid.uuid4()), seconds)
    try:
        yield held
    finally:
        if held is not None:
            held.give_back()


def _take(name: str, token: str, seconds: int) -> Held | None:
    now = timezone.now()
    until = now + timedelta(seconds=seconds)
    held = Held(name, token, seconds)
    if Lease.objects.filter(name=name, expires_at__lte=now).update(token=token, expires_at=until):
        return held
    # ignore_conflicts: a row that is there already is somebody's.
    Lease.objects.bulk_create([Lease(name=name, token=token, expires_at=until)], ignore_conflicts=True)
    return held if Lease.objects.filter(name=name, token=token).exists() else None
