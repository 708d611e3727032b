"""Brings everything up, keeps supervisord alive, and takes everything down again."""

import compileall
import json
import os
import signal
import subprocess
import sys
import time
from types import FrameType

import httpx

from endpoints.compute.local.adapter import forget_otherwise_boxed
from endpoints.compute.local.files import write_private
from endpoints.compute.local.sandbox import NO_TOOLS, Tools
from endpoints.compute.local.supervisor import LAUNCH, SupervisorPrograms, SupervisorUnreachable
from endpoints.wiring import RUNTIME
from studio.env import ROOT, Env
from studio.launch import checks, strays, tree

START_SECONDS = 180.0  # a busy or slow machine; what ends early is told at once
STOP_SECONDS = 45.0
BACK_OFF_SECONDS = 1.0
WATCH_SECONDS = 5.0


class Studio:
    """The whole tree of processes below `manage.py up`."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.supervisor: subprocess.Popen[bytes] | None = None
        self.stopping = False
        self.tools = NO_TOOLS
        self.traffic_log = tree.traffic_log(env)
        self.programs = SupervisorPrograms(
            socket=tree.socket_path(env), conf_dir=tree.supervisor_dir(env) / "studio" / "conf.d"
        )

    def run(self) -> None:
        checks.check_writable(self.env.data_dir)
        checks.check_disk(self.env)
        with checks.lock(self.env):
            self._reap()
            self.tools = checks.check_sandbox(self.env)
            checks.check_ports(self.env)
            checks.check_certificate(self.env)
            signal.signal(signal.SIGTERM, self._on_signal)
            signal.signal(signal.SIGINT, self._on_signal)
            try:
                self._up()
                self._watch()
            finally:
                self._down()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.stopping:
            return
        self.stopping = True
        raise SystemExit(0)

    def _reap(self) -> None:
        folder = tree.supervisor_dir(self.env)
        found = strays.reap([folder, folder / "specs", folder / "studio" / "specs"])
        if found:
            _say(f"Ended {found} processes that an earlier start had left")

    def _up(self) -> None:
        """What answers requests first: replicas and gateway wait for neither database nor migrations."""
        _say("Starting gateway and replicas")
        self._forget_otherwise_boxed()
        compileall.compile_dir(RUNTIME, quiet=2)  # replicas cannot: it is read-only to them
        self._start_supervisor()
        _say("Preparing the database")
        welcome = self._manage("prepare")
        _say("Starting the studio")
        self._start_studio()
        self._wait_for_web()
        _say("")
        _say(f"  Studio   {self.env.public_url}")
        _say(f"  Gateway  {self.env.gateway_url}")
        for line in welcome.splitlines():
            _say(f"  {line}")
        _say(f"  Logs     {self.env.data_dir / 'logs'}")
        _say(f"  Replicas {_isolation(self.tools)}")
        _say("\nCtrl-C stops everything.")

    def _forget_otherwise_boxed(self) -> None:
        found = forget_otherwise_boxed(
            state_dir=self.env.data_dir / "replicas",
            conf_dir=tree.supervisor_dir(self.env) / "conf.d",
            tools=self.tools,
        )
        if found:
            _say(f"How replicas are isolated has changed: {len(found)} of them start anew once the studio is up")

    def _start_supervisor(self) -> None:
        configuration = tree.write_tree(self.env)
        spec = tree.supervisor_dir(self.env) / "supervisord.json"
        command = [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)]
        document = {"command": command, "environment": tree.PLAIN, "directory": "/"}
        write_private(spec, json.dumps(document))
        self.supervisor = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCH), str(spec)], start_new_session=True, stdin=subprocess.DEVNULL
        )
        self._wait_for_supervisor()

    def _wait_for_supervisor(self) -> None:
        assert self.supervisor is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.supervisor.poll() is not None:
                break
            try:
                self.programs.states()
            except SupervisorUnreachable:
                time.sleep(0.1)
            else:
                return
        raise checks.CannotStart(f"supervisord did not start. See {self.env.data_dir / 'logs' / 'supervisord.log'}.")

    def _start_studio(self) -> None:
        for name in tree.started_later(self.env):
            self.programs.start(name)

    def _wait_for_web(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"http://{self._web_host()}:{self.env.port}/healthz", timeout=2).status_code == 200:
                    return
            except httpx.HTTPError:
                time.sleep(0.2)
        raise checks.CannotStart(f"The web server does not answer. See {self.env.data_dir / 'logs' / 'web.log'}.")

    def _web_host(self) -> str:
        return "127.0.0.1" if self.env.host in ("0.0.0.0", "::") else self.env.host  # noqa: S104

    def _manage(self, *arguments: str) -> str:
        """A management command to its end; its output. One that fails ends the start with its last line."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=tree.studio_environment(os.environ), cwd=ROOT
        )
        if done.returncode:
            log = self.env.data_dir / "logs" / f"{arguments[0]}.log"
            log.write_text(done.stdout + done.stderr)
            last = (done.stderr.strip().splitlines() or ["no output"])[-1]
            raise checks.CannotStart(f"manage.py {arguments[0]} failed: {last} (all of it in {log})")
        return done.stdout

    def _watch(self) -> None:
        """Until a signal. supervisord keeps the others alive; we keep supervisord alive."""
        while True:
            if self._supervisor_lives():
                continue
            _say("supervisord ended; starting it again")
            time.sleep(BACK_OFF_SECONDS)
            self._reap()
            self._start_supervisor()
            self._start_studio()

    def _supervisor_lives(self) -> bool:
        """Waits a while for its end. What is due now and then is done in between."""
        assert self.supervisor is not None
        try:
            self.supervisor.wait(WATCH_SECONDS)
        except subprocess.TimeoutExpired:
            self._tend_traffic_log()
            return True
        return False

    def _tend_traffic_log(self) -> None:
        """What nobody reads may not fill the disk, nor may a failure here end the studio."""
        try:
            self.traffic_log.tend()
        except OSError as error:
            _say(f"The gateway's log cannot be put aside: {error}")

    def _down(self) -> None:
        if self.supervisor is None or self.supervisor.poll() is not None:
            return
        _say("\nStopping")
        self.supervisor.terminate()
        try:
            self.supervisor.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.supervisor.kill()
            self.supervisor.wait()
        self._reap()


def _isolation(tools: Tools) -> str:
    if not tools.bubblewrap:
        return f"not isolated: they see what this studio's user sees. {tools.reason}"
    if not tools.slirp4netns:
        return f"boxed in, but those with an open network share this machine's. {tools.network_reason}"
    return "boxed in: own files, processes and network"


def _say(text: str) -> None:
    print(text, flush=True)


def run(env: Env) -> None:
    Studio(env).run()
