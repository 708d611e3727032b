"""Changes under load, faults, and what a running Envoy makes of them."""

import asyncio
import dataclasses
import json
import shutil
import stat
import tempfile
import threading
from pathlib import Path

import httpx
import pytest

from endpoints.domain.routing import EndpointRoute, RouteTable, route_table
from endpoints.gateway.envoy import gateway as gateway_module
from endpoints.gateway.envoy.files import exclusive
from endpoints.gateway.port import RouteTableRefused
from tests.bench.load import LoadResult, load
from tests.gateway.replica import Replicas
from tests.gateway.running import (
    AUTHORIZED,
    ReplicaProcess,
    RunningGateway,
    deployment,
    endpoint,
    eventually,
)


def split(share: int, blue: str, green: str) -> EndpointRoute:
    return endpoint("shift", deployment("blue", blue, weight=share), deployment("green", green, weight=100 - share))


async def under_load(envoy: RunningGateway, name: str, change: object, **settings: float) -> LoadResult:
    """The result of the load during which `change`, a function, ran in a thread."""
    assert callable(change)
    done = asyncio.create_task(
        load(
            envoy.url,
            path=f"/{name}/score",
            body=b"{}",
            headers=AUTHORIZED,
            concurrency=8,
            seconds=settings.get("seconds", 1.5),
        )
    )
    await asyncio.sleep(0.2)
    await asyncio.to_thread(change)
    return await done


async def test_weights_change_under_load_without_a_failure(envoy: RunningGateway, servers: Replicas) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    await asyncio.to_thread(envoy.put, split(100, blue.socket, green.socket))

    def shift() -> None:
        for share in (90, 50, 10, 0, 30, 0):
            envoy.put(split(share, blue.socket, green.socket))

    result = await under_load(envoy, "shift", shift)
    assert result.failures == 0
    assert result.requests > 100
    served = len(blue.requests)
    async with httpx.AsyncClient(base_url=envoy.url) as client:
        for _ in range(20):
            await client.post("/shift/score", headers=AUTHORIZED)
    assert len(blue.requests) == served


async def test_replicas_change_under_load_without_a_failure(envoy: RunningGateway, servers: Replicas) -> None:
    sockets = [servers.start(name).socket for name in ("one", "two", "three")]

    def scale() -> None:
        for chosen in (sockets, sockets[1:], sockets[:1], sockets[2:], sockets):
            envoy.put(endpoint("scaled", deployment("blue", *chosen)))

    await asyncio.to_thread(envoy.put, endpoint("scaled", deployment("blue", sockets[0])))
    before = (await asyncio.to_thread(envoy.statistics, "d-blue"))["upstream_rq_total"]
    result = await under_load(envoy, "scaled", scale)
    assert result.failures == 0
    after = (await asyncio.to_thread(envoy.statistics, "d-blue"))["upstream_rq_total"]
    assert after - before >= result.requests


async def test_a_request_in_flight_outlives_its_replicas_removal(envoy: RunningGateway, servers: Replicas) -> None:
    old, new = servers.start("old"), servers.start("new")
    await asyncio.to_thread(envoy.put, endpoint("drain", deployment("blue", old.socket)))
    async with httpx.AsyncClient(base_url=envoy.url, timeout=60) as client:
        slow = asyncio.create_task(client.post("/drain/score", headers=AUTHORIZED | {"x-sleep": "0.6"}))
        await asyncio.to_thread(eventually, lambda: old.requests)
        await asyncio.to_thread(envoy.put, endpoint("drain", deployment("blue", new.socket)))
        assert (await client.post("/drain/score", headers=AUTHORIZED)).json()["socket"] == new.socket
        await asyncio.to_thread(envoy.put)
        answer = await slow
    assert (answer.status_code, answer.json()["socket"]) == (200, old.socket)


async def test_a_killed_replica_fails_no_request_when_there_is_another(envoy: RunningGateway) -> None:
    folder = Path(tempfile.mkdtemp(prefix="es-"))
    victim, survivor = ReplicaProcess(folder / "victim.sock"), ReplicaProcess(folder / "survivor.sock")
    try:
        table_endpoint = endpoint("killed", deployment("blue", victim.socket, survivor.socket))
        await asyncio.to_thread(envoy.put, table_endpoint)
        await asyncio.to_thread(envoy.wait_healthy, "d-blue", 2)
        result = await under_load(envoy, "killed", victim.kill)
        await asyncio.to_thread(envoy.wait_healthy, "d-blue", 1)
        retries = (await asyncio.to_thread(envoy.statistics, "d-blue"))["upstream_rq_retry"]
    finally:
        victim.kill()
        survivor.kill()
        shutil.rmtree(folder)
    assert result.failures == 0
    assert result.requests > 100
    assert retries > 0


def test_a_new_lone_replica_is_in_rotation_with_the_publication(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    envoy.put(endpoint("lone", deployment("blue", servers.start("blue").socket)))
    assert (envoy.gateway.observe().healthy or {})["d-blue"] == 1
    assert client.post("/lone/score", headers=AUTHORIZED).status_code == 200


def test_the_total_survives_a_change_of_replicas(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    one, two = servers.start("one"), servers.start("two")
    for sockets in ([one.socket], [one.socket, two.socket], [two.socket]):
        envoy.put(endpoint("kept", deployment("blue", *sockets, cluster="d-kept")))
        client.post("/kept/score", headers=AUTHORIZED)
    assert envoy.statistics("d-kept")["upstream_rq_total"] == 3


def test_only_what_changed_is_written(envoy: RunningGateway, servers: Replicas) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    envoy.put(split(50, blue.socket, green.socket))
    routes, clusters = envoy.config_dir / "routes.json", envoy.config_dir / "clusters.json"
    before = routes.stat().st_ino, clusters.stat().st_ino
    envoy.put(split(50, blue.socket, green.socket))
    assert (routes.stat().st_ino, clusters.stat().st_ino) == before
    envoy.put(split(60, blue.socket, green.socket))
    assert routes.stat().st_ino != before[0]
    assert clusters.stat().st_ino == before[1]


def test_envoy_alone_comes_back_with_what_was_published(own_envoy: RunningGateway, servers: Replicas) -> None:
    table = own_envoy.put(endpoint("static", deployment("blue", servers.start("blue").socket)))
    own_envoy.stop()
    assert not own_envoy.gateway.observe().live
    own_envoy.start()
    assert own_envoy.gateway.observe().version == table.version
    assert httpx.post(f"{own_envoy.url}/static/score", headers=AUTHORIZED).status_code == 200


def test_a_publication_while_envoy_is_down_is_there_on_its_return(own_envoy: RunningGateway, servers: Replicas) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    own_envoy.put(split(100, blue.socket, green.socket))
    own_envoy.stop()
    table = route_table([split(0, blue.socket, green.socket)])
    own_envoy.gateway.publish(table)
    own_envoy.start()
    eventually(lambda: own_envoy.gateway.observe().version == table.version)
    assert httpx.post(f"{own_envoy.url}/shift/score", headers=AUTHORIZED).json()["socket"] == green.socket


@pytest.mark.parametrize("running", [True, False])
def test_what_envoy_refuses_changes_nothing(
    own_envoy: RunningGateway, servers: Replicas, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    """The rules of the domain are taken away, so that the refusal is Envoy's own."""
    monkeypatch.setattr(gateway_module, "faults", lambda table: [])
    good = endpoint("good", deployment("blue", servers.start("blue").socket))
    table = own_envoy.put(good)
    before = contents(own_envoy.config_dir)
    if not running:
        own_envoy.stop()
    bad_clusters = endpoint("bad", deployment("green", "/" + "x" * 200))
    bad_routes = endpoint("bad", deployment("green", "/a.sock", scoring_path="/a\nb"), keys=("key-in-bad-table",))
    for bad in (bad_clusters, bad_routes):
        with pytest.raises(RouteTableRefused) as refusal:
            own_envoy.gateway.publish(route_table([good, bad]))
        assert len(str(refusal.value)) > 20
        assert "key-in-bad-table" not in str(refusal.value) + own_envoy.error_log.read_text()
        assert contents(own_envoy.config_dir) == before
    if not running:
        own_envoy.start()
    eventually(lambda: own_envoy.gateway.observe().version == table.version)
    assert httpx.post(f"{own_envoy.url}/good/score", headers=AUTHORIZED).status_code == 200


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_a_publisher_that_was_killed_at_its_work_is_made_good(
    envoy: RunningGateway, servers: Replicas, client: httpx.Client
) -> None:
    table = envoy.put(endpoint("healed", deployment("blue", servers.start("blue").socket)))
    (envoy.config_dir / ".unfinished").touch()
    routes = envoy.config_dir / "routes.json"
    routes.write_bytes(routes.read_bytes().replace(b"healed", b"broken"))
    envoy.gateway.publish(table)
    eventually(lambda: envoy.gateway.observe().version == table.version)
    assert b"healed" in routes.read_bytes()
    assert not (envoy.config_dir / ".unfinished").exists()


def test_publishers_take_turns(envoy: RunningGateway, servers: Replicas) -> None:
    blue, green = servers.start("blue"), servers.start("green")
    tables = [route_table([split(share, blue.socket, green.socket)]) for share in range(0, 101, 10)]
    threads = [threading.Thread(target=envoy.gateway.publish, args=(table,)) for table in tables]
    with exclusive(envoy.config_dir):
        for thread in threads:
            thread.start()
    for thread in threads:
        thread.join()
    versions = {table.version for table in tables}
    eventually(lambda: envoy.gateway.observe().version in versions)
    published = json.loads((envoy.config_dir / "published.json").read_text())
    for name in ("routes", "clusters"):
        assert json.loads((envoy.config_dir / f"{name}.json").read_text())["version_info"] == published[name]


def test_files_are_for_their_owner_alone(envoy: RunningGateway, servers: Replicas) -> None:
    envoy.put(endpoint("private", deployment("blue", servers.start("blue").socket)))
    assert stat.S_IMODE(envoy.config_dir.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in envoy.config_dir.glob("*.json")} == {0o600}
    assert stat.S_IMODE(envoy.admin_socket.stat().st_mode) == 0o600


def test_a_version_is_not_reported_before_its_clusters_are(envoy: RunningGateway, servers: Replicas) -> None:
    blue = servers.start("blue")
    table = envoy.put(endpoint("exact", deployment("blue", blue.socket)))
    manifest = envoy.config_dir / "published.json"
    told = json.loads(manifest.read_text())
    for part in ("routes", "clusters"):
        manifest.write_text(json.dumps(told | {part: "0" * 16}))
        assert envoy.gateway.observe().version is None
    manifest.write_text(json.dumps(told))
    assert envoy.gateway.observe().version == table.version


def test_the_rules_of_the_domain_are_asked_first(envoy: RunningGateway) -> None:
    lopsided = dataclasses.replace(deployment("blue"), weight=99)
    with pytest.raises(RouteTableRefused, match="sums to 99"):
        envoy.gateway.publish(RouteTable(endpoints=(endpoint("lopsided", lopsided),)))
