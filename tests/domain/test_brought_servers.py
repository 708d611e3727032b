"""Triton, commands and containers: what is made of a deployment."""

from typing import Any

import pytest

from endpoints.domain.addresses import port_of, tcp
from endpoints.domain.brought_servers import command_faults
from endpoints.domain.errors import Invalid
from endpoints.domain.images import checked_image, checked_registry, registry_of
from endpoints.domain.inference_config import checked_config, declared_routes
from endpoints.domain.servers import Brought, ServerInput, server_for
from endpoints.domain.triton import check_config, looks_like_one, repository

ROUTES = {
    "liveness_route": {"port": 8081, "path": "/alive"},
    "readiness_route": {"port": 8080, "path": "/ready"},
    "scoring_route": {"port": 8080, "path": "/v1/models/half:predict"},
}


def given(**settings: Any) -> ServerInput:
    plain: dict[str, Any] = {
        "python": "/env/bin/python",
        "runtime": "",
        "socket": "/run/http.sock",
        "scratch_dir": "/scratch",
        "model_dir": "/store/model",
        "model": "half/3",
        "environment_variables": {"COLOUR": "blue", "PORT": "1", "AZUREML_MODEL_DIR": "/mine"},
        "inference_config": ROUTES,
        "ports": {8080: 20001, 8081: 20002},
        **settings,
    }
    return ServerInput(**plain)


def test_a_command_gets_its_ports_and_its_model() -> None:
    command = ("python", "-m", "server", "--port={port}", "--admin", "{port:8081}", "{model_dir}", "{other}")
    plan = server_for("custom").plan(given(command=command, code_dir="/code"))
    words = ("python", "-m", "server", "--port=20001", "--admin", "20002", "/store/model", "{other}")
    assert plan.command == ("/usr/bin/env", "--", *words)
    assert plan.working_directory == "/code"
    assert plan.environment["PATH"].startswith("/env/bin:")
    wanted = {"PORT": "20001", "PORT_8080": "20001", "PORT_8081": "20002", "AZUREML_MODEL_DIR": "/store/model"}
    assert wanted.items() <= plan.environment.items()
    assert (plan.liveness_path, plan.readiness_path) == ("/alive", "/ready")
    assert plan.scoring_path == "/v1/models/half:predict"


def test_a_command_may_listen_on_its_socket() -> None:
    command = ("server", "--uds", "{socket}")
    assert server_for("custom").ports(Brought(command=command, inference_config=ROUTES)) == ()
    assert server_for("custom").ports(Brought(command=("server",), inference_config=ROUTES)) == (8080, 8081)
    plan = server_for("custom").plan(given(command=command, ports={}))
    assert plan.command[-1] == "/run/http.sock"
    assert "PORT" not in plan.environment or plan.environment["PORT"] == "1"
    assert plan.environment["SOCKET"] == "/run/http.sock"


def test_an_image_has_its_own_ports_inside_and_its_model_where_azure_has_it() -> None:
    plan = server_for("custom").plan(given(image="ghcr.io/a/b:1", command=("serve", "{port}"), code_dir="/code"))
    container = plan.container
    assert container is not None
    assert plan.command == ()
    assert container.command == ("serve", "8080")
    assert container.ports == ((8080, 20001), (8081, 20002))
    model = "/var/azureml-app/azureml-models/half/3"
    assert container.mounts == (("/store/model", model), ("/code", "/var/azureml-app/code"))
    assert container.environment["AZUREML_MODEL_DIR"] == model
    assert container.environment["PORT"] == "8080"
    assert "PATH" not in container.environment


def test_a_mount_path_moves_the_model() -> None:
    container = server_for("custom").plan(given(image="a", model_mount_path="/models")).container
    assert container is not None
    assert container.mounts == (("/store/model", "/models"),)
    assert container.environment["AZUREML_MODEL_DIR"] == "/models"
    assert "hush" not in repr(server_for("custom").plan(given(image="a", registry={"password": "hush"})))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "An object with"),
        ({"scoring": {}}, "There is no “scoring”"),
        ({"scoring_route": "/score"}, "scoring_route: an object with port and path"),
        ({"scoring_route": {"port": 0, "path": "/score"}}, "scoring_route: port is a whole number"),
        ({"scoring_route": {"port": True, "path": "/score"}}, "scoring_route: port is a whole number"),
        ({"scoring_route": {"port": 80, "path": "score"}}, "scoring_route: path starts with /"),
        ({"scoring_route": {"port": 80, "path": "/a b"}}, "scoring_route: path starts with /"),
        ({"scoring_route": {"port": 80, "path": "/a", "host": "b"}}, "scoring_route: an object with port and path"),
        ({"scoring_route": {"port": 80, "path": "/a"}}, "Say where the server answers: liveness_route, readiness_rou"),
    ],
)
def test_routes_that_are_refused(config: Any, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        declared_routes(checked_config(config))
    assert caught.value.fields["inference_config"].startswith(message)


def test_a_mark_that_stands_for_nothing() -> None:
    routes = declared_routes(ROUTES)
    assert command_faults(("a", "{port}", "{port:8081}", "{json}"), routes) == ""
    assert "“{port:9000}” stands for no port" in command_faults(("{port:9000}",), routes)
    assert "“{socket:8080}” stands for no port" in command_faults(("{socket:8080}",), routes)


def test_triton_serves_the_only_model_or_the_one_that_is_named() -> None:
    triton = server_for("triton")
    assert triton.routes(Brought(triton_models=("half",))).scoring.path == "/v2/models/half/infer"
    with pytest.raises(Invalid, match="several models \\(a, b\\)"):
        triton.routes(Brought(triton_models=("a", "b")))
    config = {"scoring_route": {"port": 8000, "path": "/v2/models/b/infer"}}
    assert triton.routes(Brought(triton_models=("a", "b"), inference_config=config)).scoring.path.endswith("/b/infer")


def test_tritons_command() -> None:
    settings = {"inference_config": {}, "triton_models": ("half",), "triton_root": "models"}
    plan = server_for("triton").plan(
        given(**settings, triton="/opt/tritonserver/bin/tritonserver", ports={8000: 20001})
    )
    assert plan.command[2] == "/opt/tritonserver/bin/tritonserver"
    wanted = {
        "--model-repository=/store/model/models",
        "--http-address=127.0.0.1",
        "--http-port=20001",
        "--allow-grpc=false",
        "--allow-metrics=false",
        "--strict-readiness=true",
        "--backend-directory=/opt/tritonserver/backends",
    }
    assert wanted <= set(plan.command)
    assert plan.visible == ("/opt/tritonserver",)
    image = server_for("triton").plan(given(**settings, image="triton:1", ports={8000: 20001})).container
    assert image is not None
    assert image.command[0] == "tritonserver"
    assert {"--http-port=8000", "--http-address=0.0.0.0"} <= set(image.command)


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        (["half/1/model.py", "half/config.pbtxt"], ("", ("half",))),
        (["a/1/m.onnx", "b/1/m.onnx", "b/2/m.onnx"], ("", ("a", "b"))),
        (["models/half/1/model.py", "models/half/config.pbtxt"], ("models", ("half",))),
        (["half/1/saved/model.pb"], ("", ("half",))),
    ],
)
def test_repositories(paths: list[str], found: tuple[str, tuple[str, ...]]) -> None:
    assert repository(paths) == found


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ([], "A Triton repository is"),
        (["model.onnx"], "“model.onnx” stands beside"),
        (["half/config.pbtxt"], "“half” has no version"),
        (["half/v1/model.py"], "“half” has no version"),
        (["half/0/model.py"], "“half” has no version"),
        (["my model/1/model.py"], "“my model”: the name"),
    ],
)
def test_what_is_no_repository(paths: list[str], message: str) -> None:
    with pytest.raises(Invalid) as caught:
        repository(paths)
    assert caught.value.fields["files"].startswith(message)


def test_a_config_names_its_folder() -> None:
    check_config("half", 'name: "half"\nbackend: "python"')
    check_config("half", 'input [ { name: "x" } ]\n')
    with pytest.raises(Invalid, match="names the model “other”"):
        check_config("half", 'backend: "python"\nname: "other"')


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("ghcr.io/team/model:1.2", "ghcr.io"),
        ("localhost:5000/model", "localhost:5000"),
        ("localhost/model:1", "localhost"),
        ("tensorflow/serving:2.14", "docker.io"),
        ("nginx", "docker.io"),
        (f"nvcr.io/nvidia/tritonserver@sha256:{'a' * 64}", "nvcr.io"),
    ],
)
def test_images(image: str, registry: str) -> None:
    assert registry_of(checked_image(image)) == registry


@pytest.mark.parametrize("image", ["", "Model", "a b", "https://ghcr.io/a", "a:", "a@sha256:1", "-a", None, "a" * 600])
def test_no_images(image: Any) -> None:
    with pytest.raises(Invalid):
        checked_image(image)


def test_registries() -> None:
    assert checked_registry(" GHCR.io ") == "ghcr.io"
    for server in ("", "https://ghcr.io", "a/b", "a b"):
        with pytest.raises(Invalid):
            checked_registry(server)


def test_addresses() -> None:
    assert port_of(tcp(20001)) == 20001
    assert port_of("/run/http.sock") is None
    for address in ("run/http.sock", "10.0.0.1:80", "127.0.0.1:", "127.0.0.1:70000", ""):
        with pytest.raises(ValueError, match="neither"):
            port_of(address)


@pytest.mark.parametrize(
    ("paths", "is_one"),
    [
        (["half/1/model.py", "half/config.pbtxt"], True),
        (["models/half/1/model.py", "models/half/config.pbtxt"], True),
        (["half/1/weights.bin"], False),
        (["half/config.pbtxt"], False),
        ([], False),
    ],
)
def test_what_looks_like_a_repository_names_its_configuration(paths: list[str], is_one: bool) -> None:
    assert looks_like_one(paths) == is_one
