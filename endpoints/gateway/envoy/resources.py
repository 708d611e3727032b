"""A route table as the discovery files that Envoy watches."""

from dataclasses import dataclass
from pathlib import Path

from endpoints.domain.routing import RouteTable
from endpoints.gateway.envoy.authentication import token_configuration
from endpoints.gateway.envoy.clusters import cluster
from endpoints.gateway.envoy.documents import Document, Json, discovery_document
from endpoints.gateway.envoy.limits import rate_configuration
from endpoints.gateway.envoy.mirroring import mirror_clusters
from endpoints.gateway.envoy.routes import route_configuration


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each file stands."""

    folder: Path

    @property
    def bootstrap(self) -> Path:
        return self.folder / "bootstrap.json"

    @property
    def listeners(self) -> Path:
        return self.folder / "listeners.json"

    @property
    def routes(self) -> Path:
        return self.folder / "routes.json"

    @property
    def clusters(self) -> Path:
        return self.folder / "clusters.json"

    @property
    def tokens(self) -> Path:
        """The configuration of the JWT filter: who is believed."""
        return self.folder / "tokens.json"

    @property
    def limits(self) -> Path:
        """The configuration of the rate limit: the bucket of each endpoint."""
        return self.folder / "limits.json"

    @property
    def secrets(self) -> Path:
        """Where the certificate and its key are."""
        return self.folder / "secrets.json"

    @property
    def manifest(self) -> Path:
        """Which versions of the files make up which version of the route table."""
        return self.folder / "published.json"

    @property
    def unfinished(self) -> Path:
        """There while files are being changed; found by the next publisher when one was killed at it."""
        return self.folder / ".unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """One route table, rendered. The lists hold what the documents say."""

    route_configurations: list[Json]
    clusters: list[Json]
    routes_document: Document
    clusters_document: Document
    token_configuration: Json
    tokens_document: Document
    rate_configuration: Json
    limits_document: Document


def render(table: RouteTable) -> Resources:
    routes = [route_configuration(table)]
    tokens = token_configuration(table)
    rates = rate_configuration(table)
    clusters = [
        *(cluster(deployment) for endpoint in table.endpoints for deployment in endpoint.deployments),
        *(copies for endpoint in table.endpoints for copies in mirror_clusters(endpoint)),
    ]
    return Resources(
        route_configurations=routes,
        clusters=clusters,
        routes_document=discovery_document(routes),
        clusters_document=discovery_document(clusters),
        token_configuration=tokens,
        tokens_document=discovery_document([tokens]),
        rate_configuration=rates,
        limits_document=discovery_document([rates]),
    )


def manifest(version: str, resources: Resources) -> Json:
    return {
        "version": version,
        "routes": resources.routes_document.version,
        "clusters": resources.clusters_document.version,
        "tokens": resources.tokens_document.version,
        "limits": resources.limits_document.version,
    }


def with_clusters_of(present: list[Json], resources: Resources) -> Document:
    """The wanted clusters, and those that only the present file has, because a route may still name them."""
    names = {resource["name"] for resource in resources.clusters}
    kept = [resource for resource in present if resource["name"] not in names]
    return discovery_document([*resources.clusters, *kept]) if kept else resources.clusters_document
