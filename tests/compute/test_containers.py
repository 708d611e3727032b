"""Replicas as containers of a real engine."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from endpoints.compute.containers.containers import Containers
from endpoints.compute.local.adapter import LocalCompute
from endpoints.compute.port import ComputeError
from endpoints.domain.addresses import tcp
from endpoints.domain.replicas import Container, Probe, ReplicaSpec
from tests.compute.running import RunningSupervisor, eventually
from tests.e2e.running import free_port
from tests.podman import IMAGE, Podman, running_podman
from tests.registry import running_registry

SERVER = Path(__file__).with_name("http_server.py")
MIB = 2**20
pytestmark = pytest.mark.xdist_group("podman")  # one engine, and one image, are enough
PATIENT: dict[str, Any] = {"initial_delay": 0.1, "period": 0.1, "failure_threshold": 100, "timeout": 20}


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    with running_podman() as running:
        yield running


class Dock:
    """A supervisor whose replicas may be containers."""

    def __init__(self, supervisor: RunningSupervisor, podman: Podman) -> None:
        self.supervisor, self.podman = supervisor, podman
        folder = supervisor.folder
        self.files = folder / "files"
        self.files.mkdir(exist_ok=True)
        shutil.copy(SERVER, self.files)
        self.compute = supervisor.compute = LocalCompute(
            programs=supervisor.programs, state_dir=folder / "replicas", container_socket=podman.socket
        )

    def spec(self, name: str, **settings: Any) -> ReplicaSpec:
        port = free_port()
        container = Container(
            image=IMAGE,
            command=("/usr/bin/python3", "/model/http_server.py", "8501"),
            environment={"COLOUR": "blue", "HOST": "0.0.0.0", "AZUREML_MODEL_DIR": "/model"},  # noqa: S104
            mounts=((str(self.files), "/model"),),
            ports=((8501, port),),
        )
        given = {
            "socket": tcp(port),
            "liveness": Probe(path="/alive", **PATIENT),
            "readiness": Probe(path="/ready", **PATIENT),
            "memory_bytes": 128 * MIB,
            "vcpu": 0.5,
            "container": container,
            **settings,
        }
        return self.supervisor.spec(name, **given)

    def ask(self, spec: ReplicaSpec, body: str = "") -> Any:
        return httpx.post(f"http://{spec.socket}/score", content=body, timeout=60, trust_env=False).json()

    def containers(self, name: str) -> list[str]:
        return [found["Id"] for found in self.podman.engine.labelled(f"endpoint-studio.replica={name}")]


@pytest.fixture
def dock(own_supervisor: RunningSupervisor, podman: Podman) -> Dock:
    return Dock(own_supervisor, podman)


def test_a_containers_life(dock: Dock) -> None:
    spec = dock.spec("r-1")
    seen = dock.supervisor.started(spec)
    assert "Podman" in dock.compute.containers().name
    told = dock.ask(spec)
    assert (told["variable"], told["model"], told["pid"]) == ("blue", ["http_server.py"], 1)
    assert seen.pid is not None
    assert "http_server.py" in " ".join(psutil.Process(seen.pid).cmdline())
    eventually(lambda: "listening on 8501" in dock.supervisor.log("r-1"))
    dock.supervisor.ended("r-1")
    assert dock.containers("r-1") == []


def test_limits_are_set_and_the_model_cannot_be_written(dock: Dock) -> None:
    dock.supervisor.started(dock.spec("r-2"))
    (container,) = dock.containers("r-2")
    found = dock.podman.engine.inspect(container)
    assert found is not None
    host = found["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (128 * MIB, 500_000_000)
    assert host["PortBindings"]["8501/tcp"][0]["HostIp"] == "127.0.0.1"
    assert "no-new-privileges" in str(host["SecurityOpt"])
    (mount,) = found["Mounts"]
    assert (mount["Destination"], mount["RW"]) == ("/model", False)


def test_one_that_takes_too_much_memory_is_ended_and_starts_again(dock: Dock) -> None:
    spec = dock.spec("r-3")
    dock.supervisor.started(spec)
    with pytest.raises(httpx.HTTPError):
        dock.ask(spec, "memory")
    dock.supervisor.wait("r-3", lambda seen: seen.restarts == 1 and seen.state == "Ready")
    assert len(dock.containers("r-3")) == 1


def test_a_keeper_that_starts_again_takes_the_container_over(dock: Dock) -> None:
    spec = dock.spec("r-4")
    dock.supervisor.started(spec)
    before = dock.containers("r-4")
    killed = dock.supervisor.keeper_pid("r-4")
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: dock.supervisor.programs.states()["r-4"].pid not in (killed, None))
    dock.supervisor.wait("r-4", lambda seen: seen.state == "Ready")
    assert dock.containers("r-4") == before
    assert "took over" in dock.supervisor.log("r-4")


def test_one_that_is_not_alive_is_replaced(dock: Dock) -> None:
    spec = dock.spec("r-5", liveness=Probe(path="/alive", **{**PATIENT, "initial_delay": 20, "failure_threshold": 3}))
    dock.supervisor.started(spec)
    before = dock.containers("r-5")
    dock.ask(spec, "break")
    dock.supervisor.wait("r-5", lambda seen: seen.restarts == 1 and seen.state == "Ready")
    assert len(dock.containers("r-5")) == 1
    assert dock.containers("r-5") != before


def test_an_image_that_cannot_be_pulled_says_so(dock: Dock) -> None:
    spec = dock.spec("r-6", container=Container(image="localhost:1/nobody/nothing:1", ports=((8501, free_port()),)))
    dock.compute.start(spec)
    seen = dock.supervisor.wait("r-6", lambda seen: seen.restarts > 0)
    assert "ImagePullFailed: localhost:1/nobody/nothing:1 cannot be pulled" in seen.message


def test_an_image_of_a_private_registry(dock: Dock, tmp_path: Path) -> None:
    """The credential is its registry's alone, and stands in no log."""
    dock.podman.run("push", IMAGE, f"oci:{tmp_path / 'layout'}:1")
    with running_registry(tmp_path / "layout") as registry:
        spec = dock.spec("r-10")
        assert spec.container is not None
        container = replace(spec.container, image=registry.image, registry=registry.credential)
        dock.supervisor.started(replace(spec, container=container))
        assert dock.ask(spec, "3")["body"] == "3"
        assert registry.password not in dock.supervisor.log("r-10")
        dock.supervisor.ended("r-10")
        dock.podman.run("rmi", "--force", registry.image)
        wrong = replace(container, registry={**registry.credential, "password": "guessed"})
        dock.compute.start(replace(dock.spec("r-11"), container=wrong))
        seen = dock.supervisor.wait("r-11", lambda seen: seen.restarts > 0)
        assert f"ImagePullFailed: {registry.image} cannot be pulled" in seen.message
        assert "guessed" not in dock.supervisor.log("r-11") + seen.message


def test_a_container_that_nobody_keeps_is_removed(dock: Dock) -> None:
    spec = dock.spec("r-7")
    dock.supervisor.started(spec)
    owner = str(dock.supervisor.folder / "replicas")
    times = iter((0.0, 100.0, 100.0, 200.0, 200.0, 200.0))
    containers = Containers(socket=dock.podman.socket, owner=owner, clock=lambda: next(times))
    containers.sweep({"r-7"})
    assert len(dock.containers("r-7")) == 1
    containers.sweep({"r-8"})
    assert dock.containers("r-7") == []


def test_without_an_engine_it_is_refused(own_supervisor: RunningSupervisor, short: Path) -> None:
    compute = LocalCompute(
        programs=own_supervisor.programs, state_dir=short / "replicas", container_socket=str(short / "none.sock")
    )
    assert not compute.containers().available
    assert "does not answer" in compute.containers().reason
    with pytest.raises(ComputeError, match="does not answer"):
        compute.start(own_supervisor.spec("r-9", container=Container(image=IMAGE)))
