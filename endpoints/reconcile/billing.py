"""Usage: which time of which replica is billed, and what else is metered."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID, uuid4

from endpoints.domain.actor import SYSTEM
from endpoints.domain.meters import UNITS, PriceList, microseconds, shared
from endpoints.domain.pricing import Holding, Slice, extended, priced
from endpoints.enums import Meter, OperationState, Phase, PhaseState, ReplicaState, UsagePhase
from endpoints.models import InstanceType, Operation, Replica, Usage
from endpoints.models.upserts import Values, upsert
from endpoints.selectors.prices import Prices, all_prices
from endpoints.services import events

FREE = PriceList()
KEYS = ("replica_id", "started_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """The newest slice of a replica, and whether it held resources when it was looked at last."""

    last: Slice
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """What is seen to hold an instance now: a replica, or a build of its environment."""

    id: str
    deployment_id: UUID
    holding: Holding
    prices: PriceList


def bill(replicas: Iterable[Replica], known: Mapping[str, Billed], *, now: datetime) -> dict[str, Billed]:
    """Writes the slices of what holds resources, with one query; what to know of them next time."""
    prices = all_prices()
    follow_prices(prices, now=now)
    billed = {replica: Billed(last=before.last, held=False) for replica, before in known.items()}
    rows: list[Values] = []
    for holder in (*_replicas(replicas, prices), *_builds()):
        before = known.get(holder.id)
        slices = extended(
            before.last if before else None,
            held=before.held if before else False,
            holding=holder.holding,
            prices=holder.prices,
            now=now,
        )
        rows += [_usage(holder, each) for each in slices]
        if last := slices[-1] if slices else before.last if before else None:
            billed[holder.id] = Billed(last=last, held=True)
    upsert(Usage, rows, keys=KEYS, update=["ended_at"])
    return billed


def follow_prices(prices: Prices, *, now: datetime) -> None:
    """What an instance type says it costs is what it costs now. Told once, when a price with a date begins to hold."""
    for row in InstanceType.objects.all():
        before, after = Decimal(row.price_per_hour), prices.of_instances(row).at(now)
        if before != after and InstanceType.objects.filter(pk=row.pk, price_per_hour=before).update(
            price_per_hour=after
        ):
            events.record(
                actor=SYSTEM,
                verb="price.in_force",
                subject=f"{Meter.ONLINE.label} {row.name}",
                before={"unit_price": f"{before:f}"},
                after={"unit_price": f"{after:f}"},
            )


def _replicas(replicas: Iterable[Replica], prices: Prices) -> Iterator[Holder]:
    for replica in replicas:
        if replica.started_at is not None and replica.instance_type is not None:
            holding = Holding(
                instance_type=replica.instance_type.name, phase=phase_of(replica), started_at=replica.started_at
            )
            yield Holder(
                id=replica.pk,
                deployment_id=replica.deployment_id,
                holding=holding,
                prices=prices.of_instances(replica.instance_type),
            )


def _builds() -> Iterator[Holder]:
    """Deployments that wait for their environment: counted, and free. No instance is held for them yet."""
    running = Operation.objects.filter(state=OperationState.RUNNING).select_related("deployment__instance_type")
    for operation in running:
        for phase in operation.phases:
            if (phase["name"], phase["state"]) == (Phase.ENVIRONMENT, PhaseState.RUNNING) and phase["started_at"]:
                holding = Holding(
                    instance_type=operation.deployment.instance_type.name,
                    phase=UsagePhase.BUILDING,
                    started_at=datetime.fromisoformat(phase["started_at"]),
                )
                yield Holder(
                    id=f"build-{operation.pk.hex}",
                    deployment_id=operation.deployment_id,
                    holding=holding,
                    prices=FREE,
                )


def phase_of(replica: Replica) -> UsagePhase:
    if replica.stopping_at is not None or replica.state == ReplicaState.DRAINING:
        return UsagePhase.DRAINING
    if replica.state in (ReplicaState.READY, ReplicaState.UNREADY):
        return UsagePhase.RUNNING
    return UsagePhase.STARTING


def _usage(holder: Holder, billed: Slice) -> Values:
    return {
        "id": uuid4(),
        "deployment_id": holder.deployment_id,
        "meter": Meter.ONLINE,
        "replica_id": holder.id,
        "instance_type": billed.terms.instance_type,
        "phase": billed.terms.phase,
        "job": "",
        "unit_price": billed.terms.unit_price,
        "started_at": billed.started_at,
        "ended_at": billed.ended_at,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a job's instance, or a standard endpoint, used in [started_at, ended_at). `source` names which, in up to 40
    characters: with meter and `started_at` it is what a row is known by. `quantity` is of what is counted; of time it
    is the interval's."""

    deployment_id: UUID
    meter: Meter
    source: str
    item: str  # the instance type, or the model
    started_at: datetime
    ended_at: datetime
    quantity: int | None = None
    job: str = ""

    def __post_init__(self) -> None:
        if self.quantity and self.started_at >= self.ended_at:
            raise ValueError(f"{self.quantity} of {self.meter} by {self.source} within no time.")


def meter_usage(measured: Iterable[Measured]) -> None:
    """At the prices of its time, cut at hours and at changes of price. Telling the same again changes nothing."""
    prices = all_prices()
    rows = [row for each in measured for row in _metered(each, prices.of(each.meter, each.item))]
    upsert(Usage, rows, keys=KEYS, update=["ended_at", "quantity"])


def _metered(measured: Measured, prices: PriceList) -> list[Values]:
    pieces = priced(measured.started_at, measured.ended_at, prices)
    quantities: list[int] | list[None] = [None] * len(pieces)
    if not UNITS[measured.meter].by_time and pieces:
        quantities = shared(measured.quantity or 0, (microseconds(end - begin) for begin, end, _ in pieces))
    return [
        {
            "id": uuid4(),
            "deployment_id": measured.deployment_id,
            "meter": measured.meter,
            "replica_id": f"{measured.meter}:{measured.source}",
            "instance_type": measured.item,
            "phase": UsagePhase.RUNNING,
            "job": measured.job,
            "unit_price": unit_price,
            "quantity": quantity,
            "started_at": begin,
            "ended_at": end,
        }
        for (begin, end, unit_price), quantity in zip(pieces, quantities, strict=True)
    ]
