"""One script for Azure's server, unmodified, on both servers behind the gateway; and a public client of the Open
Inference Protocol."""

import json
import subprocess
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate
from playwright.sync_api import Page, expect

from tests.e2e.running import RunningStudio, wait_for
from tests.e2e.scripts import api, deploy, live_traffic, look, settled
from tests.runtime.azure_scripts import DECORATED, DECORATED_ANSWER, DECORATED_BODY, RAW
from tests.runtime.environment import build

pytestmark = pytest.mark.e2e

PACKAGES = "inference-schema==1.8\nnumpy\npandas"
AVERAGE = """
import json

def init():
    pass

def run(raw_data):
    asked = json.loads(raw_data)
    return {"mean": [sum(row) / len(row) for row in asked["rows"]], "said": asked["text"]}
"""
CLIENT = """
import json, sys
import numpy as np
import tritonclient.http as client

url, key, binary = sys.argv[1], sys.argv[2], sys.argv[3] == "binary"
headers = {"authorization": "Bearer " + key}
model = url.rpartition("/")[2]
server = client.InferenceServerClient(url)
assert server.is_server_live(headers=headers) and server.is_server_ready(headers=headers)
assert server.is_model_ready(model, headers=headers)
rows = client.InferInput("rows", [2, 3], "FP32")
rows.set_data_from_numpy(np.array([[1, 2, 3], [4, 5, 9]], dtype=np.float32), binary_data=binary)
text = client.InferInput("text", [1], "BYTES")
text.set_data_from_numpy(np.array(["Ærø"], dtype=object), binary_data=binary)
wanted = [client.InferRequestedOutput(name, binary_data=binary) for name in ("mean", "said")]
found = server.infer(model, [rows, text], outputs=wanted, request_id="r-1", headers=headers)
said = found.as_numpy("said").tolist()[0]
print(json.dumps({
    "name": server.get_model_metadata(model, headers=headers)["name"],
    "id": found.get_response()["id"],
    "mean": found.as_numpy("mean").tolist(),
    "said": said.decode() if isinstance(said, bytes) else said,
}))
try:
    server.infer(model, [rows], headers=headers)
except client.InferenceServerException as error:
    print(error.message())
"""


def client_of(studio: RunningStudio, endpoint: str, key: str) -> httpx.Client:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.Client(base_url=f"{studio.gateway_url}/{endpoint}", headers=headers, timeout=60)


def on(server: str) -> dict[str, str]:
    return {"azureml-model-deployment": server}


@pytest.fixture(scope="module")
def both(studio: RunningStudio) -> httpx.Client:
    """The deployments `studio` and `azureml`; the first has the traffic."""
    deploy(studio, "azures", "studio", DECORATED, requirements=PACKAGES, all_traffic=True)
    key = deploy(studio, "azures", "azureml", DECORATED, requirements=PACKAGES, server="azureml")
    for name in ("studio", "azureml"):
        seen = settled(studio, "azures", name)
        assert (seen["provisioning_state"], seen["server"]) == ("Succeeded", name), seen
    wait_for(lambda: live_traffic(studio, "azures") == {"studio": 100})
    return client_of(studio, "azures", key)


@pytest.mark.parametrize("server", ["studio", "azureml"])
def test_the_same_script_gives_the_same_answer(both: httpx.Client, server: str) -> None:
    answer = both.post("/score", json=DECORATED_BODY, headers=on(server))
    assert (answer.status_code, answer.json()) == (200, DECORATED_ANSWER), answer.text
    assert answer.headers["azureml-model-deployment"] == server
    assert ("x-ms-server-version" in answer.headers) == (server == "azureml")


@pytest.mark.parametrize("server", ["studio", "azureml"])
def test_what_the_script_refuses_is_424_on_both(both: httpx.Client, server: str) -> None:
    answer = both.post("/score", json={"data": [[1, 2, 3]]}, headers=on(server))
    assert (answer.status_code, answer.headers["ms-azureml-model-error-statuscode"]) == (424, "400")
    assert "visits" in answer.text


def test_documents_name_the_paths_that_callers_use(both: httpx.Client) -> None:
    ours = both.get("/swagger.json?version=3.1", headers=on("studio")).json()
    validate(ours)
    assert (ours["openapi"], ours["servers"]) == ("3.1.0", [{"url": "/azures"}])
    assert {"401", "408", "413", "424", "429"} <= set(ours["paths"]["/score"]["post"]["responses"])
    validate(both.get("/swagger.json", headers=on("studio")).json())
    theirs = both.get("/swagger.json?version=3.1", headers=on("azureml")).json()
    assert "/azures/score" in theirs["paths"]


@pytest.mark.parametrize("server", ["studio", "azureml"])
def test_the_test_tab_begins_with_the_script_s_own_sample(page: Page, both: httpx.Client, server: str) -> None:
    page.goto(f"/endpoints/azures/test/?deployment={server}")
    expect(page.locator("textarea[name=body]")).to_have_value(json.dumps(SAMPLE, indent=2))


SAMPLE = {"data": [[0.1, 1.2, 2.3]], "visits": [{"city": "Oslo", "days": 3}], "factor": 2}


def test_a_deployment_moves_to_the_other_server_in_place(studio: RunningStudio) -> None:
    key = deploy(studio, "raws", "one", RAW, all_traffic=True)
    assert settled(studio, "raws", "one")["provisioning_state"] == "Succeeded"
    wait_for(lambda: live_traffic(studio, "raws") == {"one": 100})
    client = client_of(studio, "raws", key)
    assert asked_raw(client) == b"\xffGNP"
    api(studio, "PATCH", "endpoints/raws/deployments/one/", json={"server": "azureml"})
    seen = wait_for(lambda: (found := settled(studio, "raws", "one"))["serving_generation"] == 2 and found)
    assert (seen["provisioning_state"], seen["server"]) == ("Succeeded", "azureml"), seen
    wait_for(lambda: "x-ms-server-version" in client.get("/score?a=1").headers)
    assert asked_raw(client) == b"\xffGNP"
    assert client.get("/score?a=1").text == "/score?a=1"


def asked_raw(client: httpx.Client) -> bytes:
    answer = client.post("/score", content=b"PNG\xff", headers={"content-type": "image/png", "x-picture": "cat"})
    assert (answer.status_code, answer.headers["content-type"]) == (201, "image/png"), answer.text
    return answer.content


@pytest.fixture(scope="module")
def triton_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shared = tmp_path_factory.getbasetemp().parent / "e2e-clients"
    return build(shared / "triton", "tritonclient[http]==2.73.0", with_runtime=False)


@pytest.fixture(scope="module")
def averages(studio: RunningStudio) -> str:
    """The key."""
    key = deploy(studio, "averages", "one", AVERAGE, all_traffic=True)
    assert settled(studio, "averages", "one")["provisioning_state"] == "Succeeded", look(studio, "averages", "one")
    wait_for(lambda: live_traffic(studio, "averages") == {"one": 100})
    return key


@pytest.mark.parametrize("form", ["json", "binary"])
def test_a_public_client_of_the_open_inference_protocol(
    studio: RunningStudio, triton_client: Path, averages: str, form: str
) -> None:
    address = f"127.0.0.1:{studio.gateway_port}/averages"
    command = [str(triton_client), "-c", CLIENT, address, averages, form]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert json.loads(first) == {"name": "averages", "id": "r-1", "mean": [2.0, 6.0], "said": "Ærø"}
    assert "KeyError: 'text'" in second
