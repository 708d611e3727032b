"""Logs: the last lines, or what came since."""

import pytest
from rest_framework.test import APIClient

from endpoints import wiring
from endpoints.domain.replicas import LogChunk
from endpoints.models import Deployment, Endpoint
from endpoints.services.specification import built_hash
from tests.api.problems import fields, problem
from tests.world import World

pytestmark = pytest.mark.django_db
BLUE = "/api/v1/endpoints/prices/deployments/blue/"
LOG = f"{BLUE}replicas/0/log/"


@pytest.fixture
def replica_id(world: World, blue: Deployment) -> str:
    found: str = blue.replicas.get().pk
    world.compute.logs[found] = "".join(f"line {number}\n" for number in range(300))
    return found


def test_the_last_lines_come_first_and_then_what_is_new(reader: APIClient, world: World, replica_id: str) -> None:
    first = reader.get(LOG).json()
    assert (len(first["lines"]), first["lines"][0], first["lines"][-1]) == (200, "line 100", "line 299")
    assert reader.get(f"{LOG}?offset={first['offset']}").json()["lines"] == []
    world.compute.logs[replica_id] += "one more\n"
    assert reader.get(f"{LOG}?offset={first['offset']}").json() == {
        "lines": ["one more"],
        "offset": first["size"] + len("one more\n"),
        "size": first["size"] + len("one more\n"),
    }


def test_so_many_lines_as_are_asked_for(reader: APIClient, replica_id: str) -> None:
    assert reader.get(f"{LOG}?tail=2").json()["lines"] == ["line 298", "line 299"]
    assert len(reader.get(f"{LOG}?tail=1000").json()["lines"]) == 300


@pytest.mark.parametrize("query", ["tail=0", "tail=x", "offset=-1", f"offset={2**70}", "tail=1&offset=0"])
def test_what_is_no_place_in_a_log_is_refused(query: str, reader: APIClient, replica_id: str) -> None:
    assert list(fields(reader.get(f"{LOG}?{query}"))) == [query.partition("=")[0]]


def test_a_replica_that_is_not_there_has_none(reader: APIClient, replica_id: str) -> None:
    problem(reader.get(f"{BLUE}replicas/1/log/"), 404)
    problem(reader.get(f"{BLUE}replicas/{10**30}/log/"), 404)


def test_a_build_has_one_log_for_deployment_and_environment(
    reader: APIClient, world: World, prices: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = world.deployment(prices, "blue", settled=False)
    assert blue.environment is not None
    assert built_hash(blue.environment) == blue.environment_hash

    def read_log(spec_hash: str, *, start: int | None = None, limit: int) -> LogChunk:
        return LogChunk(text=f"building {spec_hash}\n", start=start or 0, end=9, size=9)

    monkeypatch.setattr(wiring.builder(), "read_log", read_log)
    expected = {"lines": [f"building {blue.environment_hash}"], "offset": 9, "size": 9}
    assert reader.get(f"{BLUE}build-log/").json() == expected
    assert reader.get("/api/v1/environments/python/versions/1/build-log/").json() == expected


def test_a_stranger_reads_none(stranger: APIClient, replica_id: str) -> None:
    for url in (LOG, f"{BLUE}build-log/", "/api/v1/environments/python/versions/1/build-log/"):
        problem(stranger.get(url), 404)


def test_a_deployments_logs_are_searched_in_azures_words(
    reader: APIClient, stranger: APIClient, replica_id: str, blue: Deployment
) -> None:
    url = f"{BLUE}logs/"
    assert reader.get(url).json()["lines"][-1] == "line 299"
    assert reader.get(f"{url}?tail=2&search=LINE 29").json()["lines"] == ["line 298", "line 299"]
    assert reader.get(f"{url}?replica=0&search=line 7&tail=1").json()["lines"] == ["line 79"]
    assert reader.get(f"{url}?replica=5").json()["lines"] == []
    first = reader.get(f"{url}?container=storage-initializer").json()["lines"][0]
    assert first.startswith(f"model {blue.model}: ")
    assert list(fields(reader.get(f"{url}?container=main"))) == ["container"]
    problem(stranger.get(url), 404)
