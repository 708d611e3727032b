"""Traffic: shown with its version, set against it."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint, Event
from tests.api.problems import fields, problem
from tests.factories import DeploymentFactory
from tests.world import World

pytestmark = pytest.mark.django_db
TRAFFIC = "/api/v1/endpoints/prices/traffic/"


@pytest.fixture
def green(prices: Endpoint, blue: Deployment) -> Deployment:
    made: Deployment = DeploymentFactory(endpoint=prices, name="green", replicas=1)
    return made


def put(client: APIClient, traffic: dict[str, Any], *, match: str = "", **body: Any) -> Any:
    headers = {"If-Match": match} if match else {}
    return client.put(TRAFFIC, {"traffic": traffic, **body}, headers=headers)


def test_it_is_live_only_once_the_gateway_confirms(owner: APIClient, world: World, prices: Endpoint) -> None:
    world.deployment(prices, "blue")
    asked = put(owner, {"blue": 100}, version=1, reason="first")
    assert asked.status_code == 200
    assert asked["ETag"] == '"2"'
    body = asked.json()
    assert (body["traffic"], body["version"], body["live_traffic"], body["live"]) == ({"blue": 100}, 2, {}, False)
    world.settle()
    shown = owner.get(TRAFFIC)
    assert shown["ETag"] == '"2"'
    assert (shown.json()["live_traffic"], shown.json()["live"]) == ({"blue": 100}, True)
    assert Event.objects.get(verb="traffic.updated").reason == "first"


def test_whoever_comes_second_is_told(owner: APIClient, blue: Deployment, green: Deployment) -> None:
    put(owner, {"blue": 100}, version=1)
    problem(put(owner, {"green": 100}, version=1), 409, "stale_version")
    problem(put(owner, {"green": 100}, match='"1"'), 412, "precondition_failed")
    assert owner.get(TRAFFIC).json()["traffic"] == {"blue": 100}
    assert put(owner, {"green": 100}, match='"2"').json()["version"] == 3
    assert put(owner, {"blue": 70, "green": 30}, match="*").json()["traffic"] == {"blue": 70, "green": 30}


@pytest.mark.parametrize("match", ["abc", 'W/"1"', '"1", "2"', '"99999999999"'])
def test_an_etag_that_is_none_is_refused(match: str, owner: APIClient, blue: Deployment) -> None:
    assert fields(put(owner, {"blue": 100}, match=match)).keys() == {"If-Match"}


def test_two_versions_that_differ_are_refused(owner: APIClient, blue: Deployment) -> None:
    assert fields(put(owner, {"blue": 100}, match='"1"', version=2)).keys() == {"version"}


@pytest.mark.parametrize(
    ("traffic", "words"),
    [({"blue": 99}, "sum to 99"), ({"red": 100}, "no deployment"), ({"blue": 130, "green": -30}, "0 to 100")],
)
def test_shares_that_cannot_be_are_refused(
    traffic: dict[str, int], words: str, owner: APIClient, blue: Deployment, green: Deployment
) -> None:
    assert words in fields(put(owner, traffic))["traffic"]
    assert owner.get(TRAFFIC).json()["version"] == 1


def test_shares_of_another_kind_are_refused_where_they_stand(owner: APIClient, blue: Deployment) -> None:
    assert fields(put(owner, {"blue": "most"})).keys() == {"traffic.blue"}
    assert fields(put(owner, {"blue": 99.5})).keys() == {"traffic.blue"}
    assert fields(owner.put(TRAFFIC, {"traffic": "blue=100"})).keys() == {"traffic"}
    assert fields(owner.put(TRAFFIC, {})).keys() == {"traffic"}


def test_a_deployment_that_is_not_ready_takes_none(owner: APIClient, world: World, prices: Endpoint) -> None:
    world.deployment(prices, "blue", settled=False)
    assert "not ready" in fields(put(owner, {"blue": 100}))["traffic"]


def test_a_mirror_beside_the_traffic(owner: APIClient, world: World, prices: Endpoint) -> None:
    for name in ("blue", "green"):
        world.deployment(prices, name)
    body = put(owner, {"blue": 100}, mirror_traffic={"green": 10}).json()
    assert (body["mirror_traffic"], body["live_mirror_traffic"], body["live"]) == ({"green": 10}, {}, False)
    world.settle()
    body = owner.get(TRAFFIC).json()
    assert (body["live_mirror_traffic"], body["live"], body["version"]) == ({"green": 10}, True, 2)
    endpoint = owner.get("/api/v1/endpoints/prices/").json()
    assert (endpoint["mirror_traffic"], endpoint["live_mirror_traffic"]) == ({"green": 10}, {"green": 10})
    assert "Stop the mirror" in fields(put(owner, {"blue": 90, "green": 10}))["traffic"]
    assert put(owner, {"green": 100}, mirror_traffic={"blue": 5}).json()["mirror_traffic"] == {"blue": 5}
    assert put(owner, {"green": 100}, mirror_traffic={}).json()["mirror_traffic"] == {}


@pytest.mark.parametrize(
    ("mirror", "words"),
    [({"blue": 10}, "has live traffic"), ({"green": 51}, "0 to 50"), ({"red": 1}, "no deployment")],
)
def test_a_mirror_that_cannot_be_is_refused(
    mirror: dict[str, int], words: str, owner: APIClient, blue: Deployment, green: Deployment
) -> None:
    assert words in fields(put(owner, {"blue": 100}, mirror_traffic=mirror))["mirror_traffic"]
    assert owner.get(TRAFFIC).json()["version"] == 1


def test_a_mirror_of_another_kind_is_refused_where_it_stands(owner: APIClient, blue: Deployment) -> None:
    assert fields(put(owner, {"blue": 100}, mirror_traffic={"blue": "most"})).keys() == {"mirror_traffic.blue"}
    assert fields(put(owner, {"blue": 100}, mirror_traffic="green")).keys() == {"mirror_traffic"}
    assert fields(put(owner, {"blue": 100}, mirror_traffic=None)).keys() == {"mirror_traffic"}


def test_a_reader_may_look_only(reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
    assert reader.get(TRAFFIC).json()["version"] == 1
    problem(put(reader, {"blue": 100}), 403)
    problem(stranger.get(TRAFFIC), 404)
    problem(put(stranger, {"blue": 100}), 404)
