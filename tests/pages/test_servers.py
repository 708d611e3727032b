"""The choice of the inference server: in the wizard, and in a deployment's settings."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Deployment, Draft
from studio.pages.wizard_review import review
from tests.factories import DraftFactory
from tests.people import People
from tests.world import World

SignedIn = Callable[[str], Client]


@pytest.fixture
def draft(world: World, people: People) -> Draft:
    """Of a wizard that has come to its third step."""
    world.instance_type()
    basics = {"name": "flats", "kind": "online", "description": "", "tags": {}, "auth_mode": "key"}
    data = {"basics": basics, "model": {"source": "none", "model": None}}
    made: Draft = DraftFactory(user=people.owner, workspace=world.workspace, data=data)
    return made


def code_step(world: World, **changes: str) -> dict[str, Any]:
    return {
        "server": "script",
        "code_source": "registered",
        "code": world.code().pk,
        "scoring_script": "score.py",
        "environment_source": "registered",
        "environment": world.environment().pk,
        **changes,
    }


def test_the_wizard_compares_them_in_a_line_each(signed_in: SignedIn, draft: Draft) -> None:
    page = signed_in("owner").get(reverse("wizard", args=[draft.pk, "code"])).content.decode()
    assert "azureml-inference-server-http itself" in page
    assert "Open Inference Protocol" in page


@pytest.mark.parametrize(("chosen", "server"), [({}, "studio"), ({"inference_server": "azureml"}, "azureml")])
def test_the_wizard_keeps_the_choice(
    signed_in: SignedIn, world: World, draft: Draft, chosen: dict[str, str], server: str
) -> None:
    answer = signed_in("owner").post(reverse("wizard", args=[draft.pk, "code"]), code_step(world, **chosen))
    assert answer.status_code == 303, answer.content.decode()
    draft.refresh_from_db()
    assert draft.data["code"]["inference_server"] == server


def test_a_server_that_there_is_not_is_told_at_the_field(signed_in: SignedIn, world: World, draft: Draft) -> None:
    step = code_step(world, inference_server="gunicorn")
    answer = signed_in("owner").post(reverse("wizard", args=[draft.pk, "code"]), step)
    assert answer.status_code == 422
    assert "gunicorn is not one of the available choices" in answer.content.decode()
    draft.refresh_from_db()
    assert "code" not in draft.data


def test_the_review_says_it_and_its_yaml_does(signed_in: SignedIn, world: World, draft: Draft) -> None:
    signed_in("owner").post(reverse("wizard", args=[draft.pk, "code"]), code_step(world, inference_server="azureml"))
    draft.refresh_from_db()
    probe = {"initial_delay": 0, "period": 5, "timeout": 2, "success_threshold": 1, "failure_threshold": 3}
    draft.data["compute"] = {
        "deployment_name": "blue",
        "instance_type": world.instance_type().name,
        "instance_count": 1,
        "request_timeout_ms": 3000,
        "max_concurrent_requests_per_instance": 4,
        "environment_variables": {},
        "liveness_probe": probe,
        "readiness_probe": probe,
        "all_traffic": False,
    }
    draft.save()
    assert "server: azureml" in review(draft)["snippets"][0]["code"]
    page = signed_in("owner").get(reverse("wizard", args=[draft.pk, "review"])).content.decode()
    assert "on the server Azure ML" in page


def test_settings_change_it_in_place(signed_in: SignedIn, world: World) -> None:
    blue = world.deployment(world.endpoint(), "blue")
    client, url = signed_in("owner"), reverse("deployment_settings", args=["prices", "blue"])
    form = client.get(url).context["form"]
    fields = {name: form[name].value() for name in form.fields if form[name].value() is not None}
    probes = {
        f"{probe}_{number}": value
        for probe in ("liveness_probe", "readiness_probe")
        for number, value in enumerate(fields.pop(probe).values())
    }
    sent = {**fields, **probes, "tags": "", "environment_variables": "", "server": "azureml"}
    answer = client.post(url, sent)
    assert answer.status_code == 303, answer.content.decode()
    world.settle()
    blue = Deployment.objects.get(pk=blue.pk)
    assert (blue.server, blue.serving_generation) == ("azureml", 2)
    assert "<dd>Azure ML</dd>" in client.get(reverse("deployment_detail", args=["prices", "blue"])).content.decode()
    del sent["server"]  # as for a server that the form does not offer
    assert client.post(url, {**sent, "generation": 2, "request_timeout_ms": 7000}).status_code == 303
    blue = Deployment.objects.get(pk=blue.pk)
    assert (blue.server, blue.generation, blue.request_timeout_ms) == ("azureml", 3, 7000)
