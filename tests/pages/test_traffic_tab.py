"""The Traffic tab: what is refused changes nothing, and every refusal says why."""

import json
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Endpoint, Event
from tests.factories import DeploymentFactory

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
