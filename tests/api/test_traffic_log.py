"""Requests one by one over the API, and which of them are kept."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from endpoints.models import Endpoint, Event
from tests.api.problems import fields, problem
from tests.factories import TrafficLogEntryFactory

pytestmark = pytest.mark.django_db
LOG = "/api/v1/endpoints/prices/traffic-log/"
SETTINGS = f"{LOG}settings/"
NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)


def test_what_is_listed(reader: APIClient, prices: Endpoint) -> None:
    TrafficLogEntryFactory(endpoint=prices, at=NOW - timedelta(hours=2), x_request_id="old", status=503)
    TrafficLogEntryFactory(endpoint=prices, at=NOW, x_request_id="new", total_ms=900, caller="Secondary")
    TrafficLogEntryFactory(x_request_id="elsewhere")
    found = reader.get(LOG).json()["value"]
    assert [row["x_request_id"] for row in found] == ["new", "old"]
    assert found[0] | {"status": 200, "deployment": "blue", "total_ms": 900, "caller": "Secondary"} == found[0]
    assert not {"id", "endpoint", "body"} & found[0].keys()
    for query, ids in (
        ("status_class=5xx", ["old"]),
        ("min_ms=500", ["new"]),
        ("caller=Secondary", ["new"]),
        ("request_id=old", ["old"]),
        ("start=2026-05-04T09:00:00Z", ["new"]),
        ("end=2026-05-04T09:00:00Z", ["old"]),
        ("deployment=green", []),
    ):
        assert [row["x_request_id"] for row in reader.get(f"{LOG}?{query}").json()["value"]] == ids, query


def test_pages(reader: APIClient, prices: Endpoint) -> None:
    made = [TrafficLogEntryFactory(endpoint=prices, at=NOW + timedelta(seconds=n)).x_request_id for n in range(5)]
    seen, url = [], f"{LOG}?limit=2"
    while url:
        answer = reader.get(url).json()
        seen += [row["x_request_id"] for row in answer["value"]]
        url = answer["nextLink"]
    assert seen == made[::-1]


@pytest.mark.parametrize("query", ["status_class=6xx", "min_ms=-1", "start=now", "model_status=x", "body=1", "limit=0"])
def test_what_cannot_be_asked(reader: APIClient, prices: Endpoint, query: str) -> None:
    assert list(fields(reader.get(f"{LOG}?{query}"))) == [query.partition("=")[0]]


@pytest.mark.parametrize("rows", [1, 3])
def test_as_many_queries_for_three_rows_as_for_one(
    reader: APIClient, prices: Endpoint, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        TrafficLogEntryFactory(endpoint=prices)
    reader.get("/api/v1/me/")
    with django_assert_num_queries(5):  # token, endpoint, deployments, role, rows
        assert len(reader.get(LOG).json()["value"]) == rows


def test_what_is_kept(owner: APIClient, prices: Endpoint) -> None:
    assert owner.get(SETTINGS).json() == {"mode": "sampled", "percent": 10}
    assert owner.put(SETTINGS, {"mode": "errors"}).json() == {"mode": "errors", "percent": 10}
    assert owner.put(SETTINGS, {"mode": "sampled", "percent": 1}).json() == {"mode": "sampled", "percent": 1}
    event = Event.objects.filter(verb="endpoint.traffic_log_changed").latest("pk")
    assert event.before == {"traffic_log": "errors", "traffic_log_percent": 10}
    assert event.after == {"traffic_log": "sampled", "traffic_log_percent": 1}


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"mode"}),
        ({"mode": "all"}, {"mode"}),
        ({"mode": "sampled", "percent": 0}, {"percent"}),
        ({"mode": "sampled", "percent": 101}, {"percent"}),
        ({"mode": "full", "bodies": True}, {"bodies"}),
    ],
)
def test_what_cannot_be_kept(owner: APIClient, prices: Endpoint, body: dict[str, Any], wrong: set[str]) -> None:
    assert fields(owner.put(SETTINGS, body)).keys() == wrong
    prices.refresh_from_db()
    assert (prices.traffic_log, prices.traffic_log_percent) == ("sampled", 10)


def test_who_may(owner: APIClient, reader: APIClient, stranger: APIClient, prices: Endpoint) -> None:
    for client, looked, written in ((owner, 200, 200), (reader, 200, 403), (stranger, 404, 404)):
        assert client.get(LOG).status_code == client.get(SETTINGS).status_code == looked
        assert client.put(SETTINGS, {"mode": "full"}).status_code == written
    problem(stranger.get(LOG), 404)
