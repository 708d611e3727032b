"""Scaled to zero: from a request to its answer while a replica starts, alone and a thousand at once.

What the script itself takes in the same environment, in a bare Python, is measured between the wakes: the rest is ours.
"""

import asyncio
import json
import resource
import statistics
import subprocess
import time

import httpx

from tests.bench.gateway import Row, row
from tests.e2e.running import RunningStudio, running, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, replicas, settled

ROUNDS = 5
HELD = 1000
SKLEARN = """
import json
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

def init():
    global model
    model = LinearRegression().fit(*load_diabetes(return_X_y=True))

def run(raw_data):
    return model.predict(json.loads(raw_data)["data"]).tolist()
"""
BODY = {"data": [[0.0] * 10]}


def run() -> list[Row]:
    """The replica's environment has scikit-learn; what is waited for is its import, too."""
    with running() as studio:
        limits = {"request_timeout_ms": 120_000}
        key = deploy(
            studio,
            "sleepy",
            "one",
            SKLEARN,
            requirements="scikit-learn==1.7.2",
            all_traffic=True,
            request_settings=limits,
        )
        settled(studio, "sleepy", "one")
        wait_for(lambda: live_traffic(studio, "sleepy") == {"one": 100})
        wait_for(lambda: "Compiled in" in _build_log(studio))  # else each start would compile what it imports
        return [*_cold(studio, key), *_held(studio, key)]


def _build_log(studio: RunningStudio) -> str:
    return "".join(path.read_text() for path in studio.data_dir.glob("environments/*/build.log"))


def _sleep(studio: RunningStudio) -> None:
    api(studio, "POST", "endpoints/sleepy/deployments/one/sleep/")
    wait_for(lambda: all(seen["state"] == "Stopped" for seen in replicas(studio, "sleepy", "one")))


def _cold(studio: RunningStudio, key: str) -> list[Row]:
    took, bare, processor = [], [], []
    for _ in range(ROUNDS):
        seconds, processor_seconds = _bare(studio)
        bare.append(seconds)
        processor.append(processor_seconds)
        _sleep(studio)
        began = time.perf_counter()
        answer = httpx.post(f"{studio.gateway_url}/sleepy/score", json=BODY, headers=_headers(key), timeout=120)
        answer.raise_for_status()
        took.append(time.perf_counter() - began)
    waited, alone = statistics.median(took), statistics.median(bare)
    return [
        row("request at zero replicas to its answer, scikit-learn", round(waited, 2), "s", "2"),
        row("the script alone, in a bare Python", round(alone, 2), "s", "–"),
        row("processor time of the script alone", round(statistics.median(processor), 2), "s", "–"),
        row("what the studio adds", round(waited - alone, 2), "s", "0.5"),
    ]


def _bare(studio: RunningStudio) -> tuple[float, float]:
    """Seconds by the clock and of the processor for imports and init(), where nothing else is started."""
    python = next(studio.data_dir.glob("environments/*/env/bin/python"))
    before, began = _processor_seconds(), time.perf_counter()
    subprocess.run([str(python), "-I", "-c", f"{SKLEARN}\ninit()"], env={"OPENBLAS_NUM_THREADS": "1"}, check=True)
    return time.perf_counter() - began, _processor_seconds() - before


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _held(studio: RunningStudio, key: str) -> list[Row]:
    _sleep(studio)
    began = time.perf_counter()
    statuses = asyncio.run(_at_once(studio, key))
    took = time.perf_counter() - began
    return [
        row(f"failed of {HELD} requests held at one wake", sum(code != 200 for code in statuses), "", "0"),
        row(f"{HELD} held requests all answered after", round(took, 2), "s", "–"),
    ]


async def _at_once(studio: RunningStudio, key: str) -> list[int]:
    """Without an HTTP client: those of a thousand connections spend more time on their pool than the studio does."""
    body = json.dumps(BODY).encode()
    head = f"POST /sleepy/score HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\nconnection: close\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
    return await asyncio.gather(*(_status(studio.gateway_port, request) for _ in range(HELD)))


async def _status(port: int, request: bytes) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(120):
        answer = await reader.read()
    writer.close()
    return int(answer.split(b" ", 2)[1])


def _headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
