"""Traffic arithmetic (AML/how-to-safely-rollout-online-endpoints)."""

from collections.abc import Iterable, Mapping

from endpoints.domain.errors import Invalid


def checked_traffic(traffic: object, *, deployments: Iterable[str], ready: Iterable[str]) -> dict[str, int]:
    """Whole percentages of existing deployments that sum to 0 or 100; those over 0 must be ready.

    Returns them without the zeros. Raises Invalid.
    """
    known, able = set(deployments), set(ready)
    if not isinstance(traffic, Mapping):
        raise Invalid({"traffic": "Traffic maps a deployment's name to its percentage."})
    for name, percent in traffic.items():
        _check_share(name, percent, known=known, able=able)
    total = sum(traffic.values())
    if total not in (0, 100):
        raise Invalid({"traffic": f"The percentages sum to {total}; they must sum to 100, or to 0 for offline."})
    return {name: percent for name, percent in traffic.items() if percent}


def _check_share(name: object, percent: object, *, known: set[str], able: set[str]) -> None:
    if name not in known:
        raise Invalid({"traffic": f"There is no deployment “{name}” here. There are: {_listed(known)}."})
    if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= 100:
        raise Invalid({"traffic": f"{name}: the share must be a whole number from 0 to 100."})
    if percent and name not in able:
        raise Invalid({"traffic": f"{name} is not ready, so it cannot take traffic. Wait until it is, or mend it."})


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none yet"
