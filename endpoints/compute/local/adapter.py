"""Replicas as supervised processes of this machine, each with a keeper."""

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from endpoints.compute.local.files import read_json, write_private
from endpoints.compute.local.log_files import read_chunk
from endpoints.compute.local.sandbox import BLOCK_FD, INFO_FD, NO_TOOLS, Tools, boxed
from endpoints.compute.local.supervisor import SupervisorPrograms, SupervisorUnreachable
from endpoints.compute.port import ComputeError
from endpoints.domain.programs import Program, ProgramState
from endpoints.domain.replicas import Isolation, LogChunk, ReplicaObservation, ReplicaSpec
from endpoints.enums import ReplicaState

KEEPER = Path(__file__).with_name("keeper.py")
DRAIN_GRACE_SECONDS = 10  # what the keeper adds, and a little, before supervisord would kill it
_TIMES = ("started_at", "ready_at", "changed_at")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class LocalCompute:
    """A folder per replica under `state_dir`: specification, status, log. supervisord holds the keepers."""

    def __init__(self, *, programs: SupervisorPrograms, state_dir: Path, tools: Tools = NO_TOOLS) -> None:
        self._programs = programs
        self._state_dir = state_dir
        self._tools = tools

    def start(self, spec: ReplicaSpec) -> None:
        folder = self._folder(spec.id)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        server = {
            "command": self._command(spec, folder),
            "environment": _environment(spec),
            "directory": spec.working_directory,
        }
        write_private(folder / "server.json", json.dumps(server))
        description = {key: value for key, value in asdict(spec).items() if key not in ("environment", "command")}
        description["box"] = self._box(spec)
        write_private(folder / "replica.json", json.dumps(description))
        self._reaching(
            self._programs.add,
            Program(
                name=spec.id,
                command=(sys.executable, "-I", str(KEEPER), str(folder)),
                environment={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
                directory=str(folder),
                log_path=str(folder / "keeper.log"),
                stop_seconds=spec.drain_seconds + DRAIN_GRACE_SECONDS + 5,
            ),
        )

    def _command(self, spec: ReplicaSpec, folder: Path) -> list[str]:
        if not self._tools.bubblewrap:
            if not spec.egress:
                raise ComputeError(f"Egress cannot be closed here. {self._tools.reason}")
            return list(spec.command)
        return boxed(
            spec.command,
            tools=self._tools,
            egress=spec.egress,
            visible=spec.visible,
            writable=spec.writable,
            folder=folder,
        )

    def _box(self, spec: ReplicaSpec) -> dict[str, Any] | None:
        """What the keeper must know of it."""
        if not self._tools.bubblewrap:
            return None
        network = self._tools.slirp4netns if spec.egress else ""
        return {"info_fd": INFO_FD, "block_fd": BLOCK_FD, "slirp4netns": network}

    def isolation(self) -> Isolation:
        return self._tools.isolation

    def stop(self, replica_id: str) -> None:
        self._reaching(self._programs.remove, replica_id)

    def restart(self, replica_id: str) -> None:
        self._reaching(self._programs.signal, replica_id, "HUP")

    def observe(self) -> list[ReplicaObservation]:
        states: dict[str, ProgramState] = self._reaching(self._programs.states)
        return [
            self._seen(name, state, spec)
            for name, state in states.items()
            if (spec := read_json(self._folder(name) / "replica.json")) is not None
        ]

    def read_log(self, replica_id: str, *, start: int | None = None, limit: int = 65536) -> LogChunk:
        return read_chunk(self._folder(replica_id) / "server.log", start=start, limit=limit)

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


def _environment(spec: ReplicaSpec) -> dict[str, str]:
    """As given, with the numeric libraries kept to the instance type's cores unless the user said otherwise."""
    threads = str(max(1, int(spec.vcpu or 0))) if spec.vcpu else ""
    return {**(dict.fromkeys(_THREADS, threads) if threads else {}), **spec.environment}


def _told(status: dict[str, Any]) -> dict[str, Any]:
    times = {key: datetime.fromisoformat(status[key]) if status.get(key) else None for key in _TIMES}
    return {**times, **{key: status[key] for key in ("pid", "restarts", "exit_code", "reason", "message")}}
