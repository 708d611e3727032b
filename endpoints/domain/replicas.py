"""What a replica should be, and what it was seen to be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from endpoints.enums import ReplicaState


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """An HTTP probe. Times in seconds; the defaults are Azure's (AML/reference-yaml-deployment-managed-online).

    A success ends the initial delay early; failures within it do not count.
    """

    path: str
    initial_delay: float = 10
    period: float = 10
    timeout: float = 2
    success_threshold: int = 1
    failure_threshold: int = 30
    address: str = ""  # where it is asked, if elsewhere than the replica answers requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What a container engine is asked to run. A mount is (folder of this machine, where it is inside), read-only."""

    image: str
    command: tuple[str, ...] = ()  # empty: the image's own
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)  # beside the image's own
    working_directory: str = ""  # empty: the image's own
    mounts: tuple[tuple[str, str], ...] = ()
    ports: tuple[tuple[int, int], ...] = ()  # (inside, on this machine's loopback)
    registry: Mapping[str, str] = field(default_factory=dict, repr=False)  # username, password, serveraddress


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSpec:
    """One replica, complete: the adapter needs nothing else to run it. A changed spec is a new id."""

    id: str  # deterministic, [a-z0-9-]: "r-<12 hex of the deployment's id>-<generation>-<ordinal>"
    deployment_id: str
    endpoint: str
    deployment: str
    generation: int
    ordinal: int
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)  # all of it: nothing is inherited
    working_directory: str
    socket: str  # where the server listens: a unix socket of at most 107 bytes, or 127.0.0.1:PORT
    liveness: Probe
    readiness: Probe
    verdict_socket: str = ""  # a unix socket on which its keeper answers 200 while it is ready, for the gateway
    vcpu: float | None = None
    memory_bytes: int | None = None
    drain_seconds: float = 30
    # What it may see of this machine where replicas are boxed in: folders to read, and folders to write.
    visible: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    egress: bool = True  # whether it may open connections of its own; False is refused where it cannot be kept
    relays: tuple[tuple[str, int], ...] = ()  # unix sockets, and the port that each leads to within the box
    container: Container | None = None  # then command, environment and working_directory do not count


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """How well a target keeps replicas from the machine, from each other and from the network."""

    boxed: bool  # own mounts, processes and users; egress can be closed
    own_network: bool = False  # with egress open, too: the machine's own services are out of reach
    reason: str = ""  # why not boxed, and what to do
    network_reason: str = ""  # why it has no network of its own


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEngine:
    """Whether a target runs container images."""

    available: bool
    name: str = ""
    reason: str = ""  # why not, and what to do


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaObservation:
    """What the adapter saw of one replica. Times are aware UTC datetimes."""

    id: str
    deployment_id: str
    generation: int
    ordinal: int
    state: ReplicaState
    pid: int | None = None  # of the server process, not of what watches it
    started_at: datetime | None = None
    ready_at: datetime | None = None
    changed_at: datetime | None = None
    restarts: int = 0
    exit_code: int | None = None  # of the last exit; negative is a signal
    reason: str = ""  # one of Kubernetes' words: Started, LivenessProbeFailed, ReadinessProbeFailed, BackOff, ...
    conditions: Sequence[Mapping[str, str]] = ()  # Ready and Live, as domain.conditions has them
    message: str = ""  # a sentence for people, with the line of the log that matters when there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChunk:
    """Part of a log. Offsets are bytes; `text` holds whole lines only."""

    text: str
    start: int
    end: int
    size: int

    @property
    def lines(self) -> list[str]:
        """Ended by a line feed alone: what else a program prints must not look like a line of another."""
        return self.text.removesuffix("\n").split("\n") if self.text else []
