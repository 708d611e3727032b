"""The wizard, step by step: what it keeps, what it refuses at the field, and what it makes in the end."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from django.test import Client
from django.urls import reverse

from endpoints.domain.actor import SYSTEM
from endpoints.enums import ModelType
from endpoints.models import Deployment, Draft
from endpoints.services import assets
from studio.pages.wizard_review import review
from tests.factories import DraftFactory
from tests.people import People
from tests.world import World

SignedIn = Callable[[str], Client]
PROBE = {"initial_delay": 10, "period": 10, "timeout": 2, "success_threshold": 1, "failure_threshold": 30}
ROUTES = {"liveness_route": "8501/alive", "readiness_route": "8501/ready", "scoring_route": "8501/predict"}
OWN_SETTINGS = {
    "max_request_bytes": "0.5",
    "egress_public_network_access": "disabled",
    "max_surge": "2",
    "progress_deadline_seconds": "90",
}


def compute_step(world: World, **changes: str) -> dict[str, Any]:
    probes = {
        f"{probe}_{at}": value
        for probe in ("liveness_probe", "readiness_probe")
        for at, value in enumerate(PROBE.values())
    }
    return {
        "deployment_name": "blue",
        "instance_type": world.instance_type().name,
        "instance_count": "1",
        "request_timeout_ms": "5000",
        "max_concurrent_requests_per_instance": "1",
        **probes,
        **changes,
    }


def basics(**changes: str) -> dict[str, str]:
    return {"name": "flats", "kind": "online", "auth_mode": "key", **changes}


@pytest.fixture
def draft(world: World, people: People) -> Draft:
    """Of a script, up to the compute step."""
    code = {
        "server": "script",
        "code": world.code().pk,
        "scoring_script": "score.py",
        "environment": world.environment().pk,
    }
    data = {
        "basics": {**basics(), "description": "", "tags": {}},
        "model": {"source": "none", "model": None},
        "code": code,
    }
    made: Draft = DraftFactory(user=people.owner, workspace=world.workspace, data=data)
    return made


def send(client: Client, draft: Draft, step: str, given: dict[str, Any]) -> None:
    answer = client.post(reverse("wizard", args=[draft.pk, step]), given)
    assert answer.status_code == 303, answer.content.decode()
    draft.refresh_from_db()


def refused(client: Client, draft: Draft, step: str, given: dict[str, Any]) -> dict[str, list[str]]:
    """What is said at which field; nothing of it is kept."""
    before = draft.data.get(step)
    answer = client.post(reverse("wizard", args=[draft.pk, step]), given)
    assert answer.status_code == 422
    draft.refresh_from_db()
    assert draft.data.get(step) == before
    return {name: list(map(str, messages)) for name, messages in answer.context["form"].errors.items()}


def create(client: Client, draft: Draft) -> Deployment:
    answer = client.post(reverse("wizard", args=[draft.pk, "review"]))
    assert answer.status_code == 303, answer.content.decode()
    return Deployment.objects.get(name="blue")


class TestNames:
    """Asked when the field is left, and again when the step is sent."""

    def ask(self, client: Client, draft: Draft, **query: str) -> str:
        answer = client.get(reverse("wizard_name", args=[draft.pk]), query, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        return answer.content.decode()

    def test_a_free_name_shows_where_requests_will_go(self, signed_in: SignedIn, draft: Draft) -> None:
        said = self.ask(signed_in("owner"), draft, name="flats")
        assert "tone-ok" in said
        assert "/flats/score" in said

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("Prices", "The name “Prices” is taken"),
            ("a", "is not a valid name. Use 3 to 32 letters"),
            ("admin", "is reserved"),
            ("", "This field is required."),
            ("<b>bold</b>", "“&lt;b&gt;bold&lt;/b&gt;” is not a valid name"),
        ],
    )
    def test_one_that_cannot_be_had_says_why(
        self, signed_in: SignedIn, world: World, draft: Draft, name: str, words: str
    ) -> None:
        world.endpoint("prices")
        said = self.ask(signed_in("owner"), draft, name=name)
        assert words in said
        assert "tone-bad" in said

    def test_a_deployment_s_name_is_free_on_its_own_endpoint(
        self, signed_in: SignedIn, world: World, people: People
    ) -> None:
        endpoint = world.endpoint("prices")
        world.deployment(endpoint, "blue")
        more = DraftFactory(user=people.owner, workspace=world.workspace, endpoint=endpoint, data={})
        client = signed_in("owner")
        assert "“prices” has a deployment “BLUE” already." in self.ask(client, more, deployment_name="BLUE")
        assert "This name is free." in self.ask(client, more, deployment_name="green")
        problems = refused(client, more, "compute", compute_step(world))
        assert problems == {"deployment_name": ["“prices” has a deployment “blue” already."]}

    def test_nobody_asks_with_the_draft_of_another(self, signed_in: SignedIn, draft: Draft) -> None:
        for person in ("reader", "stranger", "contributor"):
            answer = signed_in(person).get(reverse("wizard_name", args=[draft.pk]), {"name": "flats"})
            assert answer.status_code == 404

    def test_the_steps_ask(self, signed_in: SignedIn, draft: Draft) -> None:
        client, url = signed_in("owner"), reverse("wizard_name", args=[draft.pk])
        for step in ("basics", "compute"):
            assert f'hx-get="{url}"' in client.get(reverse("wizard", args=[draft.pk, step])).content.decode()


class TestSettings:
    def test_they_stand_in_the_step_with_their_defaults(self, signed_in: SignedIn, draft: Draft) -> None:
        page = signed_in("owner").get(reverse("wizard", args=[draft.pk, "compute"]))
        for name, value in {
            "max_request_bytes": "16",
            "egress_public_network_access": "enabled",
            "max_surge": "25%",
            "progress_deadline_seconds": None,
        }.items():
            bound = page.context["form"][name]
            assert f'name="{name}"' in page.content.decode()
            assert bound.value() == value, name

    def test_the_deployment_gets_them(self, signed_in: SignedIn, world: World, draft: Draft) -> None:
        client = signed_in("owner")
        send(client, draft, "compute", compute_step(world, **OWN_SETTINGS))
        page = client.get(reverse("wizard", args=[draft.pk, "review"])).content.decode()
        assert "surge 2, progress deadline 90 s" in page
        blue = create(client, draft)
        assert (blue.max_request_bytes, blue.egress_public_network_access) == (512 * 1024, "disabled")
        assert (blue.max_surge, blue.progress_deadline_seconds) == ("2", 90)

    def test_what_is_left_empty_is_the_default(self, signed_in: SignedIn, world: World, draft: Draft) -> None:
        client = signed_in("owner")
        send(client, draft, "compute", compute_step(world, **dict.fromkeys(OWN_SETTINGS, "")))
        blue = create(client, draft)
        assert (blue.max_request_bytes, blue.egress_public_network_access) == (16 * 1024 * 1024, "enabled")
        assert (blue.max_surge, blue.progress_deadline_seconds) == ("25%", None)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("max_request_bytes", "0"),
            ("max_request_bytes", "1025"),
            ("max_request_bytes", "inf"),
            ("max_request_bytes", "nan"),
            ("max_surge", "0"),
            ("max_surge", "101%"),
            ("max_surge", "many"),
            ("progress_deadline_seconds", "9"),
            ("progress_deadline_seconds", "86401"),
            ("egress_public_network_access", "perhaps"),
            ("instance_count", "51"),
            ("liveness_probe_1", "0"),
        ],
    )
    def test_what_is_wrong_is_told_at_its_field(
        self, signed_in: SignedIn, world: World, draft: Draft, field: str, value: str
    ) -> None:
        problems = refused(signed_in("owner"), draft, "compute", compute_step(world, **{field: value}))
        assert list(problems) == [field.removesuffix("_1")]

    def test_a_draft_of_before_has_the_defaults(self, signed_in: SignedIn, world: World, draft: Draft) -> None:
        client = signed_in("owner")
        send(client, draft, "compute", compute_step(world))
        for name in OWN_SETTINGS:
            del draft.data["compute"][name]
        draft.save()
        assert create(client, draft).max_surge == "25%"

    def test_a_new_deployment_from_one_has_all_that_it_has(self, signed_in: SignedIn, world: World) -> None:
        """Above all a closed network."""
        endpoint = world.endpoint("prices")
        green = world.deployment(
            endpoint,
            "green",
            egress_public_network_access="disabled",
            max_request_bytes=2048,
            max_surge="50%",
            progress_deadline_seconds=600,
        )
        client = signed_in("owner")
        client.get(reverse("deployment_create", args=["prices"]), {"like": "green"})
        draft = Draft.objects.get()
        answer = client.get(reverse("wizard", args=[draft.pk, "compute"]))
        form = answer.context["form"]
        assert form["egress_public_network_access"].value() == "disabled"
        blue = create(client, draft)
        for name in ("egress_public_network_access", "max_request_bytes", "max_surge", "progress_deadline_seconds"):
            assert getattr(blue, name) == getattr(green, name), name


class TestYaml:
    def of(self, draft: Draft) -> dict[str, Any]:
        *_, deployment = yaml.safe_load_all(review(draft)["snippets"][0]["code"])
        return dict(deployment)

    def test_what_azure_has_not_stands_there_only_where_it_was_set(
        self, signed_in: SignedIn, world: World, draft: Draft
    ) -> None:
        client = signed_in("owner")
        send(client, draft, "compute", compute_step(world))
        plain = self.of(draft)
        assert not {"max_surge", "progress_deadline_seconds"} & set(plain)
        assert "max_request_bytes" not in plain["request_settings"]
        send(client, draft, "compute", compute_step(world, **OWN_SETTINGS))
        own = self.of(draft)
        assert (own["max_surge"], own["progress_deadline_seconds"]) == ("2", 90)
        assert own["request_settings"]["max_request_bytes"] == 512 * 1024
        assert own["egress_public_network_access"] == "disabled"


class TestServers:
    """What the review says of servers that are not ours, and that they are made as it says."""

    def test_a_command(self, signed_in: SignedIn, world: World, draft: Draft) -> None:
        client = signed_in("owner")
        given = {"server": "command", "command": "python3 'my server.py'", "code_source": "none", **ROUTES}
        send(client, draft, "code", {**given, "environment_source": "write", "requirements": ""})
        send(client, draft, "compute", compute_step(world))
        page = client.get(reverse("wizard", args=[draft.pk, "review"])).content.decode()
        assert 'Custom: <code class="anywhere">python3 &#x27;my server.py&#x27;</code>' in page
        assert "MLflow" not in page
        blue = create(client, draft)
        assert (blue.server, blue.command, blue.code) == ("custom", ["python3", "my server.py"], None)
        assert blue.inference_config["readiness_route"] == {"port": 8501, "path": "/ready"}

    def test_triton(self, signed_in: SignedIn, world: World, draft: Draft) -> None:
        files = world.folder({"half/config.pbtxt": 'name: "half"\nbackend: "python"\n', "half/1/model.py": "half = 1"})
        model = assets.register_model(
            actor=SYSTEM, workspace=world.workspace, name="half", type=ModelType.TRITON, folder=files
        )
        client = signed_in("owner")
        del draft.data["code"]
        draft.save()
        send(client, draft, "model", {"source": "registered", "model": model.pk})
        assert client.get(reverse("wizard", args=[draft.pk, "code"])).context["form"]["server"].value() == "triton"
        send(client, draft, "code", {"server": "triton"})
        send(client, draft, "compute", compute_step(world))
        page = client.get(reverse("wizard", args=[draft.pk, "review"])).content.decode()
        assert "<dd>Triton</dd>" in page
        assert "MLflow" not in page

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"command": "python3 'half"}, "command"),
            ({"command": ""}, "command"),
            ({"liveness_route": "alive"}, "liveness_route"),
            ({"readiness_route": ""}, "readiness_route"),
            ({"code_source": "registered", "code": ""}, "code"),
        ],
    )
    def test_what_a_command_lacks_is_told_at_its_field(
        self, signed_in: SignedIn, draft: Draft, given: dict[str, str], field: str
    ) -> None:
        whole = {"server": "command", "command": "python3 a.py", "code_source": "none", "environment_source": "write"}
        assert field in refused(signed_in("owner"), draft, "code", {**whole, "requirements": "", **ROUTES, **given})

    def test_an_image_without_an_engine_is_mended_in_its_step(
        self, signed_in: SignedIn, world: World, draft: Draft
    ) -> None:
        client = signed_in("owner")
        send(client, draft, "code", {"server": "image", "image": "No Image", **ROUTES})
        send(client, draft, "compute", compute_step(world))
        checks = client.get(reverse("wizard_preflight", args=[draft.pk])).content.decode()
        assert f'href="{reverse("wizard", args=[draft.pk, "code"])}#id_image"' in checks


def test_whoever_reads_makes_none(signed_in: SignedIn, world: World) -> None:
    endpoint = world.endpoint("prices")
    for url in (reverse("endpoint_create"), reverse("deployment_create", args=[endpoint.name])):
        assert signed_in("reader").get(url).status_code == 403
    assert signed_in("stranger").get(reverse("deployment_create", args=[endpoint.name])).status_code == 404
    assert not Draft.objects.exists()


def test_a_second_click_makes_nothing(signed_in: SignedIn, world: World, draft: Draft) -> None:
    client = signed_in("owner")
    send(client, draft, "compute", compute_step(world))
    create(client, draft)
    assert client.post(reverse("wizard", args=[draft.pk, "review"])).status_code == 404
    assert Deployment.objects.count() == 1


def test_back_loses_nothing(signed_in: SignedIn, world: World, draft: Draft) -> None:
    client = signed_in("owner")
    send(client, draft, "compute", compute_step(world, instance_count="3"))
    send(client, draft, "basics", basics(description="What a flat costs"))
    page = client.get(reverse("wizard", args=[draft.pk, "compute"]))
    assert page.context["form"]["instance_count"].value() == 3
