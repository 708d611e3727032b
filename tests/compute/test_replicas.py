"""Replicas under a real supervisord: what starts, what is seen of it, and what ends it."""

import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from endpoints.compute.local.adapter import KEEPER, LocalCompute
from endpoints.compute.local.changes import hear
from endpoints.compute.local.supervisor import SupervisorPrograms
from endpoints.compute.port import ComputeError
from endpoints.domain.replicas import Probe
from tests.compute.running import RunningSupervisor, eventually, is_alive

ECHO = "import json\n\ndef init():\n    print('model loaded')\n\ndef run(data):\n    return json.loads(data)\n"
HASTY = Probe(path="/ready", initial_delay=0.1, period=0.1, failure_threshold=3, timeout=20)


def test_the_studios_own_server_becomes_ready_answers_and_goes(supervisor: RunningSupervisor) -> None:
    spec = supervisor.scoring("echo", ECHO)
    seen = supervisor.started(spec)
    assert (seen.deployment_id, seen.generation, seen.ordinal, seen.restarts) == (spec.deployment_id, 1, 0, 0)
    assert seen.reason == "Ready"
    assert seen.started_at is not None
    assert seen.ready_at is not None
    assert seen.started_at <= seen.ready_at
    with supervisor.client("echo") as client:
        assert client.post("/score", json="hello").json() == "hello"
    supervisor.ended("echo")
    assert seen.pid is not None
    assert not is_alive(seen.pid)
    assert not Path(spec.socket).exists()
    assert "model loaded" in supervisor.log("echo")
    supervisor.compute.purge("another deployment")
    assert supervisor.log("echo")
    supervisor.compute.purge(spec.deployment_id)
    assert supervisor.log("echo") == ""
    assert not (supervisor.folder / "replicas" / "echo").exists()


def test_its_keeper_says_when_it_becomes_ready_and_when_it_ends(supervisor: RunningSupervisor) -> None:
    heard: list[tuple[str, str]] = []

    def state_of_all(deployment_id: str) -> None:
        heard.extend((deployment_id, seen.state) for seen in supervisor.compute.observe())

    hear(supervisor.changes_socket, state_of_all)
    spec = supervisor.spec("speaks")
    supervisor.started(spec)
    eventually(lambda: (spec.deployment_id, "Ready") in heard, lambda: str(heard))
    heard.clear()
    supervisor.ended("speaks")
    eventually(lambda: {identity for identity, _ in heard} == {spec.deployment_id}, lambda: str(heard))


def test_starting_twice_is_starting_once(supervisor: RunningSupervisor) -> None:
    spec = supervisor.spec("twice")
    supervisor.started(spec)
    first = supervisor.wait("twice", lambda seen: any(c["status"] == "True" for c in seen.conditions[1:]))
    supervisor.compute.start(spec)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(supervisor.compute.start, [spec] * 8))
    again = supervisor.seen("twice")
    assert again is not None
    assert replace(again, conditions=()) == replace(first, conditions=())
    supervisor.ended("twice")
    supervisor.compute.stop("twice")
    supervisor.compute.stop("never-there")


def test_the_server_sees_its_own_environment_and_nothing_else(supervisor: RunningSupervisor) -> None:
    given = {"PATH": "/usr/bin", "PERCENT": "100%(x)s %% $HOME", "LINES": "one\ntwo; # three", "OMP_NUM_THREADS": "7"}
    supervisor.started(supervisor.spec("environment", environment=given, vcpu=2.5))
    with supervisor.client("environment") as client:
        found = client.get("/environment").json()
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "2")
    found.pop("LC_CTYPE", None)  # Python's own, in a C locale
    assert found == {**threads, **given}
    supervisor.compute.stop("environment")


def test_secrets_stand_in_private_files_alone(supervisor: RunningSupervisor) -> None:
    supervisor.started(supervisor.spec("private", environment={"TOKEN": "hush-hush"}))
    holders = [path for path in supervisor.folder.rglob("*") if path.is_file() and b"hush-hush" in path.read_bytes()]
    assert [path.name for path in holders] == ["server.json"]
    assert stat.S_IMODE(holders[0].stat().st_mode) == 0o600
    assert stat.S_IMODE(holders[0].parent.stat().st_mode) == 0o700
    keeper = psutil.Process(supervisor.keeper_pid("private"))
    lines = [each.cmdline() for each in (keeper, *keeper.children(recursive=True))]
    assert "hush-hush" not in json.dumps(lines)
    supervisor.compute.stop("private")


def test_odd_characters_in_paths(supervisor: RunningSupervisor) -> None:
    folder = supervisor.folder / "100% \"of\" it; 'all'"
    odd = LocalCompute(programs=supervisor.programs, state_dir=folder)
    odd.start(supervisor.spec("odd", working_directory=str(supervisor.folder)))
    eventually(lambda: [each.state for each in odd.observe() if each.id == "odd"] == ["Ready"])
    odd.stop("odd")
    eventually(lambda: odd.observe() == [])


def test_a_path_that_supervisord_cannot_read_harms_no_other(supervisor: RunningSupervisor) -> None:
    odd = LocalCompute(programs=supervisor.programs, state_dir=supervisor.folder / "a ;comment")
    with pytest.raises(ValueError, match="a comment or a line would begin in it"):
        odd.start(supervisor.spec("commented"))
    supervisor.started(supervisor.spec("unharmed"))
    supervisor.compute.stop("unharmed")


def test_a_killed_server_comes_back_and_the_restart_is_counted(supervisor: RunningSupervisor) -> None:
    before = supervisor.started(supervisor.spec("killed"))
    assert before.pid is not None
    os.kill(before.pid, signal.SIGKILL)
    after = supervisor.wait("killed", lambda seen: seen.state == "Ready" and seen.restarts == 1)
    assert after.pid != before.pid
    assert after.exit_code == -signal.SIGKILL
    assert "the server ended with exit code -9" in supervisor.log("killed")
    supervisor.compute.stop("killed")


def test_a_server_that_keeps_ending_is_backed_off(supervisor: RunningSupervisor) -> None:
    supervisor.compute.start(supervisor.spec("failing", "/bin/sh", "-c", "echo no luck; exit 7"))
    seen = supervisor.wait("failing", lambda seen: seen.restarts == 2 and seen.state == "BackingOff")
    assert (seen.reason, seen.message, seen.exit_code, seen.pid) == ("BackOff", "no luck", 7, None)
    supervisor.ended("failing")  # in the middle of its back-off


def test_a_command_that_is_not_there(supervisor: RunningSupervisor) -> None:
    supervisor.compute.start(supervisor.spec("absent", "/no/such/python", "server.py"))
    seen = supervisor.wait("absent", lambda seen: seen.state == "BackingOff")
    assert "No such file or directory: '/no/such/python'" in seen.message
    supervisor.compute.stop("absent")


def test_a_killed_keeper_takes_its_server_along_and_both_come_back(supervisor: RunningSupervisor) -> None:
    before = supervisor.started(supervisor.spec("kept"))
    keeper = supervisor.keeper_pid("kept")
    os.kill(keeper, signal.SIGKILL)
    assert before.pid is not None
    eventually(lambda: not is_alive(before.pid or 0))
    after = supervisor.wait("kept", lambda seen: seen.state == "Ready" and seen.pid != before.pid)
    assert supervisor.keeper_pid("kept") != keeper
    assert servers_on(supervisor.socket("kept")) == [after.pid]
    supervisor.compute.stop("kept")


def test_a_killed_supervisord_leaves_nothing_running(own_supervisor: RunningSupervisor) -> None:
    before = own_supervisor.started(own_supervisor.scoring("orphan", ECHO, drain_seconds=1))
    assert before.pid is not None
    family = [own_supervisor.keeper_pid("orphan"), *tree(before.pid)]
    own_supervisor.kill()
    eventually(lambda: not any(map(is_alive, family)))
    own_supervisor.start()
    after = own_supervisor.wait("orphan", lambda seen: seen.state == "Ready")
    assert servers_on(own_supervisor.socket("orphan")) == [after.pid]


def test_a_keeper_that_is_too_slow_to_end_blocks_no_second_one(supervisor: RunningSupervisor) -> None:
    """The one that holds the folder's lock is the only one that runs a server."""
    supervisor.started(supervisor.spec("two-keepers"))
    first = supervisor.wait("two-keepers", lambda seen: any(c["status"] == "True" for c in seen.conditions[1:]))
    folder = supervisor.folder / "replicas" / "two-keepers"
    second = subprocess.run(
        [sys.executable, "-I", str(KEEPER), str(folder)], capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert second.stderr == f"another keeper holds {folder}\n"
    again = supervisor.seen("two-keepers")
    assert again is not None
    assert replace(again, conditions=()) == replace(first, conditions=())
    assert servers_on(supervisor.socket("two-keepers")) == [first.pid]
    supervisor.compute.stop("two-keepers")


def test_a_server_that_is_alive_no_more_is_restarted(supervisor: RunningSupervisor) -> None:
    before = supervisor.started(supervisor.spec("liveness", liveness=replace(HASTY, path="/live", initial_delay=3600)))
    broken = Path(f"{supervisor.socket('liveness')}.not-live")
    broken.touch()
    seen = supervisor.wait("liveness", lambda seen: seen.restarts == 1)
    assert seen.reason == "LivenessProbeFailed" or seen.state != "BackingOff"
    assert "answered 503" in supervisor.log("liveness")
    broken.unlink()
    after = supervisor.wait("liveness", lambda seen: seen.state == "Ready")
    assert after.pid != before.pid
    assert after.exit_code == -signal.SIGKILL
    supervisor.compute.stop("liveness")


def test_readiness_comes_and_goes_without_a_restart(supervisor: RunningSupervisor) -> None:
    before = supervisor.started(supervisor.spec("readiness", readiness=HASTY))
    broken = Path(f"{supervisor.socket('readiness')}.not-ready")
    broken.touch()
    seen = supervisor.wait("readiness", lambda seen: seen.state == "Unready")
    assert seen.reason == "ReadinessProbeFailed"
    assert "answered 503" in seen.message
    broken.unlink()
    after = supervisor.wait("readiness", lambda seen: seen.state == "Ready")
    assert (after.pid, after.restarts, after.message) == (before.pid, 0, "")
    supervisor.compute.stop("readiness")


def test_a_port_that_never_opens(supervisor: RunningSupervisor) -> None:
    command = ("/bin/sh", "-c", "echo warming up; exec sleep 600")
    supervisor.compute.start(supervisor.spec("closed", *command, readiness=HASTY))
    seen = supervisor.wait("closed", lambda seen: seen.state == "Unready")
    assert seen.reason == "ReadinessProbeFailed"
    assert seen.message.startswith("Not ready after ")
    assert seen.message.endswith("GET /ready: No such file or directory. Last line of its log: warming up")
    supervisor.compute.stop("closed")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("import no_such_module\n", "UserScriptImportError: "),
        ("def init(:\n", "UserScriptImportError: "),
        ("def init():\n    raise ValueError('no weights')\n\ndef run(data): ...\n", "UserScriptInitFailed: "),
    ],
)
def test_a_script_that_cannot_start_is_quoted(supervisor: RunningSupervisor, script: str, said: str) -> None:
    name = f"broken-{abs(hash(script))}"
    supervisor.compute.start(supervisor.scoring(name, script))
    seen = supervisor.wait(name, lambda seen: seen.state == "BackingOff")
    assert seen.message.startswith(said)
    supervisor.compute.stop(name)


def test_a_request_under_way_is_finished_before_the_end(supervisor: RunningSupervisor) -> None:
    slow = "import json, pathlib, time\ndef init(): ...\ndef run(data):\n    pathlib.Path(json.loads(data)).touch()\n"
    slow += "    time.sleep(1.5)\n    return 'finished'\n"
    spec = supervisor.scoring("drained", slow)
    supervisor.started(spec)
    begun = supervisor.folder / "begun"
    with ThreadPoolExecutor(1) as threads, supervisor.client("drained") as client:
        answer = threads.submit(client.post, "/score", json=str(begun))
        eventually(begun.exists)
        supervisor.compute.stop("drained")
        supervisor.wait("drained", lambda seen: seen.state == "Draining")
        assert answer.result().json() == "finished"
    eventually(lambda: supervisor.seen("drained") is None)


def test_a_server_that_does_not_listen_to_its_end_is_killed(supervisor: RunningSupervisor) -> None:
    """By its keeper, and long before supervisord would."""
    folder = supervisor.folder
    deaf = ("/bin/sh", "-c", f"trap '' TERM; touch {folder}/deaf; while true; do sleep 0.1; done")
    supervisor.compute.start(supervisor.spec("deaf", *deaf, drain_seconds=-9.5))  # half a second with the grace
    eventually((folder / "deaf").exists)
    pid = supervisor.wait("deaf", lambda seen: seen.pid is not None).pid
    supervisor.ended("deaf")
    assert not is_alive(pid or 0)


def test_a_probe_that_hangs_delays_no_end(supervisor: RunningSupervisor) -> None:
    """Its time-out is longer than the test waits for anything."""
    hanging = "import socket, sys, time\ns = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\ns.listen()\n"
    hanging += "open(sys.argv[1] + '.up', 'w')\ntime.sleep(600)\n"
    name = "hanging"
    command = ("/usr/bin/env", "python3", "-c", hanging, supervisor.socket(name))
    patient = Probe(path="/ready", timeout=300)
    supervisor.compute.start(supervisor.spec(name, *command, readiness=patient))
    eventually(Path(f"{supervisor.socket(name)}.up").exists)
    supervisor.ended(name)


def test_restart_on_request(supervisor: RunningSupervisor) -> None:
    before = supervisor.started(supervisor.spec("again"))
    supervisor.compute.restart("again")
    after = supervisor.wait("again", lambda seen: seen.state == "Ready" and seen.pid != before.pid)
    assert after.restarts == 0
    supervisor.compute.restart("never-there")
    supervisor.compute.stop("again")


def test_started_again_while_it_drains(supervisor: RunningSupervisor) -> None:
    """As when somebody scales down and at once up again: the same id, before supervisord has seen its end."""
    spec = supervisor.scoring("returning", ECHO)
    before = supervisor.started(spec)
    supervisor.compute.stop("returning")
    supervisor.compute.start(spec)
    after = supervisor.wait("returning", lambda seen: seen.state == "Ready" and seen.pid != before.pid)
    assert not is_alive(before.pid or 0)
    assert servers_on(spec.socket)[0] == after.pid
    supervisor.compute.stop("returning")


def test_too_much_memory(supervisor: RunningSupervisor) -> None:
    supervisor.started(supervisor.spec("greedy", memory_bytes=100 * 2**20))
    with supervisor.client("greedy") as client:
        client.get(f"/hold-{150 * 2**20}")
    seen = supervisor.wait("greedy", lambda seen: seen.restarts == 1)
    assert seen.exit_code == -signal.SIGKILL
    assert "OutOfMemory: It used " in supervisor.log("greedy")
    assert "MiB; its instance type has 100 MiB." in supervisor.log("greedy")
    supervisor.compute.stop("greedy")


def test_what_was_removed_leaves_no_specification(supervisor: RunningSupervisor) -> None:
    supervisor.started(supervisor.spec("tidy"))
    assert (supervisor.folder / "specs" / "tidy.json").exists()
    supervisor.ended("tidy")
    assert not list(supervisor.folder.glob("*/tidy.*"))


def test_a_supervisord_that_does_not_answer(tmp_path: Path) -> None:
    programs = SupervisorPrograms(socket=tmp_path / "none.sock", conf_dir=tmp_path / "conf.d")
    compute = LocalCompute(programs=programs, state_dir=tmp_path / "replicas")
    calls = (compute.observe, lambda: compute.stop("r"), lambda: compute.restart("r"))
    for call in calls:
        with pytest.raises(ComputeError, match=r"supervisord does not answer on .*none\.sock"):
            call()
    assert compute.read_log("r").text == ""


@pytest.mark.parametrize("name", ["", "../r", ".hidden", "a/b"])
def test_names_that_lead_elsewhere(tmp_path: Path, name: str) -> None:
    programs = SupervisorPrograms(socket=tmp_path / "none.sock", conf_dir=tmp_path / "conf.d")
    with pytest.raises(ValueError, match="is no replica id"):
        LocalCompute(programs=programs, state_dir=tmp_path).read_log(name)


def tree(pid: int) -> list[int]:
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def servers_on(socket: str) -> list[int]:
    """Pids of the processes that were told to listen there, oldest first."""
    found = [each for each in psutil.process_iter(["cmdline", "create_time"]) if socket in (each.info["cmdline"] or ())]
    return [each.pid for each in sorted(found, key=lambda each: each.info["create_time"])]
