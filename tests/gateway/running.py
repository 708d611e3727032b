"""A real Envoy for tests, and tables for it."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from endpoints.domain.routing import DeploymentRoute, EndpointRoute, Issuer, RouteTable, route_table
from endpoints.domain.traffic_log import TrafficLogging
from endpoints.enums import TrafficLogMode
from endpoints.gateway.envoy import Doors, EnvoyGateway, envoy_command, prepare
from endpoints.gateway.envoy.admin import Admin, AdminUnreachable

LIMIT_SECONDS = 60
KEY = "primary-key"
AUTHORIZED = {"authorization": f"Bearer {KEY}"}


class RunningGateway:
    """An Envoy on a port of its own choice, with its folder and its gateway."""

    def __init__(self, folder: Path, **doors: Any) -> None:
        """`doors` are fields of Doors."""
        self.doors = doors
        self.config_dir = folder / "config"
        self.admin_socket = folder / "admin.sock"
        self.access_log = folder / "access.log"
        self.error_log = folder / "envoy.log"
        self.gateway = EnvoyGateway(self.config_dir, self.admin_socket)
        self.admin = Admin(self.admin_socket)
        self.process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def start(self) -> None:
        """On the port it had before, if any."""
        self.launch()
        eventually(lambda: self.gateway.observe().live)
        self.port = self.port_of("gateway")

    def launch(self) -> None:
        prepare(
            self.config_dir,
            Doors(port=self.port, **self.doors),
            admin_socket=self.admin_socket,
            access_log=self.access_log,
        )
        with self.error_log.open("ab") as log:
            self.process = subprocess.Popen(envoy_command(self.config_dir, concurrency=1), stdout=log, stderr=log)

    def rejections(self, pattern: str) -> int:
        try:
            return sum(int(value) for value in self.admin.statistics(pattern).values.values())
        except AdminUnreachable:
            return 0

    def port_of(self, listener: str) -> int:
        found = json.loads(self.admin.get("/listeners?format=json"))["listener_statuses"]
        address = next(each["local_address"] for each in found if each["name"] == listener)
        port: int = address["socket_address"]["port_value"]
        return port

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def put(self, *endpoints: EndpointRoute, issuers: Iterable[Issuer] = (), domain: str = "") -> RouteTable:
        """Publish, and wait until it is in force."""
        table = route_table(endpoints, issuers, domain=domain)
        self.gateway.publish(table)
        eventually(lambda: self.gateway.observe().version == table.version)
        return table

    def wait_healthy(self, cluster: str, count: int) -> None:
        eventually(lambda: (self.gateway.observe().healthy or {}).get(cluster) == count)

    def statistics(self, cluster: str) -> dict[str, int]:
        prefix = f"cluster.{cluster}."
        values = self.admin.statistics(f"^cluster[.]{cluster}[.]").values
        return {name.removeprefix(prefix): int(value) for name, value in values.items()}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class ReplicaProcess:
    """A replica that can be killed."""

    def __init__(self, socket: Path) -> None:
        self.socket = str(socket)
        script = Path(__file__).with_name("replica.py")
        self.process = subprocess.Popen([sys.executable, str(script), self.socket])
        eventually(socket.exists)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what the test waits for did not happen"
        time.sleep(0.005)


def deployment(name: str, *sockets: str, weight: int = 100, **settings: Any) -> DeploymentRoute:
    settings.setdefault("cluster", f"d-{name}")
    settings.setdefault("max_concurrent_requests_per_instance", 100)
    return DeploymentRoute(name=name, sockets=tuple(sorted(sockets)), weight=weight, **settings)


def endpoint(
    name: str, *deployments: DeploymentRoute, keys: tuple[str, ...] = (KEY,), **settings: Any
) -> EndpointRoute:
    settings.setdefault("id", id_of(name))
    settings.setdefault("traffic_log", TrafficLogging(mode=TrafficLogMode.FULL))
    return EndpointRoute(name=name, keys=keys, deployments=deployments, **settings)


def id_of(name: str) -> str:
    return uuid5(NAMESPACE_DNS, name).hex
