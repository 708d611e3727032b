"""A studio whose collector is looked at pass by pass."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from endpoints.domain.rollups import SampleValues, aligned, merged
from endpoints.models import Deployment, Replica, Usage
from endpoints.reconcile.collector import collect
from endpoints.selectors.samples import NEVER, measured
from endpoints.telemetry.fake import FakeGatewayStatistics, FakeProcesses
from tests.factories import DeploymentFactory, InstanceTypeFactory

START = datetime(2026, 3, 15, 12, 0, 0, tzinfo=UTC)


@dataclass
class Studio:
    """One deployment with two replicas since START, and a clock that moves by passes."""

    gateway: FakeGatewayStatistics
    processes: FakeProcesses
    clock: Any
    deployment: Deployment = field(init=False)

    def __post_init__(self) -> None:
        size = InstanceTypeFactory(price_per_hour=Decimal("0.0600"))
        self.deployment = DeploymentFactory(instance_type=size, instance_count=2, replicas=2)
        Replica.objects.filter(ordinal=1).update(pid=4322)

    def later(self, seconds: float = 10) -> datetime:
        self.clock.shift(timedelta(seconds=seconds))
        return datetime.now(UTC)

    def requests(self, **counts: int) -> None:
        self.gateway.add(self.deployment.cluster, **counts)

    def collect(self, seconds: float = 10, *, interval: int = 10) -> None:
        self.later(seconds)
        assert collect(interval=interval)

    def counted(self, resolution: int) -> list[tuple[datetime, int]]:
        """As it is read: what has not been rolled up yet comes from shorter intervals."""
        found: dict[datetime, int] = {}
        for _, at, values in measured([self.deployment.pk], resolution=resolution, start=NEVER):
            start = aligned(at, resolution)
            found[start] = found.get(start, 0) + values.requests
        return sorted(found.items())

    def total(self, resolution: int) -> int:
        return sum(requests for _, requests in self.counted(resolution))

    def values(self, resolution: int = 10) -> Any:
        rows = measured([self.deployment.pk], resolution=resolution, start=NEVER)
        parts: dict[datetime, list[SampleValues]] = {}
        for _, at, values in rows:
            parts.setdefault(aligned(at, resolution), []).append(values)
        return merged(parts[max(parts)])

    def billed(self) -> timedelta:
        return sum((row.ended_at - row.started_at for row in Usage.objects.all()), timedelta())


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)
