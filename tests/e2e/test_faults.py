"""Processes are killed while a studio serves: callers notice nothing where they need not, and everything heals."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest

from tests.bench.load import LoadResult, load
from tests.e2e.running import RunningStudio, running, running_from_nothing, start, stop, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, replicas, settled

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def serving() -> Iterator[tuple[RunningStudio, str]]:
    """A studio of its own, in which two replicas of `echo/one` take all the traffic."""
    with running() as studio:
        limits = {"max_concurrent_requests_per_instance": 20}
        key = deploy(studio, "echo", "one", all_traffic=True, instance_count=2, request_settings=limits)
        seen = settled(studio, "echo", "one")
        assert seen["provisioning_state"] == "Succeeded", seen
        wait_for(lambda: live_traffic(studio, "echo") == {"one": 100})
        yield studio, key


def answers(studio: RunningStudio, key: str) -> bool:
    try:
        url, headers = f"{studio.gateway_url}/echo/score", {"authorization": f"Bearer {key}"}
        return httpx.post(url, content="{}", headers=headers, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


def pages_answer(studio: RunningStudio) -> bool:
    try:
        return httpx.get(f"{studio.url}/healthz", timeout=10).status_code == 200
    except httpx.HTTPError:
        return False


@contextmanager
def under_load(studio: RunningStudio, key: str, *, requests: int) -> Iterator[list[LoadResult]]:
    """A bounded stream of requests beside the body; its result is in the list afterwards."""
    results: list[LoadResult] = []

    def send() -> None:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        sending = load(
            studio.gateway_url, path="/echo/score", body=b"{}", headers=headers, concurrency=4, requests=requests
        )
        results.append(asyncio.run(sending))

    thread = threading.Thread(target=send)
    thread.start()
    yield results
    thread.join(120)
    assert results, "the load did not end"


def both_ready(studio: RunningStudio) -> bool:
    return [replica["state"] for replica in replicas(studio, "echo", "one")] == ["Ready", "Ready"]


def test_a_replica_that_is_killed_under_load_fails_no_request(serving: tuple[RunningStudio, str]) -> None:
    studio, key = serving
    before = replicas(studio, "echo", "one")[0]["restarts"]
    with under_load(studio, key, requests=3000) as results:
        os.kill(studio.pid_of("endpoints/runtime", "-1-0/http.sock"), signal.SIGKILL)
    assert results[0].failures == 0, (results[0].statuses, results[0].errors)
    wait_for(lambda: replicas(studio, "echo", "one")[0]["restarts"] > before)
    wait_for(lambda: both_ready(studio))


def test_shifting_traffic_under_load_fails_no_request(serving: tuple[RunningStudio, str]) -> None:
    studio, key = serving
    deploy(studio, "echo", "other", request_settings={"max_concurrent_requests_per_instance": 20})
    assert settled(studio, "echo", "other")["provisioning_state"] == "Succeeded"
    with under_load(studio, key, requests=3000) as results:
        for share in (10, 50, 100, 0):
            wanted = {name: percent for name, percent in {"one": 100 - share, "other": share}.items() if percent}
            api(studio, "PUT", "endpoints/echo/traffic/", json={"traffic": wanted})
            wait_for(lambda: live_traffic(studio, "echo") == wanted)  # noqa: B023 - waited for at once
    assert results[0].failures == 0, (results[0].statuses, results[0].errors)


@pytest.mark.parametrize(
    "words", [("celery", "worker"), ("celery", "beat"), ("uvicorn", "studio.asgi"), ("valkey-server",)]
)
def test_endpoints_answer_while_the_studio_is_killed_and_it_heals(
    serving: tuple[RunningStudio, str], words: tuple[str, ...]
) -> None:
    studio, key = serving
    before = studio.pid_of(*words)
    os.kill(before, signal.SIGKILL)
    assert answers(studio, key)

    def healed() -> bool:
        try:
            return studio.pid_of(*words) != before
        except StopIteration:
            return False

    wait_for(healed)
    wait_for(lambda: pages_answer(studio))
    assert answers(studio, key)


def test_work_goes_on_after_worker_and_broker_were_killed(serving: tuple[RunningStudio, str]) -> None:
    studio, key = serving
    for words in (("valkey-server",), ("celery", "worker")):
        os.kill(studio.pid_of(*words), signal.SIGKILL)
    deploy(studio, "echo", "two")
    assert settled(studio, "echo", "two")["provisioning_state"] == "Succeeded"
    pinned = {"authorization": f"Bearer {key}", "azureml-model-deployment": "two"}
    assert httpx.post(f"{studio.gateway_url}/echo/score", content="{}", headers=pinned).status_code == 200


def test_envoy_comes_back_by_itself_with_its_routes(serving: tuple[RunningStudio, str]) -> None:
    studio, key = serving
    os.kill(studio.pid_of("envoy", "--config-path"), signal.SIGKILL)
    wait_for(lambda: answers(studio, key))


def test_supervisord_killed_nothing_runs_twice(serving: tuple[RunningStudio, str]) -> None:
    studio, key = serving
    before = studio.pid_of("supervisord")
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: _pid(studio, "supervisord") not in (None, before))
    wait_for(lambda: answers(studio, key))
    wait_for(lambda: pages_answer(studio))
    wait_for(lambda: both_ready(studio))
    sockets = [" ".join(process.cmdline()) for process in studio.processes() if "--socket" in process.cmdline()]
    servers = [line for line in sockets if str(studio.data_dir) in line and "--unshare-user" not in line]  # no boxes
    assert len(servers) == len(set(servers))


def _pid(studio: RunningStudio, *words: str) -> int | None:
    try:
        return studio.pid_of(*words)
    except StopIteration:
        return None


def test_a_second_start_keeps_everything_and_ctrl_c_leaves_no_process() -> None:
    with running_from_nothing() as studio:
        key = deploy(studio, "echo", "one", all_traffic=True)
        assert settled(studio, "echo", "one")["provisioning_state"] == "Succeeded"
        wait_for(lambda: answers(studio, key))
        assert stop(studio) == []
        assert not [
            each for each in psutil.process_iter(["cmdline"]) if str(studio.data_dir) in str(each.info["cmdline"])
        ]
        again = start(studio.data_dir, studio.port, studio.gateway_port)
        try:
            wait_for(lambda: answers(again, key))
        finally:
            assert stop(again) == []
