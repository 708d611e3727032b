"""Samples: what a pass adds to, what becomes hours and days once it is over, and what is forgotten.

Each step is bounded: some hundred deployments or some ten thousand rows in a transaction, some thousand deployments of
one hour and of one day in a pass. What is cut off is gone on with by the next pass, and comes to the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from endpoints.domain.packing import COLUMNS, Row, columns, merged_rows, unpacked
from endpoints.domain.rollups import DAY, FINER, HOUR, WRITTEN, SampleValues, aligned, merged
from endpoints.models import Rollup, Sample
from endpoints.models.upserts import Values, upsert
from endpoints.selectors.samples import NEVER

PRUNED_AT_ONCE = 20_000  # rows
ROLLED_AT_ONCE = 250  # deployments, in a transaction
ROLLED_IN_PASS = 1500  # deployments: else an hour of all of them takes longer than a pass may
KEYS = ("deployment_id", "resolution", "at")
FIELDS = ("requests", "errors", "in_flight", *COLUMNS)
Keep = Callable[[], bool]  # whether we may still write; asked within the transaction that writes
Until = Mapping[int, datetime]  # as selectors.samples.rolled_up() has it


def add(found: Mapping[UUID, SampleValues], until: Until, *, slot: datetime) -> None:
    """To the intervals that hold `slot`: those that passes write, and longer ones that were rolled up before it came,
    or of which this deployment's part was. Two queries, however many deployments."""
    starts = {resolution: aligned(slot, resolution) for resolution in (*WRITTEN, *FINER)}
    always = {*WRITTEN, *(resolution for resolution in FINER if slot < until.get(resolution, NEVER))}
    open_ones = Q()
    for resolution, at in starts.items():
        open_ones |= Q(resolution=resolution, at=at)
    before = {
        (deployment, resolution): packed
        for deployment, resolution, *packed in Sample.objects.filter(open_ones).values_list(
            "deployment_id", "resolution", *COLUMNS
        )
    }
    put(
        _row(deployment, resolution, at, _with(values, before.get((deployment, resolution))))
        for deployment, values in found.items()
        for resolution, at in starts.items()
        if resolution in always or (deployment, resolution) in before
    )


def _with(values: SampleValues, before: list[object] | None) -> SampleValues:
    return merged((unpacked(*before), values)) if before else values  # type: ignore[arg-type]


def _row(deployment: UUID, resolution: int, at: datetime, values: SampleValues) -> Values:
    return {"deployment_id": deployment, "resolution": resolution, "at": at, **columns(values)}


def put(rows: Iterable[Values]) -> None:
    """Instead of what is there."""
    upsert(Sample, rows, keys=KEYS, update=FIELDS)


def roll_up(until: Until, *, slot: datetime, keep: Keep) -> Until:
    """The next hour and the next day that are over; until when it is done now. `slot` is where the pass counted: what
    is before will not grow by itself any more; see add() for what comes late all the same."""
    reached, over = {**dict.fromkeys(FINER, NEVER), **until}, slot
    for resolution, finer in FINER.items():
        over = aligned(over, resolution)
        if reached[resolution] < over:
            reached[resolution] = _roll_up(resolution, finer, reached[resolution], over, keep)
        over = min(over, reached[resolution])
    return reached


def _roll_up(resolution: int, finer: int, until: datetime, over: datetime, keep: Keep) -> datetime:
    """The first interval from `until` on that has samples and ends before `over`; until when it is done now."""
    first = Sample.objects.filter(resolution=finer, at__gte=until).order_by("at").values_list("at", flat=True).first()
    start = over if first is None else min(over, aligned(first, resolution))
    if start < over and not _interval(resolution, finer, start, keep):
        return until
    reached = over if start == over else start + timedelta(seconds=resolution)
    with transaction.atomic():
        if not keep():
            return until
        Rollup.objects.update_or_create(resolution=resolution, defaults={"until": reached})
    return reached


def _interval(resolution: int, finer: int, start: datetime, keep: Keep) -> bool:
    """False when it is not finished: there are more deployments than a pass rolls up, or it is not ours any more."""
    rows = Sample.objects.filter(resolution=finer, at__gte=start, at__lt=start + timedelta(seconds=resolution))
    done = set(Sample.objects.filter(resolution=resolution, at=start).values_list("deployment_id", flat=True))
    waiting = [key for key in rows.order_by().values_list("deployment_id", flat=True).distinct() if key not in done]
    for first in range(0, min(len(waiting), ROLLED_IN_PASS), ROLLED_AT_ONCE):
        deployments = waiting[first : first + ROLLED_AT_ONCE]
        parts: dict[UUID, list[Row]] = defaultdict(list)
        for deployment, *packed in rows.filter(deployment__in=deployments).values_list("deployment_id", *COLUMNS):
            parts[deployment].append(tuple(packed))
        with transaction.atomic():
            if not keep():
                return False
            put(_row(deployment, resolution, start, merged_rows(found)) for deployment, found in parts.items())
    return len(waiting) <= ROLLED_IN_PASS


def prune(retention: Mapping[int, timedelta], until: Until, *, now: datetime) -> None:
    """What is older than its resolution is kept, and is part of a longer one: some of each at a time."""
    made_of = {finer: resolution for resolution, finer in FINER.items()}
    for resolution, kept in {**retention, DAY: retention[HOUR]}.items():
        end = now - kept
        if resolution in made_of:
            end = min(end, until.get(made_of[resolution], NEVER))
        _prune(resolution, end)


def _prune(resolution: int, end: datetime) -> None:
    """Whole intervals, so that some more rows may go than PRUNED_AT_ONCE: those of one interval."""
    old = Sample.objects.filter(resolution=resolution, at__lt=end)
    last = old.order_by("at").values_list("at", flat=True)[PRUNED_AT_ONCE - 1 : PRUNED_AT_ONCE].first()
    (old if last is None else old.filter(at__lte=last)).delete()
