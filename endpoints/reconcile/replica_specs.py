"""From a deployment's row to what the compute adapter runs."""

import shutil
from pathlib import Path

from django.conf import settings

from endpoints import wiring
from endpoints.domain.replicas import Probe, ReplicaSpec
from endpoints.domain.servers import ServerInput, server_for
from endpoints.models import Deployment

DRAIN_SECONDS = 30


def replica_id(deployment: Deployment, ordinal: int) -> str:
    """The same for the same generation and ordinal, so that starting twice starts once."""
    return f"r-{deployment.pk.hex[:12]}-{deployment.generation}-{ordinal}"


def socket_of(replica: str) -> str:
    return str(Path(settings.STUDIO_RUN_DIR) / f"{replica}.sock")


def remove_scratch(replica: str) -> None:
    shutil.rmtree(_scratch(replica), ignore_errors=True)


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
    )


def _server_input(deployment: Deployment, name: str) -> ServerInput:
    build = wiring.builder().observe(deployment.environment_hash)
    if build.python is None:
        raise LookupError(f"The environment {deployment.environment_hash} is not on this machine.")
    store = wiring.store()
    scratch = _scratch(name)
    scratch.mkdir(parents=True, exist_ok=True)
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
