"""What is kept, for how long, and how much of it there is. For the site's IT."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Min, Sum

from endpoints.domain.health_readings import SizesReading, from_json
from endpoints.models import (
    Alert,
    Artifact,
    CollectorPass,
    EnvironmentBuild,
    Event,
    Notification,
    Sample,
    ScaleDecision,
    Seal,
    SiteReading,
    SiteState,
    TestCall,
    TrafficLogEntry,
    Usage,
)

MEASURED: tuple[type[models.Model], ...] = (
    *(Sample, TrafficLogEntry, Event, Seal, Usage, TestCall, Alert, Notification, ScaleDecision, CollectorPass),
)
TABLES = tuple(model._meta.db_table for model in MEASURED)
RESOLUTIONS = {10: "10 seconds", 60: "a minute", 3600: "an hour", 86400: "a day"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """`setting` is the environment variable that says how long; empty: it is set on the page, or not at all."""

    name: str
    how_long: str
    setting: str = ""
    oldest: datetime | None = None
    rows: int | None = None  # None: not counted
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    tables: list[Kept]
    files: list[Kept]
    state: SiteState
    measured_at: datetime | None


def retention() -> Retention:
    """Eleven queries, each over an index, or an answer of the database itself."""
    row = SiteReading.objects.filter(name="sizes").first()
    sizes = (from_json(SizesReading, row.values) if row and row.values else None) or SizesReading(
        bytes_of={}, rows_of={}
    )
    state = SiteState.objects.filter(id=1).first() or SiteState()
    return Retention(
        tables=[*_samples(sizes), _traffic_log(sizes), *_records(sizes, state)],
        files=_files(sizes),
        state=state,
        measured_at=row.answered_at if row else None,
    )


def _samples(sizes: SizesReading) -> list[Kept]:
    """The oldest of each resolution, by the index; size and rows of all together."""
    days: Mapping[int, timedelta] = settings.STUDIO_SAMPLE_RETENTION
    names = {10: "STUDIO_SAMPLES_10S_DAYS", 60: "STUDIO_SAMPLES_1MIN_DAYS"}
    rows = [
        Kept(
            name=f"Samples of {words}",
            how_long=_days(days.get(resolution, days[3600]).days),
            setting=names.get(resolution, "STUDIO_SAMPLES_1H_DAYS"),
            oldest=Sample.objects.filter(resolution=resolution).aggregate(at=Min("at"))["at"],
        )
        for resolution, words in RESOLUTIONS.items()
    ]
    return [*rows, _of(Sample, "All samples together", "", sizes)]


def _traffic_log(sizes: SizesReading) -> Kept:
    days, most = settings.STUDIO_TRAFFIC_LOG_DAYS, settings.STUDIO_TRAFFIC_LOG_MEGABYTES
    return _of(
        TrafficLogEntry,
        "Traffic log",
        f"{_days(days)}, or {most} MB: the oldest goes first",
        sizes,
        setting="STUDIO_TRAFFIC_LOG_DAYS, STUDIO_TRAFFIC_LOG_MEGABYTES",
        oldest=TrafficLogEntry.objects.order_by("id").values_list("at", flat=True).first(),
    )


def _records(sizes: SizesReading, state: SiteState) -> list[Kept]:
    ever = "for ever: it is only ever added to"
    first = Event.objects.order_by("id").values_list("created_at", flat=True).first()
    return [
        _of(Event, "Events: history, sign-ins, readings of secrets", ever, sizes, oldest=first),
        _of(Seal, "Seals of the history", ever, sizes),
        _of(Usage, "Usage: what is billed", "for ever", sizes),
        _of(TestCall, "Test calls", "the last 50 of each person and endpoint, and those that were shared", sizes),
        _of(Alert, "Alerts that ended", _days(settings.STUDIO_ALERT_DAYS), sizes, setting="STUDIO_ALERT_DAYS"),
        _of(Notification, "Deliveries of notifications", _days(state.notification_days), sizes),
        _of(ScaleDecision, "Decisions of autoscale", _days(state.decision_days), sizes),
        _of(CollectorPass, "Passes of the collector", "a day", sizes),
    ]


def _of(
    model: type[models.Model],
    name: str,
    how_long: str,
    sizes: SizesReading,
    *,
    setting: str = "",
    oldest: datetime | None = None,
) -> Kept:
    table = model._meta.db_table
    return Kept(
        name=name,
        how_long=how_long,
        setting=setting,
        oldest=oldest,
        rows=sizes.rows_of.get(table),
        size_bytes=sizes.bytes_of.get(table),
    )


def _files(sizes: SizesReading) -> list[Kept]:
    stored = Artifact.objects.aggregate(size=Sum("size_bytes"))["size"] or 0
    built = EnvironmentBuild.objects.aggregate(size=Sum("size_bytes"))["size"] or 0
    capped = "10 MB of each program or replica, and three before it"
    return [
        Kept(
            name="Models and code",
            how_long="for ever: a version that is archived can be brought back",
            size_bytes=stored,
        ),
        Kept(
            name="Environments", how_long="for ever: the next deployment of the same starts at once", size_bytes=built
        ),
        Kept(name="Logs of the studio", how_long=capped, size_bytes=sizes.bytes_of.get("logs")),
        Kept(name="Logs of replicas", how_long=capped, size_bytes=sizes.bytes_of.get("replicas")),
        Kept(
            name="Traffic log, not read yet",
            how_long="until it is read",
            size_bytes=sizes.bytes_of.get("traffic-log"),
        ),
        Kept(name="Backups", how_long="until you remove them: the studio never does"),
    ]


def _days(days: int) -> str:
    return f"{days} day{'' if days == 1 else 's'}"
