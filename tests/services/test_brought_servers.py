"""Deployments whose servers are not ours, at the door; and what their images are pulled with."""

from typing import Any

import pytest

from endpoints.domain.actor import SYSTEM, Actor
from endpoints.domain.errors import Forbidden, Invalid, NotFound
from endpoints.models import Deployment, Event, RegistryCredential
from endpoints.services.brought_servers import RUNTIME_ROUTES, routes_of
from endpoints.services.deployments import create_deployment, specification_of, update_deployment
from endpoints.services.registries import remove_registry_credential, set_registry_credential
from endpoints.services.specification import check_specification, needed_environment
from tests.factories import EndpointFactory, ModelVersionFactory, UserFactory
from tests.world import World

pytestmark = pytest.mark.django_db
ROUTES: dict[str, Any] = {
    "liveness_route": {"port": 8080, "path": "/alive"},
    "readiness_route": {"port": 8080, "path": "/ready"},
    "scoring_route": {"port": 8080, "path": "/predict"},
}
BARE: dict[str, Any] = {"model": None, "code": None, "environment": None, "scoring_script": ""}
COMMAND: dict[str, Any] = {**BARE, "server": "custom", "command": ["serve", "{port}"], "inference_config": ROUTES}
IMAGE: dict[str, Any] = {**BARE, "server": "custom", "image": "ghcr.io/team/model:1", "inference_config": ROUTES}


def refused(world: World, **settings: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        check_specification(world.specification(**settings), workspace=world.workspace)
    return caught.value.fields


def test_a_command_needs_neither_model_nor_environment(world: World) -> None:
    specification = check_specification(world.specification(**COMMAND), workspace=world.workspace)
    assert needed_environment(specification) is None
    environment = world.environment()
    with_packages = world.specification(**{**COMMAND, "environment": environment})
    needed = needed_environment(check_specification(with_packages, workspace=world.workspace))
    assert needed is not None
    assert set(needed.requirements) == set(environment.requirements)


@pytest.mark.parametrize(
    ("settings", "field", "message"),
    [
        ({**COMMAND, "command": []}, "command", "a command, or an image"),
        ({**COMMAND, "command": "serve"}, "command", "A list of words"),
        ({**COMMAND, "command": ["{port:9}"]}, "command", "stands for no port"),
        ({**COMMAND, "scoring_script": "score.py"}, "scoring_script", "no scoring script"),
        ({**COMMAND, "inference_config": {}}, "inference_config", "liveness_route, readiness_route, scoring_route"),
        ({**COMMAND, "model_mount_path": "/models"}, "model_mount_path", "AZUREML_MODEL_DIR"),
        ({**IMAGE, "image": "No Image"}, "image", "Name an image as"),
        ({**IMAGE, "command": ["{socket}"]}, "command", "there is no {socket}"),
        ({**IMAGE, "model_mount_path": "/models"}, "model_mount_path", "no model"),
        ({**IMAGE, "egress_public_network_access": "disabled"}, "egress_public_network_access", "of a container"),
        ({"server": "studio", "command": ["serve"]}, "command", "custom and triton"),
        ({"server": "azureml", "image": "a"}, "image", "custom and triton"),
        ({"server": "studio", "inference_config": ROUTES}, "inference_config", "custom and triton"),
        ({**BARE, "server": "triton"}, "model", "triton_model"),
    ],
)
def test_what_is_refused(world: World, settings: dict[str, Any], field: str, message: str) -> None:
    assert message in refused(world, **settings)[field]


def test_an_image_brings_its_packages_and_needs_an_engine(world: World) -> None:
    assert "brings its own packages" in refused(world, **{**IMAGE, "environment": world.environment()})["environment"]
    check_specification(world.specification(**IMAGE), workspace=world.workspace)
    world.compute.engine = ""
    assert refused(world, **IMAGE)["image"] == "No engine."


@pytest.mark.parametrize("path", ["models", "/", "/a/../b", "/a:b", "//a", "/a\nb"])
def test_mount_paths(world: World, path: str) -> None:
    settings = {**IMAGE, "model": world.model()}
    assert "An absolute path" in refused(world, **settings, model_mount_path=path)["model_mount_path"]
    check_specification(world.specification(**settings, model_mount_path="/models/half"), workspace=world.workspace)


def test_triton(world: World, settings: Any) -> None:
    model = ModelVersionFactory(
        workspace=world.workspace,
        type="triton_model",
        triton={"root": "", "models": ["half"]},
        artifact=world.model().artifact,
    )
    triton = {**BARE, "server": "triton", "model": model}
    settings.STUDIO_TRITON = "/opt/tritonserver/bin/tritonserver"
    checked = check_specification(world.specification(**triton), workspace=world.workspace)
    assert routes_of(checked).scoring.path == "/v2/models/half/infer"
    assert "made here" in refused(world, **triton, command=["x"])["command"]
    assert "only scoring_route" in refused(world, **triton, inference_config=ROUTES)["inference_config"]
    assert "server triton" in refused(world, **{**triton, "server": "studio"})["server"]
    settings.STUDIO_TRITON = ""
    assert "STUDIO_TRITON" in refused(world, **triton)["server"]
    check_specification(world.specification(**triton, image="nvcr.io/nvidia/tritonserver:1"), workspace=world.workspace)


def made(world: World, **settings: Any) -> Deployment:
    endpoint = EndpointFactory(workspace=world.workspace)
    specification = world.specification(**settings)
    deployment, _ = create_deployment(actor=SYSTEM, endpoint=endpoint, name="blue", specification=specification)
    return deployment


def test_one_without_an_environment_has_nothing_to_build(world: World) -> None:
    deployment = made(world, **COMMAND)
    assert deployment.environment_hash == ""
    assert specification_of(Deployment.objects.get(pk=deployment.pk)).command == ["serve", "{port}"]


def test_a_serving_deployment_keeps_its_routes(world: World) -> None:
    deployment = made(world, **COMMAND)
    Deployment.objects.filter(pk=deployment.pk).update(state="Succeeded", serving_generation=1)
    deployment.refresh_from_db()
    moved = {**ROUTES, "scoring_route": {"port": 8080, "path": "/other"}}
    with pytest.raises(Invalid) as caught:
        update_deployment(actor=SYSTEM, deployment=deployment, inference_config=moved)
    assert caught.value.fields == {"inference_config": RUNTIME_ROUTES}
    other_port = {name: {**route, "port": 9000} for name, route in ROUTES.items()}
    _, operation = update_deployment(actor=SYSTEM, deployment=deployment, inference_config=other_port)
    assert operation is not None


def test_registry_credentials(world: World) -> None:
    put = {"actor": SYSTEM, "workspace": world.workspace, "server": "GHCR.io"}
    set_registry_credential(**put, username="robot", password="hush")  # type: ignore[arg-type]
    set_registry_credential(**put, username="robot", password="hush2")  # type: ignore[arg-type]
    (row,) = RegistryCredential.objects.all()
    assert (row.server, row.password) == ("ghcr.io", "hush2")
    assert "hush" not in str([(event.before, event.after, event.reason) for event in Event.objects.all()])
    with pytest.raises(Invalid) as caught:
        set_registry_credential(**put, username="", password="")  # type: ignore[arg-type]
    assert set(caught.value.fields) == {"username", "password"}
    with pytest.raises(Forbidden):
        set_registry_credential(
            actor=Actor(user=UserFactory()), workspace=world.workspace, server="a.b", username="a", password="b"
        )
    remove_registry_credential(actor=SYSTEM, workspace=world.workspace, server="ghcr.io")
    with pytest.raises(NotFound):
        remove_registry_credential(actor=SYSTEM, workspace=world.workspace, server="ghcr.io")
