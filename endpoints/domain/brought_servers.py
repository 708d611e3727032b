"""Servers that are not ours and listen on ports: Triton, and any command or container image."""

import re
from collections.abc import Mapping

from endpoints.domain.errors import Invalid
from endpoints.domain.inference_config import FIELD, Route, Routes, declared_routes
from endpoints.domain.replicas import Container
from endpoints.domain.server_plans import (
    CODE_IN_CONTAINER,
    MODELS_IN_CONTAINER,
    Brought,
    ServerInput,
    ServerPlan,
)

SOCKET = "{socket}"
_MARK = re.compile(r"\{(port|socket|model_dir)(?::([0-9]{1,5}))?\}")
TRITON_PORT = 8000


class CustomServer:
    """Any HTTP server: a command in the deployment's environment, or a container image."""

    liveness_path = readiness_path = scoring_path = ""  # declared by each deployment
    requirements: tuple[str, ...] = ()
    runs_runtime = False

    def routes(self, given: Brought) -> Routes:
        return declared_routes(given.inference_config)

    def ports(self, given: Brought) -> tuple[int, ...]:
        """None where the command takes its socket."""
        takes_socket = not given.image and any(SOCKET in word for word in given.command)
        return () if takes_socket else self.routes(given).ports

    def plan(self, given: ServerInput) -> ServerPlan:
        routes = self.routes(_brought(given))
        return _plan(given, routes, given.command)


class TritonServer:
    """Triton over HTTP, without gRPC and without its metrics' port."""

    liveness_path, readiness_path, scoring_path = "/v2/health/live", "/v2/health/ready", ""
    requirements: tuple[str, ...] = ()
    runs_runtime = False

    def routes(self, given: Brought) -> Routes:
        """`scoring_route` is needed where the repository has more than one model."""
        port, path = TRITON_PORT, ""
        if "scoring_route" in given.inference_config:
            path = given.inference_config["scoring_route"]["path"]
        elif len(given.triton_models) == 1:
            path = f"/v2/models/{given.triton_models[0]}/infer"
        else:
            names = ", ".join(given.triton_models[:10])
            say = f"/v2/models/{given.triton_models[0] if given.triton_models else 'MODEL'}/infer"
            raise Invalid({FIELD: f"The repository has several models ({names}): say scoring_route, such as {say}."})
        return Routes(
            liveness=Route(port, self.liveness_path),
            readiness=Route(port, self.readiness_path),
            scoring=Route(port, path),
        )

    def ports(self, given: Brought) -> tuple[int, ...]:
        return self.routes(given).ports

    def plan(self, given: ServerInput) -> ServerPlan:
        return _plan(given, self.routes(_brought(given)), self._command(given))

    def _command(self, given: ServerInput) -> tuple[str, ...]:
        program, host = ("tritonserver", "0.0.0.0") if given.image else (given.triton, "127.0.0.1")  # noqa: S104
        repository = "/".join(part for part in ("{model_dir}", given.triton_root) if part)
        options = {
            "--model-repository": repository,
            "--http-address": host,
            "--http-port": "{port}",
            "--allow-grpc": "false",
            "--allow-metrics": "false",
            "--strict-readiness": "true",
            "--exit-timeout-secs": str(given.drain_seconds),
            **self._backends(given),
        }
        return (program, *(f"{name}={value}" for name, value in options.items()))

    def _backends(self, given: ServerInput) -> Mapping[str, str]:
        """Beside the program, as in every distribution of it; images know their own."""
        if given.image:
            return {}
        return {"--backend-directory": f"{given.triton.rsplit('/', 2)[0]}/backends"}


def _brought(given: ServerInput) -> Brought:
    return Brought(
        command=given.command,
        image=given.image,
        inference_config=given.inference_config,
        triton_models=given.triton_models,
    )


def _plan(given: ServerInput, routes: Routes, command: tuple[str, ...]) -> ServerPlan:
    words = () if given.image else _filled(command, given, routes, given.ports, given.model_dir)
    return ServerPlan(
        command=("/usr/bin/env", "--", *words) if words else (),
        environment={} if given.image else _process_environment(given, routes),
        working_directory=given.code_dir or given.scratch_dir,
        liveness_path=routes.liveness.path,
        readiness_path=routes.readiness.path,
        scoring_path=routes.scoring.path,
        visible=(given.triton.rsplit("/", 2)[0],) if given.triton and not given.image else (),
        container=_container(given, routes, command) if given.image else None,
    )


def _container(given: ServerInput, routes: Routes, command: tuple[str, ...]) -> Container:
    """Inside, the ports are the declared ones; outside, those of this machine's loopback stand for them."""
    model_dir = (given.model_mount_path or f"{MODELS_IN_CONTAINER}/{given.model}") if given.model_dir else ""
    inside = {port: port for port in given.ports}
    mounts = ((given.model_dir, model_dir), (given.code_dir, CODE_IN_CONTAINER))
    return Container(
        image=given.image,
        command=_filled(command, given, routes, inside, model_dir),
        environment=_facts(given, routes, inside, model_dir),
        working_directory=CODE_IN_CONTAINER if given.code_dir else "",
        mounts=tuple((source, target) for source, target in mounts if source),
        ports=tuple(sorted(given.ports.items())),
        registry=dict(given.registry),
    )


def _process_environment(given: ServerInput, routes: Routes) -> Mapping[str, str]:
    folder = f"{given.python.rsplit('/', 1)[0]}:" if given.python else ""
    own = {
        "PATH": f"{folder}/usr/local/bin:/usr/bin:/bin",
        "HOME": given.scratch_dir,
        "TMPDIR": given.scratch_dir,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    socket = {"SOCKET": given.socket} if not given.ports else {}
    return {**own, **socket, **_facts(given, routes, given.ports, given.model_dir)}


def _facts(given: ServerInput, routes: Routes, ports: Mapping[int, int], model_dir: str) -> Mapping[str, str]:
    """Ports and the model's folder are facts: no variable of the user's changes them."""
    service = {"SERVICE_NAME": given.service_name} if given.service_name else {}
    own = {f"PORT_{declared}": str(port) for declared, port in ports.items()}
    if ports:
        own["PORT"] = str(ports[routes.scoring.port])
    model = {"AZUREML_MODEL_DIR": model_dir} if model_dir else {}
    return {**service, **given.environment_variables, **own, **model}


def _filled(
    command: tuple[str, ...], given: ServerInput, routes: Routes, ports: Mapping[int, int], model_dir: str
) -> tuple[str, ...]:
    def value(mark: re.Match[str]) -> str:
        name, declared = mark.groups()
        if name == "port":
            port = ports.get(int(declared) if declared else routes.scoring.port)
            return mark[0] if port is None else str(port)
        return {"socket": given.socket, "model_dir": model_dir}[name]

    return tuple(_MARK.sub(value, word) for word in command)


def command_faults(command: tuple[str, ...], routes: Routes) -> str:
    """A mark that nothing would stand for, as a sentence; else empty."""
    for word in command:
        for name, declared in _MARK.findall(word):
            if declared and (name != "port" or int(declared) not in routes.ports):
                known = ", ".join(f"{{port:{port}}}" for port in routes.ports)
                return f"“{{{name}:{declared}}}” stands for no port of the routes; there are {{port}}, {known}."
    return ""
