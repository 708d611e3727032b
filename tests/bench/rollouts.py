"""Updates in place and scaling under load: how long they take, and how many requests fail of it, which is none."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.bench.gateway import Row, row
from tests.bench.load import LoadResult, load
from tests.e2e.running import RunningStudio, running, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, look, replicas, settled

REPLICAS, MANY = 4, 8
SLICE_SECONDS = 1.0
CONCURRENCY = 4
PATH = "endpoints/rolling/deployments/one/"
LIMITS: dict[str, Any] = {"request_settings": {"max_concurrent_requests_per_instance": 20}}


@dataclass
class Calls:
    requests: int = 0
    failures: int = 0

    def add(self, result: LoadResult) -> None:
        self.requests += result.requests
        self.failures += result.failures


def run() -> list[Row]:
    """Four replicas; each change is over when nothing of the old is left."""
    with running() as studio:
        key = deploy(studio, "rolling", "one", all_traffic=True, instance_count=REPLICAS, **LIMITS)
        settled(studio, "rolling", "one")
        wait_for(lambda: live_traffic(studio, "rolling") == {"one": 100})
        changes: list[tuple[str, dict[str, Any]]] = [
            (f"rolling update of {REPLICAS} replicas, one at a time", {"environment_variables": {"N": "1"}}),
            (f"rolling update of {REPLICAS} replicas, all at once", {"max_surge": "100%", **_variable("2")}),
            (f"scale out from {REPLICAS} to {MANY} replicas", {"instance_count": MANY}),
            (f"scale in from {MANY} to {REPLICAS} replicas", {"instance_count": REPLICAS}),
        ]
        return [each for what, body in changes for each in _change(studio, key, what, body)]


def _variable(value: str) -> dict[str, Any]:
    return {"environment_variables": {"N": value}}


def _change(studio: RunningStudio, key: str, what: str, body: dict[str, Any]) -> list[Row]:
    with _calling(studio, key) as calls:
        began = time.perf_counter()
        api(studio, "PATCH", PATH, json=body)
        wait_for(_over(studio), what=lambda: str(look(studio, "rolling", "one")))
        took = time.perf_counter() - began
    return [
        row(f"{what}, under load", round(took, 1), "s", "–"),
        row("  failed requests meanwhile", calls.failures, f"of {calls.requests}", "0"),
    ]


def _over(studio: RunningStudio) -> Callable[[], bool]:
    def over() -> bool:
        seen = look(studio, "rolling", "one")
        states = [(each["generation"], each["state"]) for each in replicas(studio, "rolling", "one")]
        wanted = [(seen["generation"], "Ready")] * seen["instance_count"]
        return seen["provisioning_state"] == "Succeeded" and states == wanted

    return over


@contextmanager
def _calling(studio: RunningStudio, key: str) -> Iterator[Calls]:
    """Requests from before the change until after it."""
    calls, over = Calls(), threading.Event()

    def send() -> None:
        while not over.is_set():
            calls.add(asyncio.run(_load(studio, key)))

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield calls
    finally:
        over.set()
        sending.join()


async def _load(studio: RunningStudio, key: str) -> LoadResult:
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return await load(
        studio.gateway_url,
        path="/rolling/score",
        body=b"{}",
        headers=headers,
        concurrency=CONCURRENCY,
        seconds=SLICE_SECONDS,
    )
