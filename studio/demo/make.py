"""The demo: two real models, trained now, behind one endpoint. Every step can be done again after a crash."""

import json
import random
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from django.conf import settings

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.enums import BuildState, ModelType, ProvisioningState
from endpoints.models import Deployment, Endpoint, EnvironmentVersion, InstanceType, ModelVersion, Workspace
from endpoints.services import assets, deployments, endpoints, traffic
from endpoints.services.credentials import test_key
from endpoints.services.deployments import Specification
from endpoints.services.gateway_client import gateway_client, gateway_url
from endpoints.services.specification import environment_spec
from studio.demo.samples import sample_body

NAME = "diabetes"
HERE = Path(__file__).resolve().parent
REQUIREMENTS = {
    "linear": "scikit-learn==1.7.2\nmlflow-skinny==3.17.0\npandas==2.3.3\n",
    "boosted": "scikit-learn==1.7.2\n",
}
REQUESTS = 1200
REQUESTS_PER_SECOND = 2.0
WAIT_SECONDS = 900

Say = Callable[[str], None]


class DemoFailed(Exception):
    """A step did not come to its end; the message says which and why."""


def make_demo(workspace: Workspace, *, say: Say) -> Endpoint:
    """The endpoint with both deployments, 90/10. What is there already is kept."""
    endpoint = Endpoint.objects.present().filter(name=NAME).first()
    endpoint = endpoint or endpoints.create_endpoint(
        actor=SYSTEM,
        workspace=workspace,
        name=NAME,
        description="Progression of diabetes after one year, from ten measurements. Two models share the traffic.",
        tags={"team": "demo"},
    )
    blue = _deployment(endpoint, "blue", lambda: _linear(workspace, say))
    green = _deployment(endpoint, "green", lambda: _boosted(workspace, say))
    for deployment in (blue, green):
        say(f"Starting {NAME}/{deployment.name}")
        _wait_until_running(deployment)
    endpoint.refresh_from_db()
    if not endpoint.traffic:
        traffic.set_traffic(actor=SYSTEM, endpoint=endpoint, traffic={"blue": 90, "green": 10}, reason="Demo")
    return endpoint


def _deployment(endpoint: Endpoint, name: str, specify: Callable[[], Specification]) -> Deployment:
    present = endpoint.deployments.present().filter(name=name).first()
    if present is not None:
        return present
    return deployments.create_deployment(actor=SYSTEM, endpoint=endpoint, name=name, specification=specify())[0]


def _linear(workspace: Workspace, say: Say) -> Specification:
    model = ModelVersion.objects.filter(workspace=workspace, name="diabetes-linear").first()
    model = model or assets.register_model(
        actor=SYSTEM,
        workspace=workspace,
        name="diabetes-linear",
        type=ModelType.MLFLOW,
        folder=_trained(workspace, "linear", say),
        description="Linear regression on scikit-learn's diabetes data, saved by MLflow.",
    )
    return Specification(model=model, instance_type=_instance_type())


def _boosted(workspace: Workspace, say: Say) -> Specification:
    model = ModelVersion.objects.filter(workspace=workspace, name="diabetes-boosted").first()
    model = model or assets.register_model(
        actor=SYSTEM,
        workspace=workspace,
        name="diabetes-boosted",
        type=ModelType.CUSTOM,
        folder=_trained(workspace, "boosted", say),
        description="Gradient boosting on scikit-learn's diabetes data, behind a scoring script.",
    )
    folder = _staging("scoring")
    shutil.copytree(HERE / "scoring", folder)
    code = assets.register_code(actor=SYSTEM, workspace=workspace, name="diabetes-scoring", folder=folder)
    return Specification(
        model=model,
        code=code,
        scoring_script="score.py",
        environment=_environment(workspace, "boosted"),
        instance_type=_instance_type(),
    )


def _environment(workspace: Workspace, kind: str) -> EnvironmentVersion:
    return assets.register_environment(
        actor=SYSTEM, workspace=workspace, name=f"diabetes-{kind}", text=REQUIREMENTS[kind]
    )


def _trained(workspace: Workspace, kind: str, say: Say) -> Path:
    """A folder with the model, trained inside the environment that will serve it."""
    say(f"Building the environment of the {kind} model")
    python = _built(Specification(environment=_environment(workspace, kind)))
    say(f"Training the {kind} model")
    folder = _staging(kind)
    command = [str(python), str(HERE / "training" / f"{kind}.py"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=_clean())
    if done.returncode:
        raise DemoFailed(f"Training the {kind} model failed: {done.stderr.strip().splitlines()[-1:]}")
    return folder


def _clean() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(_staging("home")), "LANG": "C.UTF-8"}


def _built(specification: Specification) -> Path:
    spec = environment_spec(specification)
    builder = wiring.builder()
    builder.start(spec)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        seen = builder.observe(spec.hash)
        if seen.python is not None and seen.state == BuildState.SUCCEEDED:
            return seen.python
        if seen.state == BuildState.FAILED:
            raise DemoFailed(f"The environment could not be built: {seen.error}")
        time.sleep(0.2)
    raise DemoFailed("The environment was not built in time.")


def _staging(name: str) -> Path:
    folder = Path(settings.STUDIO_DATA_DIR) / "staging" / f"demo-{name}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


def _instance_type() -> InstanceType:
    return InstanceType.objects.filter(enabled=True).order_by("price_per_hour")[0]


def _wait_until_running(deployment: Deployment) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        deployment.refresh_from_db()
        if deployment.state == ProvisioningState.SUCCEEDED:
            return
        if deployment.state in (ProvisioningState.FAILED, ProvisioningState.CANCELED):
            raise DemoFailed(f"{deployment.name}: {deployment.failure_message}")
        time.sleep(0.3)
    raise DemoFailed(f"{deployment.name} did not come up in time.")


def send_samples(endpoint: Endpoint, *, requests: int = REQUESTS, per_second: float = REQUESTS_PER_SECOND) -> int:
    """A bounded stream of true requests through the gateway; the number that was answered with 200."""
    chance = random.Random(7)  # noqa: S311 - sample data, not a secret
    url = f"{gateway_url()}/{endpoint.name}/score"
    headers = {"authorization": f"Bearer {test_key(endpoint)}", "content-type": "application/json"}
    answered = 0
    for _ in range(requests):
        if not Endpoint.objects.present().filter(pk=endpoint.pk).exists():
            break
        try:
            body = json.dumps(sample_body(chance))
            response = gateway_client().post(url, content=body, headers=headers, timeout=10)
            answered += response.status_code == 200
        except httpx.HTTPError:
            pass
        time.sleep(chance.expovariate(per_second))
    return answered
