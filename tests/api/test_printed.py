"""The calls that the pages print do what they say when they are sent as they stand there."""

import json
import shlex
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint, Workspace
from studio.pages.wizard_review import review
from tests.factories import DraftFactory
from tests.people import People
from tests.world import World

pytestmark = pytest.mark.django_db
PROBE = {"initial_delay": 0, "period": 5, "timeout": 2, "success_threshold": 1, "failure_threshold": 3}


def send(client: APIClient, text: str) -> Any:
    """One curl command, as a shell reads it."""
    words = shlex.split(text.replace("\\\n", " "))
    assert words[0] == "curl"
    after = {word: words[place + 1] for place, word in enumerate(words) if word in ("-X", "-d")}
    headers = [words[place + 1] for place, word in enumerate(words) if word == "-H"]
    assert headers == ["Authorization: Bearer $STUDIO_TOKEN", "Content-Type: application/json"]
    (url,) = [word for word in words if word.startswith("http")]
    assert url.startswith(f"{settings.STUDIO_PUBLIC_URL}/api/v1/")
    path = url.removeprefix(settings.STUDIO_PUBLIC_URL)
    return client.generic(after["-X"], path, after["-d"], content_type="application/json")


def test_the_traffic_tabs_call_sets_the_traffic(
    owner: APIClient, client: Client, people: People, prices: Endpoint, blue: Deployment
) -> None:
    Endpoint.objects.filter(pk=prices.pk).update(traffic={"blue": 100}, traffic_version=4)
    client.force_login(people.owner)
    printed = client.get("/endpoints/prices/traffic/").context["rest"]
    Endpoint.objects.filter(pk=prices.pk).update(traffic={})
    response = send(owner, printed)
    assert (response.status_code, response.json()["traffic"]) == (200, {"blue": 100})
    assert send(owner, printed).status_code == 409


@pytest.fixture
def draft_data(world: World) -> dict[str, Any]:
    """Of a wizard that has come to its last step."""
    model, code, environment = world.model(), world.code(), world.environment()
    return {
        "basics": {"name": "flats", "description": "What it's worth", "tags": {"team": "risk"}, "auth_mode": "key"},
        "model": {"source": "registered", "model": model.pk},
        "code": {
            "server": "script",
            "code": code.pk,
            "scoring_script": "score.py",
            "environment": environment.pk,
        },
        "compute": {
            "deployment_name": "blue",
            "instance_type": world.instance_type().name,
            "instance_count": 2,
            "request_timeout_ms": 3000,
            "max_concurrent_requests_per_instance": 4,
            "environment_variables": {},
            "liveness_probe": PROBE,
            "readiness_probe": {**PROBE, "period": 1},
            "all_traffic": False,
        },
    }


def printed_by_review(draft: Any) -> list[str]:
    code: str = next(item["code"] for item in review(draft)["snippets"] if item["label"] == "REST")
    return code.split("\n\n")


def test_the_wizards_calls_make_what_it_would_make(
    owner: APIClient, people: People, workspace: Workspace, world: World, draft_data: dict[str, Any]
) -> None:
    draft = DraftFactory(user=people.owner, workspace=workspace, data=draft_data)
    endpoint, deployment = (send(owner, text) for text in printed_by_review(draft))
    assert (endpoint.status_code, deployment.status_code) == (201, 202), deployment.content
    world.settle()
    made = Endpoint.objects.get(name="flats")
    assert (made.description, made.tags) == ("What it's worth", {"team": "risk"})
    blue = made.deployments.get()
    assert (blue.state, blue.instance_count, blue.request_timeout_ms) == ("Succeeded", 2, 3000)
    assert (blue.liveness_probe, blue.readiness_probe["period"]) == (PROBE, 1)


def test_a_deployment_more_is_one_call(
    owner: APIClient, people: People, prices: Endpoint, workspace: Workspace, draft_data: dict[str, Any]
) -> None:
    draft = DraftFactory(user=people.owner, workspace=workspace, endpoint=prices, data=draft_data)
    (text,) = printed_by_review(draft)
    response = send(owner, text)
    assert (response.status_code, response.json()["endpoint"]) == (202, "prices"), json.dumps(response.json())
