"""What the traffic log costs the gateway: throughput with every request kept, a sample, and none."""

import dataclasses
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path

from endpoints.domain.routing import EndpointRoute
from endpoints.domain.traffic_log import TrafficLogging
from endpoints.enums import TrafficLogMode
from tests.bench.gateway import (
    ROUNDS,
    Row,
    answering,
    endpoints,
    other_envoy,
    p50,
    real_gateway,
    requests_per_second,
    row,
    tcp,
)
from tests.gateway.running import eventually

MODES = {
    "off": TrafficLogging(mode=TrafficLogMode.OFF),
    "errors": TrafficLogging(mode=TrafficLogMode.ERRORS),
    "10 %": TrafficLogging(mode=TrafficLogMode.SAMPLED, percent=10),
    "full": TrafficLogging(mode=TrafficLogMode.FULL),
}


def run() -> list[Row]:
    """Medians of rounds in which each mode has its turn, so that what else the machine does hits them alike."""
    throughput: dict[str, list[float]] = {name: [] for name in MODES}
    latency: dict[str, list[float]] = {name: [] for name in MODES}
    with tempfile.TemporaryDirectory(prefix="es-") as name, ExitStack() as stack:
        folder = Path(name)
        upstream = folder / "upstream.sock"
        stack.enter_context(other_envoy(folder / "upstream.json", answering(upstream)))
        eventually(upstream.exists)
        gateway = stack.enter_context(real_gateway(folder))
        for _ in range(ROUNDS):
            for mode, logging in MODES.items():
                gateway.put(kept(str(upstream), logging))
                throughput[mode].append(requests_per_second(gateway.port))
                latency[mode].append(p50(tcp(gateway.port)))
    off = statistics.median(throughput["off"])
    return [
        row(f"throughput, traffic log {mode}", statistics.median(found), "requests/s", f"{off:.0f} off")
        for mode, found in throughput.items()
    ] + [row(f"p50, traffic log {mode}", statistics.median(found), "ms", "") for mode, found in latency.items()]


def kept(upstream: str, logging: TrafficLogging) -> EndpointRoute:
    return dataclasses.replace(endpoints(1, upstream)[0], traffic_log=logging)


if __name__ == "__main__":
    for each in run():
        print(f"{each['figure']:<44}{each['value']:>12} {each['unit']:<12}{each['baseline']}")
