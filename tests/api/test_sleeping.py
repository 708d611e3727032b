"""Scale to zero over the API."""

import pytest
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint
from tests.api.problems import fields, problem
from tests.api.test_deployments import BLUE
from tests.world import World


@pytest.fixture
def blue(world: World, prices: Endpoint) -> Deployment:
    return world.deployment(prices, "blue")


def test_it_is_set_and_read_back(owner: APIClient, reader: APIClient, blue: Deployment) -> None:
    assert owner.put(f"{BLUE}scale-to-zero/", {"scale_to_zero_after": 300}).json() == {
        "scale_to_zero_after": 300,
        "sleep": "awake",
        "sleep_changed_at": None,
    }
    assert reader.get(f"{BLUE}scale-to-zero/").json()["scale_to_zero_after"] == 300
    assert reader.get(BLUE).json()["scale_to_zero_after"] == 300
    assert owner.put(f"{BLUE}scale-to-zero/", {"scale_to_zero_after": None}).json()["scale_to_zero_after"] is None


def test_bad_times_are_told_at_the_field(owner: APIClient, blue: Deployment) -> None:
    for body in ({"scale_to_zero_after": 5}, {"scale_to_zero_after": "soon"}, {}):
        assert "scale_to_zero_after" in fields(owner.put(f"{BLUE}scale-to-zero/", body))


def test_to_sleep_and_awake(owner: APIClient, world: World, blue: Deployment) -> None:
    assert owner.post(f"{BLUE}sleep/").json()["sleep"] == "asleep"
    world.settle()
    assert (owner.get(BLUE).json()["sleep"], owner.get(BLUE).json()["ready_replicas"]) == ("asleep", 0)
    assert owner.post(f"{BLUE}wake/").status_code == 202
    world.settle()
    assert owner.get(BLUE).json()["ready_replicas"] == 1


def test_what_moves_stays_awake(owner: APIClient, blue: Deployment) -> None:
    Deployment.objects.update(state="Updating")
    assert "Updating" in problem(owner.post(f"{BLUE}sleep/"), 409)["detail"]
