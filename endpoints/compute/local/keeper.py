"""Keeps one replica: starts its server, probes it, restarts it with back-off, drains it.

usage: python keeper.py FOLDER

Works like a kubelet, from FOLDER/replica.json alone (endpoints.domain.replicas.ReplicaSpec), and tells what it sees in
FOLDER/status.json. Standard library only, a few megabytes: it goes on when the studio, broker and database are down.
SIGTERM drains and ends; SIGHUP drains and starts the server again.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

# Started by path, in a Python that knows nothing of the studio; these modules import nothing but the standard library.
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from endpoints.compute.local.box import Box, exit_code
from endpoints.compute.local.changes import say
from endpoints.compute.local.memory import MOST_PROCESSES, proportional_bytes, resident_bytes, tree
from endpoints.compute.local.output import Output, line_that_matters
from endpoints.compute.local.probing import probe
from endpoints.compute.local.verdict import Verdict
from endpoints.domain.addresses import port_of

EAGER_SECONDS = 0.05  # between looks, until the server was ready once
CALM_SECONDS = 0.2
MEMORY_SECONDS = 1.0
BACK_OFF = (0.1, 1, 2, 4, 8, 16, 32, 60)
LEAVE_SECONDS = 1.5  # for the gateway to see that it is not ready any more, before a restart
DRAIN_GRACE_SECONDS = 10  # for the server's own end, after its own drain_seconds
STABLE_SECONDS = 60  # a server that ran so long starts over with the shortest back-off


class Stopping(Exception):
    """SIGTERM came."""


class ProbeClock:
    """When a probe is due, and how many in a row went one way."""

    def __init__(self, probe_spec: dict[str, Any]) -> None:
        self.spec = probe_spec
        self.reset(0.0)

    def reset(self, now: float) -> None:
        self.started = self.due = now
        self.counted_at = 0.0
        self.failures = self.successes = 0
        self.complaint = ""
        self.waited = False  # a success ends the initial delay early

    def look(self, address: str, now: float, *, eager: bool, given_up: Callable[[], bool]) -> None:
        """Probe if it is due. While eager, more often than the period; but what follows counts once a period."""
        if now < self.due:
            return
        self.complaint = probe(self.spec.get("address") or address, self.spec["path"], self.spec["timeout"], given_up)
        if given_up():
            return
        self.due = now + (EAGER_SECONDS if eager and self.complaint else self.spec["period"])
        if not self.complaint:
            self.successes, self.failures, self.waited = self.successes + 1, 0, True
        elif self._counts(now):
            self.successes, self.failures, self.counted_at = 0, self.failures + 1, now

    def _counts(self, now: float) -> bool:
        self.waited = self.waited or now - self.started >= self.spec["initial_delay"]
        return bool(self.waited and now - self.counted_at >= self.spec["period"] * 0.99)

    @property
    def passed(self) -> bool:
        return self.successes >= int(self.spec["success_threshold"])

    @property
    def failed(self) -> bool:
        return self.failures >= int(self.spec["failure_threshold"])


class Keeper:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec: dict[str, Any] = json.loads((folder / "replica.json").read_text())
        self.output = Output(folder / "server.log")
        self.box = Box(self.spec["box"]) if self.spec.get("box") else None
        self.server: subprocess.Popen[bytes] | None = None
        self.verdict = Verdict(self.spec.get("verdict_socket", ""))
        self.container_state = folder / "container.json.state"
        self.container_pid: int | None = None
        self.liveness = ProbeClock(self.spec["liveness"])
        self.readiness = ProbeClock(self.spec["readiness"])
        self.was_ready = False
        self.attempt = 0
        self.untold = False
        self.last_end = ""
        self.stop_asked = self.restart_asked = False
        self.status: dict[str, Any] = {
            **{name: self.spec[name] for name in ("id", "deployment_id", "generation", "ordinal")},
            "state": "Starting",
            "keeper_pid": os.getpid(),
            "pid": None,
            "started_at": None,
            "ready_at": None,
            "restarts": 0,
            "exit_code": None,
            "reason": "",
            "message": "",
            "conditions": [],
        }

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_restart)
        self.verdict.serve()
        self.tell("Starting")
        try:
            while True:
                self.start()
                self.watch()
                self.back_off()
        except Stopping:
            self.drain()

    def _on_stop(self, *_: object) -> None:
        self.stop_asked = True

    def _on_restart(self, *_: object) -> None:
        self.restart_asked = True

    def is_asked(self) -> bool:
        """To stop or to restart: whatever waits gives up waiting."""
        return self.stop_asked or self.restart_asked

    # -- the server

    def start(self) -> None:
        self.remove_socket()
        self.container_state.unlink(missing_ok=True)
        launch = Path(__file__).with_name("launch.py")
        self.output.tail.clear()
        inherited = self.box.open() if self.box else ()
        self.server = subprocess.Popen(
            [sys.executable, "-I", "-S", str(launch), str(self.folder / "server.json"), "KILL", str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=inherited,
        )
        if self.box:
            self.box.enter()
            if self.box.complaint:
                self.output.say(self.box.complaint)
        assert self.server.stdout is not None
        self.reader = self.output.follow(self.server.stdout)
        self.began = time.monotonic()
        self.liveness.reset(self.began)
        self.readiness.reset(self.began)
        self.was_ready = False
        self.tell("Starting", reason="Started", pid=self.server.pid, started_at=_now())

    def remove_socket(self) -> None:
        if port_of(self.spec["socket"]) is None:
            Path(self.spec["socket"]).unlink(missing_ok=True)

    def container_begun(self) -> bool:
        """Whether there is none, or it runs. Its image may take minutes to come: until then no probe counts."""
        if not self.spec.get("container") or self.status["pid"] == self.container_pid:
            return True
        with contextlib.suppress(OSError, ValueError):
            self.container_pid = json.loads(self.container_state.read_text())["pid"]
            now = time.monotonic()
            self.began = now
            self.liveness.reset(now)
            self.readiness.reset(now)
            self.tell("Starting", reason="Started", pid=self.container_pid)
            return True
        return False

    def watch(self) -> None:
        """Until the server has ended, by itself or because it had to."""
        assert self.server is not None
        memory_due = self.began + MEMORY_SECONDS
        while self.server.poll() is None:
            if self.stop_asked:
                raise Stopping
            if self.restart_asked:
                self.restart_asked = False
                self.end_server("Restarted", "Restarted on request.", drain=True)
                self.server = None
                return
            now = time.monotonic()
            self.look(now)
            if now >= memory_due:
                memory_due = now + MEMORY_SECONDS
                self.check_memory()
                self.check_processes()
                self.tell_again()
            time.sleep(CALM_SECONDS if self.was_ready else EAGER_SECONDS)
        self.ended()

    def look(self, now: float) -> None:
        if not self.container_begun():
            return
        if self.box:
            self.box.lead_out()
        path = self.spec["socket"]
        eager = not self.was_ready and not self.readiness.failed
        self.readiness.look(path, now, eager=eager, given_up=self.is_asked)
        if self.readiness.passed and self.status["state"] != "Ready":
            self.was_ready = self.liveness.waited = True
            self.tell("Ready", reason="Ready", message="", ready_at=_now())
        elif self.readiness.failed and self.status["reason"] != "ReadinessProbeFailed":
            self.tell("Unready", reason="ReadinessProbeFailed", message=self.why("Not ready", self.readiness))
        if not self.was_ready and now - self.began < self.liveness.spec["initial_delay"]:
            return
        self.liveness.look(path, time.monotonic(), eager=False, given_up=self.is_asked)
        if self.liveness.passed:
            self.alive()
        elif self.liveness.failed:
            self.end_server("LivenessProbeFailed", self.why("Not alive", self.liveness), drain=False)

    def why(self, what: str, clock: ProbeClock) -> str:
        after = time.monotonic() - self.began
        last = line_that_matters(list(self.output.tail))
        return f"{what} after {after:.0f} s: {clock.complaint}." + (f" Last line of its log: {last}" if last else "")

    def check_memory(self) -> None:
        limit = self.spec["memory_bytes"]
        assert self.server is not None
        if not limit or resident_bytes(self.server.pid) <= limit:
            return
        if (used := proportional_bytes(self.server.pid)) > limit:
            message = f"It used {used // 2**20} MiB; its instance type has {limit // 2**20} MiB."
            self.end_server("OutOfMemory", message, drain=False)

    def check_processes(self) -> None:
        assert self.server is not None
        if self.box and len(tree(self.server.pid)) > MOST_PROCESSES:
            message = f"It started more than {MOST_PROCESSES} processes."
            self.end_server("TooManyProcesses", message, drain=False)

    def alive(self) -> None:
        again = f"Restarted {self.status['restarts']} times. {self.last_end}" if self.status["restarts"] else ""
        if self.judge("Live", "True", "LivenessProbeSucceeded", again):
            self.tell_again()

    def end_server(self, reason: str, message: str, *, drain: bool) -> None:
        self.output.say(f"{reason}: {message}")
        self.tell("Draining" if drain else "BackingOff", reason=reason, message=message)
        if self.verdict.path and reason != "OutOfMemory":
            self.leave()
        self.stop_server(self.patience if drain else 0)

    def leave(self) -> None:
        until = time.monotonic() + LEAVE_SECONDS
        while time.monotonic() < until and not self.stop_asked:
            time.sleep(EAGER_SECONDS)

    @property
    def patience(self) -> float:
        """Seconds from SIGTERM to SIGKILL."""
        return float(self.spec["drain_seconds"]) + DRAIN_GRACE_SECONDS

    def stop_server(self, seconds: float) -> None:
        assert self.server is not None
        if self.spec.get("container") and not seconds:
            self.kill_container()
        if seconds:
            with contextlib.suppress(ProcessLookupError):
                if not (self.box and self.box.signal(signal.SIGTERM)):
                    self.server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.server.wait()
        if self.box:
            self.box.close()

    def kill_container(self) -> None:
        """What stands for the container sees to its end; were it killed, the container would go on."""
        assert self.server is not None
        with contextlib.suppress(ProcessLookupError):
            self.server.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.server.wait(DRAIN_GRACE_SECONDS)

    def ended(self) -> None:
        assert self.server is not None
        self.stop_server(0)  # what it left of its process group
        self.reader.join(1)
        code = exit_code(self.server.returncode) if self.box else self.server.returncode
        given = self.status["reason"] in ("LivenessProbeFailed", "OutOfMemory", "TooManyProcesses")
        line = line_that_matters(list(self.output.tail))
        message = self.status["message"] if given else line or f"It ended with exit code {code} and no output."
        self.output.say(f"the server ended with exit code {code}")
        self.last_end = f"The last time: {message}"
        self.tell(
            "BackingOff",
            reason=self.status["reason"] if given else "BackOff",
            message=message,
            pid=None,
            exit_code=code,
            restarts=self.status["restarts"] + 1,
        )
        self.server = None  # its pid may soon be somebody else's

    def back_off(self) -> None:
        if time.monotonic() - self.began > STABLE_SECONDS or self.status["reason"] == "Restarted":
            self.attempt = 0
        until = time.monotonic() + BACK_OFF[min(self.attempt, len(BACK_OFF) - 1)]
        self.attempt += 1
        while time.monotonic() < until and not self.restart_asked:
            if self.stop_asked:
                raise Stopping
            time.sleep(EAGER_SECONDS)
        self.restart_asked = False

    def drain(self) -> None:
        self.tell("Draining", reason="Killing", message="")
        if self.server is not None:
            self.stop_server(self.patience)
        self.remove_socket()
        self.verdict.remove()
        self.tell("Stopped", reason="Stopped", pid=None)

    # -- what others see

    def tell(self, state: str, **changes: Any) -> None:
        another = state != self.status["state"]
        self.status.update(changes, state=state, changed_at=_now())
        self.verdict.ready = state == "Ready"
        reason, message = self.status["reason"], self.status["message"]
        self.judge("Ready", "True" if state == "Ready" else "False", reason, message)
        if state in ("Starting", "BackingOff", "Stopped"):
            self.judge("Live", "Unknown" if state == "Starting" else "False", reason, message)
        self.untold = True
        self.tell_again()
        if another:
            say(self.spec.get("changes_socket", ""), self.spec["deployment_id"])

    def judge(self, kind: str, status: str, reason: str, message: str) -> bool:
        """A condition (domain.conditions), with the time since when it has its status. Whether that changed."""
        others = [each for each in self.status["conditions"] if each["type"] != kind]
        before = [each for each in self.status["conditions"] if each["type"] == kind and each["status"] == status]
        since = before[0]["lastTransitionTime"] if before else _now()
        now = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
        self.status["conditions"] = [*others, now] if kind == "Live" else [now, *others]
        self.untold = self.untold or not before
        return not before

    def tell_again(self) -> None:
        """What a full disk kept us from telling. It is no reason for the server to end."""
        if not self.untold:
            return
        temporary = self.folder / ".status.json"
        with contextlib.suppress(OSError):
            temporary.write_text(json.dumps(self.status))
            temporary.replace(self.folder / "status.json")
            self.untold = False


def _now() -> str:
    return datetime.now(timezone.utc).isoformat()  # noqa: UP017


def main(path: str) -> None:
    folder = Path(path)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(1)  # the one before us is still draining
            sys.exit(f"another keeper holds {folder}")
        Keeper(folder).run()


if __name__ == "__main__":
    main(sys.argv[1])
