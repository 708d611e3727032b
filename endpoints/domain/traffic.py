"""Traffic arithmetic (AML/how-to-safely-rollout-online-endpoints)."""

from collections.abc import Collection, Iterable, Mapping

from endpoints.domain.errors import Invalid

MOST_MIRRORED = 50  # percent: the same network carries request and copy


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


def checked_mirror(
    mirror: object, *, traffic: Mapping[str, int], deployments: Iterable[str], ready: Iterable[str]
) -> dict[str, int]:
    """Copies for one existing deployment that is ready and has no share of `traffic`, as checked by checked_traffic.

    {} for none; so is a percentage of 0. Raises Invalid.
    """
    known, able = set(deployments), set(ready)
    if not isinstance(mirror, Mapping):
        raise Invalid({MIRROR: "Mirrored traffic maps a deployment's name to a percentage."})
    if len(mirror) > 1:
        raise Invalid({MIRROR: "Copies go to exactly one deployment."})
    for name, percent in mirror.items():
        if problem := _mirror_problem(name, percent, traffic=traffic, known=known, able=able):
            raise Invalid({MIRROR: problem})
    return {name: percent for name, percent in mirror.items() if percent}


MIRROR = "mirror_traffic"


def _mirror_problem(
    name: object, percent: object, *, traffic: Mapping[str, int], known: Collection[str], able: Collection[str]
) -> str:
    if name not in known:
        return f"There is no deployment “{name}” here. There are: {_listed(known)}."
    if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= MOST_MIRRORED:
        return f"{name}: the share of copies must be a whole number from 0 to {MOST_MIRRORED}."
    if percent and name not in able:
        return (
            f"{name} is not ready or is scaled to zero, so it cannot take copies. Wait until it is ready, or wake it."
        )
    if percent and name in traffic:
        return f"{name} has live traffic. Copies go to a deployment that has none."
    return ""


def check_no_share_for_mirror(traffic: Mapping[str, int], mirror: Mapping[str, int]) -> None:
    """A mirror that stays as it is, under new shares. Raises Invalid."""
    for name in mirror:
        if name in traffic:
            raise Invalid(
                {
                    "traffic": f"{name} gets copies of the requests, so it cannot take live traffic. "
                    "Stop the mirror in the same change."
                }
            )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none yet"
