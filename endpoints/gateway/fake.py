"""A gateway in memory, for tests of everything that uses the port."""

from dataclasses import dataclass, field

from endpoints.domain.routing import RouteTable, faults
from endpoints.gateway.port import GatewayObservation, RouteTableRefused


@dataclass(slots=True)
class FakeGateway:
    """Every socket counts as an upstream in rotation, but for `unhealthy` of each cluster."""

    live: bool = True
    refusal: str = ""  # set: every publication is refused with this message
    unhealthy: int = 0
    holds_back: bool = False  # takes a table, but goes on serving the one before
    tables: list[RouteTable] = field(default_factory=list)  # what was published, in order, without the refused
    in_force: RouteTable | None = None

    def publish(self, table: RouteTable) -> None:
        if message := " ".join(faults(table)) or self.refusal:
            raise RouteTableRefused(message)
        self.tables.append(table)

    def observe(self) -> GatewayObservation:
        if not self.live:
            return GatewayObservation(live=False)
        if self.tables and not self.holds_back:
            self.in_force = self.tables[-1]
        return GatewayObservation(
            live=True,
            version=self.in_force.version if self.in_force else None,
            healthy=self._healthy(),
        )

    def _healthy(self) -> dict[str, int]:
        endpoints = self.in_force.endpoints if self.in_force else ()
        return {
            deployment.cluster: max(0, len(deployment.sockets) - self.unhealthy)
            for endpoint in endpoints
            for deployment in endpoint.deployments
        }
