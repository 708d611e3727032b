"""What a mirror costs the caller: 10 % of the requests copied to a target that answers, and to one that is dead."""

import dataclasses
import tempfile
from contextlib import ExitStack
from pathlib import Path

from endpoints.domain.routing import EndpointRoute, Mirror
from tests.bench.gateway import (
    Row,
    answering,
    endpoints,
    medians,
    other_envoy,
    p50,
    real_gateway,
    requests_per_second,
    row,
    tcp,
)
from tests.gateway.running import RunningGateway, eventually

MIRROR = Mirror(deployment="green", percent=10)


def run() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="es-") as name, ExitStack() as stack:
        folder = Path(name)
        upstream = folder / "upstream.sock"
        stack.enter_context(other_envoy(folder / "upstream.json", answering(upstream)))
        eventually(upstream.exists)
        gateway = stack.enter_context(real_gateway(folder))
        plain = endpoints(1, str(upstream))[0]
        blue, green = plain.deployments
        mirrored = dataclasses.replace(plain, mirror=MIRROR)
        gone = dataclasses.replace(green, sockets=(str(folder / "gone.sock"),))
        dead = dataclasses.replace(mirrored, deployments=(blue, gone))
        return rows(measured(gateway, plain), measured(gateway, mirrored), measured(gateway, dead))


def measured(gateway: RunningGateway, route: EndpointRoute) -> dict[str, float]:
    gateway.put(route)
    return medians(
        {"p50": lambda: p50(tcp(gateway.port)), "throughput": lambda: requests_per_second(gateway.port)},
    )


def rows(plain: dict[str, float], mirrored: dict[str, float], dead: dict[str, float]) -> list[Row]:
    beside = f"{plain['throughput']:.0f} without"
    return [
        row("throughput with 10 % mirror", mirrored["throughput"], "requests/s", beside),
        row("throughput with 10 % mirror, dead", dead["throughput"], "requests/s", beside),
        row("p50 with 10 % mirror", mirrored["p50"], "ms", f"{plain['p50']:.3f} without"),
        row("p50 with 10 % mirror, dead", dead["p50"], "ms", f"{plain['p50']:.3f} without"),
    ]
