"""What an inference server is told of its deployment, and what it makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from endpoints.domain.inference_config import Routes
from endpoints.domain.replicas import Container

MODELS_IN_CONTAINER = "/var/azureml-app/azureml-models"
CODE_IN_CONTAINER = "/var/azureml-app/code"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInput:
    """Everything a server may need to know of its deployment. Paths are absolute on the machine that runs it."""

    python: str  # of the deployment's environment; empty where it has none
    runtime: str
    socket: str
    model_dir: str = ""
    code_dir: str = ""
    scoring_script: str = ""
    scratch_dir: str
    service_name: str = ""  # the endpoint's
    environment_variables: Mapping[str, str] = field(default_factory=dict)
    vcpu: float = 1
    request_timeout_ms: int = 5000
    max_concurrent_requests: int = 1
    max_request_bytes: int = 16 * 1024 * 1024
    drain_seconds: int = 30
    # Of servers that listen on ports: what to run, and which port of this machine stands for each that is declared.
    command: tuple[str, ...] = ()
    image: str = ""
    inference_config: Mapping[str, Any] = field(default_factory=dict)
    ports: Mapping[int, int] = field(default_factory=dict)
    model: str = ""  # name/version
    model_mount_path: str = ""
    registry: Mapping[str, str] = field(default_factory=dict, repr=False)  # username, password, serveraddress
    triton: str = ""  # the program
    triton_root: str = ""  # the repository within the model
    triton_models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    command: tuple[str, ...]
    environment: Mapping[str, str]
    working_directory: str
    liveness_path: str
    readiness_path: str
    scoring_path: str
    visible: tuple[str, ...] = ()  # what it must see of this machine beside model, code and environment
    container: Container | None = None  # instead of a process of this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What decides where a server listens."""

    command: tuple[str, ...] = ()
    image: str = ""
    inference_config: Mapping[str, Any] = field(default_factory=dict)
    triton_models: tuple[str, ...] = ()


class InferenceServer(Protocol):
    liveness_path: str
    readiness_path: str
    scoring_path: str
    requirements: tuple[str, ...]  # in the deployment's environment, beside our runtime's own
    runs_runtime: bool  # whether it is of our runtime, whose requirements the environment then has

    def plan(self, given: ServerInput) -> ServerPlan: ...

    def routes(self, given: Brought) -> Routes:
        """Raises Invalid where they are not all known."""

    def ports(self, given: Brought) -> tuple[int, ...]:
        """That it listens on, as declared; none where it listens on its unix socket."""
