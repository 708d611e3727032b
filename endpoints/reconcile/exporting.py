"""What is sent to a receiver of OpenTelemetry: metrics, the traffic log, replicas' output, the spans of run().

What came while this ran is sent, from the newest on at the start. What a receiver does not take waits, in a bounded
number; what is over it is left out, and said. Nothing else waits for any of it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

from django.db import DatabaseError
from django.db.models import Max, Min
from django.utils import timezone

from endpoints import wiring
from endpoints.compute.port import ComputeError
from endpoints.domain.exported import LogRecord, RunSpan, request_of, run_span, severity_of, trace_of
from endpoints.enums import ReplicaState
from endpoints.models import DeploymentTotals, Replica, TrafficLogEntry
from endpoints.reconcile.probing import note
from endpoints.selectors.monitoring import metric_families
from endpoints.telemetry.port import TelemetryExport

logger = logging.getLogger(__name__)

AT_ONCE = 1000  # entries of the traffic log
PARTS = 20  # in one step
MOST_WAITING = 50_000
LOG_BYTES = 64 * 1024  # of one replica and step
ATTRIBUTES = {
    "http.request.method": "method",
    "url.path": "path",
    "http.response.status_code": "status",
    "http.request.body.size": "request_bytes",
    "http.response.body.size": "response_bytes",
    "user_agent.original": "user_agent",
    "studio.deployment": "deployment",
    "studio.model_status": "model_status",
    "studio.duration_ms": "total_ms",
    "studio.auth_mode": "auth_mode",
    "studio.caller": "caller",
    "studio.request_id": "x_request_id",
    "studio.client_request_id": "x_ms_client_request_id",
}


class Exporting:
    def __init__(self, export: TelemetryExport) -> None:
        self._export = export
        self._entry: int = TrafficLogEntry.objects.aggregate(last=Max("pk"))["last"] or 0
        self._logs: dict[str, int] = {}
        self._follow_logs()
        self._silent = False

    def step(self, *, now: datetime) -> bool:
        """Whether the receiver took all of it. It is told of when it begins and when it ends."""
        since = DeploymentTotals.objects.aggregate(first=Min("since"))["first"] or now
        taken = self._export.metrics(metric_families(), since=since, at=now)
        taken = taken and self._entries() and self._replicas(now)
        if taken == self._silent:
            logger.warning("The receiver of telemetry %s.", "answers again" if taken else "does not take what is sent")
        self._silent = not taken
        return taken

    def _entries(self) -> bool:
        newest = TrafficLogEntry.objects.aggregate(last=Max("pk"))["last"] or 0
        if newest - self._entry > MOST_WAITING:
            logger.warning("%d requests of the traffic log are not sent.", newest - MOST_WAITING - self._entry)
            self._entry = newest - MOST_WAITING
        for _ in range(PARTS):
            rows = list(
                TrafficLogEntry.objects.filter(pk__gt=self._entry).select_related("endpoint").order_by("pk")[:AT_ONCE]
            )
            if not rows:
                break
            if not (self._export.logs(map(_record, rows)) and self._export.spans(_spans(rows))):
                return False
            self._entry = rows[-1].pk
        return True

    def _replicas(self, now: datetime) -> bool:
        """A replica that is new is read from its beginning, those that were there from where they were."""
        found = {row.pk: row for row in _running()}
        self._logs = {pk: self._logs.get(pk, 0) for pk in found}
        for pk, offset in self._logs.items():
            try:
                chunk = wiring.compute().read_log(pk, start=offset, limit=LOG_BYTES)
            except ComputeError:
                continue
            if not self._export.logs(_line(found[pk], line, now) for line in chunk.lines):
                return False
            self._logs[pk] = chunk.end
        return True

    def _follow_logs(self) -> None:
        for row in _running():
            try:
                self._logs[row.pk] = wiring.compute().read_log(row.pk, limit=1).size
            except ComputeError:
                continue


def _running() -> list[Replica]:
    rows = Replica.objects.exclude(state=ReplicaState.STOPPED)
    return list(rows.select_related("deployment__endpoint__workspace"))


def _record(row: TrafficLogEntry) -> LogRecord:
    told = {name: getattr(row, field) for name, field in ATTRIBUTES.items()}
    known = {name: value for name, value in told.items() if value not in (None, "")}
    return LogRecord(
        at=row.at,
        body=f"{row.method} {row.path} {row.status}",
        severity="ERROR" if row.status >= 500 or row.status == 424 else "WARN" if row.status >= 400 else "INFO",
        trace=trace_of(row.traceparent),
        attributes={"studio.log": "traffic", "studio.endpoint": row.endpoint.name, **known},
    )


def _spans(rows: list[TrafficLogEntry]) -> Iterator[RunSpan]:
    for row in rows:
        span = run_span(
            traceparent=row.traceparent,
            at=row.at,
            response_ms=row.response_ms,
            model_ms=row.model_ms,
            request_id=row.x_request_id,
            failed=row.status >= 500 or row.status == 424,
            attributes={
                "studio.endpoint": row.endpoint.name,
                "studio.deployment": row.deployment,
                "studio.request_id": row.x_request_id,
            },
        )
        if span is not None:
            yield span


def _line(replica: Replica, line: str, now: datetime) -> LogRecord:
    """A line begins with its time, where it is one of ours."""
    text, _, rest = line.partition(" ")
    try:
        at, body = datetime.fromisoformat(text), rest
    except ValueError:
        at, body = now, line
    deployment = replica.deployment
    told = {"studio.request_id": request_id} if (request_id := request_of(line)) else {}
    return LogRecord(
        at=at if at.tzinfo else now,
        body=body,
        severity=severity_of(body),
        attributes={
            "studio.log": "inference-server",
            "studio.workspace": deployment.endpoint.workspace.name,
            "studio.endpoint": deployment.endpoint.name,
            "studio.deployment": deployment.name,
            "studio.replica": replica.ordinal,
            **told,
        },
    )


def run(*, interval: int, wait: Callable[[float], bool]) -> None:
    """Sends until `wait` (seconds) tells to stop. No failure ends it."""
    exporting: Exporting | None = None
    while not wait(interval):
        try:
            exporting = exporting or Exporting(wiring.telemetry_export())
            note("telemetry", {"taken": exporting.step(now=timezone.now())})
        except DatabaseError as error:
            logger.warning("The database does not answer: %s", error)
        except Exception:
            logger.exception("Telemetry could not be sent; the next try goes on.")
