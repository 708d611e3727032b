"""The calls that pages and documentation print do what they say when they are sent as they stand there."""

import json
import re
import shlex
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from rest_framework.test import APIClient

from endpoints.models import Deployment, Endpoint, Workspace
from studio.api.errors import KINDS
from studio.pages.wizard_review import review
from tests.factories import DraftFactory, InstanceTypeFactory
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


class TestDocument:
    """docs/api.md."""

    text = (settings.BASE_DIR / "docs" / "api.md").read_text()

    def test_its_first_steps_lead_to_a_deployment(self, owner: APIClient, workspace: Workspace, world: World) -> None:
        InstanceTypeFactory(name="local-small")
        answers = [step(owner, line) for line in self.steps()]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 201, 202, 200]
        world.settle()
        assert owner.get("/api/v1/operations/?endpoint=flats").json()["value"][0]["status"] == "Succeeded"
        assert owner.get("/api/v1/endpoints/flats/traffic/").json()["live_traffic"] == {"blue": 100}

    def steps(self) -> list[str]:
        """Up to the test call, for which there is no gateway here."""
        block = self.text.split("```sh\n")[2].partition("```")[0].replace("$url", "/api/v1")
        return re.findall(r"^api (?:.|\n(?!api ))+", block, re.MULTILINE)[:-1]

    def test_it_has_every_kind_of_problem_with_its_status(self) -> None:
        rows = [line.split("|")[1:3] for line in self.text.splitlines() if re.match(r"\| \d", line)]
        told = {
            (code, int(status))
            for statuses, codes in rows
            for status, code in zip(re.findall(r"\d+", statuses), re.findall(r"`(\w+)`", codes), strict=True)
        }
        assert told == {(code, status) for code, (status, _) in KINDS.items() if code != "throttled"}


def step(client: APIClient, line: str) -> Any:
    words = shlex.split(re.sub(r"\\\n|\s+#.*", " ", line))[1:]
    url = next(word for word in words if word.startswith("/api/"))
    given = {flag: [words[at + 1] for at, word in enumerate(words) if word == flag] for flag in ("-d", "-F")}
    if given["-F"]:
        form = dict(part.split("=", 1) for part in given["-F"])
        file = SimpleUploadedFile(form["files"].removeprefix("@"), b"def init(): ...\ndef run(data): ...\n")
        return client.post(url, {**form, "files": file}, format="multipart")
    return (
        client.generic("POST", url, given["-d"][0], content_type="application/json") if given["-d"] else client.get(url)
    )
