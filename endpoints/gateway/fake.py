"""A gateway in memory, for tests of everything that uses the port."""

from collections.abc import Mapping

from endpoints.domain.routing import RouteTable, faults
from endpoints.gateway.port import GatewayObservation, RouteTableRefused


class FakeGateway:
    """In force at once while it is live, on its return when it is not. Every socket counts as healthy."""

    def __init__(self) -> None:
        self.published: list[RouteTable] = []  # in order; refused ones are not among them
        self.live = True
        self.refusal: str | None = None  # set: every publication is refused with this message
        self.confirms = True  # False: what is published stays unconfirmed until it is True again
        self.healthy: Mapping[str, int] | None = None  # set: stands in for the count of sockets
        self._in_force: RouteTable | None = None

    def publish(self, table: RouteTable) -> None:
        if found := faults(table):
            raise RouteTableRefused(" ".join(found))
        if self.refusal is not None:
            raise RouteTableRefused(self.refusal)
        self.published.append(table)

    def observe(self) -> GatewayObservation:
        if not self.live:
            return GatewayObservation(live=False)
        if self.confirms and self.published:
            self._in_force = self.published[-1]
        table = self._in_force
        return GatewayObservation(
            live=True,
            version=table.version if table else None,
            healthy=self.healthy if self.healthy is not None else sockets(table),
        )


def sockets(table: RouteTable | None) -> dict[str, int]:
    endpoints = table.endpoints if table else ()
    return {
        deployment.cluster: len(deployment.sockets) for endpoint in endpoints for deployment in endpoint.deployments
    }
