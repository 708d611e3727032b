"""The gateway port, kept by an Envoy that watches files."""

from pathlib import Path

from endpoints.domain.routing import RouteTable, faults
from endpoints.gateway.envoy.admin import (
    CLUSTERS,
    LIMITS,
    LISTENERS,
    LIVE,
    PER_CLUSTER,
    ROUTES,
    STATE,
    TOKENS,
    WARMING,
    Admin,
    AdminUnreachable,
    Statistics,
)
from endpoints.gateway.envoy.documents import Json
from endpoints.gateway.envoy.files import exclusive, read_document
from endpoints.gateway.envoy.holding import ACTIVATOR
from endpoints.gateway.envoy.mirroring import MIRROR_PREFIX
from endpoints.gateway.envoy.publisher import Publisher, Refused
from endpoints.gateway.envoy.resources import Layout, render
from endpoints.gateway.envoy.validation import complaint, without_keys
from endpoints.gateway.port import GatewayObservation, RouteTableRefused


class EnvoyGateway:
    """Works on the folder that `envoy_command` was given, whether that Envoy runs or not."""

    def __init__(self, config_dir: Path, admin_socket: Path, *, apply_seconds: float = 10) -> None:
        """`apply_seconds` bounds the wait for each of at most two confirmations."""
        self._layout = Layout(config_dir.absolute())
        self._admin = Admin(admin_socket)
        self._publisher = Publisher(self._layout, self._admin, apply_seconds)

    def publish(self, table: RouteTable) -> None:
        """Returns once a running Envoy took the routes; `observe` tells when all of it is in force."""
        if found := faults(table):
            raise RouteTableRefused(" ".join(found))
        resources = render(table)
        with exclusive(self._layout.folder):
            if not self._is_up() and (error := complaint(resources)):
                raise RouteTableRefused(without_keys(error, table))
            try:
                self._publisher.publish(table.version, resources)
            except Refused as refused:
                error = complaint(resources) or f"Envoy rejected an update of {refused}."
                raise RouteTableRefused(without_keys(error, table)) from None

    def observe(self) -> GatewayObservation:
        try:
            statistics = self._admin.statistics(PER_CLUSTER)
        except AdminUnreachable:
            return GatewayObservation(live=False)
        published = read_document(self._layout.manifest)
        return GatewayObservation(
            live=statistics.number(STATE) == LIVE and statistics.number(LISTENERS) > 0,
            version=published["version"] if published and in_force(published, statistics) else None,
            healthy=healthy(statistics),
        )

    def _is_up(self) -> bool:
        try:
            self._admin.get("/ready")
        except AdminUnreachable:
            return False
        return True


def in_force(published: Json, statistics: Statistics) -> bool:
    """Every file of the published version is what Envoy works with, and no cluster is still warming up."""
    files = {ROUTES: "routes", CLUSTERS: "clusters", TOKENS: "tokens", LIMITS: "limits"}
    wanted = {subscription: published.get(file) for subscription, file in files.items()}
    taken = all(statistics.text(f"{name}.version_text") == version for name, version in wanted.items())
    return taken and not statistics.number(WARMING)


def healthy(statistics: Statistics) -> dict[str, int]:
    """Of the deployments: a cluster of copies has the same replicas once more."""
    prefix, suffix = "cluster.", ".membership_healthy"
    return {
        name.removeprefix(prefix).removesuffix(suffix): int(value)
        for name, value in statistics.values.items()
        if name.endswith(suffix) and name != f"{prefix}{ACTIVATOR}{suffix}"
        if not name.startswith(prefix + MIRROR_PREFIX)
    }
