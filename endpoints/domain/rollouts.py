"""How fast a rollout goes, and how long it may stand still."""

import math
import re
from collections.abc import Mapping

MAX_SURGE = 50
SHORTEST_DEADLINE, LONGEST_DEADLINE = 10, 86_400  # seconds
START_SECONDS = 60  # to start and to be confirmed, beside what the probes allow
PULL_SECONDS = 1800  # for the image of a container
_SURGE = re.compile(r"([1-9][0-9]{0,2})(%?)")


def surge_of(text: str, count: int) -> int:
    """How many replicas may run beyond `count`: "2" is two, "25%" a quarter of them, at least one.

    Raises ValueError with a sentence for people.
    """
    found = _SURGE.fullmatch(text)
    number, percent = (int(found.group(1)), bool(found.group(2))) if found else (0, False)
    if not 1 <= number <= (100 if percent else MAX_SURGE):
        raise ValueError(f"A count from 1 to {MAX_SURGE}, or a share of the replicas from 1% to 100%.")
    return max(1, math.ceil(count * number / 100)) if percent else number


def surge_fault(text: object) -> str:
    """What is wrong with it, if anything."""
    try:
        surge_of(str(text), 1)
    except ValueError as error:
        return str(error)
    return ""


def deadline_fault(seconds: object) -> str:
    whole = isinstance(seconds, int) and not isinstance(seconds, bool)
    if seconds is None or (whole and SHORTEST_DEADLINE <= int(str(seconds)) <= LONGEST_DEADLINE):
        return ""
    return f"A whole number from {SHORTEST_DEADLINE} to {LONGEST_DEADLINE} seconds, or nothing: as the probes allow."


def default_deadline(*probes: Mapping[str, float], pulls: bool = False) -> float:
    """Seconds that a step may take where nobody said: what the most patient probe gives, and some to start in."""
    longest = max(p["initial_delay"] + (p["period"] + p["timeout"]) * p["failure_threshold"] for p in probes)
    return longest + START_SECONDS + (PULL_SECONDS if pulls else 0)
