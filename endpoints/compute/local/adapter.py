"""Replicas as supervised processes of this machine, each with a keeper."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from endpoints.compute.containers.containers import Containers
from endpoints.compute.local.files import read_json, write_private
from endpoints.compute.local.log_files import read_chunk, tail, whole
from endpoints.compute.local.sandbox import BLOCK_FD, INFO_FD, NO_TOOLS, Tools, View, boxed
from endpoints.compute.local.supervisor import SupervisorPrograms, SupervisorUnreachable
from endpoints.compute.port import ComputeError
from endpoints.domain.addresses import port_of
from endpoints.domain.programs import Program, ProgramState
from endpoints.domain.replicas import ContainerEngine, Isolation, LogChunk, ReplicaObservation, ReplicaSpec
from endpoints.enums import ReplicaState

KEEPER = Path(__file__).with_name("keeper.py")
RELAY = Path(__file__).with_name("relay.py")
DRAIN_GRACE_SECONDS = 10  # what the keeper adds, and a little, before supervisord would kill it
OUTSIDE = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
_TIMES = ("started_at", "ready_at", "changed_at")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class LocalCompute:
    """A folder per replica under `state_dir`: specification, status, log. supervisord holds the keepers."""

    def __init__(
        self,
        *,
        programs: SupervisorPrograms,
        state_dir: Path,
        tools: Tools = NO_TOOLS,
        container_socket: str = "",
        hidden: tuple[Path, ...] = (),
        changes_socket: str = "",
    ) -> None:
        """`hidden`: folders of the studio's, which no box shows. `changes_socket`: where keepers say that something has
        changed."""
        self._programs = programs
        self._hidden = tuple(str(folder) for folder in hidden)
        self._state_dir = state_dir
        self._changes_socket = changes_socket
        self._tools = tools
        self._containers = Containers(socket=container_socket, owner=str(state_dir))

    def start(self, spec: ReplicaSpec) -> None:
        folder = self._folder(spec.id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        given = _environment(spec)
        variables = {"environment": OUTSIDE, "inside": given} if self._is_boxed(spec) else {"environment": given}
        server = {"command": self._command(spec, folder), "directory": spec.working_directory, **variables}
        write_private(folder / "server.json", json.dumps(server))
        secret = ("environment", "command", "container")
        description = {key: value for key, value in asdict(spec).items() if key not in secret}
        description |= {"box": self._box(spec), "container": spec.container is not None}
        description["changes_socket"] = self._changes_socket
        description["kind_of_box"] = self._tools.kind(egress=spec.egress)
        write_private(folder / "replica.json", json.dumps(description))
        self._reaching(
            self._programs.add,
            Program(
                name=spec.id,
                command=(sys.executable, "-I", str(KEEPER), str(folder)),
                environment=OUTSIDE,
                directory=str(folder),
                log_path=str(folder / "keeper.log"),
                stop_seconds=spec.drain_seconds + DRAIN_GRACE_SECONDS + 5,
            ),
        )

    def _command(self, spec: ReplicaSpec, folder: Path) -> list[str]:
        if spec.container is not None:
            return self._container(spec, folder)
        if not self._tools.bubblewrap:
            if not spec.egress:
                raise ComputeError(f"Egress cannot be closed here. {self._tools.reason}")
            return list(spec.command)
        sockets = _sockets(spec)
        return boxed(
            (*_relay(spec), *spec.command),
            tools=self._tools,
            egress=spec.egress,
            view=View(
                visible=(*spec.visible, *_seen_by_relay(spec)),
                writable=spec.writable,
                hidden=self._hidden,
                sockets=(str(Path(sockets[0]).parent), str(_inside(sockets[0]))) if sockets else None,
                memory_bytes=spec.memory_bytes,
            ),
            folder=folder,
        )

    def _container(self, spec: ReplicaSpec, folder: Path) -> list[str]:
        assert spec.container is not None
        engine = self._containers.engine()
        if not engine.available:
            raise ComputeError(engine.reason)
        if not spec.egress:
            raise ComputeError("Egress of a container cannot be closed here.")
        container = replace(spec.container, environment={**_threads(spec), **spec.container.environment})
        file = folder / "container.json"
        write_private(file, self._containers.description(spec, container))
        return self._containers.command(file)

    def containers(self) -> ContainerEngine:
        return self._containers.engine()

    def _box(self, spec: ReplicaSpec) -> dict[str, Any] | None:
        """What the keeper must know of it."""
        if not self._is_boxed(spec):
            return None
        sockets = _sockets(spec)
        return {
            "info_fd": INFO_FD,
            "block_fd": BLOCK_FD,
            "slirp4netns": self._tools.slirp4netns if spec.egress else "",
            "inside": str(_inside(sockets[0])) if sockets else "",
            "sockets": sockets,
        }

    def _is_boxed(self, spec: ReplicaSpec) -> bool:
        return bool(self._tools.bubblewrap) and spec.container is None

    def isolation(self) -> Isolation:
        return self._tools.isolation

    def stop(self, replica_id: str) -> None:
        self._reaching(self._programs.remove, replica_id)

    def restart(self, replica_id: str) -> None:
        self._reaching(self._programs.signal, replica_id, "HUP")

    def observe(self) -> list[ReplicaObservation]:
        states: dict[str, ProgramState] = self._reaching(self._programs.states)
        self._containers.sweep(states)
        return [
            self._seen(name, state, spec)
            for name, state in states.items()
            if (spec := read_json(self._folder(name) / "replica.json")) is not None
        ]

    def read_log(self, replica_id: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        return read_chunk(self._folder(replica_id) / "server.log", start=start, limit=limit)

    def tail_log(self, replica_id: str, *, lines: int, text: str = "") -> list[str]:
        return tail(self._folder(replica_id) / "server.log", lines=lines, text=text)

    def whole_log(self, replica_id: str) -> Iterator[bytes]:
        return whole(self._folder(replica_id) / "server.log")

    def purge(self, deployment_id: str) -> None:
        for folder in list(self._folders()):
            spec = read_json(folder / "replica.json")
            if spec is not None and spec["deployment_id"] == deployment_id:
                shutil.rmtree(folder, ignore_errors=True)

    def _seen(self, name: str, program: ProgramState, spec: dict[str, Any]) -> ReplicaObservation:
        """A status that another keeper wrote is old: the present one is only just starting."""
        status = read_json(self._folder(name) / "status.json") or {}
        identity = {key: spec[key] for key in ("id", "deployment_id", "generation", "ordinal")}
        if not program.running or status.get("keeper_pid") != program.pid:
            return ReplicaObservation(**identity, state=ReplicaState.STARTING)
        return ReplicaObservation(
            **identity,
            state=ReplicaState(status["state"]),
            **_told(status),
        )

    def _folder(self, replica_id: str) -> Path:
        if not replica_id or "/" in replica_id or replica_id.startswith("."):
            raise ValueError(f"{replica_id!r} is no replica id")
        return self._state_dir / replica_id

    def _folders(self) -> Iterator[Path]:
        return self._state_dir.iterdir() if self._state_dir.exists() else iter(())

    @staticmethod
    def _reaching(call: Any, *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except SupervisorUnreachable as error:
            raise ComputeError(str(error)) from error


def forget_otherwise_boxed(*, state_dir: Path, conf_dir: Path, tools: Tools) -> list[str]:
    """Before supervisord starts: replicas that would come back in another box than is made now, or in none. Whoever
    misses them starts them anew."""
    found = []
    for conf in sorted(conf_dir.glob("*.conf")):
        spec = read_json(state_dir / conf.stem / "replica.json")
        if spec is None or spec.get("container"):
            continue
        if spec.get("kind_of_box", "") != tools.kind(egress=spec.get("egress", True)):
            conf.unlink(missing_ok=True)
            found.append(conf.stem)
    return found


def _environment(spec: ReplicaSpec) -> dict[str, str]:
    """As given, with the numeric libraries kept to the instance type's cores unless the user said otherwise."""
    return {**_threads(spec), **spec.environment}


def _threads(spec: ReplicaSpec) -> dict[str, str]:
    return dict.fromkeys(_THREADS, str(max(1, int(spec.vcpu)))) if spec.vcpu else {}


def _sockets(spec: ReplicaSpec) -> list[str]:
    """Where it is reached; all of them in one folder."""
    found = (spec.socket, spec.readiness.address, spec.liveness.address)
    return sorted({each for each in found if each and port_of(each) is None})


def _inside(socket: str) -> Path:
    """What a boxed server has in place of the folder of its sockets: it must not choose what stands there."""
    return Path(socket).parent / "inside"


def _relay(spec: ReplicaSpec) -> tuple[str, ...]:
    """A server on a port, in a network of its own, is reached through sockets that stand in the replica's folder."""
    if not spec.relays:
        return ()
    doors = (f"{socket}={port}" for socket, port in spec.relays)
    return (_python(), "-I", "-S", str(RELAY), *doors, "--")


def _seen_by_relay(spec: ReplicaSpec) -> tuple[str, ...]:
    if not spec.relays:
        return ()
    prefix = Path(_python()).parent.parent
    return (str(RELAY),) if prefix.is_relative_to("/usr") else (str(RELAY), str(prefix))


def _python() -> str:
    """Of the studio's own environment, the Python that it was made of."""
    return str(Path(sys.executable).resolve())


def _told(status: dict[str, Any]) -> dict[str, Any]:
    times = {key: datetime.fromisoformat(status[key]) if status.get(key) else None for key in _TIMES}
    told = {key: status[key] for key in ("pid", "restarts", "exit_code", "reason", "message")}
    return {**times, **told, "conditions": status.get("conditions", [])}
