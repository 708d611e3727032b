"""Servers that are not ours, through the real gateway: a command, a container of a real engine, a real Triton."""

import os
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from tests.e2e.running import RunningStudio, running, wait_for
from tests.e2e.scripts import api, live_traffic, look, replicas, settled
from tests.podman import IMAGE, running_podman
from tests.triton import CONFIG, HALF, tritonserver

pytestmark = pytest.mark.e2e
SERVER = Path(__file__).parents[1] / "compute" / "http_server.py"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A studio with a container engine and a Triton."""
    program = tritonserver(tmp_path_factory.getbasetemp().parent)
    with (
        running_podman() as podman,
        running(STUDIO_CONTAINER_SOCKET=podman.socket, STUDIO_TRITON=str(program)) as studio,
    ):
        yield studio


def routes(port: int, admin: int = 0) -> dict[str, Any]:
    return {
        "liveness_route": {"port": admin or port, "path": "/alive"},
        "readiness_route": {"port": admin or port, "path": "/ready"},
        "scoring_route": {"port": port, "path": "/v1/models/half:predict"},
    }


def model(studio: RunningStudio, name: str, type: str, files: dict[str, str]) -> str:
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    uploads = {"files": ("model.zip", packed.getvalue())}
    made = api(studio, "POST", "models/", data={"name": name, "type": type}, files=uploads).json()
    return f"azureml:{name}:{made['version']}"


def deploy(studio: RunningStudio, endpoint: str, **body: Any) -> str:
    """The endpoint's key, once its deployment `one` serves."""
    api(studio, "POST", "endpoints/", json={"name": endpoint})
    given = {"name": "one", "instance_type": "local-small", **body}
    api(studio, "POST", f"endpoints/{endpoint}/deployments/", json=given, params={"all_traffic": "true"})
    over = settled(studio, endpoint, "one")
    assert over["provisioning_state"] == "Succeeded", (over["error"], log(studio, endpoint))
    wait_for(lambda: live_traffic(studio, endpoint) == {"one": 100})
    return str(api(studio, "POST", f"endpoints/{endpoint}/keys/list/").json()["primaryKey"])


def log(studio: RunningStudio, endpoint: str) -> str:
    found = api(studio, "GET", f"endpoints/{endpoint}/deployments/one/logs/").json()
    return str(found.get("lines", found))


def ask(studio: RunningStudio, endpoint: str, key: str, body: str = "", path: str = "/score") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{studio.gateway_url}/{endpoint}{path}", content=body, headers=headers, timeout=60)


def code(studio: RunningStudio, name: str) -> dict[str, Any]:
    files = {"files": ("http_server.py", SERVER.read_text())}
    made = api(studio, "POST", "code/", data={"name": name}, files=files).json()
    return {"code": f"azureml:{name}:{made['version']}"}


def python_command(studio: RunningStudio, name: str, **more: Any) -> dict[str, Any]:
    return {
        "command": ["python3", "http_server.py"],
        "code_configuration": code(studio, name),
        "environment_variables": {"COLOUR": "green"},
        "inference_config": routes(8501),
        **more,
    }


def test_a_command_serves_and_is_healed(house: RunningStudio) -> None:
    weights = model(house, "weights", "custom_model", {"weights.txt": "1"})
    key = deploy(house, "plain", **python_command(house, "plain", model=weights, instance_count=2))
    assert look(house, "plain", "one")["server"] == "custom"
    told = ask(house, "plain", key, "3").json()
    assert (told["path"], told["body"], told["variable"]) == ("/v1/models/half:predict", "3", "green")
    assert told["model"] == ["weights.txt"]
    own = ask(house, "plain", key, path="/v1/models/other:predict").json()
    assert own["path"] == "/v1/models/other:predict"
    os.kill(house.pid_of("python3", "http_server.py"), signal.SIGKILL)
    assert {ask(house, "plain", key).status_code for _ in range(100)} == {200}
    wait_for(lambda: sum(seen["restarts"] for seen in replicas(house, "plain", "one")) == 1)
    wait_for(lambda: [seen["state"] for seen in replicas(house, "plain", "one")] == ["Ready", "Ready"])


def test_a_command_without_egress_is_reached_all_the_same(house: RunningStudio) -> None:
    closed = python_command(house, "closed", egress_public_network_access="disabled")
    key = deploy(house, "closed", **closed)
    told = ask(house, "closed", key, "3").json()
    assert (told["body"], told["port"]) == ("3", "8501")
    assert ask(house, "closed", key, "x" * 3_000_000).json()["body"] == "x" * 3_000_000


def test_a_container_serves_and_is_healed(house: RunningStudio) -> None:
    files = {"http_server.py": SERVER.read_text()}
    body = {
        "model": model(house, "contained", "custom_model", files),
        "model_mount_path": "/models/half",
        "environment": {"image": IMAGE, "inference_config": routes(8501)},
        "command": ["/usr/bin/python3", "{model_dir}/http_server.py"],
        "environment_variables": {"HOST": "0.0.0.0", "COLOUR": "blue"},  # noqa: S104
    }
    key = deploy(house, "contained", **body)
    told = ask(house, "contained", key, "3").json()
    assert (told["path"], told["variable"], told["pid"]) == ("/v1/models/half:predict", "blue", 1)
    assert (told["model_dir"], told["model"]) == ("/models/half", ["http_server.py"])
    assert "listening on 8501" in log(house, "contained")
    with pytest.raises(AssertionError, match="Name an image"):
        api(house, "PATCH", "endpoints/contained/deployments/one/", json={"image": "No Image"})
    os.kill(house.pid_of("containers/launcher.py"), signal.SIGKILL)
    wait_for(lambda: [seen["restarts"] for seen in replicas(house, "contained", "one")] == [1])
    wait_for(lambda: [seen["state"] for seen in replicas(house, "contained", "one")] == ["Ready"])
    assert ask(house, "contained", key, "4").json()["body"] == "4"
    assert "took over" in log(house, "contained")


def test_triton_serves_its_repository(house: RunningStudio) -> None:
    files = {"half/config.pbtxt": CONFIG, "half/1/model.py": HALF}
    key = deploy(house, "tritons", model=model(house, "half", "triton_model", files))
    seen = look(house, "tritons", "one")
    assert (seen["server"], seen["environment"]) == ("triton", None)
    request = '{"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}'
    for path in ("/score", "/v2/models/half/infer"):
        answer = ask(house, "tritons", key, request, path=path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["data"] == [0.5, 1.0, 1.5]
