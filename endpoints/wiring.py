"""Which adapter stands behind each port, from the settings. The only place that knows."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import uv
from celery import current_app
from django.conf import settings
from packaging.tags import platform_tags

from endpoints.artifacts.mlflow_model import inspect_mlflow as inspect_folder
from endpoints.artifacts.mlflow_model import sample_request
from endpoints.artifacts.port import ArtifactStore
from endpoints.artifacts.saved_versions import saved_versions as versions_in
from endpoints.artifacts.scan import ScanReport
from endpoints.artifacts.scan import scan as scan_folder
from endpoints.compute.port import Compute
from endpoints.domain.mlflow import MLflowModel
from endpoints.domain.servers import server_for
from endpoints.environments.port import EnvironmentBuilder
from endpoints.forwarding.files import AnchorFile, FileForwarder
from endpoints.forwarding.network import HttpForwarder, TcpForwarder
from endpoints.forwarding.port import Forwarder
from endpoints.gateway.port import Gateway
from endpoints.notifying.port import Notifier
from endpoints.telemetry.port import (
    GatewayStatistics,
    ProcessStatistics,
    ServerStatistics,
    SiteParts,
    TelemetryExport,
    TrafficLog,
)

RUNTIME = Path(__file__).resolve().parent / "runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    compute: Compute
    gateway: Gateway
    store: ArtifactStore
    builder: EnvironmentBuilder
    gateway_statistics: GatewayStatistics
    process_statistics: ProcessStatistics
    server_statistics: ServerStatistics
    notifier: Notifier
    traffic_log: TrafficLog
    site_parts: SiteParts


_override: list[Adapters] = []


@contextmanager
def using(adapters: Adapters) -> Iterator[None]:
    """These instead of the settings', in tests."""
    _override.append(adapters)
    try:
        yield
    finally:
        _override.pop()


def compute() -> Compute:
    return _adapters().compute


def gateway() -> Gateway:
    return _adapters().gateway


def store() -> ArtifactStore:
    return _adapters().store


def builder() -> EnvironmentBuilder:
    return _adapters().builder


def gateway_statistics() -> GatewayStatistics:
    return _adapters().gateway_statistics


def process_statistics() -> ProcessStatistics:
    return _adapters().process_statistics


def server_statistics() -> ServerStatistics:
    return _adapters().server_statistics


def notifier() -> Notifier:
    return _adapters().notifier


def traffic_log() -> TrafficLog:
    return _adapters().traffic_log


def site_parts() -> SiteParts:
    return _adapters().site_parts


@cache
def telemetry_export() -> TelemetryExport:
    """Where an address for it is set."""
    from endpoints.telemetry.otlp import OtlpExport

    return OtlpExport(settings.STUDIO_OTLP_ENDPOINT, dict(settings.STUDIO_OTLP_HEADERS))


def _adapters() -> Adapters:
    return _override[-1] if _override else _local()


@cache
def _local() -> Adapters:
    from endpoints.artifacts.store import LocalArtifactStore
    from endpoints.compute.local.adapter import LocalCompute
    from endpoints.compute.local.changes import CHANGES_SOCKET
    from endpoints.compute.local.sandbox import tools_for
    from endpoints.compute.local.supervisor import SupervisorPrograms
    from endpoints.environments.builder import UvEnvironmentBuilder
    from endpoints.gateway.envoy import EnvoyGateway
    from endpoints.notifying.channels import ChannelNotifier
    from endpoints.notifying.mail import MailNotifier, MailServer
    from endpoints.notifying.webhooks import WebhookNotifier, networks
    from endpoints.telemetry.envoy import EnvoyStatistics
    from endpoints.telemetry.processes import LocalProcesses
    from endpoints.telemetry.servers import LocalServers
    from endpoints.telemetry.site import LocalSite
    from endpoints.telemetry.traffic_log import TrafficLogFiles

    data, run = Path(settings.STUDIO_DATA_DIR), Path(settings.STUDIO_RUN_DIR)
    programs = SupervisorPrograms(socket=run / "supervisor.sock", conf_dir=data / "supervisor" / "conf.d")
    return Adapters(
        compute=LocalCompute(
            programs=programs,
            state_dir=data / "replicas",
            tools=tools_for(settings.STUDIO_SANDBOX),
            container_socket=settings.STUDIO_CONTAINER_SOCKET,
            hidden=(data, run),
            changes_socket=str(run / CHANGES_SOCKET),
        ),
        gateway=EnvoyGateway(config_dir=data / "gateway", admin_socket=run / "envoy-admin.sock"),
        store=LocalArtifactStore(data / "artifacts"),
        builder=UvEnvironmentBuilder(programs=programs, root=data / "environments", uv=Path(uv.find_uv_bin())),
        gateway_statistics=EnvoyStatistics(run / "envoy-admin.sock"),
        process_statistics=LocalProcesses(),
        server_statistics=LocalServers(),
        notifier=ChannelNotifier(
            mail=MailNotifier(server=MailServer(**settings.STUDIO_MAIL) if settings.STUDIO_MAIL else None),
            webhooks=WebhookNotifier(inside=networks(settings.STUDIO_NOTIFY_NETWORKS)),
        ),
        traffic_log=TrafficLogFiles(data / "traffic-log"),
        site_parts=LocalSite(
            programs=programs.watched,
            workers=_workers,
            broker_url=settings.CELERY_BROKER_URL,
            data_dir=data,
            certificate=settings.STUDIO_TLS_CERTIFICATE,
        ),
    )


def _workers() -> int:
    """How many answer within a second."""
    return len(current_app.control.ping(timeout=1.0) or [])


def anchors() -> AnchorFile:
    """Where the heads of the history's chain are remembered."""
    return AnchorFile(Path(settings.STUDIO_DATA_DIR) / "audit" / "anchors.jsonl")


def forwarders() -> list[Forwarder]:
    """Where the history goes beside the database."""
    return [_forwarder(address) for address in settings.STUDIO_AUDIT_FORWARD]


def _forwarder(address: str) -> Forwarder:
    scheme, _, rest = address.partition("://")
    if scheme == "file":
        return FileForwarder(Path(rest))
    if scheme in ("http", "https"):
        return HttpForwarder(address, token=settings.STUDIO_AUDIT_FORWARD_TOKEN)
    return TcpForwarder(address)


def scan(folder: Path) -> ScanReport:
    return scan_folder(folder)


def mlflow_facts(folder: Path) -> dict[str, Any]:
    """What a model version keeps of its MLmodel: JSON, with a sample request body under "sample"."""
    model = inspect_folder(folder)
    return {
        "flavors": list(model.flavors),
        "signature": {"inputs": _plain(model.inputs), "outputs": _plain(model.outputs), "params": _plain(model.params)},
        "python_version": model.python_version,
        "requirements": list(model.requirements),
        "mlflow_version": model.mlflow_version,
        "sample": sample_request(model, folder),
    }


def _plain(columns: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [dict(column) for column in columns]


@cache
def saved_versions(digest: str) -> dict[str, str]:
    """Of a stored artifact: with which versions of which libraries it was saved."""
    return versions_in(store().path(digest))


@cache
def platforms() -> list[str]:
    """As in wheels' names: what this machine can install."""
    return list(platform_tags())


@cache
def inspect_mlflow(digest: str) -> MLflowModel:
    """The MLmodel of a stored artifact, which never changes."""
    return inspect_folder(store().path(digest))


def server_requirements(kind: str) -> tuple[str, ...]:
    """What an inference server needs in a deployment's environment."""
    server = server_for(kind)
    return (*(runtime_requirements() if server.runs_runtime else ()), *server.requirements)


def triton() -> str:
    """The program; empty where there is none."""
    return settings.STUDIO_TRITON or shutil.which("tritonserver") or ""


@cache
def runtime_requirements() -> tuple[str, ...]:
    """What our inference server itself needs in a deployment's environment."""
    lines = (RUNTIME / "requirements.txt").read_text().splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
