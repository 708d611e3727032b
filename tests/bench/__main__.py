"""`make bench`: the figures, each beside its baseline. `python -m tests.bench gateway studio` runs these parts only."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.bench import gateway, mirror, rollouts, servers, storage, studio, telemetry, tokens, traffic_log, waking

PARTS: dict[str, Callable[[], Sequence[Mapping[str, Any]]]] = {
    "gateway": gateway.run,
    "mirror": mirror.run,
    "rollouts": rollouts.run,
    "servers": servers.run,
    "storage": storage.run,
    "studio": studio.run,
    "telemetry": telemetry.run,
    "tokens": tokens.run,
    "traffic log": traffic_log.run,
    "waking": waking.run,
}


def main(names: list[str]) -> None:
    for name in names or list(PARTS):
        print(f"\n{name}", flush=True)
        table(PARTS[name]())


def table(rows: Sequence[Mapping[str, Any]]) -> None:
    columns = list(rows[0])
    cells = [[str(row[column]) for column in columns] for row in rows]
    widths = [max(len(row[number]) for row in [columns, *cells]) for number in range(len(columns))]
    for row in [columns, *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(sys.argv[1:])
