"""Counters and histograms in Prometheus' text format: too few to bring its client into a user's environment."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
_LABELS = (*map(str, _BOUNDS), "+Inf")


class Histogram:
    """Of durations in seconds."""

    def __init__(self, name: str, help_text: str) -> None:
        self._name = name
        self._help = help_text
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    def lines(self) -> Iterable[str]:
        yield from _head(self._name, "histogram", self._help)
        total = 0
        for index, count in enumerate(self._counts):
            total += count
            yield f'{self._name}_bucket{{le="{_LABELS[index]}"}} {total}'
        yield f"{self._name}_sum {self._sum:.6f}"
        yield f"{self._name}_count {total}"


class Metrics:
    """Of one front process. The pool's own numbers are given when they are read."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, int]] = Counter()
        self._duration = Histogram("studio_request_duration_seconds", "From the request's head to the answer.")
        self._model = Histogram("studio_model_duration_seconds", "Spent in run().")

    def observe(self, route: str, status: int, seconds: float, model_ms: float | None) -> None:
        """`route` must be one of a known few; it becomes a label."""
        self._requests[route, status] += 1
        self._duration.observe(seconds)
        if model_ms is not None:
            self._model.observe(model_ms / 1000)

    def render(self, gauges: dict[str, int], restarts: Counter[str]) -> str:
        lines = list(_head("studio_requests_total", "counter", "Answers, by route and status."))
        for (route, status), count in sorted(self._requests.items()):
            lines.append(f'studio_requests_total{{route="{route}",code="{status}"}} {count}')
        lines += _head("studio_worker_restarts_total", "counter", "Workers replaced, by reason.")
        for reason in ("crash", "load", "timeout"):
            lines.append(f'studio_worker_restarts_total{{reason="{reason}"}} {restarts[reason]}')
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value}"]
        return "\n".join([*lines, *self._duration.lines(), *self._model.lines(), ""])


def _head(name: str, kind: str, help_text: str) -> tuple[str, str]:
    return f"# HELP {name} {help_text}", f"# TYPE {name} {kind}"
