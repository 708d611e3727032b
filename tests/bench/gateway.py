"""What the gateway costs: latency and throughput beside an Envoy that does nothing else, and the time of a change.

The upstream is the fastest there is, an Envoy that answers from memory on a unix socket, so that the figures are
the gateway's own. All run at once and are measured in turn, so that what else the machine does hits them alike.
"""

import asyncio
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvloop

from endpoints.domain.routing import EndpointRoute, RouteTable, route_table
from endpoints.gateway.envoy.binary import envoy_binary
from endpoints.gateway.envoy.documents import Json, encode, extension
from tests.bench.load import LoadResult, load
from tests.gateway.running import AUTHORIZED, RunningGateway, deployment, endpoint, eventually

ROUNDS = 5
REQUESTS = 1500
WRK_SECONDS = 2
MANY = 1000
BODY = b'{"data": [[1, 2, 3, 4]]}'
Row = dict[str, object]


def run() -> list[Row]:
    """Rows of figure, value, unit and baseline: medians of five rounds."""
    with tempfile.TemporaryDirectory(prefix="es-") as name, ExitStack() as stack:
        folder = Path(name)
        upstream = folder / "upstream.sock"
        stack.enter_context(other_envoy(folder / "upstream.json", answering(upstream)))
        eventually(upstream.exists)
        port = free_port()
        stack.enter_context(other_envoy(folder / "empty.json", forwarding(port, upstream)))
        gateway = stack.enter_context(real_gateway(folder))
        return [
            *request_rows(gateway, str(upstream), port),
            *asyncio.run(change_rows(gateway, str(upstream))),
            *reload_rows(gateway, str(upstream)),
        ]


@contextmanager
def real_gateway(folder: Path) -> Iterator[RunningGateway]:
    running = RunningGateway(folder)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def other_envoy(path: Path, listener: Json) -> Iterator[None]:
    path.write_bytes(encode({"static_resources": listener}))
    command = (envoy_binary(), "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
    process = subprocess.Popen(command)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def answering(path: Path) -> Json:
    route = {"match": {"prefix": "/"}, "direct_response": {"status": 200, "body": {"inline_string": "[206.1]"}}}
    # It reads the body before it answers, as a model server does, or it would close the connection.
    whole = extension("buffer", "envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=65536)
    return {"listeners": [listening({"pipe": {"path": str(path)}}, route, whole)]}


def forwarding(port: int, upstream: Path) -> Json:
    route = {"match": {"prefix": "/"}, "route": {"cluster": "upstream"}}
    address = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    hosts = [{"endpoint": {"address": {"pipe": {"path": str(upstream)}}}}]
    assignment = {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": hosts}]}
    cluster = {"name": "upstream", "type": "STATIC", "load_assignment": assignment}
    return {"listeners": [listening(address, route)], "clusters": [cluster]}


def listening(address: Json, route: Json, *filters: Json) -> Json:
    router = extension("router", "envoy.extensions.filters.http.router.v3.Router")
    manager = extension(
        "http",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="bench",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        http_filters=[*filters, router],
    )
    return {"address": address, "filter_chains": [{"filters": [manager]}]}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def request_rows(gateway: RunningGateway, upstream: str, empty_port: int) -> list[Row]:
    """(a): the same small request, straight, through an empty Envoy and through the gateway."""
    gateway.put(*endpoints(1, upstream))
    paths: dict[str, Callable[[], float]] = {
        "direct": lambda: p50(unix(upstream)),
        "empty": lambda: p50(tcp(empty_port)),
        "gateway": lambda: p50(tcp(gateway.port)),
    }
    latency = medians(paths)
    throughput = medians(
        {
            "empty": lambda: requests_per_second(empty_port),
            "gateway": lambda: requests_per_second(gateway.port),
        }
    )
    gateway.put(*endpoints(MANY, upstream))
    crowded = statistics.median(p50(tcp(gateway.port)) for _ in range(ROUNDS))
    gateway.put(*endpoints(1, upstream))
    added, added_by_empty = latency["gateway"] - latency["direct"], latency["empty"] - latency["direct"]
    return [
        row("p50 through the gateway", latency["gateway"], "ms", f"{latency['direct']:.3f} direct"),
        row("p50 that the gateway adds", added, "ms", f"{added_by_empty:.3f} by an empty Envoy; aim under 0.5"),
        row("p50 with 1,000 endpoints", crowded, "ms", f"{latency['gateway']:.3f} with one"),
        row("throughput, one core", throughput["gateway"], "requests/s", f"{throughput['empty']:.0f} empty Envoy"),
    ]


def endpoints(count: int, upstream: str, *, weight: int = 100) -> list[EndpointRoute]:
    """The first has all of the load; its second deployment takes what its first does not."""
    others = [
        endpoint(f"other-{number}", deployment("blue", upstream, cluster=f"d-other-{number}"))
        for number in range(1, count)
    ]
    pair = (
        deployment("blue", upstream, cluster="d-a", weight=weight),
        deployment("green", upstream, cluster="d-b", weight=100 - weight),
    )
    return [endpoint("measured", *pair), *others]


def medians(measurements: dict[str, Callable[[], float]]) -> dict[str, float]:
    rounds = [{name: measure() for name, measure in measurements.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(each[name] for each in rounds) for name in measurements}


def unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    return connection


def tcp(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def p50(connection: socket.socket, headers: Mapping[str, str] = AUTHORIZED) -> float:
    """Milliseconds, one request after the other on one connection, by the plainest client there is."""
    head = f"POST /measured/score HTTP/1.1\r\nhost: x\r\nauthorization: {headers['authorization']}\r\n"
    message = f"{head}content-length: {len(BODY)}\r\n\r\n".encode() + BODY
    taken = []
    with connection:
        for _ in range(REQUESTS):
            start = time.perf_counter()
            connection.sendall(message)
            answer = connection.recv(65536)
            taken.append(time.perf_counter() - start)
            if not answer.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(answer.decode())
    return statistics.median(taken) * 1000


def requests_per_second(port: int, headers: Mapping[str, str] = AUTHORIZED) -> float:
    """By wrk where it is installed: a client in Python would be the slower half."""
    url = f"http://127.0.0.1:{port}/measured/score"
    if shutil.which("wrk") is None:
        sent = load(url, path="/measured/score", headers=dict(headers), concurrency=32, seconds=WRK_SECONDS)
        result = uvloop.run(sent)
        return result.rps
    authorization = f"authorization: {headers['authorization']}"
    command = ["wrk", "-t1", "-c32", f"-d{WRK_SECONDS}s", "-H", authorization, url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in told:
        raise RuntimeError(told)
    return float(re.search(r"Requests/sec:\s+([\d.]+)", told)[1])  # type: ignore[index]


async def change_rows(gateway: RunningGateway, upstream: str) -> list[Row]:
    """(c): new weights in force, and what failed while they came, under load."""
    running = asyncio.create_task(
        load(gateway.url, path="/measured/score", body=BODY, headers=AUTHORIZED, concurrency=8, seconds=4)
    )
    await asyncio.sleep(0.5)
    taken = [await asyncio.to_thread(change_weight, gateway, upstream, weight) for weight in range(90, 0, -10)]
    result: LoadResult = await running
    return [
        row("new weights in force under load", statistics.median(taken), "ms", f"{max(taken):.1f} at worst"),
        row("failed requests while they change", result.failures, "requests", f"of {result.requests}"),
    ]


def change_weight(gateway: RunningGateway, upstream: str, weight: int) -> float:
    return in_force(gateway, route_table(endpoints(1, upstream, weight=weight)))


def in_force(gateway: RunningGateway, table: RouteTable) -> float:
    """Milliseconds from the call to the observation."""
    version = table.version
    start = time.perf_counter()
    gateway.gateway.publish(table)
    eventually(lambda: gateway.gateway.observe().version == version)
    return (time.perf_counter() - start) * 1000


def reload_rows(gateway: RunningGateway, upstream: str) -> list[Row]:
    """(f): the same with a thousand deployments in the table."""
    first = in_force(gateway, route_table(endpoints(MANY - 1, upstream)))
    weights = [
        in_force(gateway, route_table(endpoints(MANY - 1, upstream, weight=90 - turn))) for turn in range(ROUNDS)
    ]
    size = sum(path.stat().st_size for path in gateway.config_dir.glob("*.json")) / 1_000_000
    start = time.perf_counter()
    gateway.gateway.observe()
    observation = (time.perf_counter() - start) * 1000
    return [
        row("1,000 deployments new, in force", first, "ms", "nothing before"),
        row("1,000 deployments, new weights in force", statistics.median(weights), "ms", f"{size:.1f} MB of files"),
        row("1,000 deployments, one observation", observation, "ms", ""),
    ]


def row(figure: str, value: float, unit: str, baseline: Any) -> Row:
    return {"figure": figure, "value": round(value, 3), "unit": unit, "baseline": baseline}


if __name__ == "__main__":
    for each in run():
        print(f"{each['figure']:<44}{each['value']:>12} {each['unit']:<12}{each['baseline']}")
