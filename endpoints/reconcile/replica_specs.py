"""From a deployment's row to what the compute adapter runs."""

import shutil
from pathlib import Path

from django.conf import settings

from endpoints import wiring
from endpoints.domain.replicas import Probe, ReplicaSpec
from endpoints.domain.servers import ServerInput, server_for
from endpoints.enums import NetworkAccess
from endpoints.models import Deployment

DRAIN_SECONDS = 30


def replica_id(deployment: Deployment, ordinal: int) -> str:
    """The same for the same generation and ordinal, so that starting twice starts once."""
    return f"r-{deployment.pk.hex[:12]}-{deployment.generation}-{ordinal}"


def socket_of(replica: str) -> str:
    """In a folder of its own: all that a boxed replica sees of the folder of sockets."""
    return str(Path(settings.STUDIO_RUN_DIR) / replica / "http.sock")


def remove_scratch(replica: str) -> None:
    shutil.rmtree(_scratch(replica), ignore_errors=True)
    shutil.rmtree(Path(socket_of(replica)).parent, ignore_errors=True)


def _scratch(replica: str) -> Path:
    return Path(settings.STUDIO_DATA_DIR) / "scratch" / replica


def replica_spec(deployment: Deployment, ordinal: int) -> ReplicaSpec:
    """Raises KeyError when an artifact is gone, and LookupError when the environment is."""
    name = replica_id(deployment, ordinal)
    instance = deployment.instance_type
    given = _server_input(deployment, name)
    server = server_for(deployment.server).plan(given)
    return ReplicaSpec(
        id=name,
        deployment_id=str(deployment.pk),
        endpoint=deployment.endpoint.name,
        deployment=deployment.name,
        generation=deployment.generation,
        ordinal=ordinal,
        command=server.command,
        environment=server.environment,
        working_directory=server.working_directory,
        socket=given.socket,
        liveness=Probe(path=server.liveness_path, **deployment.liveness_probe),
        readiness=Probe(path=server.readiness_path, **deployment.readiness_probe),
        vcpu=float(instance.vcpu),
        memory_bytes=instance.memory_mib * 1024 * 1024,
        drain_seconds=DRAIN_SECONDS,
        visible=_visible(given),
        writable=(given.scratch_dir, str(Path(given.socket).parent)),
        egress=deployment.egress_public_network_access == NetworkAccess.ENABLED,
    )


def _visible(given: ServerInput) -> tuple[str, ...]:
    environment = str(Path(given.python).parent.parent) if given.python else ""
    return tuple(folder for folder in (environment, given.runtime, given.model_dir, given.code_dir) if folder)


def _server_input(deployment: Deployment, name: str) -> ServerInput:
    build = wiring.builder().observe(deployment.environment_hash)
    if build.python is None:
        raise LookupError(f"The environment {deployment.environment_hash} is not on this machine.")
    store = wiring.store()
    scratch = _scratch(name)
    scratch.mkdir(parents=True, exist_ok=True)
    Path(socket_of(name)).parent.mkdir(mode=0o700, exist_ok=True)
    return ServerInput(
        python=str(build.python),
        runtime=str(wiring.RUNTIME),
        socket=socket_of(name),
        model_dir=str(store.path(deployment.model.artifact_id)) if deployment.model else "",
        code_dir=str(store.path(deployment.code.artifact_id)) if deployment.code else "",
        scoring_script=deployment.scoring_script,
        scratch_dir=str(scratch),
        service_name=deployment.endpoint.name,
        environment_variables=deployment.environment_variables,
        vcpu=float(deployment.instance_type.vcpu),
        request_timeout_ms=deployment.request_timeout_ms,
        max_concurrent_requests=deployment.max_concurrent_requests_per_instance,
        max_request_bytes=deployment.max_request_bytes,
        drain_seconds=DRAIN_SECONDS,
    )
