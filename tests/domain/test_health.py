"""What each reading means: the level, and that whatever is wrong says why and what to do."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from endpoints.domain import health
from endpoints.domain.health import Verdict
from endpoints.domain.health_readings import (
    CertificateReading,
    DatabaseReading,
    DiskReading,
    GatewayReading,
    ProgramReading,
    ProgramsReading,
    QueueReading,
    from_json,
    to_json,
)
from endpoints.enums import Health

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GIB = 2**30


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def down(*names: str) -> ProgramsReading:
    return ProgramsReading(programs=tuple(ProgramReading(name=f"studio-{name}", running=False) for name in names))


def worker_since(at: datetime) -> ProgramsReading:
    return ProgramsReading(programs=(ProgramReading(name="studio-worker", running=True, started_at=at),))


def queue(**given: Any) -> QueueReading:
    return QueueReading(**{"workers": 2, "waiting": 0, "in_hand": 0, **given})


def database(**given: Any) -> DatabaseReading:
    return DatabaseReading(**{"vendor": "sqlite", "version": "", "size_bytes": 1, "round_trip_ms": 1, **given})


def postgresql(**given: Any) -> DatabaseReading:
    return database(**{"vendor": "postgresql", "connection_limit": 100, **given})


def workers(reading: QueueReading | None, programs: ProgramsReading | None = None) -> Verdict:
    return health.workers(reading, "Refused.", programs, NOW)


def gateway(
    live: bool = True, behind: int = 0, refusal: str = "", since: datetime | None = NOW, **down: Any
) -> Verdict:
    reading = GatewayReading(live=live)
    programs = down.get("programs")
    return health.gateway(reading, "", behind=behind, refusal=refusal, waits_since=since, programs=programs, now=NOW)


def certificate(days: float | None, *, wanted: bool = True, public: bool = True) -> Verdict:
    reading = CertificateReading(names="a", expires_at=NOW + timedelta(days=days)) if days is not None else None
    return health.certificate(reading, "It holds no certificate.", wanted=wanted, public=public, now=NOW)


def log(**given: Any) -> Verdict:
    return health.traffic_log(
        **{"read_at": NOW, "behind_bytes": 0, "dropped_at": None, "down": False, "now": NOW, **given}
    )


def space(free: float, total: float = 100, files: float | None = None) -> Verdict:
    reading = DiskReading(total_bytes=int(total * GIB), free_bytes=int(free * GIB), free_files_percent=files)
    return health.disk(reading, "")


def sends(**given: Any) -> Verdict:
    every = timedelta(seconds=given.pop("every", 15))
    told = {"wanted": True, "taken": True, "told_at": NOW, "down": False, **given}
    return health.telemetry(**told, interval=every, now=NOW)


def history(**given: Any) -> Verdict:
    return health.history(**{"faults": 0, "verified_at": NOW, "failing": 0, "now": NOW, **given})


def boxed(**given: Any) -> Verdict:
    return health.sandbox(**{"boxed": True, "own_network": True, "reason": "", "network_reason": "", **given})


def kept(made: datetime | None, tried: datetime | None) -> Verdict:
    return health.backups(made_at=made, tried_at=tried, now=NOW)


CASES: list[tuple[Verdict, str, str]] = [
    (health.web(None), "ok", "Answers"),
    (health.web(down("web")), "warn", "Another one answers"),
    (workers(queue()), "ok", "At work"),
    (workers(None), "bad", "Not reachable"),
    (workers(queue(workers=0)), "bad", "None"),
    (workers(queue(workers=0), worker_since(ago(seconds=30))), "idle", "Starting"),
    (workers(queue(workers=0), worker_since(ago(minutes=3))), "bad", "None"),
    (workers(queue(), down("beat")), "bad", "No clock"),
    (workers(queue(waiting=1, oldest_at=ago(seconds=59))), "ok", "At work"),
    (workers(queue(waiting=1, oldest_at=ago(seconds=61))), "warn", "Fall behind"),
    (workers(queue(waiting=1001)), "warn", "Fall behind"),
    (workers(queue(waiting=1, oldest_at=ago(minutes=6))), "bad", "Stand still"),
    (health.broker(queue(), ""), "ok", "Answers"),
    (health.broker(None, "It is down."), "bad", "Does not answer"),
    (health.broker(queue(memory_bytes=81, memory_limit=100), ""), "warn", "Nearly full"),
    (health.broker(queue(memory_bytes=96, memory_limit=100), ""), "bad", "Full"),
    (health.broker(queue(memory_bytes=96, memory_limit=0), ""), "ok", "Answers"),
    (health.database(database(), ""), "ok", "Answers"),
    (health.database(None, "No right."), "warn", "Not measured"),
    (health.database(database(wal_bytes=300 * 2**20), ""), "warn", "Log grows"),
    (health.database(database(wal_bytes=2 * GIB), ""), "bad", "Log grows"),
    (health.database(database(size_bytes=30 * GIB), ""), "warn", "Large"),
    (health.database(database(round_trip_ms=300), ""), "warn", "Slow"),
    (health.database(postgresql(wal_bytes=2 * GIB, size_bytes=30 * GIB), ""), "ok", "Answers"),
    (health.database(postgresql(connections=85), ""), "warn", "Few connections left"),
    (health.database(postgresql(connections=96), ""), "bad", "Out of connections"),
    (health.database(postgresql(slowest_seconds=31), ""), "warn", "Slow query"),
    (health.database(postgresql(connections=85, slowest_seconds=301), ""), "bad", "Slow query"),
    (gateway(), "ok", "Up to date"),
    (gateway(behind=1), "ok", "Following"),
    (gateway(live=False), "bad", "Does not answer"),
    (gateway(refusal="cluster d-1 is odd"), "bad", "Refuses the routes"),
    (gateway(behind=1, since=ago(minutes=3)), "warn", "Changes wait"),
    (gateway(programs=down("activator")), "warn", "Wakes nobody"),
    (health.collector(stands_still=True, error="", behind=True), "bad", "Stands still"),
    (health.collector(stands_still=False, error="Disk full.", behind=True), "bad", "The last pass failed"),
    (health.collector(stands_still=False, error="", behind=True), "warn", "Falls behind"),
    (health.collector(stands_still=False, error="", behind=False), "ok", "Keeps up"),
    (space(60), "ok", "Room enough"),
    (space(9), "warn", "Fills up"),
    (space(4, total=20), "warn", "Fills up"),
    (space(0.5, total=2), "bad", "Nearly full"),
    (space(60, files=5), "warn", "Many files"),
    (space(60, files=1), "bad", "Out of files"),
    (health.disk(None, "Gone."), "warn", "Not measured"),
    (certificate(90), "ok", "Valid"),
    (certificate(29), "warn", "Expires soon"),
    (certificate(6), "bad", "Expires soon"),
    (certificate(-1), "bad", "Expired"),
    (certificate(None), "bad", "Not readable"),
    (certificate(None, wanted=False), "warn", "No TLS"),
    (certificate(None, wanted=False, public=False), "idle", "No TLS"),
    (boxed(), "ok", "Boxed in"),
    (boxed(boxed=False), "warn", "None"),
    (boxed(own_network=False), "warn", "Without a network of their own"),
    (log(), "ok", "Keeps up"),
    (log(read_at=None), "idle", "Nothing yet"),
    (log(down=True), "bad", "Not read"),
    (log(read_at=ago(seconds=89)), "ok", "Keeps up"),
    (log(read_at=ago(seconds=91)), "bad", "Not read"),
    (log(dropped_at=ago(hours=23)), "warn", "Lines lost"),
    (log(dropped_at=ago(hours=25)), "ok", "Keeps up"),
    (log(behind_bytes=65 * 2**20), "warn", "Falls behind"),
    (sends(), "ok", "Sends"),
    (sends(wanted=False, down=True), "idle", "Off"),
    (sends(down=True), "bad", "Not sent"),
    (sends(taken=False), "warn", "Not taken"),
    (sends(told_at=None), "idle", "Nothing yet"),
    (sends(told_at=ago(seconds=89)), "ok", "Sends"),
    (sends(told_at=ago(seconds=91)), "warn", "Stands still"),
    (sends(told_at=ago(seconds=91), wanted=False), "idle", "Off"),
    (sends(told_at=ago(minutes=29), every=600), "ok", "Sends"),
    (sends(told_at=ago(minutes=31), every=600), "warn", "Stands still"),
    (kept(None, None), "bad", "None"),
    (kept(ago(days=3), NOW), "warn", "Old"),
    (kept(ago(days=1), None), "warn", "Not tried"),
    (kept(ago(days=1), ago(days=91)), "warn", "Not tried"),
    (kept(ago(days=1), ago(days=2)), "ok", "Recent"),
    (history(faults=1), "bad", "Tampered with"),
    (history(failing=1), "warn", "Not forwarded"),
    (history(verified_at=None), "idle", "Not checked yet"),
    (history(verified_at=ago(days=2)), "ok", "Whole"),
    (history(verified_at=ago(days=4)), "warn", "Not checked"),
    (history(), "ok", "Whole"),
]


@pytest.mark.parametrize(("verdict", "level", "word"), CASES)
def test_what_is_seen_means_a_level(verdict: Verdict, level: str, word: str) -> None:
    assert (verdict.level, verdict.word) == (level, word)
    if level in ("warn", "bad"):
        assert verdict.cause.strip().endswith(".") or verdict.cause == "cluster d-1 is odd"
        assert verdict.action.endswith(".")


def test_what_nobody_looks_at_is_not_called_good() -> None:
    assert health.unseen(ago(seconds=89), NOW) is None
    old, never = health.unseen(ago(seconds=91), NOW), health.unseen(None, NOW)
    assert old is not None
    assert never is not None
    assert (old.level, never.level) == (Health.WARN, Health.IDLE)


def test_the_worst_of_all_counts() -> None:
    assert health.worst([health.good("a"), health.idle("b")]) == Health.GOOD
    assert health.worst([health.good("a"), health.warn("b", "", "")]) == Health.WARN
    assert health.worst([health.bad("a", "", ""), health.warn("b", "", "")]) == Health.BAD


@pytest.mark.parametrize(
    "reading",
    [
        queue(oldest_at=NOW),
        postgresql(connections=3),
        CertificateReading(names="a", expires_at=NOW),
        ProgramsReading(programs=(ProgramReading(name="studio-web", running=True, started_at=NOW),)),
        ProgramsReading(),
    ],
)
def test_a_reading_is_kept_as_json(reading: Any) -> None:
    assert from_json(type(reading), to_json(reading)) == reading
    assert from_json(type(reading), {**to_json(reading), "of_a_later_version": 1}) == reading


def test_what_another_version_kept_is_no_reading() -> None:
    assert from_json(QueueReading, {"waiting": 3}) is None
