"""Servers that are not ours, through the real gateway and from the wizard alone: a command, a container, a Triton."""

import os
import signal
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, running, wait_for
from tests.e2e.scripts import api, live_traffic, look, replicas, settled
from tests.podman import IMAGE, running_podman
from tests.triton import CONFIG, HALF, tritonserver

pytestmark = pytest.mark.e2e
SERVER = Path(__file__).parents[1] / "compute" / "http_server.py"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
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


def tokens(studio: RunningStudio, endpoint: str) -> int:
    """That its servers told of having read."""
    found = api(studio, "GET", f"endpoints/{endpoint}/metrics/?range=1h").json()["deployments"]
    return sum(point["counts"].get("tokens_in", 0) for item in found for point in item["points"])


def test_a_command_serves_and_is_healed(studio: RunningStudio) -> None:
    weights = model(studio, "weights", "custom_model", {"weights.txt": "1"})
    key = deploy(studio, "plain", **python_command(studio, "plain", model=weights, instance_count=2))
    assert look(studio, "plain", "one")["server"] == "custom"
    told = ask(studio, "plain", key, "3").json()
    assert (told["path"], told["body"], told["variable"]) == ("/v1/models/half:predict", "3", "green")
    assert told["model"] == ["weights.txt"]
    own = ask(studio, "plain", key, path="/v1/models/other:predict").json()
    assert own["path"] == "/v1/models/other:predict"
    wait_for(lambda: tokens(studio, "plain") == len("3"), what=lambda: str(tokens(studio, "plain")))
    os.kill(studio.pid_of("python3", "http_server.py"), signal.SIGKILL)
    assert {ask(studio, "plain", key).status_code for _ in range(100)} == {200}
    wait_for(lambda: sum(seen["restarts"] for seen in replicas(studio, "plain", "one")) == 1)
    wait_for(lambda: [seen["state"] for seen in replicas(studio, "plain", "one")] == ["Ready", "Ready"])


def test_a_command_without_egress_is_reached_all_the_same(studio: RunningStudio) -> None:
    closed = python_command(studio, "closed", egress_public_network_access="disabled")
    key = deploy(studio, "closed", **closed)
    told = ask(studio, "closed", key, "3").json()
    assert (told["body"], told["port"]) == ("3", "8501")
    assert ask(studio, "closed", key, "x" * 3_000_000).json()["body"] == "x" * 3_000_000


def test_a_container_serves_and_is_healed(studio: RunningStudio) -> None:
    files = {"http_server.py": SERVER.read_text()}
    body = {
        "model": model(studio, "contained", "custom_model", files),
        "model_mount_path": "/models/half",
        "environment": {"image": IMAGE, "inference_config": routes(8501)},
        "command": ["/usr/bin/python3", "{model_dir}/http_server.py"],
        "environment_variables": {"HOST": "0.0.0.0", "COLOUR": "blue"},  # noqa: S104
    }
    key = deploy(studio, "contained", **body)
    told = ask(studio, "contained", key, "3").json()
    assert (told["path"], told["variable"], told["pid"]) == ("/v1/models/half:predict", "blue", 1)
    assert (told["model_dir"], told["model"]) == ("/models/half", ["http_server.py"])
    assert "listening on 8501" in log(studio, "contained")
    with pytest.raises(AssertionError, match="Name an image"):
        api(studio, "PATCH", "endpoints/contained/deployments/one/", json={"image": "No Image"})
    os.kill(studio.pid_of("containers/launcher.py"), signal.SIGKILL)
    wait_for(lambda: [seen["restarts"] for seen in replicas(studio, "contained", "one")] == [1])
    wait_for(lambda: [seen["state"] for seen in replicas(studio, "contained", "one")] == ["Ready"])
    wait_for(lambda: ask(studio, "contained", key, "4").json().get("body") == "4")  # the gateway hears of it soon
    assert "took over" in log(studio, "contained")


def test_triton_serves_its_repository(studio: RunningStudio) -> None:
    files = {"half/config.pbtxt": CONFIG, "half/1/model.py": HALF}
    key = deploy(studio, "tritons", model=model(studio, "half", "triton_model", files))
    seen = look(studio, "tritons", "one")
    assert (seen["server"], seen["environment"]) == ("triton", None)
    request = '{"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}'
    for path in ("/score", "/v2/models/half/infer"):
        answer = ask(studio, "tritons", key, request, path=path)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"][0]["data"] == [0.5, 1.0, 1.5]


def begin(page: Page, endpoint: str) -> None:
    """The wizard, up to its second step."""
    page.goto("/endpoints/create/")
    name = page.get_by_label("Name", exact=True)
    name.fill("-")
    name.press("Tab")
    expect(page.get_by_text("is not a valid name")).to_be_visible()
    name.fill(endpoint)
    name.press("Tab")
    expect(page.get_by_text("This name is free.")).to_contain_text(f"/{endpoint}/score")
    next_step(page)


def upload_model(page: Page, name: str, path: Path) -> None:
    page.get_by_label("Upload a model").check()
    page.locator("input[type=file]").first.set_input_files(path)
    expect(page.get_by_text("1 file,")).to_be_visible()
    page.get_by_label("Name of the new model").fill(name)


def fill_routes(page: Page) -> None:
    page.get_by_label("Liveness route").fill("8501/alive")
    page.get_by_label("Readiness route").fill("8501/ready")
    page.get_by_label("Scoring route").fill("8501/v1/models/half:predict")


def next_step(page: Page) -> None:
    page.get_by_role("button", name="Next").click()


def fill_compute(page: Page, variables: str = "") -> None:
    page.get_by_text("Requests, variables, network").click()
    page.get_by_label("Environment variables").fill(variables)
    page.get_by_label("Surge").fill("2")
    page.get_by_label("Progress deadline").fill("600")


def create(page: Page, studio: RunningStudio, endpoint: str) -> str:
    """The endpoint's key, once it answers."""
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("link", name="Test it")).to_be_visible(timeout=240_000)
    wait_for(lambda: live_traffic(studio, endpoint) == {"blue": 100})
    seen = look(studio, endpoint, "blue")
    assert (seen["max_surge"], seen["progress_deadline_seconds"]) == ("2", 600)
    return str(api(studio, "POST", f"endpoints/{endpoint}/keys/list/").json()["primaryKey"])


def test_the_wizard_brings_a_command(studio: RunningStudio, page: Page) -> None:
    begin(page, "typed")
    page.get_by_label("No model: code alone").check()
    next_step(page)
    page.get_by_label("A server of your own: a command").check()
    page.get_by_role("textbox", name="Command").fill("python3 http_server.py {port}")
    fill_routes(page)
    page.get_by_label("Upload files").check()
    page.locator("input[type=file]").first.set_input_files(SERVER)
    expect(page.get_by_text("1 file,")).to_be_visible()
    page.locator("textarea[name=requirements]").evaluate("(area) => { area.value = '' }")
    next_step(page)
    fill_compute(page, "COLOUR=typed")
    next_step(page)
    expect(page.get_by_text("python3 http_server.py '{port}'").first).to_be_visible()
    key = create(page, studio, "typed")
    told = ask(studio, "typed", key, "3").json()
    assert (told["path"], told["body"], told["variable"]) == ("/v1/models/half:predict", "3", "typed")


def test_the_wizard_brings_an_image(studio: RunningStudio, page: Page) -> None:
    begin(page, "pulled")
    upload_model(page, "pulled-half", SERVER)
    next_step(page)
    page.get_by_label("A server of your own: a container image").check()
    page.get_by_role("textbox", name="Image").fill("No Image")
    page.get_by_role("textbox", name="Command").fill("/usr/bin/python3 {model_dir}/http_server.py")
    page.get_by_label("Model mount path").fill("/models/half")
    fill_routes(page)
    next_step(page)
    fill_compute(page, "HOST=0.0.0.0\nCOLOUR=pulled")
    next_step(page)
    page.locator("#preflight").get_by_role("link", name="Mend it").click()
    page.get_by_role("textbox", name="Image").fill(IMAGE)
    next_step(page)
    next_step(page)
    expect(page.get_by_text(IMAGE).first).to_be_visible()
    key = create(page, studio, "pulled")
    told = ask(studio, "pulled", key, "3").json()
    assert (told["variable"], told["pid"], told["model_dir"]) == ("pulled", 1, "/models/half")


def test_the_wizard_brings_a_triton_repository(studio: RunningStudio, page: Page, tmp_path: Path) -> None:
    packed = tmp_path / "half.zip"
    with ZipFile(packed, "w") as archive:
        archive.writestr("half/config.pbtxt", CONFIG)
        archive.writestr("half/1/model.py", HALF)
    begin(page, "repository")
    page.get_by_label("Upload a model").check()
    page.locator("input[type=file]").first.set_input_files(packed)
    expect(page.get_by_text("a Triton model repository,")).to_be_visible()
    page.get_by_label("Name of the new model").fill("repository-half")
    expect(page.get_by_label("Type of the new model")).to_have_value("triton_model")
    next_step(page)
    expect(page.get_by_label("Triton, for a Triton model repository")).to_be_checked()
    next_step(page)
    fill_compute(page)
    next_step(page)
    expect(page.locator("dd", has_text="Triton")).to_be_visible()
    key = create(page, studio, "repository")
    request = '{"inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}'
    answer = ask(studio, "repository", key, request)
    assert (answer.status_code, answer.json()["outputs"][0]["data"]) == (200, [0.5, 1.0])
