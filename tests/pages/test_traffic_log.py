"""Requests one by one on the Logs tab, and which of them are kept on the Settings tab."""

import csv
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from endpoints.models import Endpoint, TrafficLogEntry, TrafficLogState
from tests.factories import TrafficLogEntryFactory

URL = reverse("endpoint_traffic_log", args=["churn"])
SETTINGS = reverse("endpoint_settings", args=["churn"])
SAVE = reverse("endpoint_traffic_log_settings", args=["churn"])
NOW = datetime(2026, 5, 4, 10, 0, 0, 123_000, tzinfo=UTC)
SignedIn = Callable[[str], Client]


def entry(churn: Endpoint, **fields: Any) -> TrafficLogEntry:
    made: TrafficLogEntry = TrafficLogEntryFactory(endpoint=churn, **({"at": NOW} | fields))
    return made


def shown(client: Client, query: dict[str, str]) -> list[str]:
    answer = client.get(URL, query)
    assert answer.status_code == 200
    return [row["entry"].x_request_id for row in answer.context["rows"]]


def test_a_row_tells_of_a_request(signed_in: SignedIn, churn: Endpoint) -> None:
    entry(churn, x_request_id="5f0c-1", status=424, model_status=500, model_reason="<b>no</b>", total_ms=1234)
    page = signed_in("reader").get(URL).content.decode()
    for part in ("2026-05-04 10:00:00.123", "424", "model 500", "1234 ms", "&lt;b&gt;no&lt;/b&gt;", "Primary"):
        assert part in page
    assert "deployment=blue&amp;replica=all&amp;q=5f0c-1" in page


@pytest.mark.parametrize(
    "query",
    [
        {"deployment": "green"},
        {"status": "4xx"},
        {"model_status": "500"},
        {"request_id": "wanted"},
        {"client_request_id": "theirs"},
        {"caller": "Secondary"},
        {"min_ms": "1000"},
        {"start": "2026-05-04T10:00", "end": "2026-05-04T10:01"},
    ],
)
def test_what_narrows(signed_in: SignedIn, churn: Endpoint, query: dict[str, str]) -> None:
    entry(churn, at=NOW - timedelta(hours=1))
    wanted = {"deployment": "green", "status": 424, "model_status": 500, "caller": "Secondary", "total_ms": 1000}
    entry(churn, x_request_id="wanted", x_ms_client_request_id="theirs", **wanted)
    assert shown(signed_in("reader"), query) == ["wanted"]


def test_a_range_before_now(signed_in: SignedIn, churn: Endpoint) -> None:
    now = datetime.now(UTC)
    entry(churn, x_request_id="new", at=now - timedelta(minutes=10))
    entry(churn, x_request_id="old", at=now - timedelta(minutes=40))
    client = signed_in("reader")
    assert shown(client, {"range": "15m"}) == ["new"]
    assert shown(client, {"range": "1h"}) == ["new", "old"]


@pytest.mark.parametrize(
    "query",
    [
        {"status": "6xx"},
        {"min_ms": "-1"},
        {"min_ms": "many"},
        {"start": "now"},
        {"range": "9y"},
        {"deployment": "x" * 99},
    ],
)
def test_what_cannot_be_asked(signed_in: SignedIn, churn: Endpoint, query: dict[str, str]) -> None:
    entry(churn)
    answer = signed_in("reader").get(URL, query)
    assert answer.status_code == 422
    assert "rows" not in answer.context


def test_pages_by_cursor_go_on_where_the_last_one_ended(signed_in: SignedIn, churn: Endpoint) -> None:
    """Also where all came in the same millisecond, and more came meanwhile."""
    made = [entry(churn).x_request_id for _ in range(120)]
    client, seen, url = signed_in("reader"), [], URL
    while url:
        answer = client.get(url)
        seen += [row["entry"].x_request_id for row in answer.context["rows"]]
        entry(churn, at=NOW + timedelta(seconds=1))
        url = URL + answer.context["older_url"] if answer.context["older_url"] else ""
    assert seen == made[::-1]
    assert len(shown(client, {"before": "nonsense"})) == 50


def test_following_asks_again(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("reader")
    assert "every 3s" not in client.get(URL).content.decode()
    assert 'hx-trigger="every 3s"' in client.get(URL, {"follow": "1"}).content.decode()
    entry(churn, x_request_id="came")
    part = client.get(URL, {"follow": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert "came" in part
    assert "<html" not in part


def test_csv_holds_no_formula(signed_in: SignedIn, churn: Endpoint) -> None:
    entry(churn, user_agent="=HYPERLINK(1)", x_request_id="a")
    entry(churn, status=401, caller="", x_request_id="b", at=NOW - timedelta(minutes=1))
    answer = signed_in("reader").get(URL, {"format": "csv", "status": "2xx"})
    assert answer["Content-Disposition"] == 'attachment; filename="churn-traffic.csv"'
    head, row = csv.reader(answer.content.decode().splitlines())
    told = dict(zip(head, row, strict=True))
    assert (told["user_agent"], told["at"]) == ("'=HYPERLINK(1)", "2026-05-04T10:00:00.123+00:00")


def test_no_endpoint_shows_anothers(signed_in: SignedIn, churn: Endpoint) -> None:
    TrafficLogEntryFactory(endpoint__name="other")
    assert shown(signed_in("owner"), {}) == []


@pytest.mark.parametrize(("person", "status"), [("owner", 200), ("reader", 200), ("stranger", 404)])
def test_who_sees_requests(signed_in: SignedIn, churn: Endpoint, person: str, status: int) -> None:
    entry(churn)
    assert signed_in(person).get(URL).status_code == status
    assert signed_in(person).get(URL, {"format": "csv"}).status_code == status


@pytest.mark.parametrize("rows", [1, 3])
def test_as_many_queries_for_three_rows_as_for_one(
    signed_in: SignedIn, churn: Endpoint, rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(rows):
        entry(churn)
    client = signed_in("reader")
    client.get(URL)
    with django_assert_num_queries(15):  # 13 of the frame, how far the log was read, rows
        client.get(URL)


def test_nothing_there_says_why(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("reader")
    assert "No requests yet" in client.get(URL).content.decode()
    assert "No request matches" in client.get(URL, {"request_id": "x"}).content.decode()
    Endpoint.objects.update(traffic_log="off")
    assert "The traffic log is off" in client.get(URL).content.decode()


def test_a_log_that_could_not_keep_up_says_so(signed_in: SignedIn, churn: Endpoint) -> None:
    TrafficLogState.objects.create(id=1, dropped=42, dropped_at=datetime.now(UTC))
    assert "42 requests of this site were dropped" in signed_in("reader").get(URL).content.decode()
    TrafficLogState.objects.update(dropped_at=datetime.now(UTC) - timedelta(days=2))
    assert "dropped" not in signed_in("reader").get(URL).content.decode()


def test_what_is_kept_is_set(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("contributor")
    revision = churn.route_revision
    answer = client.post(SAVE, {"mode": "sampled", "percent": "3"}, follow=True)
    assert answer.redirect_chain == [(SETTINGS, 303)]
    churn.refresh_from_db()
    assert (churn.traffic_log, churn.traffic_log_percent) == ("sampled", 3)
    assert churn.route_revision > revision
    client.post(SAVE, {"mode": "full", "percent": ""})
    churn.refresh_from_db()
    assert (churn.traffic_log, churn.traffic_log_percent) == ("full", 3)


@pytest.mark.parametrize(
    "given", [{"mode": "all"}, {"mode": "sampled", "percent": "0"}, {"mode": "sampled", "percent": "101"}, {}]
)
def test_what_cannot_be_kept(signed_in: SignedIn, churn: Endpoint, given: dict[str, str]) -> None:
    answer = signed_in("owner").post(SAVE, given)
    assert answer.status_code == 422
    churn.refresh_from_db()
    assert (churn.traffic_log, churn.traffic_log_percent) == ("sampled", 10)


@pytest.mark.parametrize(("person", "status"), [("reader", 403), ("stranger", 404)])
def test_who_may_not_set_it(signed_in: SignedIn, churn: Endpoint, person: str, status: int) -> None:
    assert signed_in(person).post(SAVE, {"mode": "full"}).status_code == status
    churn.refresh_from_db()
    assert churn.traffic_log == "sampled"


def test_a_form_that_is_old_is_refused(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("owner")
    old = str(churn.settings_version)
    client.post(SAVE, {"mode": "full", "expected_version": old})
    assert client.post(SAVE, {"mode": "off", "expected_version": old}).status_code == 409
