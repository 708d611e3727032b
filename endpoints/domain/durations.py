"""ISO 8601 durations as Azure writes them (PT5M, P1D), and in words."""

import re
from datetime import timedelta

_PATTERN = re.compile(r"P(?:(\d{1,5})D)?(?:T(?=\d)(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?")
_WORDS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def parse_duration(text: str) -> timedelta:
    """Days, hours, minutes and whole seconds. Raises ValueError."""
    found = _PATTERN.fullmatch(text.strip())
    if found is None or not any(found.groups()):
        raise ValueError(f"“{text[:40]}” is no duration. Write PT30S, PT5M, PT1H or P1D.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def iso_duration(length: timedelta) -> str:
    """The shortest text of whole seconds: PT5M, PT1H30M, P7D."""
    days, rest = divmod(int(length.total_seconds()), 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    time = "".join(f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if value)
    date = f"{days}D" if days else ""
    return f"P{date}{'T' + time if time else ''}" if date or time else "PT0S"


def told(length: timedelta) -> str:
    """60 s, 5 min, 2 h, 7 d: in the largest unit that needs no fraction; a minute is 60 s."""
    seconds = int(length.total_seconds())
    unit, size = next((each for each in _WORDS if seconds > each[1] and seconds % each[1] == 0), _WORDS[-1])
    return f"{seconds // size} {unit}"
