"""The history, and the sizes that there are."""

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.models import Deployment, Workspace
from tests.api.problems import problem
from tests.factories import EventFactory, InstanceTypeFactory
from tests.world import World

pytestmark = pytest.mark.django_db
LIST = "/api/v1/events/"


def verbs(client: APIClient, query: str = "") -> list[str]:
    return [item["verb"] for item in client.get(f"{LIST}?{query}").json()["value"]]


def test_it_tells_who_did_what_with_before_and_after(owner: APIClient, reader: APIClient, blue: Deployment) -> None:
    change = owner.put("/api/v1/endpoints/prices/traffic/", {"traffic": {"blue": 100}, "reason": "first"})
    event = reader.get(LIST).json()["value"][0]
    expected = {
        "verb": "traffic.updated",
        "subject": "prices",
        "endpoint": "prices",
        "deployment": "",
        "actor": "owner@example.com",
        "source": "api",
        "before": {},
        "after": {"blue": 100},
        "reason": "first",
        "request_id": change["X-Request-Id"],
    }
    assert {name: event[name] for name in expected} == expected


def test_it_can_be_narrowed(owner: APIClient, reader: APIClient, stranger: APIClient, blue: Deployment) -> None:
    EventFactory(verb="elsewhere.happened")
    EventFactory(verb="deployment.created", endpoint=blue.endpoint, deployment=blue)
    owner.post("/api/v1/endpoints/prices/keys/list/")
    assert verbs(reader, "verb=keys.read") == ["keys.read"]
    assert set(verbs(reader, "endpoint=PRICES")) == {"keys.read", "deployment.created"}
    assert verbs(reader, "endpoint=prices&deployment=blue") == ["deployment.created"]
    assert verbs(reader, "search=KEYS") == ["keys.read"]
    assert "elsewhere.happened" not in verbs(reader)
    assert verbs(reader) == verbs(reader, "workspace=research")
    assert verbs(stranger) == []
    problem(stranger.get(f"{LIST}?workspace=research"), 404)


def test_that_of_a_deleted_endpoint_stays(owner: APIClient, world: World, blue: Deployment) -> None:
    owner.delete("/api/v1/endpoints/prices/")
    world.settle()
    assert "endpoint.deletion_started" in verbs(owner, "endpoint=prices")


@pytest.mark.parametrize("rows", [1, 3])
def test_the_lists_queries_are_constant(
    rows: int, reader: APIClient, workspace: Workspace, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        EventFactory(workspace=workspace)
    reader.get("/api/v1/me/")
    with django_assert_num_queries(2):  # token, events
        assert len(verbs(reader)) == rows


def test_sizes_that_can_be_asked_for_are_listed(stranger: APIClient, db: None) -> None:
    InstanceTypeFactory(name="small", vcpu="0.50", memory_mib=512, price_per_hour="0.0200")
    InstanceTypeFactory(name="gone", enabled=False)
    (small,) = stranger.get("/api/v1/instance-types/").json()["value"]
    assert (small["name"], small["vcpu"], small["memory_mib"], small["price_per_hour"]) == (
        "small",
        "0.50",
        512,
        "0.0200",
    )
