"""The Traffic tab: what is refused changes nothing, and every refusal says why."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from endpoints.domain.rollups import SampleValues, aligned
from endpoints.models import Endpoint, Event
from tests.factories import DeploymentFactory, SampleFactory

URL = reverse("endpoint_traffic", args=["churn"])
HTMX = {"HX-Request": "true"}
SignedIn = Callable[[str], Client]


def shares(endpoint: Endpoint) -> tuple[dict[str, int], int]:
    endpoint.refresh_from_db()
    return endpoint.traffic, endpoint.traffic_version


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"traffic-blue": "99"}, "sum to 99"),
        ({"traffic-blue": "60", "traffic-green": "41"}, "sum to 101"),
        ({"traffic-blue": "half"}, "whole number"),
        ({"traffic-blue": "²"}, "whole number"),
        ({"traffic-blue": "-1"}, "whole number"),
        ({"traffic-blue": "9" * 5000}, "whole number"),
        ({"traffic-blue": "100", "version": ""}, "Reload"),
        ({"traffic-blue": "100", "version": "²"}, "Reload"),
    ],
)
def test_what_is_wrong_is_said_and_changes_nothing(
    signed_in: SignedIn, churn: Endpoint, given: dict[str, str], word: str
) -> None:
    answer = signed_in("owner").post(URL, {"version": "1", **given})
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert shares(churn) == ({"blue": 100}, 1)


def test_the_form_works_without_htmx(signed_in: SignedIn, churn: Endpoint) -> None:
    given = {"traffic-blue": "90", "traffic-green": "10", "version": "1"}
    answer = signed_in("contributor").post(URL, given, follow=True)
    assert answer.redirect_chain == [(URL, 303)]
    assert "Traffic sent to the gateway." in answer.content.decode()
    assert shares(churn) == ({"blue": 90, "green": 10}, 2)


def test_with_htmx_the_toast_can_undo(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    answer = client.post(URL, {"traffic-blue": "90", "traffic-green": "10", "version": "1"}, headers=HTMX)
    assert b"<html" not in answer.content
    undo = json.loads(answer["HX-Trigger"])["toast"]["undo"]
    assert undo == {"url": URL, "values": {"traffic-blue": "100", "traffic-green": "0", "version": "2"}}
    assert client.post(undo["url"], undo["values"]).status_code == 303
    assert shares(churn) == ({"blue": 100}, 3)


def test_offline_and_its_undo(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    assert client.post(URL, {"offline": "1", "version": "1"}).status_code == 303
    assert shares(churn) == ({}, 2)
    back = client.post(URL, {"traffic-blue": "100", "version": "2"}, headers=HTMX)
    undo = json.loads(back["HX-Trigger"])["toast"]["undo"]["values"]
    assert (undo["offline"], undo["version"]) == ("1", "3")
    client.post(URL, undo)
    assert shares(churn) == ({}, 4)


@pytest.mark.parametrize(("headers", "status"), [({}, 409), (HTMX, 422)])
def test_a_stale_version_names_who_was_first(
    signed_in: SignedIn, churn: Endpoint, headers: dict[str, str], status: int
) -> None:
    signed_in("contributor").post(URL, {"traffic-green": "100", "version": "1"})
    answer = signed_in("owner").post(URL, {"traffic-blue": "100", "version": "1"}, headers=headers)
    assert answer.status_code == status
    assert "contributor@example.com" in answer.content.decode()
    assert shares(churn) == ({"green": 100}, 2)


def test_a_deployment_that_is_not_ready_gets_nothing(signed_in: SignedIn, churn: Endpoint) -> None:
    DeploymentFactory(endpoint=churn, name="red", state="Creating", serving_generation=None)
    client = signed_in("owner")
    assert "not ready to take traffic" in client.get(URL).content.decode()
    answer = client.post(URL, {"traffic-red": "100", "version": "1"})
    assert answer.status_code == 422
    assert shares(churn) == ({"blue": 100}, 1)


@pytest.mark.parametrize("given", [{"traffic-blue": "100"}, {"traffic-blue": "99"}, {"offline": "1"}])
def test_a_reader_sees_no_button_and_changes_nothing(
    signed_in: SignedIn, churn: Endpoint, given: dict[str, str]
) -> None:
    client = signed_in("reader")
    page = client.get(URL).content.decode()
    assert "you need the role" in page
    assert "Apply" not in page
    assert client.post(URL, {"version": "1", **given}).status_code in (403, 422)
    assert shares(churn) == ({"blue": 100}, 1)
    assert not Event.objects.filter(verb="traffic.updated").exists()


def copies(endpoint: Endpoint) -> dict[str, int]:
    endpoint.refresh_from_db()
    found: dict[str, int] = endpoint.mirror_traffic
    return found


def test_a_mirror_is_started_and_stopped_without_scripts(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("contributor")
    started = {"traffic-blue": "100", "mirror": "green", "mirror_percent": "15", "version": "1"}
    assert client.post(URL, started).status_code == 303
    assert (copies(churn), shares(churn)) == ({"green": 15}, ({"blue": 100}, 2))
    page = client.get(URL).content.decode()
    assert '<option value="green" selected' in page
    assert "mirror_traffic" in page  # the same over the API
    assert client.post(URL, {"traffic-blue": "100", "mirror": "", "version": "2"}).status_code == 303
    assert copies(churn) == {}


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"mirror": "blue", "mirror_percent": "10"}, "blue has live traffic"),
        ({"mirror": "green", "mirror_percent": "51"}, "0 to 50"),
        ({"mirror": "green", "mirror_percent": ""}, "0 to 50"),
        ({"mirror": "red", "mirror_percent": "10"}, "no deployment"),
    ],
)
def test_a_mirror_that_cannot_be_changes_nothing(
    signed_in: SignedIn, churn: Endpoint, given: dict[str, str], word: str
) -> None:
    answer = signed_in("owner").post(URL, {"traffic-blue": "100", "version": "1", **given})
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert (copies(churn), shares(churn)) == ({}, ({"blue": 100}, 1))


def test_who_takes_live_traffic_stops_being_the_mirror_or_is_told(signed_in: SignedIn, churn: Endpoint) -> None:
    Endpoint.objects.update(mirror_traffic={"green": 10})
    client = signed_in("owner")
    promoted = {"traffic-blue": "90", "traffic-green": "10", "version": "1"}
    refused = client.post(URL, promoted)
    assert refused.status_code == 422
    assert "Stop the mirror" in refused.content.decode()
    assert client.post(URL, {**promoted, "mirror": ""}).status_code == 303
    assert (copies(churn), shares(churn)) == ({}, ({"blue": 90, "green": 10}, 2))


def test_the_toast_brings_the_mirror_back_too(signed_in: SignedIn, churn: Endpoint) -> None:
    Endpoint.objects.update(mirror_traffic={"green": 10})
    client = signed_in("owner")
    answer = client.post(URL, {"traffic-green": "100", "mirror": "", "version": "1"}, headers=HTMX)
    undo = json.loads(answer["HX-Trigger"])["toast"]["undo"]["values"]
    assert (undo["mirror"], undo["mirror_percent"]) == ("green", "10")
    assert client.post(URL, undo).status_code == 303
    assert (copies(churn), shares(churn)) == ({"green": 10}, ({"blue": 100}, 3))


def test_copies_and_the_failed_ones_are_told(signed_in: SignedIn, churn: Endpoint) -> None:
    Endpoint.objects.update(mirror_traffic={"green": 10}, live_mirror={"green": 10})
    values = {"mirror_requests": 40, "mirror_failures": 8, "mirror_timeouts": 2, "mirror_overflows": 5}
    now = timezone.now()
    for name, counts in (("green", values), ("blue", {"2xx": 400})):
        kept = SampleValues(covered_ms=60_000, counts=counts, mirror_latency={10: 40} if name == "green" else {})
        SampleFactory(deployment=churn.deployments.get(name=name), resolution=60, at=aligned(now, 60), values=kept)
    for url in (URL, f"{URL}?part=live", reverse("endpoint_detail", args=["churn"])):
        page = signed_in("reader").get(url).content.decode()
        assert "40 copies for green" in page
        assert "8 failed (20.0 %)" in page
        assert "2 of them timed out, 5 of them dropped" in page
        assert "copies of 10 % to green" in page
    page = signed_in("owner").get(URL).content.decode()
    assert "About 40.0 copies per minute" in page
    assert "USD per 1,000 copies" in page


def test_one_deployment_alone_is_offered_no_mirror(signed_in: SignedIn, churn: Endpoint) -> None:
    churn.deployments.filter(name="green").delete()
    assert "mirror_percent" not in signed_in("owner").get(URL).content.decode()
