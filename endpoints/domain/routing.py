"""The neutral route table: what the gateway must do, whatever the gateway is."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from endpoints.domain.addresses import LONGEST_SOCKET, port_of
from endpoints.domain.limits import LARGEST_LIMIT, Cors, Limits, cors_faults, limit_faults
from endpoints.domain.traffic import MOST_MIRRORED
from endpoints.domain.traffic_log import TrafficLogging
from endpoints.enums import AuthMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Every request that may come in is answered with 402: a budget is used up, or a deployment was stopped by it."""

    budget: str
    resets_at: str  # ISO 8601, UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRoute:
    """One deployment behind an endpoint."""

    name: str
    cluster: str  # "d-<hex of the deployment's id>": Envoy's statistics are kept under it
    sockets: tuple[str, ...]  # of the replicas that may get requests: a unix socket, or 127.0.0.1:PORT, each; sorted
    weight: int  # 0..100; the weights of an endpoint sum to 0 or 100
    scoring_path: str = "/score"
    readiness_path: str = "/ready"
    readiness_sockets: tuple[tuple[str, str], ...] = ()  # (socket, where it is asked) of those asked elsewhere
    request_timeout_ms: int = 5000
    max_concurrent_requests_per_instance: int = 1
    max_request_bytes: int = 16 * 1024 * 1024
    hold_ms: int = 0  # scaled to zero: how long a request may wait for a replica; 0: it does not wait
    queue: int = 0  # how many may stand in line beyond the usual, while those who waited are served
    refusal: Refusal | None = None  # stopped by a budget: until somebody starts it


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Copies of the unpinned requests go to one deployment without live traffic; its answers are dropped."""

    deployment: str
    percent: int  # 1..50


@dataclass(frozen=True, slots=True, kw_only=True)
class Invokers:
    """Who may score with a token of an identity provider: (issuer, subject) and (issuer, group), sorted."""

    subjects: tuple[tuple[str, str], ...] = ()
    groups: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a verified token must say to open an endpoint: this value in a claim, or in the list that the claim is."""

    issuer: str
    name: str
    value: str
    listed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointRoute:
    name: str
    auth_mode: AuthMode = AuthMode.KEY
    id: str = ""  # the hex of the endpoint's id: names are given again, ids are not
    keys: tuple[str, ...] = field(default=(), repr=False)  # mode key: every key that is valid now
    key_names: tuple[str, ...] = ()  # of the keys, in their order: by which the traffic log tells who called
    claims: tuple[Claim, ...] = ()  # modes of tokens: any of them opens; without one, nobody comes in
    deployments: tuple[DeploymentRoute, ...]
    mirror: Mirror | None = None
    refusal: Refusal | None = None
    limits: Limits = field(default_factory=Limits)
    cors: Cors = field(default_factory=Cors)
    traffic_log: TrafficLogging = field(default_factory=TrafficLogging)

    @property
    def mirror_target(self) -> DeploymentRoute | None:
        if self.mirror is None:
            return None
        return next((each for each in self.deployments if each.name == self.mirror.deployment), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """A party whose tokens the gateway believes: the studio itself, or an OpenID Connect provider."""

    name: str
    issuer: str  # the claim `iss`
    audiences: tuple[str, ...]
    jwks: str = field(repr=False)  # a JSON Web Key Set, public keys alone
    auth_mode: AuthMode  # of the endpoints that its tokens open
    subject_claim: str = "sub"
    groups_claim: str = "groups"


ENDPOINT_CLAIM = "endpoint"  # of a studio token: the hex of the id of the endpoint that it is bound to


def claims_of(
    *, endpoint_id: str, auth_mode: AuthMode, invokers: Invokers, issuers: Iterable[Issuer]
) -> Iterator[Claim]:
    """What opens the endpoint: a studio token by its binding, a provider's token by who its subject is."""
    for issuer in issuers:
        if issuer.auth_mode != auth_mode:
            continue
        if auth_mode == AuthMode.AML_TOKEN:
            yield Claim(issuer=issuer.issuer, name=ENDPOINT_CLAIM, value=endpoint_id)
        if auth_mode == AuthMode.AAD_TOKEN:
            yield from _invited(issuer, invokers)


def _invited(issuer: Issuer, invokers: Invokers) -> Iterator[Claim]:
    for of, subject in invokers.subjects:
        if of == issuer.issuer:
            yield Claim(issuer=of, name=issuer.subject_claim, value=subject)
    for of, group in invokers.groups:
        if of == issuer.issuer and issuer.groups_claim:
            yield Claim(issuer=of, name=issuer.groups_claim, value=group, listed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteTable:
    endpoints: tuple[EndpointRoute, ...]
    issuers: tuple[Issuer, ...] = ()
    domain: str = ""  # http://<endpoint>.<domain>/ is the endpoint too; empty: by path alone

    @property
    def version(self) -> str:
        """A digest of the whole content: equal tables have equal versions."""
        canonical = json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def route_table(endpoints: Iterable[EndpointRoute], issuers: Iterable[Issuer] = (), *, domain: str = "") -> RouteTable:
    """In one order, so that the same state always gives the same table."""
    return RouteTable(
        endpoints=tuple(sorted(endpoints, key=lambda endpoint: endpoint.name)),
        issuers=tuple(sorted(issuers, key=lambda issuer: issuer.name)),
        domain=domain,
    )


NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?")
PATH = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
KEY = re.compile(r"[!-~]+")
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def faults(table: RouteTable) -> list[str]:
    """What no gateway can honour, as sentences for people. Keys are never quoted."""
    names = [endpoint.name for endpoint in table.endpoints]
    clusters = [deployment.cluster for endpoint in table.endpoints for deployment in endpoint.deployments]
    return [
        *(f"Endpoint {name} stands twice in the table." for name in repeated(names)),
        *(f"Cluster {name} stands twice in the table." for name in repeated(clusters)),
        *(f"Issuer {name} stands twice in the table." for name in repeated(each.name for each in table.issuers)),
        *domain_faults(table.domain),
        *(fault for endpoint in table.endpoints for fault in endpoint_faults(endpoint)),
    ]


def domain_faults(domain: str) -> Iterator[str]:
    if domain and not DOMAIN.fullmatch(domain):
        yield f"The domain {domain!r} must be lower case letters, digits, dashes and dots."


def endpoint_faults(endpoint: EndpointRoute) -> Iterator[str]:
    where = f"Endpoint {endpoint.name}"
    total = sum(deployment.weight for deployment in endpoint.deployments)
    if not NAME.fullmatch(endpoint.name):
        yield f"{where}: a name has letters, digits and dashes only."
    if total not in {0, 100}:
        yield f"{where}: the traffic sums to {total}; it must sum to 0 or 100."
    if not all(KEY.fullmatch(key) for key in endpoint.keys):
        yield f"{where}: a key is empty or has characters that a header cannot carry."
    yield from (f"{where}: {fault}" for fault in mirror_faults(endpoint))
    for name, fault in (*limit_faults(asdict(endpoint.limits)), *cors_faults(endpoint.cors)):
        yield f"{where}, {name}: {fault}"
    for name in repeated(deployment.name for deployment in endpoint.deployments):
        yield f"{where}: deployment {name} stands twice."
    for deployment in endpoint.deployments:
        yield from (f"{where}, deployment {deployment.name}: {fault}" for fault in deployment_faults(deployment))


def mirror_faults(endpoint: EndpointRoute) -> Iterator[str]:
    if endpoint.mirror is None:
        return
    name, percent = endpoint.mirror.deployment, endpoint.mirror.percent
    if not 1 <= percent <= MOST_MIRRORED:
        yield f"{percent} % of the requests are mirrored; it must be from 1 to {MOST_MIRRORED}."
    weights = {deployment.name: deployment.weight for deployment in endpoint.deployments}
    if name not in weights:
        yield f"the mirror {name} is none of its deployments."
    elif weights[name]:
        yield f"the mirror {name} has live traffic."


def deployment_faults(deployment: DeploymentRoute) -> Iterator[str]:
    for name in (deployment.name, deployment.cluster):
        if not NAME.fullmatch(name):
            yield f"the name {name!r} has more than letters, digits and dashes."
    if not 0 <= deployment.weight <= 100:
        yield f"the weight {deployment.weight} is not between 0 and 100."
    for path in (deployment.scoring_path, deployment.readiness_path):
        if not PATH.fullmatch(path):
            yield f"the path {path!r} must start with / and have no query and no escapes."
    for socket in (*deployment.sockets, *(asked for _, asked in deployment.readiness_sockets)):
        if not _is_address(socket):
            yield f"the socket {socket} must be an absolute path of at most {LONGEST_SOCKET} bytes, or 127.0.0.1:PORT."
    limits = ("request_timeout_ms", "max_concurrent_requests_per_instance", "max_request_bytes")
    for limit in limits:
        if not 1 <= getattr(deployment, limit) <= LARGEST_LIMIT:
            yield f"{limit} must be between 1 and {LARGEST_LIMIT}."


def _is_address(socket: str) -> bool:
    try:
        return port_of(socket) is not None or len(socket.encode()) <= LONGEST_SOCKET
    except ValueError:
        return False


def repeated(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)
