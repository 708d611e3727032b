"""Limits and CORS on the Settings tab: what is refused changes nothing, and every refusal says why."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from endpoints.models import Endpoint

SETTINGS = reverse("endpoint_settings", args=["churn"])
LIMITS, CORS = reverse("endpoint_limits", args=["churn"]), reverse("endpoint_cors", args=["churn"])
SignedIn = Callable[[str], Client]
CORS_GIVEN = {"origins": "https://app.example.org\n", "methods": ["POST"], "headers": "", "max_age_seconds": "60"}


def test_limits_are_saved_and_emptied(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("contributor")
    page = client.get(SETTINGS).content.decode()
    assert "Empty: 500, the site" in page
    assert "2 × 1 × 1 = 2" in page
    for given, stored in (({"requests_per_second": "20"}, (20, None)), ({"kilobytes_per_second": "9"}, (None, 9))):
        answer = client.post(LIMITS, given, follow=True)
        assert answer.redirect_chain == [(SETTINGS, 303)]
        churn.refresh_from_db()
        assert (churn.requests_per_second, churn.kilobytes_per_second) == stored


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", "99999999999999999999"])
def test_a_limit_that_cannot_be(signed_in: SignedIn, churn: Endpoint, value: str) -> None:
    answer = signed_in("owner").post(LIMITS, {"requests_per_second": value})
    assert answer.status_code == 422
    assert answer.context["limits_form"].errors.keys() == {"requests_per_second"}
    churn.refresh_from_db()
    assert churn.requests_per_second is None


def test_cors_is_saved_shown_and_turned_off(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    assert client.post(CORS, CORS_GIVEN).status_code == 303
    churn.refresh_from_db()
    assert churn.cors == {
        "origins": ["https://app.example.org"],
        "methods": ["POST"],
        "headers": [],
        "max_age_seconds": 60,
    }
    assert "https://app.example.org" in client.get(SETTINGS).content.decode()
    client.post(CORS, CORS_GIVEN | {"origins": " \n"})
    churn.refresh_from_db()
    assert churn.cors == {}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"origins": "app.example.org"}, "origins"),
        ({"origins": "*\nhttps://app.example.org"}, "origins"),
        ({"methods": ["FETCH"]}, "methods"),
        ({"methods": []}, "methods"),
        ({"headers": "a b"}, "headers"),
        ({"max_age_seconds": "-1"}, "max_age_seconds"),
    ],
)
def test_cors_that_cannot_be(signed_in: SignedIn, churn: Endpoint, given: dict[str, str], field: str) -> None:
    answer = signed_in("owner").post(CORS, CORS_GIVEN | given)
    assert answer.status_code == 422
    assert answer.context["cors_form"].errors.keys() == {field}
    churn.refresh_from_db()
    assert churn.cors == {}


def test_a_reader_sees_no_form(signed_in: SignedIn, churn: Endpoint) -> None:
    page = signed_in("reader").get(SETTINGS).content.decode()
    assert LIMITS not in page
    assert CORS not in page


def test_the_deployments_settings_show_the_sum(signed_in: SignedIn, churn: Endpoint) -> None:
    page = signed_in("owner").get(reverse("deployment_settings", args=["churn", "blue"])).content.decode()
    assert "2 × 1 × 1 replicas = 2 requests are in flight now; one more gets 429" in page


def test_consume_shows_the_own_host(signed_in: SignedIn, churn: Endpoint, settings: Any) -> None:
    url = reverse("endpoint_consume", args=["churn"])
    assert "At its own host" not in signed_in("owner").get(url).content.decode()
    settings.STUDIO_GATEWAY_DOMAIN = "scoring.test"
    assert "http://churn.scoring.test:" in signed_in("owner").get(url).content.decode()
