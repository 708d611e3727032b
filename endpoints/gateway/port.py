"""The port of the gateway that routes scoring requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from endpoints.domain.routing import RouteTable


class RouteTableRefused(Exception):
    """The gateway refused this version; the one before goes on serving. The message quotes the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayObservation:
    """What the gateway says of itself."""

    live: bool
    version: str | None = None  # the RouteTable version in force: routes and clusters both
    healthy: Mapping[str, int] | None = None  # cluster -> upstreams that are in rotation


class Gateway(Protocol):
    def publish(self, table: RouteTable) -> None:
        """Put the table into the gateway's hands. Raises RouteTableRefused. Works while the gateway is down."""

    def observe(self) -> GatewayObservation: ...
