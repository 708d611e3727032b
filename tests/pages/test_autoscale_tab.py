"""The Scaling tab: what it shows in every state, and what it refuses."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from endpoints.domain.rollups import Gauge, SampleValues
from endpoints.models import AutoscaleSetting, Deployment, Endpoint, ScaleDecision
from studio.pages.deployment_forms import DeploymentUpdateForm
from tests.factories import AutoscaleSettingFactory, DraftFactory, SampleFactory, ScaleDecisionFactory
from tests.world import World

URL = reverse("deployment_autoscale", args=["churn", "blue"])
SignedIn = Callable[[str], Client]
SIMPLE = {
    "mode": "simple",
    "version": "0",
    "enabled": "on",
    "preset": "in_flight",
    "target": "5",
    "minimum": "1",
    "maximum": "4",
    "default": "2",
    "times-TOTAL_FORMS": "1",
    "times-INITIAL_FORMS": "0",
    "times-0-kind": "weekly",
    "times-0-time_zone": "UTC",
}
NIGHT = {
    "times-0-name": "night",
    "times-0-time_zone": "Europe/Vilnius",
    "times-0-days": ["Friday", "Saturday"],
    "times-0-start": "22:00",
    "times-0-end": "06:00",
    "times-0-minimum": "1",
    "times-0-maximum": "1",
    "times-0-default": "1",
}
OWN = """profiles:
- name: usual
  capacity: {minimum: 1, maximum: 3, default: 1}
  rules:
  - metric_trigger: {metric_name: RequestLatency_P95, operator: GreaterThan, threshold: 200}
    scale_action: {direction: Increase, value: 1}
"""


@pytest.fixture
def blue(churn: Endpoint) -> Deployment:
    return churn.deployments.get(name="blue")


def read(client: Client, query: str = "", status: int = 200) -> str:
    answer = client.get(f"{URL}{query}")
    assert answer.status_code == status
    return answer.content.decode()


def refused(client: Client, **given: Any) -> str:
    answer = client.post(URL, given)
    assert answer.status_code == 422
    return answer.content.decode()


def profiles(blue: Deployment) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = AutoscaleSetting.objects.get(deployment=blue).setting["profiles"]
    return found


def test_without_a_setting_it_says_so_and_offers_one(signed_in: SignedIn, churn: Endpoint) -> None:
    page = read(signed_in("contributor"))
    assert "The number of instances is fixed" in page
    assert "Start autoscale" in page
    reader = read(signed_in("reader"))
    assert "need the role" in reader
    assert "Start autoscale" not in reader


def test_the_simple_form_starts_it(signed_in: SignedIn, blue: Deployment) -> None:
    answer = signed_in("contributor").post(URL, SIMPLE, follow=True)
    assert answer.redirect_chain == [(URL, 303)]
    page = answer.content.decode()
    assert "Autoscale is on." in page
    assert "in flight per instance over 5 for 60 s" in page
    assert "cannot be read" in page
    assert [rule["metricTrigger"]["threshold"] for rule in profiles(blue)[0]["rules"]] == [5, 2.14]


def test_a_time_of_its_own_is_kept_shown_and_taken_out_again(signed_in: SignedIn, blue: Deployment) -> None:
    client = signed_in("contributor")
    client.post(URL, SIMPLE | NIGHT)
    night, after = profiles(blue)
    assert (night["name"], night["recurrence"]["schedule"]["hours"]) == ("night", [22])
    assert after["recurrence"]["schedule"]["days"] == ["Saturday", "Sunday"]
    page = read(client)
    assert 'value="night"' in page
    assert 'value="22:00"' in page
    gone = {"version": "1", "times-INITIAL_FORMS": "1", "times-0-DELETE": "on"}
    client.post(URL, SIMPLE | NIGHT | gone)
    assert [item["name"] for item in profiles(blue)] == ["default"]


def test_a_fixed_date_is_kept_as_it_was_typed(signed_in: SignedIn, blue: Deployment) -> None:
    dated = {"times-0-kind": "dated", "times-0-first": "2026-12-24T08:00", "times-0-last": "2026-12-27T20:30"}
    client = signed_in("contributor")
    client.post(URL, SIMPLE | NIGHT | dated)
    assert profiles(blue)[1]["fixedDate"] == {
        "timeZone": "Europe/Vilnius",
        "start": "2026-12-24T08:00:00",
        "end": "2026-12-27T20:30:00",
    }
    assert 'value="2026-12-24T08:00"' in read(client)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"minimum": "0"}, "greater than or equal to 1"),
        ({"maximum": "51"}, "1 to 50"),
        ({"minimum": "5"}, "Not under the minimum of 5."),
        ({"default": "9"}, "From the minimum to the maximum: 1 to 4."),
        ({"target": "much"}, "Enter a number"),
        ({"target": "nan"}, "Enter a number"),
        ({"preset": "weather"}, "Select a valid choice"),
        ({"version": "3"}, "was changed meanwhile"),
        (NIGHT | {"times-0-time_zone": "Mars"}, "is no time zone"),
        (NIGHT | {"times-0-days": []}, "Choose a day."),
        (NIGHT | {"times-0-start": ""}, "From when?"),
        (NIGHT | {"times-0-kind": "dated"}, "When does it begin?"),
        (
            NIGHT
            | {
                "times-0-name": "default",
                "times-0-kind": "dated",
                "times-0-first": "2026-12-24T08:00",
                "times-0-last": "2026-12-25T08:00",
            },
            "Two profiles are called",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_changes_nothing(
    signed_in: SignedIn, blue: Deployment, given: dict[str, Any], words: str
) -> None:
    assert words in refused(signed_in("owner"), **(SIMPLE | given))
    assert not AutoscaleSetting.objects.exists()


def test_rules_as_text_are_saved_and_stay_text(signed_in: SignedIn, blue: Deployment) -> None:
    client = signed_in("owner")
    assert client.post(URL, {"mode": "advanced", "version": "0", "document": OWN}).status_code == 303
    page = read(client)
    assert "say more than the simple form can" in page
    assert "latency p95 over 200 ms for 5 min" in page
    assert "metric_name: RequestLatency_P95" in page


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OWN.replace("maximum: 3", "maximum: 300"), "Line 3: <code>profiles[0].capacity.maximum</code>"),
        (OWN.replace("GreaterThan", "Above"), "Line 5: <code>profiles[0].rules[0].metric_trigger.operator</code>"),
        (OWN.replace("operator: GreaterThan, ", ""), "Line 5: <code>profiles[0].rules[0].metric_trigger.operator"),
        (OWN.replace("direction: Increase", "direction: ["), "Line 6"),
        ('{"profiles": [\n\t{"capacity": {"minimum": 1, "maximum": 0, "default": 1}}]}', "Line 2: <code>profiles[0]"),
        ("a: &a [1]\nb: *a", "Line 2: Aliases"),
        ("a: &a [*a]", "Line 1: Aliases"),
        ("[" * 3000, "Line 1"),
        ("", "Line 1"),
        ("\x00", "Line 1"),
        ("x" * 100_001, "At most 100000 characters"),
        ("!!python/object/apply:os.system [ls]", "Line 1"),
    ],
)
def test_what_is_wrong_in_the_text_is_said_with_its_line(
    signed_in: SignedIn, blue: Deployment, text: str, words: str
) -> None:
    page = refused(signed_in("owner"), mode="advanced", version="0", document=text)
    assert words in page
    assert "Nothing was changed." in page
    assert not AutoscaleSetting.objects.exists()


def test_whoever_comes_second_is_told_who_was_first(signed_in: SignedIn, blue: Deployment) -> None:
    signed_in("contributor").post(URL, SIMPLE)
    page = refused(signed_in("owner"), **SIMPLE)
    assert "contributor@example.com changed it." in page
    assert "version 1" in refused(signed_in("owner"), mode="advanced", version="0", document=OWN)


def test_it_shows_what_is_measured_and_what_comes_next(signed_in: SignedIn, blue: Deployment) -> None:
    AutoscaleSettingFactory(deployment=blue)
    now = timezone.now()
    size = int(blue.instance_type.vcpu * 9_000)
    for back in range(31):
        values = SampleValues(cpu_ms=size, cpu_covered_ms=10_000, active=Gauge.of(1))
        at = now - timedelta(seconds=10 * back)
        SampleFactory(deployment=blue, at=at, values=values)
    page = read(signed_in("reader"), "?part=live")
    assert "90 %" in page
    assert "Next: 1 -&gt; 3: CPU 90 % over 70 % for 5 min." in page


def test_decisions_are_told_with_their_reasons(signed_in: SignedIn, blue: Deployment) -> None:
    inputs = [{"rule": "CPU over 70 % for 5 min", "value": 91.25, "fires": True}, {"rule": "in flight", "value": None}]
    ScaleDecisionFactory(deployment=blue, inputs=inputs)
    ScaleDecisionFactory(deployment=blue, outcome="flapping", reason="4 -> 3 would flap", repeats=7)
    page = read(signed_in("reader"))
    assert "2 -&gt; 4: in flight 9.1 per instance over 5 for 60 s" in page
    assert "Would flap" in page
    assert "7 times" in page
    assert "91.25, holds" in page
    assert "not measured" in page
    for _ in range(25):
        ScaleDecisionFactory(deployment=blue)
    assert "Older" in read(signed_in("reader"))
    assert "Newest" in read(signed_in("reader"), f"?before={ScaleDecision.objects.earliest('pk').pk + 2}")


def test_it_is_switched_and_removed(signed_in: SignedIn, blue: Deployment) -> None:
    AutoscaleSettingFactory(deployment=blue)
    client = signed_in("contributor")
    client.post(reverse("deployment_autoscale_switch", args=["churn", "blue"]), {"enabled": "0"})
    assert not AutoscaleSetting.objects.get().enabled
    assert "Autoscale is off." in read(client)
    client.post(reverse("deployment_autoscale_switch", args=["churn", "blue"]), {"enabled": "1"})
    assert AutoscaleSetting.objects.get().enabled
    client.post(reverse("deployment_autoscale_remove", args=["churn", "blue"]))
    assert not AutoscaleSetting.objects.exists()


def test_a_reader_changes_nothing(signed_in: SignedIn, blue: Deployment) -> None:
    AutoscaleSettingFactory(deployment=blue)
    reader = signed_in("reader")
    for url, given in (
        (URL, SIMPLE | {"version": "1"}),
        (URL, {"mode": "advanced", "version": "1", "document": OWN}),
        (reverse("deployment_autoscale_switch", args=["churn", "blue"]), {"enabled": "0"}),
        (reverse("deployment_autoscale_remove", args=["churn", "blue"]), {}),
    ):
        assert reader.post(url, given).status_code == 403
    setting = AutoscaleSetting.objects.get()
    assert (setting.version, setting.enabled) == (1, True)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?requests_per_second=100&seconds_per_request=0.1&utilization=70", "<strong>15 instances</strong>"),
        ("?requests_per_second=1&seconds_per_request=0.1&utilization=70", "<strong>1 instance</strong>"),
        ("?requests_per_second=many&seconds_per_request=0.1&utilization=70", "Enter a number"),
        ("?requests_per_second=1&seconds_per_request=0&utilization=70", "greater than or equal"),
        ("", "what was measured in the last 15 minutes"),
    ],
)
def test_how_many_are_enough(signed_in: SignedIn, blue: Deployment, query: str, words: str) -> None:
    assert words in read(signed_in("reader"), query)


def test_the_settings_leave_the_count_to_autoscale(signed_in: SignedIn, churn: Endpoint, blue: Deployment) -> None:
    """A form that was opened before it scaled does not set it back."""
    url = reverse("deployment_settings", args=["churn", "blue"])
    assert "Autoscale sets it" not in signed_in("owner").get(url).content.decode()
    AutoscaleSettingFactory(deployment=blue)
    Deployment.objects.filter(pk=blue.pk).update(instance_count=3)
    page = signed_in("owner").get(url).content.decode()
    assert "Autoscale sets it" in page
    form = DeploymentUpdateForm({"instance_count": "1"}, deployment=blue)
    form.is_valid()
    assert "instance_count" not in form.errors
    form.cleaned_data["generation"] = 1
    assert "instance_count" not in form.changes()


@pytest.fixture
def draft(world: World) -> Any:
    """One whose other steps are done, for an endpoint that is there."""
    endpoint = world.endpoint("churn")
    made = DraftFactory(user=world.people.contributor, workspace=world.workspace, endpoint=endpoint)
    made.data = {
        "model": {"source": "none", "model": None},
        "code": {
            "server": "script",
            "code": world.code().pk,
            "scoring_script": "score.py",
            "environment": world.environment().pk,
        },
        "compute": {},
    }
    made.save()
    return made


COMPUTE = {
    "deployment_name": "blue",
    "instance_count": "2",
    "request_timeout_ms": "5000",
    "max_concurrent_requests_per_instance": "1",
    **{
        f"{probe}_{number}": value
        for probe in ("liveness_probe", "readiness_probe")
        for number, value in enumerate(("10", "10", "2", "1", "30"))
    },
}
FOLLOW = {"autoscale": "cpu", "autoscale_minimum": "1", "autoscale_maximum": "4", "autoscale_target": "70"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"autoscale": "cpu"}, "Needed to follow the load."),
        (FOLLOW | {"autoscale_minimum": "5"}, "Not under the minimum of 5."),
        (FOLLOW | {"autoscale_minimum": "3"}, "It begins with these: 3 to 4"),
        (FOLLOW | {"autoscale": "weather"}, "Select a valid choice"),
    ],
)
def test_the_wizard_refuses_what_does_not_fit(
    signed_in: SignedIn, world: World, draft: Any, given: dict[str, str], words: str
) -> None:
    asked = COMPUTE | {"instance_type": world.instance_type().name} | given
    answer = signed_in("contributor").post(reverse("wizard", args=[draft.pk, "compute"]), asked)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_the_wizard_makes_a_deployment_that_follows_its_load(signed_in: SignedIn, world: World, draft: Any) -> None:
    client = signed_in("contributor")
    asked = COMPUTE | {"instance_type": world.instance_type().name} | FOLLOW
    assert client.post(reverse("wizard", args=[draft.pk, "compute"]), asked).status_code == 303
    review = client.get(reverse("wizard", args=[draft.pk, "review"])).content.decode()
    assert "1 to 4: CPU over 70 % for 5 min; CPU under 30 % for 5 min" in review
    assert "deployments/blue/autoscale/" in review
    client.post(reverse("wizard", args=[draft.pk, "review"]))
    blue = Deployment.objects.get(name="blue")
    assert profiles(blue)[0]["capacity"] == {"minimum": 1, "maximum": 4, "default": 2}


def test_without_a_choice_the_wizard_s_number_is_fixed(signed_in: SignedIn, world: World, draft: Any) -> None:
    client = signed_in("contributor")
    client.post(reverse("wizard", args=[draft.pk, "compute"]), COMPUTE | {"instance_type": world.instance_type().name})
    client.post(reverse("wizard", args=[draft.pk, "review"]))
    assert Deployment.objects.get(name="blue").instance_count == 2
    assert not AutoscaleSetting.objects.exists()
