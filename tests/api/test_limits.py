"""Limits and CORS of an endpoint, over the API."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.models import Endpoint
from tests.api.problems import fields

pytestmark = pytest.mark.django_db
LIMITS, CORS = "/api/v1/endpoints/prices/limits/", "/api/v1/endpoints/prices/cors/"
PAGE = "https://app.example.org"


def test_limits_are_shown_with_what_is_in_force(owner: APIClient, prices: Endpoint) -> None:
    nothing = {"requests_per_second": None, "kilobytes_per_second": None}
    in_force = {"requests_per_second": 500, "kilobytes_per_second": None}
    assert owner.get(LIMITS).json() == {**nothing, "in_force": in_force}
    own = {"requests_per_second": 20, "kilobytes_per_second": 4096}
    assert owner.put(LIMITS, own).json() == {**own, "in_force": own}
    assert owner.put(LIMITS, nothing).json() == {**nothing, "in_force": in_force}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"requests_per_second", "kilobytes_per_second"}),
        ({"requests_per_second": 0, "kilobytes_per_second": -1}, {"requests_per_second", "kilobytes_per_second"}),
        (
            {"requests_per_second": "many", "kilobytes_per_second": 2**31},
            {"requests_per_second", "kilobytes_per_second"},
        ),
        ({"requests_per_second": 1, "kilobytes_per_second": 1, "connections": 5}, {"connections"}),
    ],
)
def test_limits_that_cannot_be(owner: APIClient, prices: Endpoint, body: dict[str, Any], wrong: set[str]) -> None:
    assert fields(owner.put(LIMITS, body)).keys() == wrong
    prices.refresh_from_db()
    assert (prices.requests_per_second, prices.kilobytes_per_second) == (None, None)


def test_cors_has_defaults_and_can_be_turned_off(owner: APIClient, prices: Endpoint) -> None:
    assert owner.get(CORS).json()["origins"] == []
    wanted = owner.put(
        CORS, {"origins": [PAGE], "methods": ["POST"], "headers": ["authorization"], "max_age_seconds": 5}
    )
    assert wanted.json() == {
        "origins": [PAGE],
        "methods": ["POST"],
        "headers": ["authorization"],
        "max_age_seconds": 5,
    }
    defaults = owner.put(CORS, {"origins": ["*"]}).json()
    assert (defaults["methods"], defaults["max_age_seconds"]) == (["POST", "GET"], 600)
    assert owner.put(CORS, {"origins": []}).json()["origins"] == []


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"origins"}),
        ({"origins": "https://app.example.org"}, {"origins"}),
        ({"origins": ["app.example.org"]}, {"origins"}),
        ({"origins": ["*", PAGE]}, {"origins"}),
        ({"origins": [PAGE], "methods": ["FETCH"], "headers": ["a b"]}, {"methods", "headers"}),
        ({"origins": [PAGE], "max_age_seconds": 100_000}, {"max_age_seconds"}),
    ],
)
def test_cors_that_cannot_be(owner: APIClient, prices: Endpoint, body: dict[str, Any], wrong: set[str]) -> None:
    assert fields(owner.put(CORS, body)).keys() == wrong
    prices.refresh_from_db()
    assert prices.cors == {}


def test_the_url_at_its_own_host(owner: APIClient, prices: Endpoint, settings: Any) -> None:
    settings.STUDIO_GATEWAY_DOMAIN, settings.STUDIO_GATEWAY_URL = "scoring.test", "https://gateway.test:8443"
    shown = owner.get("/api/v1/endpoints/prices/").json()
    assert shown["scoring_uri"] == "https://gateway.test:8443/prices/score"
    assert shown["host_scoring_uri"] == "https://prices.scoring.test:8443/score"
