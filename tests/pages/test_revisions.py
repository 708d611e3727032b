"""The Spec tab's history, and pages that come too late."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.domain.actor import SYSTEM
from endpoints.models import Deployment, DeploymentRevision, Event
from endpoints.services.deployments import update_deployment
from endpoints.services.endpoints import update_endpoint
from endpoints.services.limits import set_limits
from tests.world import World

D = {"name": "churn", "deployment": "blue"}


@pytest.fixture
def blue(world: World) -> Deployment:
    """At generation 2, which serves; generation 1 is kept."""
    made = world.deployment(world.endpoint("churn"), "blue", environment_variables={"TOKEN": "hush"})
    update_deployment(
        actor=world.people.actor("contributor"),
        deployment=made,
        request_timeout_ms=9000,
        environment_variables={"TOKEN": "hushhush", "MODE": "fast"},
        reason="Slow callers.",
    )
    world.settle()
    found: Deployment = Deployment.objects.get(pk=made.pk)
    return found


def page(client: Client, user: Any, name: str = "deployment_spec", **query: Any) -> str:
    client.force_login(user)
    answer = client.get(reverse(name, kwargs=D), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_history_says_who_what_and_why(client: Client, world: World, blue: Deployment) -> None:
    shown = page(client, world.people.reader)
    for words in ("contributor@example.com", "Slow callers.", "serves", "specified"):
        assert words in shown
    assert "Roll back" not in shown
    assert "Roll back to this" in page(client, world.people.contributor)


def test_two_generations_are_compared_without_secrets(client: Client, world: World, blue: Deployment) -> None:
    shown = page(client, world.people.reader, **{"from": "1"})
    for words in ("request_timeout_ms", "<del>5000</del>", "<ins>9000</ins>", "environment_variables.MODE"):
        assert words in shown
    assert "<ins>another value</ins>" in shown
    assert "hush" not in shown
    backwards = page(client, world.people.reader, **{"from": "2", "to": "1"})
    assert "<del>9000</del>" in backwards
    assert "specified alike" in page(client, world.people.reader, **{"from": "2", "to": "2"})


@pytest.mark.parametrize("query", [{"from": "7"}, {"from": "1", "to": "7"}])
def test_a_generation_that_is_not_kept(client: Client, world: World, blue: Deployment, query: dict[str, str]) -> None:
    assert "not kept any more" in page(client, world.people.reader, **query)


@pytest.mark.parametrize("query", [{"from": "x"}, {"from": ""}, {"from": "-1"}, {"to": "1"}])
def test_nonsense_compares_nothing(client: Client, world: World, blue: Deployment, query: dict[str, str]) -> None:
    assert "<ins>" not in page(client, world.people.reader, **query)


def test_rolling_back(client: Client, world: World, blue: Deployment) -> None:
    client.force_login(world.people.contributor)
    url = reverse("deployment_roll_back", kwargs={**D, "generation": 1})
    answer = client.post(url, {"expected_generation": "2"})
    assert answer.status_code == 303
    world.settle()
    blue.refresh_from_db()
    assert (blue.generation, blue.serving_generation, blue.request_timeout_ms) == (3, 3, 5000)
    assert DeploymentRevision.objects.get(deployment=blue, generation=3).rolled_back_to == 1
    assert Event.objects.get(verb="deployment.rolled_back").reason == "Back to generation 1."


@pytest.mark.parametrize(
    ("generation", "expected", "why"), [(1, "1", "was changed meanwhile"), (2, "2", "specified as in generation 2")]
)
def test_what_cannot_be_rolled_back_says_why(
    client: Client, world: World, blue: Deployment, generation: int, expected: str, why: str
) -> None:
    client.force_login(world.people.contributor)
    url = reverse("deployment_roll_back", kwargs={**D, "generation": generation})
    answer = client.post(url, {"expected_generation": expected}, follow=True)
    assert why in answer.content.decode()
    blue.refresh_from_db()
    assert blue.generation == 2


def test_an_unknown_generation_is_not_found(client: Client, world: World, blue: Deployment) -> None:
    client.force_login(world.people.contributor)
    assert client.post(reverse("deployment_roll_back", kwargs={**D, "generation": 9})).status_code == 404


def test_a_deployment_that_failed_says_what_serves(client: Client, world: World, blue: Deployment) -> None:
    world.compute.breaks["blue"] = {"message": "UserScriptInitFailed: boom"}
    update_deployment(actor=SYSTEM, deployment=blue, request_timeout_ms=7000)
    world.settle()
    shown = page(client, world.people.reader, "deployment_detail")
    for words in ("Generation 2 goes on serving", "serving generation 2", "RolloutFailed", "UserScriptInitFailed"):
        assert words in shown
    overview = client.get(reverse("endpoint_detail", kwargs={"name": "churn"})).content.decode()
    assert "Generation 2 goes on serving" in overview


def test_conditions_stand_in_a_table(client: Client, world: World, blue: Deployment) -> None:
    shown = page(client, world.people.reader, "deployment_detail")
    for words in ("Available", "Progressing", "Degraded", "AllReplicasReady", "Conditions of the deployment"):
        assert words in shown


def filled(client: Client, url: str) -> dict[str, Any]:
    """The page's form as a browser would send it."""
    values: dict[str, Any] = {}
    for bound in client.get(url).context["form"]:
        values |= _sent(bound, bound.value())
    return values


def _sent(bound: Any, value: Any) -> dict[str, Any]:
    widget = bound.field.widget
    if hasattr(widget, "widgets"):
        return {f"{bound.html_name}_{number}": part for number, part in enumerate(widget.decompress(value))}
    shown = bound.field.prepare_value(value)
    return {} if shown is None else {bound.html_name: shown}


def test_a_late_update_is_shown_beside_what_was_changed(client: Client, world: World, blue: Deployment) -> None:
    client.force_login(world.people.owner)
    url = reverse("deployment_settings", kwargs=D)
    typed = filled(client, url) | {"request_timeout_ms": "1234"}
    update_deployment(actor=world.people.actor("contributor"), deployment=blue, request_timeout_ms=4321)
    world.settle()
    answer = client.post(url, typed)
    assert answer.status_code == 409, answer.context["form"].errors
    shown = answer.content.decode()
    for words in ("Changed meanwhile", "contributor@example.com", "request_timeout_ms", "9000", "4321", "1234"):
        assert words in shown
    blue.refresh_from_db()
    assert (blue.generation, blue.request_timeout_ms) == (3, 4321)


def test_how_it_rolls_is_set_without_an_operation(client: Client, world: World, blue: Deployment) -> None:
    client.force_login(world.people.owner)
    url = reverse("deployment_settings", kwargs=D)
    typed = filled(client, url) | {"max_surge": "3", "progress_deadline_seconds": "90"}
    answer = client.post(url, typed)
    assert answer.status_code == 303, answer.context["form"].errors
    blue.refresh_from_db()
    assert (blue.max_surge, blue.progress_deadline_seconds, blue.generation) == ("3", 90, 2)
    wrong = client.post(url, typed | {"max_surge": "none", "progress_deadline_seconds": "3"})
    assert wrong.status_code == 422
    assert set(wrong.context["form"].errors) == {"max_surge", "progress_deadline_seconds"}


@pytest.mark.parametrize(
    ("url", "typed"),
    [
        ("endpoint_settings", {"description": "Mine", "version": "1"}),
        ("endpoint_limits", {"requests_per_second": "5", "expected_version": "1"}),
        ("endpoint_cors", {"origins": "https://a.example", "methods": ["POST"], "expected_version": "1"}),
    ],
)
def test_late_settings_of_an_endpoint(client: Client, world: World, url: str, typed: dict[str, Any]) -> None:
    endpoint = world.endpoint("churn")
    update_endpoint(actor=world.people.actor("contributor"), endpoint=endpoint, description="Theirs")
    client.force_login(world.people.owner)
    answer = client.post(reverse(url, kwargs={"name": "churn"}), typed)
    assert answer.status_code == 409
    shown = answer.content.decode()
    for words in ("Changed meanwhile", "contributor@example.com", "Theirs"):
        assert words in shown
    endpoint.refresh_from_db()
    assert (endpoint.description, endpoint.requests_per_second, endpoint.cors) == ("Theirs", None, {})


def test_settings_in_time_count_their_versions(client: Client, world: World) -> None:
    endpoint = world.endpoint("churn")
    client.force_login(world.people.owner)
    typed = {"description": "Mine", "version": "1"}
    assert client.post(reverse("endpoint_settings", kwargs={"name": "churn"}), typed).status_code == 303
    set_limits(actor=SYSTEM, endpoint=endpoint, requests_per_second=5, kilobytes_per_second=None, expected_version=2)
    endpoint.refresh_from_db()
    assert endpoint.settings_version == 3
