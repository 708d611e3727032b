"""From a deployment's row to what the compute adapter runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings

from endpoints import wiring
from endpoints.compute.local.files import remove_tree
from endpoints.domain.addresses import tcp
from endpoints.domain.images import registry_of
from endpoints.domain.inference_config import Routes
from endpoints.domain.replicas import Probe, ReplicaSpec
from endpoints.domain.servers import ServerInput, server_for
from endpoints.enums import NetworkAccess, ServerKind
from endpoints.models import Deployment, RegistryCredential, Replica
from endpoints.reconcile.ports import take_ports
from endpoints.services.brought_servers import brought_of, routes_of

DRAIN_SECONDS = 30


def replica_id(deployment: Deployment, ordinal: int) -> str:
    """The same for the same generation and ordinal, so that starting twice starts once."""
    return f"r-{deployment.pk.hex[:12]}-{deployment.generation}-{ordinal}"


def socket_of(replica: str) -> str:
    """In a folder of its own, in place of which a boxed replica has another."""
    return str(Path(settings.STUDIO_RUN_DIR) / replica / "http.sock")


def verdict_socket_of(replica: str) -> str:
    """Beside that folder: out of a boxed replica's sight."""
    return str(Path(settings.STUDIO_RUN_DIR) / f"{replica}.ok")


def remove_scratch(replica: str) -> None:
    Path(verdict_socket_of(replica)).unlink(missing_ok=True)
    remove_tree(_scratch(replica))
    remove_tree(Path(socket_of(replica)).parent)


def _scratch(replica: str) -> Path:
    return Path(settings.STUDIO_DATA_DIR) / "scratch" / replica


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where one replica's routes are."""

    scoring: str
    readiness: str
    liveness: str
    ports: Mapping[int, int] = field(default_factory=dict)  # as the routes call them -> as the server must listen
    relays: tuple[tuple[str, int], ...] = ()


def addresses_of(deployment: Deployment, replica: Replica) -> Addresses:
    """Takes ports where it needs any. Where replicas have a network of their own, sockets lead to the server's ports.

    Raises Invalid where the routes are not known, OSError when no port is free.
    """
    routes, brought = routes_of(deployment), brought_of(deployment)
    declared = server_for(deployment.server).ports(brought)
    if not declared:
        at = {port: socket_of(replica.pk) for port in routes.ports}
        return _addresses(routes, at, {}, ())
    if not brought.image and _own_network(deployment):
        at = {port: str(Path(socket_of(replica.pk)).with_name(f"{port}.sock")) for port in declared}
        return _addresses(routes, at, {port: port for port in declared}, tuple((at[port], port) for port in declared))
    ports = take_ports(replica, declared)
    return _addresses(routes, {port: tcp(ports[port]) for port in declared}, ports, ())


def _addresses(
    routes: Routes, at: Mapping[int, str], ports: Mapping[int, int], relays: tuple[tuple[str, int], ...]
) -> Addresses:
    return Addresses(
        scoring=at[routes.scoring.port],
        readiness=at[routes.readiness.port],
        liveness=at[routes.liveness.port],
        ports=ports,
        relays=relays,
    )


def _own_network(deployment: Deployment) -> bool:
    isolation = wiring.compute().isolation()
    closed = deployment.egress_public_network_access == NetworkAccess.DISABLED
    return isolation.boxed and (isolation.own_network or closed)


def replica_spec(deployment: Deployment, ordinal: int, addresses: Addresses) -> ReplicaSpec:
    """Raises KeyError when an artifact is gone, and LookupError when the environment is."""
    name = replica_id(deployment, ordinal)
    instance = deployment.instance_type
    given = _server_input(deployment, name, addresses)
    server = server_for(deployment.server).plan(given)
    liveness, readiness = (_elsewhere(at, addresses) for at in (addresses.liveness, addresses.readiness))
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
        socket=addresses.scoring,
        liveness=Probe(path=server.liveness_path, address=liveness, **deployment.liveness_probe),
        readiness=Probe(path=server.readiness_path, address=readiness, **deployment.readiness_probe),
        verdict_socket=verdict_socket_of(name),
        vcpu=float(instance.vcpu),
        memory_bytes=instance.memory_mib * 1024 * 1024,
        drain_seconds=DRAIN_SECONDS,
        visible=(*_visible(given), *server.visible),
        writable=(given.scratch_dir,),
        egress=deployment.egress_public_network_access == NetworkAccess.ENABLED,
        relays=addresses.relays,
        container=server.container,
    )


def _elsewhere(address: str, addresses: Addresses) -> str:
    return "" if address == addresses.scoring else address


def _visible(given: ServerInput) -> tuple[str, ...]:
    environment = str(Path(given.python).parent.parent) if given.python else ""
    return tuple(folder for folder in (environment, given.runtime, given.model_dir, given.code_dir) if folder)


def _python(deployment: Deployment) -> str:
    """Of its environment; empty where it needs none."""
    if not deployment.environment_hash:
        return ""
    build = wiring.builder().observe(deployment.environment_hash)
    if build.python is None:
        raise LookupError(f"The environment {deployment.environment_hash} is not on this machine.")
    return str(build.python)


def _server_input(deployment: Deployment, name: str, addresses: Addresses) -> ServerInput:
    python = _python(deployment)
    store, model = wiring.store(), deployment.model
    scratch = _scratch(name)
    scratch.mkdir(parents=True, exist_ok=True)
    Path(socket_of(name)).parent.mkdir(mode=0o700, exist_ok=True)
    return ServerInput(
        python=python,
        runtime=str(wiring.RUNTIME) if server_for(deployment.server).runs_runtime else "",
        socket=socket_of(name),
        model_dir=str(store.path(model.artifact_id)) if model else "",
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
        **_brought(deployment, addresses),
    )


def _brought(deployment: Deployment, addresses: Addresses) -> dict[str, Any]:
    """What only servers need that are not ours."""
    model, brought = deployment.model, brought_of(deployment)
    return {
        "command": brought.command,
        "image": brought.image,
        "inference_config": brought.inference_config,
        "ports": addresses.ports,
        "model": f"{model.name}/{model.version}" if model else "",
        "model_mount_path": deployment.model_mount_path,
        "registry": _registry(deployment),
        "triton": wiring.triton() if deployment.server == ServerKind.TRITON else "",
        "triton_root": str(model.triton.get("root", "")) if model else "",
        "triton_models": brought.triton_models,
    }


def _registry(deployment: Deployment) -> dict[str, str]:
    """What its image is pulled with: the workspace's credential for that registry, if it has one."""
    if not deployment.image:
        return {}
    server = registry_of(deployment.image)
    found = RegistryCredential.objects.filter(workspace=deployment.endpoint.workspace_id, server=server).first()
    if found is None:
        return {}
    return {"username": found.username, "password": found.password, "serveraddress": found.server}
