"""Looks at the studio's own parts in the background, so that no page waits for one that hangs."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.db import DatabaseError, transaction
from django.utils import timezone

from endpoints import wiring
from endpoints.domain.health_readings import GatewayReading, SizesReading, to_json
from endpoints.models import SiteReading
from endpoints.selectors.database import database_reading, sizes_of
from endpoints.selectors.retention import TABLES

logger = logging.getLogger(__name__)

EVERY_SECONDS = 15.0
SIZES_EVERY_SECONDS = 600.0
LONGEST_ERROR = 300


def probe() -> None:
    """Each part by itself: one that cannot be reached leaves the others their turn."""
    found = {name: _look(look) for name, look in _probes().items()}
    with transaction.atomic():
        for name, (values, error) in found.items():
            note(name, values, error=error)


def _probes() -> Mapping[str, Callable[[], Any]]:
    parts = wiring.site_parts()
    return {
        "programs": parts.programs,
        "queue": parts.queue,
        "disk": parts.disk,
        "host": parts.host,
        "certificate": parts.certificate,
        "gateway": _gateway,
        "database": database_reading,
    }


def probe_sizes() -> None:
    """What is slower to measure, and changes slowly."""
    values, error = _look(_sizes)
    note("sizes", values, error=error)


def _sizes() -> SizesReading:
    tables, rows = sizes_of(TABLES)
    return SizesReading(bytes_of={**tables, **wiring.site_parts().folders()}, rows_of=rows)


def _gateway() -> GatewayReading:
    seen = wiring.gateway().observe()
    return GatewayReading(live=seen.live, version=seen.version or "")


def _look(look: Callable[[], Any]) -> tuple[dict[str, Any] | None, str]:
    try:
        reading = look()
    except Exception as error:  # whatever a part does, the next is looked at
        return None, (str(error) or type(error).__name__)[:LONGEST_ERROR]
    return (to_json(reading) if reading is not None else {}), ""


def note(name: str, values: dict[str, Any] | None, *, error: str = "") -> None:
    """None: it did not answer, and what it said before stays."""
    now = timezone.now()
    told: dict[str, Any] = {"at": now, "error": error}
    if values is not None:
        told |= {"values": values, "answered_at": now}
    SiteReading.objects.update_or_create(name=name, defaults=told)


def run(*, wait: Callable[[float], bool]) -> None:
    """Looks until `wait` (seconds) tells to stop. No failure ends it."""
    sizes_at = 0.0
    while True:
        try:
            probe()
            if time.monotonic() - sizes_at >= SIZES_EVERY_SECONDS or not sizes_at:
                probe_sizes()
                sizes_at = time.monotonic()
        except DatabaseError as error:
            logger.warning("What was seen of the studio's parts cannot be kept: %s", error)
        except Exception:
            logger.exception("A look at the studio's parts failed; the next one goes on.")
        if wait(EVERY_SECONDS):
            return
