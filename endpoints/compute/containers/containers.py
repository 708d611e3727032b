"""Containers for replicas: what the launcher is given, which engine there is, and what was left behind."""

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from endpoints.compute.containers.engine import Engine, EngineError, found_socket
from endpoints.compute.containers.launcher import LABEL
from endpoints.domain.replicas import Container, ContainerEngine, ReplicaSpec

LAUNCHER = Path(__file__).with_name("launcher.py")
CHECK_SECONDS = 5.0  # for how long the engine's word is believed
SWEEP_SECONDS = 60.0
OPEN_FILES = 65_536
MOST_PROCESSES = 4096
NO_ENGINE = (
    "There is no container engine: neither Docker nor Podman answers on a socket. "
    "Start one (podman system service), and name its socket in STUDIO_CONTAINER_SOCKET if it is none of the usual."
)


class Containers:
    """Those of one studio: `owner` tells its containers from those of others on the same engine."""

    def __init__(self, *, socket: str = "", owner: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._socket = socket
        self._owner = hashlib.sha256(owner.encode()).hexdigest()[:12]
        self._clock = clock
        self._seen: tuple[float, ContainerEngine] | None = None
        self._swept = clock()

    def engine(self) -> ContainerEngine:
        now = self._clock()
        if self._seen is None or now - self._seen[0] > CHECK_SECONDS:
            self._seen = (now, self._look())
        return self._seen[1]

    def _look(self) -> ContainerEngine:
        path = found_socket(self._socket)
        if not path:
            return ContainerEngine(available=False, reason=NO_ENGINE)
        try:
            return ContainerEngine(available=True, name=Engine(path).name())
        except EngineError as error:
            return ContainerEngine(available=False, reason=f"{error}. Start Docker or Podman.")

    def command(self, file: Path) -> list[str]:
        return [sys.executable, "-I", str(LAUNCHER), str(file)]

    def description(self, spec: ReplicaSpec, container: Container) -> str:
        """What the launcher reads. Holds secrets."""
        create = _create(spec, container)
        digest = hashlib.sha256(json.dumps(create, sort_keys=True).encode()).hexdigest()[:16]
        create["Labels"] = {
            f"{LABEL}.studio": self._owner,
            f"{LABEL}.replica": spec.id,
            f"{LABEL}.specification": digest,
        }
        return json.dumps(
            {
                "socket": found_socket(self._socket),
                "name": f"{LABEL}-{self._owner}-{spec.id}",
                "image": container.image,
                "registry": dict(container.registry),
                "drain_seconds": spec.drain_seconds,
                "memory_mib": (spec.memory_bytes or 0) // 2**20,
                "hash": digest,
                "create": create,
            }
        )

    def sweep(self, held: Iterable[str]) -> None:
        """Now and then: remove what no keeper keeps any more. `held` are the replicas that are."""
        now = self._clock()
        if now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        path = found_socket(self._socket)
        if path and self.engine().available:
            self.remove_strays(Engine(path), frozenset(held))

    def remove_strays(self, engine: Engine, held: frozenset[str]) -> None:
        try:
            for found in engine.labelled(f"{LABEL}.studio={self._owner}"):
                if found["Labels"].get(f"{LABEL}.replica") not in held:
                    engine.remove(found["Id"])
        except EngineError:
            return  # the next sweep tries again


def _create(spec: ReplicaSpec, container: Container) -> dict[str, Any]:
    """No more rights than it needs; memory and processors as its instance type has them; loopback alone."""
    described: dict[str, Any] = {
        "Image": container.image,
        "Env": [f"{name}={value}" for name, value in sorted(container.environment.items())],
        "Hostname": "replica",
        "ExposedPorts": {f"{inside}/tcp": {} for inside, _ in container.ports},
        "HostConfig": _host(spec, container),
    }
    if container.command:
        described["Cmd"] = list(container.command)
    if container.working_directory:
        described["WorkingDir"] = container.working_directory
    return described


def _host(spec: ReplicaSpec, container: Container) -> dict[str, Any]:
    ports = {
        f"{inside}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(outside)}] for inside, outside in container.ports
    }
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = OPEN_FILES if most == resource.RLIM_INFINITY else min(most, OPEN_FILES)
    limits = (("nofile", files), ("nproc", MOST_PROCESSES))
    return {
        "NetworkMode": "bridge",
        "PortBindings": ports,
        "Binds": [f"{source}:{target}:ro" for source, target in container.mounts],
        "Memory": spec.memory_bytes or 0,
        "MemorySwap": spec.memory_bytes or 0,
        "NanoCpus": int((spec.vcpu or 0) * 1e9),
        "PidsLimit": MOST_PROCESSES,
        "Ulimits": [{"Name": name, "Soft": number, "Hard": number} for name, number in limits],
        "SecurityOpt": ["no-new-privileges"],
        "LogConfig": {"Type": "json-file"},
        "RestartPolicy": {"Name": "no"},
    }
