"""How values lie in a row: columns for what lists sum, and bytes for the rest, a third of the same as JSON.

A latency histogram is a run of (place of the bucket, count); runs that are put one behind the other are their sum.
Everything else is a run of places and one of numbers, the small ones in fewer bytes. Zeros are not kept.
"""

import struct
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from endpoints.domain.buckets import LATENCY_BOUNDS_MS, Latency
from endpoints.domain.rollups import COUNTED, GAUGES, Gauge, SampleValues, merged

COLUMNS = ("covered_ms", "latency", "mirror_latency", "more")  # what unpacked() takes, in its order
Row = tuple[int, bytes, bytes, bytes]  # of these

_PAIR = struct.Struct("<HI")
_MOST = 2**32 - 1
_BUCKETS = {bound: place for place, bound in enumerate(LATENCY_BOUNDS_MS)}
# Places of numbers: 0 to 95 of COUNTED, 96 and 97 of CPU, then four of each gauge.
_COUNTS = {name: place for place, name in enumerate(COUNTED)}
_CPU, _CPU_COVERED, _FIRST_GAUGE = 96, 97, 100
_GAUGES = {name: _FIRST_GAUGE + 4 * place for place, name in enumerate(GAUGES)}
# How the numbers of a place become one, where that is not their sum: the lowest and the highest of each gauge.
_MERGE = {place + 2: min for place in _GAUGES.values()} | {place + 3: max for place in _GAUGES.values()}


def columns(values: SampleValues) -> dict[str, Any]:
    """The fields of a Sample's row that hold the values."""
    return {
        "requests": values.requests,
        "errors": values.errors,
        "in_flight": values.active.high if values.active else 0,
        "covered_ms": values.covered_ms,
        "latency": pack_latency(values.latency),
        "mirror_latency": pack_latency(values.mirror_latency),
        "more": _packed(_numbers(values)),
    }


def unpacked(covered_ms: int, latency: bytes, mirror_latency: bytes, more: bytes) -> SampleValues:
    head = more[: _start(more)] if more else b"\0\0\0"
    return _values(
        head,
        _layout(*head[:3]).unpack_from(more, len(head)) if more else (),
        covered_ms=covered_ms,
        latency=unpack_latency(latency),
        mirror_latency=unpack_latency(mirror_latency) if mirror_latency else {},
    )


def merged_rows(rows: Sequence[Row]) -> SampleValues:
    """What merged() makes of the rows once they are unpacked, in a tenth of the time: rows that hold the same places
    are summed place by place."""
    alike: dict[bytes, list[bytes]] = {}
    for _, _, _, more in rows:
        if more:
            alike.setdefault(more[: _start(more)], []).append(more)
    whole = SampleValues(
        covered_ms=sum(row[0] for row in rows),
        latency=unpack_latency(*(row[1] for row in rows)),
        mirror_latency=unpack_latency(*(row[2] for row in rows)),
    )
    return merged((whole, *(_values(head, _together(head, found)) for head, found in alike.items())))


def _together(head: bytes, alike: Sequence[bytes]) -> list[int]:
    layout, start = _layout(*head[:3]), len(head)
    columns = zip(*(layout.unpack_from(more, start) for more in alike), strict=True)
    return [_MERGE.get(place, sum)(column) for place, column in zip(head[3:], columns, strict=True)]


def _values(head: bytes, numbers: Sequence[int], **rest: Any) -> SampleValues:
    """`numbers` in the order of the places."""
    plan = _plan(head)
    padded = (*numbers, 0)  # at the end, where what is missing points to
    gauges: dict[str, Any] = {
        name: Gauge(count=padded[count], total=padded[total], low=padded[low], high=padded[high])
        for name, (count, total, low, high) in plan.gauges
    }
    return SampleValues(
        counts={name: padded[index] for name, index in plan.counts},
        cpu_ms=padded[plan.cpu],
        cpu_covered_ms=padded[plan.cpu_covered],
        **gauges,
        **rest,
    )


class _Plan(NamedTuple):
    """Where each value lies among the numbers of rows that hold the same places."""

    counts: list[tuple[str, int]]
    cpu: int
    cpu_covered: int
    gauges: list[tuple[str, tuple[int, int, int, int]]]


@lru_cache(maxsize=4096)
def _plan(head: bytes) -> _Plan:
    index = {place: number for number, place in enumerate(head[3:])}

    def at(place: int) -> int:
        return index.get(place, len(index))

    return _Plan(
        counts=[(COUNTED[place], number) for place, number in index.items() if place < _CPU],
        cpu=at(_CPU),
        cpu_covered=at(_CPU_COVERED),
        gauges=[
            (name, (at(place), at(place + 1), at(place + 2), at(place + 3)))
            for name, place in _GAUGES.items()
            if place in index
        ],
    )


def pack_latency(latency: Latency) -> bytes:
    """Bounds of another table find their nearest place in this one."""
    return b"".join(_PAIR.pack(_bucket(bound), min(count, _MOST)) for bound, count in latency.items() if count)


def unpack_latency(*packed: bytes) -> dict[int, int]:
    """Of several intervals together, too."""
    found: dict[int, int] = {}
    for place, count in _PAIR.iter_unpack(b"".join(packed)):
        bound = LATENCY_BOUNDS_MS[place]
        found[bound] = found.get(bound, 0) + count
    return found


def _bucket(bound: int) -> int:
    place = _BUCKETS.get(bound)
    return min(bisect_left(LATENCY_BOUNDS_MS, bound), len(LATENCY_BOUNDS_MS) - 1) if place is None else place


def _numbers(values: SampleValues) -> dict[int, int]:
    numbers = {_COUNTS[name]: value for name, value in values.counts.items() if value}
    numbers |= {_CPU: values.cpu_ms, _CPU_COVERED: values.cpu_covered_ms}
    for name, place in _GAUGES.items():
        gauge: Gauge | None = getattr(values, name)
        if gauge:
            parts = (gauge.count, gauge.total, gauge.low, gauge.high)
            numbers |= {place + offset: part for offset, part in enumerate(parts) if part}
    return {place: value for place, value in numbers.items() if value}


def _packed(numbers: Mapping[int, int]) -> bytes:
    """How many take two, four and eight bytes; their places; the numbers."""
    by_width: tuple[list[int], list[int], list[int]] = ([], [], [])
    for place, value in numbers.items():
        by_width[0 if value < 2**16 else 1 if value < 2**32 else 2].append(place)
    places = [place for each in by_width for place in each]
    widths = tuple(map(len, by_width))
    return bytes((*widths, *places)) + _layout(*widths).pack(*(numbers[place] for place in places))


def _start(packed: bytes) -> int:
    """Of the numbers: behind the widths and the places."""
    return 3 + sum(packed[:3])


@lru_cache(maxsize=4096)
def _layout(small: int, middle: int, large: int) -> struct.Struct:
    return struct.Struct(f"<{small}H{middle}I{large}Q")
