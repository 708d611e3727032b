"""Rows of samples, as everything reads them that shows or weighs what was measured."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from endpoints.domain.packing import COLUMNS, unpacked
from endpoints.domain.rollups import FINER, SampleValues
from endpoints.models import Rollup, Sample

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
Measured = tuple[UUID, datetime, SampleValues]  # of which deployment, from when on, what


def measured(
    deployments: Iterable[UUID], *, resolution: int, start: datetime, end: datetime | None = None
) -> Iterator[Measured]:
    """Intervals that begin in [start, end), in no order. One query; another one for hours and days, because what has
    not been rolled up yet comes in shorter intervals, of which some may lie within the same hour or day."""
    rows = stored(deployments, resolution=resolution, start=start, end=end)
    for deployment, at, *packed in rows.values_list("deployment_id", "at", *COLUMNS).iterator(chunk_size=5000):
        yield deployment, at, unpacked(*packed)


def stored(
    deployments: Iterable[UUID], *, resolution: int, start: datetime, end: datetime | None = None
) -> QuerySet[Sample]:
    """As they lie in the database."""
    rows = Sample.objects.filter(_of(resolution, start), deployment__in=list(deployments))
    return rows if end is None else rows.filter(at__lt=end)


def _of(resolution: int, start: datetime) -> Q:
    """Rolled-up rows as far as they are whole, then finer ones, and so on."""
    until = rolled_up() if resolution in FINER else {}
    found = Q()
    while finer := FINER.get(resolution):
        whole = max(start, until.get(resolution, NEVER))
        found |= Q(resolution=resolution, at__gte=start, at__lt=whole)
        resolution, start = finer, whole
    return found | Q(resolution=resolution, at__gte=start)


def rolled_up() -> dict[int, datetime]:
    return dict(Rollup.objects.values_list("resolution", "until"))
