"""What deployments take of a quota, and whether more fits: Azure's arithmetic, with its reserve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

RESOURCES = {
    "vcpu": "vCPU",
    "memory_mib": "memory",
    "gpu": "GPU",
    "endpoints": "endpoints",
    "deployments": "deployments",
}
OF_INSTANCES = ("vcpu", "memory_mib", "gpu")
LARGEST = 10**9

Amounts = Mapping[str, Decimal]  # by name of RESOURCES; what is missing is zero


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of one instance."""

    vcpu: Decimal
    memory_mib: int
    gpu: int = 0
    price_per_hour: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of a deployment is specified, serves, and was seen to hold resources."""

    count: int
    size: Size
    serving_count: int = 0
    serving_size: Size | None = None  # of another generation, where one serves
    surge: int = 0
    moving: bool = False  # an operation brings it towards what is specified
    settled: bool = True  # what is specified serves; after a failure, what served before goes on
    zero: bool = False  # it is scaled to zero, stopped or being deleted: only what still runs counts
    held: Mapping[Size, int] = field(default_factory=dict)  # instances that have not ended yet


def with_reserve(instances: int, percent: int) -> int:
    """Azure keeps a fifth more for upgrades: ceil(1.2 x instances)."""
    return -(-instances * (100 + percent) // 100)


def of_instances(parts: Mapping[Size, int]) -> dict[str, Decimal]:
    return {
        name: sum((Decimal(getattr(size, name)) * n for size, n in parts.items()), Decimal(0)) for name in OF_INSTANCES
    }


def together(parts: Iterable[Amounts]) -> dict[str, Decimal]:
    sums = dict.fromkeys(RESOURCES, Decimal(0))
    for part in parts:
        for name, amount in part.items():
            sums[name] += amount
    return sums


def taken(standing: Standing, percent: int) -> dict[str, Decimal]:
    """Never less than what runs: what was taken is free again once the instances have ended, not when that is asked."""
    wanted = [of_instances(standing.held)]
    if not standing.zero:
        wanted.append(of_instances({size: with_reserve(count, percent) for size, count in _kept(standing).items()}))
        if standing.moving and standing.serving_size is not None:
            wanted.append(_at_once(standing))
    return {name: max(part[name] for part in wanted) for name in OF_INSTANCES} | {"deployments": Decimal(1)}


def _kept(standing: Standing) -> dict[Size, int]:
    """What there will be when nothing moves any more."""
    serving = standing.serving_size or standing.size
    if not standing.moving and not standing.settled:
        return {serving: standing.serving_count}
    if standing.serving_size is None:
        return {standing.size: max(standing.count, standing.serving_count if standing.moving else 0)}
    return {standing.size: standing.count}


def _at_once(standing: Standing) -> dict[str, Decimal]:
    """The most that an update runs at a time: old ones, new ones, and no more beyond them than the surge."""
    assert standing.serving_size is not None
    new, old = (standing.size, standing.count), (standing.serving_size, standing.serving_count)
    room = max(standing.count, standing.serving_count) + standing.surge
    return {name: _most(name, room, new, old) for name in OF_INSTANCES}


def _most(name: str, room: int, *groups: tuple[Size, int]) -> Decimal:
    amount = Decimal(0)
    for size, count in sorted(groups, key=lambda group: -Decimal(getattr(group[0], name))):
        running = min(count, room)
        amount, room = amount + Decimal(getattr(size, name)) * running, room - running
    return amount


def per_hour(standing: Standing) -> Decimal:
    """What it costs from now on, by the hour. The reserve is not billed."""
    now = sum((size.price_per_hour * count for size, count in standing.held.items()), Decimal(0))
    if standing.zero:
        return now
    wanted = sum((size.price_per_hour * count for size, count in _kept(standing).items()), Decimal(0))
    return max(now, wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The arithmetic of one resource under one limit."""

    resource: str
    scope: str  # for people: workspace “research”, or the site
    limit: Decimal
    in_use: Decimal  # by everything else
    asked: Decimal  # by the instances themselves
    reserve: Decimal = Decimal(0)  # kept for upgrades, beside what is asked
    grows: bool = True  # it takes more than before

    @property
    def needed(self) -> Decimal:
        return self.asked + self.reserve

    @property
    def left(self) -> Decimal:
        """Afterwards; less than zero where it does not fit."""
        return self.limit - self.in_use - self.needed

    @property
    def fits(self) -> bool:
        """A limit may be lower than what is in use: then nothing stops, and nothing grows."""
        return self.left >= 0 or not self.grows

    @property
    def label(self) -> str:
        return RESOURCES[self.resource]

    def told(self) -> str:
        """The arithmetic as a sentence."""
        name = self.resource
        kept = f" and {amount(name, self.reserve)} of reserve" if self.reserve else ""
        rest = max(Decimal(0), self.limit - self.in_use)
        return (
            f"{self.label} of {self.scope}: {amount(name, self.asked)} asked for{kept} "
            f"make {amount(name, self.needed)}; {amount(name, self.in_use)} of {amount(name, self.limit)} are in use, "
            f"{amount(name, rest)} are left."
        )


def heading(resource: str) -> str:
    """Its label where nothing stands before it."""
    label = RESOURCES[resource]
    return label if resource == "vcpu" else label[0].upper() + label[1:]


def amount(resource: str, value: Decimal | int) -> str:
    """For people."""
    if resource == "memory_mib":
        return f"{_plain(Decimal(value) / 1024)} GiB"
    return _plain(Decimal(value))


def _plain(value: Decimal) -> str:
    return f"{round(value, 2).normalize():f}"


def instances_told(instances: int, size: Size, percent: int) -> str:
    """Such as: 10 instances of 4 vCPU with a reserve of 20 %: ceil(1.2 x 10) x 4 = 48."""
    factor, kept = _plain(Decimal(100 + percent) / 100), with_reserve(instances, percent)
    many = "instance" if instances == 1 else "instances"
    return (
        f"{instances} {many} of {_plain(size.vcpu)} vCPU with a reserve of {percent} %: "
        f"ceil({factor} × {instances}) × {_plain(size.vcpu)} = {_plain(kept * size.vcpu)}."
    )


def limit_faults(limits: Mapping[str, Decimal | int | None]) -> dict[str, str]:
    """By name, what is wrong with it. None is no limit."""
    problems = {}
    for name, value in limits.items():
        if name not in RESOURCES:
            problems[name] = f"There is no such quota. There are: {', '.join(RESOURCES)}."
        elif value is not None and not 0 <= value <= LARGEST:
            problems[name] = f"From 0 to {LARGEST:,}, or nothing for no limit."
    return problems
