"""One worker at a time per thing. A lease that ran out is anybody's; what it guarded is safe to do twice."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from endpoints.models import Lease

SECONDS = 30


@contextmanager
def lease(name: str, *, seconds: int = SECONDS) -> Iterator[bool]:
    """True while it is ours; False when somebody else has it: then do nothing."""
    token = str(uuid.uuid4())
    held = _take(name, token, seconds)
    try:
        yield held
    finally:
        if held:
            Lease.objects.filter(name=name, token=token).update(token="", expires_at=timezone.now())


def _take(name: str, token: str, seconds: int) -> bool:
    now = timezone.now()
    until = now + timedelta(seconds=seconds)
    if Lease.objects.filter(name=name, expires_at__lte=now).update(token=token, expires_at=until):
        return True
    # ignore_conflicts: a row that is there already is somebody's.
    Lease.objects.bulk_create([Lease(name=name, token=token, expires_at=until)], ignore_conflicts=True)
    return Lease.objects.filter(name=name, token=token).exists()
