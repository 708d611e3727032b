"""Programs under supervisord: one file each in a folder that it includes, and its XML-RPC over a unix socket."""

import http.client
import json
import re
import shlex
import sys
import xmlrpc.client
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import Faults, SupervisorTransport

from endpoints.compute.local.files import write_private
from endpoints.domain.health_readings import ProgramReading, ProgramsReading
from endpoints.domain.programs import Program, ProgramState

LAUNCH = Path(__file__).with_name("launch.py")
STUDIO = "studio-"  # how the names of the studio's own programs begin
LOG_BYTES, LOG_BACKUPS = "10MB", 3
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,80}")
_UNWRITABLE = re.compile(r"\s[;#]|[\x00-\x1f]")
_RUNNING = ("STARTING", "RUNNING", "BACKOFF", "STOPPING")


class SupervisorUnreachable(OSError):
    """supervisord does not answer on its socket; the message says which."""


class _Refused(SupervisorUnreachable):
    """It answered, but with a no."""


class _StillRunning(Exception):
    """What cannot be removed yet."""


class SupervisorPrograms:
    """`conf_dir` is the folder that supervisord includes; specification files stand beside it."""

    def __init__(self, *, socket: Path, conf_dir: Path) -> None:
        self._socket = socket
        self._conf_dir = conf_dir
        self._spec_dir = conf_dir.parent / "specs"

    def add(self, program: Program) -> None:
        """Raises ValueError for a name that cannot be one, SupervisorUnreachable."""
        if not _NAME.fullmatch(program.name):
            raise ValueError(f"{program.name!r} is no program name")
        write_program(program, conf_dir=self._conf_dir)
        self._read_again(program.name)
        self._call("addProcessGroup", program.name, ignore=(Faults.ALREADY_ADDED,))
        if not program.restart:
            self.start(program.name)

    def _read_again(self, name: str) -> None:
        """One file that it cannot read would keep supervisord from every other."""
        try:
            self._call("reloadConfig")
        except _Refused:
            (self._conf_dir / f"{name}.conf").unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """The file goes first: a supervisord that restarts now does not bring the program back."""
        (self._conf_dir / f"{name}.conf").unlink(missing_ok=True)
        self._call("stopProcess", name, False, ignore=(Faults.BAD_NAME, Faults.NOT_RUNNING))
        self._remove_ended(name)

    def signal(self, name: str, signal: str) -> None:
        self._call("signalProcess", name, signal, ignore=(Faults.BAD_NAME, Faults.NOT_RUNNING))

    def start(self, name: str) -> None:
        self._call("startProcess", name, False, ignore=(Faults.ALREADY_STARTED, Faults.BAD_NAME))

    def states(self) -> dict[str, ProgramState]:
        """Those that were removed and have ended are forgotten here; those added again meanwhile start again."""
        found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        states = {}
        for info in found:
            name, running = info["name"], info["statename"] in _RUNNING
            if not running and self._is_ours(name):
                if not (self._conf_dir / f"{name}.conf").exists():
                    self._remove_ended(name)
                    continue
                if info["statename"] == "STOPPED" and info["start"]:
                    self.start(name)
            exit_code = info["exitstatus"] if not running else None
            states[name] = ProgramState(name=name, running=running, pid=info["pid"] or None, exit_code=exit_code)
        return states

    def watched(self) -> ProgramsReading:
        """The studio's own programs, which are no replicas. One that runs once, and has ended, is none of them."""
        found: list[dict[str, Any]] = self._call("getAllProcessInfo")
        ours = [info for info in found if info["name"].startswith(STUDIO) and info["statename"] != "EXITED"]
        return ProgramsReading(programs=tuple(_program(info) for info in ours))

    def _is_ours(self, name: str) -> bool:
        return (self._spec_dir / f"{name}.json").exists()

    def _remove_ended(self, name: str) -> None:
        """Of one that is still ending, `states` will see the end."""
        try:
            self._call("removeProcessGroup", name, ignore=(Faults.BAD_NAME,))
        except _StillRunning:
            return
        self._forget_files(name)

    def _forget_files(self, name: str) -> None:
        for suffix in (".json", ".json.pid"):
            (self._spec_dir / f"{name}{suffix}").unlink(missing_ok=True)

    def _call(self, method: str, *arguments: Any, ignore: tuple[int, ...] = ()) -> Any:
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in ignore:
                return None
            if fault.faultCode == Faults.STILL_RUNNING:
                raise _StillRunning from fault
            raise _Refused(f"supervisord refused {method}: {fault.faultString}") from fault
        except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
            raise SupervisorUnreachable(f"supervisord does not answer on {self._socket}: {error}") from error
        finally:
            transport.close()


def _program(info: dict[str, Any]) -> ProgramReading:
    started = datetime.fromtimestamp(info["start"], UTC) if info["start"] else None
    return ProgramReading(name=info["name"], running=info["statename"] == "RUNNING", started_at=started)


def write_program(program: Program, *, conf_dir: Path, options: dict[str, str] | None = None) -> None:
    """The specification first, then the file that names it. Raises ValueError for paths that it could not hold."""
    text = _section(program, conf_dir.parent / "specs" / f"{program.name}.json", options or {})
    spec_path = conf_dir.parent / "specs" / f"{program.name}.json"
    spec = {
        "command": list(program.command),
        "environment": dict(program.environment),
        "directory": program.directory,
    }
    write_private(spec_path, json.dumps(spec))
    if program.log_path:
        Path(program.log_path).parent.mkdir(parents=True, exist_ok=True)
    write_private(conf_dir / f"{program.name}.conf", text)


def _section(program: Program, spec_path: Path, options: dict[str, str]) -> str:
    # What runs once is started by who adds it, and not once more by a supervisord that starts again.
    once = {"autostart": "false", "autorestart": "false", "startsecs": "0", "startretries": "0"}
    always = {"autorestart": "true", "startsecs": "1", "startretries": "1000000"}
    settings = {
        "command": shlex.join((sys.executable, "-I", "-S", str(LAUNCH), str(spec_path))),
        "directory": "/",
        **(always if program.restart else once),
        "stopsignal": "TERM",
        "stopwaitsecs": str(int(program.stop_seconds) + 5),
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": program.log_path or "NONE",
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": str(LOG_BACKUPS),
        **options,
    }
    bad = next((value for value in settings.values() if _UNWRITABLE.search(value)), None)
    if bad is not None:
        raise ValueError(f"{bad!r} cannot stand in supervisord's configuration: a comment or a line would begin in it")
    # supervisord expands a log's path twice
    lines = (
        f"{key} = {value.replace('%', '%%%%' if key == 'stdout_logfile' else '%%')}" for key, value in settings.items()
    )
    return "\n".join((f"[program:{program.name}]", *lines, ""))
