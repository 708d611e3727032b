"""The whole studio, as `make run` starts it: from Apply to in force, and from “create deployment” to a first answer."""

import asyncio
import statistics
import threading
import time
from typing import Any

import httpx

from tests.bench.gateway import Row, row
from tests.bench.load import LoadResult, load
from tests.e2e.running import RunningStudio, running, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, settled

ROUNDS = 5
LIMITS: dict[str, Any] = {"request_settings": {"max_concurrent_requests_per_instance": 20}}


def run() -> list[Row]:
    """Medians of five rounds."""
    with running() as studio:
        key = deploy(studio, "bench", "one", all_traffic=True, **LIMITS)
        settled(studio, "bench", "one")
        deploy(studio, "bench", "two", **LIMITS)
        settled(studio, "bench", "two")
        wait_for(lambda: live_traffic(studio, "bench") == {"one": 100})
        return [*_shift(studio, key), _create(studio, key)]


def _shift(studio: RunningStudio, key: str) -> list[Row]:
    results: list[LoadResult] = []
    sending = threading.Thread(target=lambda: results.append(asyncio.run(_load(studio, key))))
    sending.start()
    took = []
    for share in (10, 30, 50, 70, 90):
        wanted = {"one": 100 - share, "two": share}
        began = time.perf_counter()
        api(studio, "PUT", "endpoints/bench/traffic/", json={"traffic": wanted})
        wait_for(lambda: live_traffic(studio, "bench") == wanted)  # noqa: B023 - waited for at once
        took.append((time.perf_counter() - began) * 1000)
    sending.join()
    return [
        row("Apply to new weights confirmed, under load", round(statistics.median(took), 1), "ms", "–"),
        row("failed requests while weights change", results[0].failures, f"of {results[0].requests}", "0"),
    ]


async def _load(studio: RunningStudio, key: str) -> LoadResult:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return await load(studio.gateway_url, path="/bench/score", body=b"{}", headers=headers, concurrency=4, seconds=8)


def _create(studio: RunningStudio, key: str) -> Row:
    """With the environment cached: the same specification was built before."""
    took = []
    for number in range(ROUNDS):
        began = time.perf_counter()
        name = f"new-{number}"
        deploy(studio, "bench", name, **LIMITS)
        pinned = {"authorization": f"Bearer {key}", "azureml-model-deployment": name}
        url = f"{studio.gateway_url}/bench/score"
        wait_for(lambda: httpx.post(url, content="{}", headers=pinned).status_code == 200)  # noqa: B023
        took.append(time.perf_counter() - began)
        api(studio, "DELETE", f"endpoints/bench/deployments/{name}/")
    return row("create deployment to first answer, environment cached", round(statistics.median(took), 2), "s", "3")
