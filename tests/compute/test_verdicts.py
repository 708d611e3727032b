"""What a keeper tells the gateway of its replica, and the conditions that it keeps."""

import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

from endpoints.domain.replicas import Probe, ReplicaObservation
from tests.compute.running import RunningSupervisor, eventually

HASTY = Probe(path="/ready", initial_delay=0.1, period=0.1, failure_threshold=3, timeout=20)
REFUSED = "nobody there"


def verdict(path: str) -> str:
    """The status that the gateway gets."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(30)
            connection.connect(path)
            connection.sendall(b"GET /ready HTTP/1.1\r\nHost: replica\r\n\r\n")
            return connection.recv(100).decode().split()[1]
    except OSError:
        return REFUSED


def conditions(seen: ReplicaObservation) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in seen.conditions}


def since(seen: ReplicaObservation, kind: str) -> str:
    return next(each["lastTransitionTime"] for each in seen.conditions if each["type"] == kind)


def test_the_gateway_hears_what_the_readiness_probe_says(supervisor: RunningSupervisor) -> None:
    path = str(supervisor.folder / "heard.ok")
    broken = Path(f"{supervisor.socket('heard')}.not-ready")
    broken.touch()
    supervisor.compute.start(supervisor.spec("heard", readiness=HASTY, verdict_socket=path))
    unready = supervisor.wait("heard", lambda seen: seen.state == "Unready")
    assert verdict(path) == "503"
    assert conditions(unready)["Ready"] == ("False", "ReadinessProbeFailed")
    broken.unlink()
    ready = supervisor.wait("heard", lambda seen: seen.state == "Ready" and conditions(seen)["Live"][0] == "True")
    assert verdict(path) == "200"
    assert conditions(ready) == {"Ready": ("True", "Ready"), "Live": ("True", "LivenessProbeSucceeded")}
    assert since(ready, "Ready") > since(unready, "Ready")
    broken.touch()
    eventually(lambda: verdict(path) == "503")
    again = supervisor.wait("heard", lambda seen: seen.state == "Unready")
    assert conditions(again) == {"Ready": ("False", "ReadinessProbeFailed"), "Live": ("True", "LivenessProbeSucceeded")}
    assert since(again, "Live") == since(ready, "Live")
    assert "answered 503" in again.conditions[0]["message"]
    supervisor.ended("heard")
    assert verdict(path) == REFUSED
    assert not Path(path).exists()


def test_one_failure_below_the_threshold_changes_no_verdict(supervisor: RunningSupervisor) -> None:
    path = str(supervisor.folder / "patient.ok")
    patient = replace(HASTY, failure_threshold=1000)
    before = supervisor.started(supervisor.spec("patient", readiness=patient, verdict_socket=path))
    Path(f"{supervisor.socket('patient')}.not-ready").touch()
    time.sleep(0.5)  # several failures
    assert verdict(path) == "200"
    after = supervisor.seen("patient")
    assert after is not None
    assert (after.state, after.changed_at) == ("Ready", before.changed_at)
    supervisor.compute.stop("patient")


def test_a_liveness_restart_leaves_its_reason_behind(supervisor: RunningSupervisor) -> None:
    path = str(supervisor.folder / "revived.ok")
    spec = supervisor.spec("revived", liveness=replace(HASTY, path="/live", initial_delay=3600), verdict_socket=path)
    supervisor.started(spec)
    broken = Path(f"{supervisor.socket('revived')}.not-live")
    broken.touch()
    dead = supervisor.wait("revived", lambda seen: seen.restarts >= 1)
    assert verdict(path) in ("503", "200")
    assert conditions(dead)["Live"][0] in ("False", "Unknown")
    broken.unlink()
    alive = supervisor.wait("revived", lambda seen: conditions(seen) and conditions(seen)["Live"][0] == "True")
    told = next(each["message"] for each in alive.conditions if each["type"] == "Live")
    assert told.startswith(f"Restarted {alive.restarts} times. The last time: Not alive after")
    supervisor.compute.stop("revived")


def test_a_killed_server_is_not_ready_at_once(supervisor: RunningSupervisor) -> None:
    """However patient its readiness probe is."""
    path = str(supervisor.folder / "dead.ok")
    spec = supervisor.spec("dead", readiness=Probe(path="/ready", period=3600), verdict_socket=path)
    seen = supervisor.started(spec)
    gone = Path(f"{supervisor.socket('dead')}.not-ready")
    gone.touch()  # so that it does not come back at once
    assert seen.pid is not None
    os.kill(seen.pid, signal.SIGKILL)
    eventually(lambda: verdict(path) == "503")
    supervisor.compute.stop("dead")


def test_a_killed_keeper_says_nothing_until_it_is_back(supervisor: RunningSupervisor) -> None:
    path = str(supervisor.folder / "back.ok")
    before = supervisor.started(supervisor.spec("back", verdict_socket=path))
    os.kill(supervisor.keeper_pid("back"), signal.SIGKILL)
    supervisor.wait("back", lambda seen: seen.state == "Ready" and seen.pid != before.pid)
    assert verdict(path) == "200"
    supervisor.compute.stop("back")


def test_who_asks_and_does_not_go_on_keeps_no_one_waiting_for_long(supervisor: RunningSupervisor) -> None:
    path = str(supervisor.folder / "slow.ok")
    supervisor.started(supervisor.spec("slow", verdict_socket=path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.connect(path)
        assert verdict(path) == "200"
    supervisor.compute.stop("slow")
