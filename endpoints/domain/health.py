"""How each part of the studio stands: what was seen of it, the level that this is, why, and what to do.

A rule takes what was seen and says one Verdict. None in place of a reading is a part that could not be reached; then
the error says what it answered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from endpoints.domain.health_readings import (
    CertificateReading,
    DatabaseReading,
    DiskReading,
    GatewayReading,
    ProgramsReading,
    QueueReading,
)
from endpoints.enums import Health

GIB, MIB = 2**30, 2**20
UNSEEN = timedelta(seconds=90)  # after which a reading says nothing of now
UNVERIFIED = timedelta(days=3)  # after which a check that is made each day is missed


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`cause` and `action` are sentences for people; both are there where something is wrong."""

    level: Health
    word: str
    cause: str = ""
    action: str = ""


def worst(verdicts: Iterable[Verdict]) -> Health:
    """Of all parts together."""
    levels = {verdict.level for verdict in verdicts}
    return next((level for level in (Health.BAD, Health.WARN) if level in levels), Health.GOOD)


def good(word: str) -> Verdict:
    return Verdict(level=Health.GOOD, word=word)


def idle(word: str, cause: str = "") -> Verdict:
    return Verdict(level=Health.IDLE, word=word, cause=cause)


def warn(word: str, cause: str, action: str) -> Verdict:
    return Verdict(level=Health.WARN, word=word, cause=cause, action=action)


def bad(word: str, cause: str, action: str) -> Verdict:
    return Verdict(level=Health.BAD, word=word, cause=cause, action=action)


def unseen(seen_at: datetime | None, now: datetime) -> Verdict | None:
    """Nobody has looked for a while: then nothing else can be said."""
    action = "The collector looks every 15 seconds. See to its tile first."
    if seen_at is None:
        return idle("Not looked at yet", "Nobody has looked at it since the studio started.")
    if now - seen_at > UNSEEN:
        return warn("Not looked at", f"Nobody has looked at it since {seen_at:%Y-%m-%d %H:%M} UTC.", action)
    return None


def web(programs: ProgramsReading | None) -> Verdict:
    """Whoever reads this was answered."""
    if programs is not None and programs.down("studio-web"):
        return warn("Another one answers", "The web process that is supervised here is down.", _start("web"))
    return good("Answers")


def _start(name: str) -> str:
    return (
        f"It is started again by itself. If it does not stay up, the end of logs/{name}.log in the data folder tells."
    )


def workers(queue: QueueReading | None, error: str, programs: ProgramsReading | None, now: datetime) -> Verdict:
    if queue is None:
        return bad("Not reachable", f"Nobody can ask the workers: {error}", "See to the broker first.")
    if programs is not None and programs.down("studio-beat"):
        return bad("No clock", "The program studio-beat is down: nothing is done in time by itself.", _start("beat"))
    if not queue.workers:
        return _no_worker(programs, now)
    waited = now - queue.oldest_at if queue.oldest_at else timedelta()
    if waited > timedelta(minutes=5):
        return bad("Stand still", f"The oldest task has waited for {_told(waited)}.", _MORE_WORKERS)
    if waited > timedelta(minutes=1) or queue.waiting > 1000:
        return warn("Fall behind", f"{queue.waiting} tasks wait, the oldest for {_told(waited)}.", _MORE_WORKERS)
    return good("At work")


def _no_worker(programs: ProgramsReading | None, now: datetime) -> Verdict:
    found = programs.named("studio-worker") if programs is not None else None
    if found is not None and found.started_at is not None and now - found.started_at < timedelta(minutes=2):
        return idle("Starting", "The worker was started a moment ago.")
    cause = "No worker answers. Changes wait; endpoints go on answering."
    return bad("None", cause, _start("worker"))


_MORE_WORKERS = "Look in logs/worker.log for what holds them up. If they only have too much to do, start more of them."


def _told(time: timedelta) -> str:
    seconds = int(time.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def broker(queue: QueueReading | None, error: str) -> Verdict:
    if queue is None:
        action = (
            "Start it again; BROKER_URL says where it is, if it is not the studio's own. Nothing is lost meanwhile."
        )
        return bad("Does not answer", f"{error} Changes are found by the sweep once it is back.", action)
    used = queue.memory_bytes * 100 / queue.memory_limit if queue.memory_limit else 0
    action = "See to the workers, which empty it; or give it more memory (maxmemory)."
    if used > 95:
        return bad("Full", f"{used:.0f} % of its memory is taken: it refuses tasks.", action)
    if used > 80:
        return warn("Nearly full", f"{used:.0f} % of its memory is taken.", action)
    return good("Answers")


def database(reading: DatabaseReading | None, error: str) -> Verdict:
    if reading is None:
        return warn("Not measured", f"The collector could not measure it: {error}", "See logs/collector.log.")
    found = [_connections(reading), _slowest(reading), _sqlite(reading), _round_trip(reading)]
    wrong = [verdict for verdict in found if verdict is not None]
    return next((verdict for verdict in wrong if verdict.level == Health.BAD), (wrong or [good("Answers")])[0])


def _connections(reading: DatabaseReading) -> Verdict | None:
    if not reading.connections or not reading.connection_limit:
        return None
    share = reading.connections * 100 / reading.connection_limit
    cause = f"{share:.0f} % of its connections are taken."
    if share > 95:
        return bad("Out of connections", cause, _CONNECTIONS)
    return warn("Few connections left", cause, _CONNECTIONS) if share > 80 else None


def _slowest(reading: DatabaseReading) -> Verdict | None:
    seconds = reading.slowest_seconds or 0
    cause = f"A query has been running for {_told(timedelta(seconds=seconds))}."
    if seconds > 300:
        return bad("Slow query", cause, _SLOW)
    return warn("Slow query", cause, _SLOW) if seconds > 30 else None


def _sqlite(reading: DatabaseReading) -> Verdict | None:
    if reading.vendor != "sqlite":
        return None
    log = reading.wal_bytes or 0
    if log > 256 * MIB:
        cause = f"Its write-ahead log has {log // MIB} MiB."
        return (bad if log > GIB else warn)("Log grows", cause, _LOG)
    if reading.size_bytes > 20 * GIB:
        return warn("Large", f"It has {reading.size_bytes // GIB} GiB.", "Move to PostgreSQL: DATABASE_URL.")
    return None


def _round_trip(reading: DatabaseReading) -> Verdict | None:
    if reading.round_trip_ms <= 250:
        return None
    return warn("Slow", f"The simplest question takes {reading.round_trip_ms:.0f} ms.", _ROUND_TRIP)


_CONNECTIONS = "Raise max_connections, or put a pooler before it. Look who holds them in pg_stat_activity."
_SLOW = "Look at it in pg_stat_activity, and end it with pg_cancel_backend(pid) if nobody needs it."
_LOG = "Something reads for long and keeps it from being written back. Restart what does: a backup, or the web process."
_ROUND_TRIP = "Look at the load of its machine and its disk, and at the network to it."


def gateway(
    reading: GatewayReading | None,
    error: str,
    *,
    behind: int,
    refusal: str,
    waits_since: datetime | None,
    programs: ProgramsReading | None,
    now: datetime,
) -> Verdict:
    """`behind`: changes that are wanted and not confirmed; `waits_since`: the first of them, or the last
    confirmation since."""
    if reading is None or not reading.live:
        cause = f"{error} Endpoints do not answer while it is down.".strip()
        return bad("Does not answer", cause, _start("gateway"))
    if refusal:
        action = "What was in force before stays. Undo the change that it names, then see its endpoint's Activity."
        return bad("Refuses the routes", refusal, action)
    if programs is not None and programs.down("studio-activator"):
        cause = "The program studio-activator is down: deployments that sleep are not woken by requests."
        return warn("Wakes nobody", cause, _start("activator"))
    if behind and waits_since is not None and now - waits_since > timedelta(minutes=2):
        cause = f"{behind} changes are not in force, and none has been confirmed for {_told(now - waits_since)}."
        return warn(
            "Changes wait", cause, "See to the workers: they hand routes over, and ask whether they are in force."
        )
    return good("Following" if behind else "Up to date")


def collector(*, stands_still: bool, error: str, behind: bool) -> Verdict:
    if stands_still:
        cause = (
            "It has not looked for three intervals: it is down, or cannot write. What the gateway counts is not lost."
        )
        return bad("Stands still", cause, _start("collector"))
    if error:
        return bad("The last pass failed", error, "The next pass tries again. logs/collector.log has the whole of it.")
    if behind:
        cause = "A pass took longer than its interval. Nothing is lost: the next one counts what came since."
        return warn("Falls behind", cause, "Give it more CPU, or raise STUDIO_COLLECTOR_INTERVAL_SECONDS.")
    return good("Keeps up")


def disk(reading: DiskReading | None, error: str) -> Verdict:
    if reading is None:
        return warn("Not measured", f"The data folder could not be measured: {error}", "See logs/collector.log.")
    free, percent = reading.free_bytes, reading.free_bytes * 100 / max(1, reading.total_bytes)
    left = f"{free / GIB:.1f} GiB of {reading.total_bytes / GIB:.0f} GiB are left."
    files = reading.free_files_percent
    if free < GIB or percent < 3:
        return bad("Nearly full", left, _SPACE)
    if files is not None and files < 2:
        return bad("Out of files", f"{files:.0f} % of the files that there can be are left.", _SPACE)
    if free < 5 * GIB or percent < 10:
        return warn("Fills up", left, _SPACE)
    if files is not None and files < 10:
        return warn("Many files", f"{files:.0f} % of the files that there can be are left.", _SPACE)
    return good("Room enough")


_SPACE = "Shorten what is kept, keep backups elsewhere, or enlarge the disk. Files of versions are never removed."


def certificate(
    reading: CertificateReading | None, error: str, *, wanted: bool, public: bool, now: datetime
) -> Verdict:
    """`wanted`: there is a TLS listener. `public`: the gateway is reached from other machines."""
    if not wanted:
        return _without_tls(public)
    if reading is None:
        return bad(
            "Not readable", error, "Put a PEM file where STUDIO_TLS_CERT says; what is in force stays until then."
        )
    left, day = reading.expires_at - now, f"{reading.expires_at:%Y-%m-%d}"
    renew = "Renew it and replace both files: the gateway takes them up by itself, with no request dropped."
    if left < timedelta():
        return bad("Expired", f"It expired on {day}: callers refuse it.", renew)
    if left < timedelta(days=30):
        level = bad if left < timedelta(days=7) else warn
        return level("Expires soon", f"It expires in {left.days} days, on {day}.", renew)
    return good("Valid")


def _without_tls(public: bool) -> Verdict:
    if not public:
        return idle("No TLS", "The gateway is reached from this machine alone.")
    cause = "Keys and data of callers from other machines travel in the clear."
    return warn("No TLS", cause, "Set STUDIO_TLS_CERT and STUDIO_TLS_KEY, or let a proxy before it do TLS.")


def sandbox(*, boxed: bool, own_network: bool, reason: str, network_reason: str) -> Verdict:
    if not boxed:
        cause = f"Replicas run as the studio's user: a hostile model could read its database and keys. {reason}"
        return warn(
            "None", cause, "Install bubblewrap and restart the studio. Closed outbound networks are refused until then."
        )
    if not own_network:
        cause = f"Replicas with an open outbound network reach this machine's own services. {network_reason}"
        return warn("Without a network of their own", cause, "See to it, and restart the studio.")
    return good("Boxed in")


def traffic_log(
    *, read_at: datetime | None, behind_bytes: int, dropped_at: datetime | None, down: bool, now: datetime
) -> Verdict:
    if down:
        return bad("Not read", f"The program studio-traffic-log is down. {_WRITES_ON}", _start("traffic-log"))
    if read_at is not None and now - read_at > UNSEEN:
        cause = f"Nobody has read it since {read_at:%Y-%m-%d %H:%M} UTC. {_WRITES_ON}"
        return bad("Not read", cause, _start("traffic-log"))
    action = "Keep fewer requests of the busiest endpoints, or give it more CPU."
    if dropped_at is not None and now - dropped_at < timedelta(days=1):
        return warn(
            "Lines lost", f"Lines were lost on {dropped_at:%Y-%m-%d %H:%M} UTC: nobody read them in time.", action
        )
    if behind_bytes > 64 * MIB:
        return warn("Falls behind", f"{behind_bytes // MIB} MiB wait to be read.", action)
    return good("Keeps up") if read_at is not None else idle("Nothing yet", "No request was logged so far.")


_WRITES_ON = "The gateway goes on writing."


def telemetry(
    *, wanted: bool, taken: bool, told_at: datetime | None, down: bool, interval: timedelta, now: datetime
) -> Verdict:
    """`taken`: the receiver took what was sent last. `interval`: between two sendings."""
    if not wanted:
        return idle("Off", "STUDIO_OTLP_ENDPOINT is not set: nothing is sent.")
    if down:
        return bad("Not sent", "The program studio-telemetry is down.", _start("telemetry"))
    if told_at is None:
        return idle("Nothing yet", "Nothing was sent so far.")
    if now - told_at > max(UNSEEN, 3 * interval):
        return warn("Stands still", f"Nothing was sent since {told_at:%Y-%m-%d %H:%M} UTC.", _start("telemetry"))
    if not taken:
        cause = "The receiver does not take what is sent. What came meanwhile waits, in a bounded number."
        return warn(
            "Not taken",
            cause,
            "See whether STUDIO_OTLP_ENDPOINT and STUDIO_OTLP_HEADERS are right, and the receiver up.",
        )
    return good("Sends")


def backups(*, made_at: datetime | None, tried_at: datetime | None, now: datetime) -> Verdict:
    if made_at is None:
        return bad(
            "None", "Nothing could be brought back if this machine were lost.", "Run manage.py backup, by a timer."
        )
    if now - made_at > timedelta(days=2):
        return warn("Old", f"The last one was made on {made_at:%Y-%m-%d}.", "See why its timer does not run.")
    if tried_at is None or now - tried_at > timedelta(days=90):
        cause = "No backup was read back in the last 90 days."
        return warn("Not tried", cause, "Run manage.py restore FILE --check: it changes nothing.")
    return good("Recent")


def history(*, faults: int, verified_at: datetime | None, failing: int, now: datetime) -> Verdict:
    """The audit chain, and where it is forwarded to."""
    if faults:
        cause = f"The check found {faults} faults: events were changed or removed behind the studio's back."
        return bad(
            "Tampered with", cause, "Compare with a backup and with the forwarded lines, before anything else is done."
        )
    if failing:
        cause = "A receiver of the history does not take it. Events wait for it."
        return warn("Not forwarded", cause, "See the receiver, and STUDIO_AUDIT_FORWARD.")
    if verified_at is None:
        return idle("Not checked yet", "The chain is checked once a day.")
    if now - verified_at > UNVERIFIED:
        cause = f"The chain is checked once a day, but was not since {verified_at:%Y-%m-%d}."
        return warn("Not checked", cause, "See to the workers, which check it.")
    return good("Whole")
