"""A replica of the whole studio, asked to break out of its box."""

import httpx
import pytest

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import deploy, live_traffic, look, settled

pytestmark = pytest.mark.e2e

PRISONER = """
import json, os, pathlib, socket

def init():
    pass

def run(raw_data):
    what, arguments = json.loads(raw_data)
    try:
        return globals()[what](*arguments)
    except OSError as error:
        return type(error).__name__

def read(path):
    return pathlib.Path(path).read_text()[:20]

def exchange(path, target):
    os.unlink(path)
    os.symlink(target, path)
    return "exchanged"

def listed(path):
    return sorted(os.listdir(path))

def connect(host, port):
    socket.create_connection((host, port), 3).close()
    return "connected"

def unix(path):
    socket.socket(socket.AF_UNIX).connect(path)
    return "connected"
"""


@pytest.mark.parametrize("egress", ["enabled", "disabled"])
def test_it_reaches_neither_the_studio_nor_its_neighbours(studio: RunningStudio, egress: str) -> None:
    name = f"prison-{egress}"
    key = deploy(studio, name, "one", PRISONER, all_traffic=True, egress_public_network_access=egress, instance_count=2)
    assert settled(studio, name, "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, name) == {"one": 100})
    assert look(studio, name, "one")["isolation"]["boxed"]

    def ask(what: str, *arguments: object) -> object:
        headers = {"authorization": f"Bearer {key}"}
        answer = httpx.post(f"{studio.gateway_url}/{name}/score", json=[what, arguments], headers=headers, timeout=60)
        return answer.json()

    run = studio.data_dir / "run"
    for path in (studio.data_dir / "studio.sqlite3", studio.data_dir / "secret-key", "/etc/shadow"):
        assert ask("read", str(path)) == "FileNotFoundError"
    for path in (run / "supervisor.sock", run / "valkey.sock", run / "envoy-admin.sock"):
        assert path.exists()
        assert ask("unix", str(path)) == "FileNotFoundError"
    inside = ask("listed", str(run))
    assert isinstance(inside, list)
    assert len(inside) == 1, "the sockets of others are there"
    lead_to_the_gateways_own = (str(run / inside[0] / "http.sock"), str(run / "envoy-admin.sock"))
    assert ask("exchange", *lead_to_the_gateways_own) in ("exchanged", "FileNotFoundError")
    for _ in range(10):
        answer = httpx.get(f"{studio.gateway_url}/{name}/config_dump", headers={"authorization": f"Bearer {key}"})
        assert answer.status_code in (404, 424), answer.text
        assert "configs" not in answer.text
    for port in (studio.port, studio.gateway_port):
        assert ask("connect", "127.0.0.1", port) == "ConnectionRefusedError"
