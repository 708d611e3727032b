"""Metrics pages: what they answer, to whom, and with how many queries."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from endpoints.domain.rollups import RESOLUTIONS, Gauge, SampleValues, aligned
from endpoints.models import Deployment, Endpoint
from studio.pages.charts import CHARTS, drawn
from studio.pages.plots import Plot
from tests.factories import DeploymentFactory, EndpointFactory, EventFactory, SampleFactory
from tests.people import People

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint(people: People, workspace: Any) -> Endpoint:
    made: Endpoint = EndpointFactory(name="prices", workspace=workspace)
    for number, name in enumerate(("blue", "green")):
        measure(DeploymentFactory(endpoint=made, name=name, color_slot=number), per_interval=10 * (number + 1))
    return made


def measure(deployment: Deployment, *, per_interval: int, minutes: int = 10) -> None:
    """Samples of every resolution for the last minutes, one request in ten an error."""
    now = timezone.now()
    for resolution in RESOLUTIONS:
        last = aligned(now, resolution) - timedelta(seconds=resolution)
        for back in range(max(1, minutes * 60 // resolution)):
            factor = resolution // 10
            values = SampleValues(
                covered_ms=resolution * 1000,
                counts={
                    "2xx": 9 * per_interval * factor // 10,
                    "5xx": per_interval * factor // 10,
                    "bytes_in": 100 * resolution,
                    "bytes_out": 250 * resolution,
                },
                latency={5: per_interval * factor},
                cpu_ms=resolution * 250,
                cpu_covered_ms=resolution * 1000,
                active=Gauge.of(2),
                memory_bytes=Gauge.of(200 * 1024**2),
                ready=Gauge.of(1),
                wanted=Gauge.of(2),
                open_connections=Gauge.of(3),
                disk=Gauge.of(5225),
            )
            SampleFactory(
                deployment=deployment,
                resolution=resolution,
                at=last - timedelta(seconds=resolution * back),
                values=values,
            )


def figure(client: Client, url: str) -> dict[str, Any]:
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def numbers(found: dict[str, Any], name: str) -> list[float]:
    return [value for trace in found["data"] if trace["name"] == name for value in trace["y"] if value is not None]


def test_the_page_shows_every_chart(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    for url in ("/endpoints/prices/metrics/", "/endpoints/prices/deployments/blue/metrics/?range=24h"):
        page = client.get(url).content.decode()
        for name, chart in CHARTS.items():
            if chart.only_if:
                assert f'id="chart-{name}"' not in page
                continue
            assert f'id="chart-{name}"' in page
            assert chart.title in page
            assert f"/metrics/{name}.json?" in page
            assert f"/metrics/{name}.csv?" in page
        assert 'aria-current="true"' in page


def test_a_time_of_which_nothing_is_kept_is_refused(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    answer = client.get("/endpoints/prices/metrics/?from=0001-01-01T00:00&to=0001-01-01T01:00")
    assert answer.status_code == 422
    assert "Nothing is kept for longer than" in answer.content.decode()


def test_the_page_draws_nothing_but_the_table_that_is_asked_for(
    client: Client, people: People, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []

    def seen(chart: str, *given: Any) -> Plot:
        found.append(chart)
        return drawn(chart, *given)

    monkeypatch.setattr("studio.pages.metrics.drawn", seen)
    client.force_login(people.reader)
    client.get("/endpoints/prices/metrics/")
    assert found == []
    page = client.get("/endpoints/prices/metrics/?table=requests").content.decode()
    assert found == ["requests"]
    assert page.count("180.0 per minute on average") == 1


def test_requests_are_per_minute_and_per_deployment(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    for preset in ("15m", "1h", "24h"):
        found = figure(client, f"/endpoints/prices/metrics/requests.json?range={preset}")
        assert set(numbers(found, "blue")) == {60.0}, preset
        assert set(numbers(found, "green")) == {120.0}
        assert {trace["meta"]["slot"] for trace in found["data"]} == {0, 1}
        assert "180.0 per minute on average" in found["summary"]


def test_every_chart_of_a_deployment(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    expected = {
        "requests": ("green", 120.0),
        "latency": ("green p95", 4.95),
        "errors": ("error share", 10.0),
        "statuses": ("5xx", 12.0),
        "active": ("green", 2.0),
        "replicas": ("green wanted", 2.0),
        "cpu": ("green", 0.25),
        "memory": ("green", 200.0),
        "network": ("green out", 250.0),
        "connections": ("green", 3.0),
        "disk": ("green", 52.25),
    }
    assert expected.keys() == {name for name, chart in CHARTS.items() if not chart.only_if}
    for chart, (name, value) in expected.items():
        found = figure(client, f"/endpoints/prices/deployments/green/metrics/{chart}.json?range=15m")
        assert set(numbers(found, name)) == {value}, chart
        assert not numbers(found, "blue")


def test_the_endpoint_can_be_narrowed_to_one_deployment(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    found = figure(client, "/endpoints/prices/metrics/requests.json?deployment=blue")
    assert numbers(found, "blue")
    assert not numbers(found, "green")


def test_a_deleted_deployment_stays_in_the_charts(client: Client, people: People, endpoint: Endpoint) -> None:
    Deployment.objects.filter(name="blue").update(deleted_at=timezone.now())
    DeploymentFactory(endpoint=endpoint, name="old", deleted_at=timezone.now())
    client.force_login(people.reader)
    found = figure(client, "/endpoints/prices/metrics/requests.json?range=15m")
    assert {trace["name"] for trace in found["data"]} == {"blue (deleted)", "green"}


def test_markers(client: Client, people: People, endpoint: Endpoint) -> None:
    blue = Deployment.objects.get(name="blue")
    EventFactory(endpoint=endpoint, verb="traffic.live", after={"blue": 90, "green": 10})
    EventFactory(endpoint=endpoint, deployment=blue, verb="deployment.update_succeeded")
    EventFactory(endpoint=endpoint, deployment=blue, verb="replica.ended", subject="prices/blue/0")
    EventFactory(endpoint=endpoint, verb="keys.read")
    EventFactory(endpoint=endpoint, verb="traffic.live", after={}, created_at=timezone.now() - timedelta(days=3))
    client.force_login(people.reader)
    told = figure(client, "/endpoints/prices/metrics/cpu.json")["markers"]
    assert [(each["kind"], each["label"]) for each in told] == [
        ("traffic", "Traffic live: blue 90 %, green 10 %"),
        ("deploy", "Deployment blue updated"),
        ("restart", "Replica prices/blue/0 restarted"),
    ]
    of_green = figure(client, "/endpoints/prices/deployments/green/metrics/cpu.json")["markers"]
    assert [each["kind"] for each in of_green] == ["traffic"]


def test_csv_and_table_have_the_chart_s_numbers(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    answer = client.get("/endpoints/prices/metrics/requests.csv?range=15m")
    assert answer["Content-Disposition"] == 'attachment; filename="prices-requests.csv"'
    head, *lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert head == ["time (UTC)", "blue", "green"]
    assert {tuple(line[1:]) for line in lines} == {("60", "120")}
    page = client.get("/endpoints/prices/metrics/?range=15m&table=requests").content.decode()
    assert page.count('<td class="number">120</td>') == len(lines)


def test_nothing_measured_is_said(client: Client, people: People, workspace: Any) -> None:
    DeploymentFactory(endpoint=EndpointFactory(name="quiet", workspace=workspace), name="blue")
    client.force_login(people.reader)
    found = figure(client, "/endpoints/quiet/metrics/requests.json")
    assert not numbers(found, "blue")
    assert found["empty"] == "No requests in this range: send a test."


URLS = (
    "/endpoints/prices/metrics/",
    "/endpoints/prices/metrics/requests.json",
    "/endpoints/prices/metrics/requests.csv",
    "/endpoints/prices/metrics/figures.json?charts=cpu",
    "/endpoints/prices/deployments/blue/metrics/figures.json?charts=cpu",
    "/endpoints/prices/deployments/blue/metrics/",
    "/endpoints/prices/deployments/blue/metrics/requests.json",
    "/endpoints/prices/deployments/blue/metrics/requests.csv",
    "/endpoints/prices/cost/",
    "/endpoints/prices/cost/cost.json",
    "/endpoints/prices/cost/cost.csv",
)


@pytest.mark.parametrize("url", URLS)
def test_who_may_see_it(client: Client, people: People, endpoint: Endpoint, url: str) -> None:
    assert client.get(url).status_code == 302
    for person, status in (("owner", 200), ("reader", 200), ("staff", 200), ("stranger", 404)):
        client.force_login(getattr(people, person))
        assert client.get(url).status_code == status, person


def test_what_is_not_there(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    for url, status in (
        ("/endpoints/prices/metrics/weather.json", 404),
        ("/endpoints/prices/metrics/weather.csv", 404),
        ("/endpoints/prices/metrics/figures.json?charts=cpu,weather", 404),
        ("/endpoints/prices/metrics/figures.json", 200),
        ("/endpoints/prices/metrics/figures.json?charts=cpu&target=x", 422),
        ("/endpoints/prices/metrics/requests.json?range=soon", 422),
        ("/endpoints/prices/metrics/requests.json?from=2026-01-01&to=2020-01-01", 422),
        ("/endpoints/prices/metrics/?from=nonsense", 422),
        ("/endpoints/prices/deployments/red/metrics/requests.json", 404),
    ):
        assert client.get(url).status_code == status, url
    problem = client.get("/endpoints/prices/metrics/requests.json?range=soon")
    assert problem["Content-Type"] == "application/problem+json"
    assert "15m" in problem.json()["detail"]


def test_a_range_of_one_s_own(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    now = timezone.now()
    span = f"from={now - timedelta(minutes=8):%Y-%m-%dT%H:%M}&to={now - timedelta(minutes=4):%Y-%m-%dT%H:%M}"
    found = figure(client, f"/endpoints/prices/metrics/requests.json?{span}")
    assert len(numbers(found, "blue")) == 24
    page = client.get(f"/endpoints/prices/metrics/?{span}").content.decode()
    assert "data-range-earlier" in page
    assert "data-range-later" in page


def test_what_is_wrong_stands_at_its_field(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    for query, field, words in (
        ("from=soon", "from", "is no time such as"),
        ("from=2026-01-01T00:00&to=later", "to", "is no time such as"),
        ("from=2026-03-29T02:30&zone=Europe/Berlin", "from", "goes forward past"),
        ("from=2026-01-01T00:00&zone=Mars", "zone", "is no time zone"),
        ("target=fast", "target", "Enter a number"),
        ("target=0", "target", "greater than or equal to 1"),
        ("target=nan", "target", "Enter a number"),
    ):
        answer = client.get(f"/endpoints/prices/metrics/?{query}")
        page = answer.content.decode()
        assert answer.status_code == 422, query
        assert f'id="id_{field}_error"' in page, query
        assert words in page, query
        assert f'aria-describedby="id_{field}_error"' in page, query
        assert "data-chart-body" not in page
        assert client.get(f"/endpoints/prices/metrics/requests.csv?{query}").status_code == 422
    for query, words in (("range=2h", "Choose one of 15m"), ("compare=me", "me"), ("deployment=red", "red")):
        answer = client.get(f"/endpoints/prices/metrics/?{query}")
        assert (answer.status_code, words in answer.content.decode(), b'role="alert"' in answer.content) == (
            422,
            True,
            True,
        )


def test_the_toolbar_keeps_what_was_chosen(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    query = "range=6h&zone=Europe/Berlin&compare=before&target=250&refresh=30&deployment=blue&scale=log"
    page = client.get(f"/endpoints/prices/metrics/?{query}").content.decode()
    for part in (
        "<option selected>Europe/Berlin</option>",
        '<option value="before" selected>',
        'name="target" id="id_target" value="250',
        '<option value="30" selected>',
        'value="blue" id="deployment-blue" checked',
        '<input type="hidden" name="scale" value="log">',
        '<meta http-equiv="refresh" content="30">',
        "zone=Europe%2FBerlin&amp;compare=before&amp;target=250&amp;refresh=30&amp;deployment=blue&amp;scale=log&amp;range=24h",
    ):
        assert part in page, part
    assert "data-range-reset" not in page
    now = timezone.now()
    span = f"from={now - timedelta(hours=2):%Y-%m-%dT%H:%M}&to={now - timedelta(hours=1):%Y-%m-%dT%H:%M}"
    assert "Back to 6h" in client.get(f"/endpoints/prices/metrics/?range=6h&{span}").content.decode()


def test_figures_together_are_what_each_is_alone(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    now = timezone.now()
    span = f"from={now - timedelta(minutes=8):%Y-%m-%dT%H:%M}&to={now - timedelta(minutes=4):%Y-%m-%dT%H:%M}"
    found = figure(client, f"/endpoints/prices/metrics/figures.json?{span}&charts=cpu,latency&tables=latency")
    assert found.keys() == {"cpu", "latency"}
    cpu, latency = (figure(client, f"/endpoints/prices/metrics/{chart}.json?{span}") for chart in found)
    assert found == {"cpu": {**cpu, "table": None}, "latency": latency}


def test_htmx_gets_the_charts_alone(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    part = client.get("/endpoints/prices/metrics/", headers={"HX-Request": "true"}).content.decode()
    assert part.startswith('<div class="stack-l" id="metrics"')
    assert "<h1" not in part


def test_deployments_are_chosen_by_name(client: Client, people: People, endpoint: Endpoint) -> None:
    client.force_login(people.reader)
    gone = DeploymentFactory(endpoint=endpoint, name="grey", deleted_at=timezone.now())
    measure(gone, per_interval=5)
    query = "range=15m&deployment=green&deployment=grey"
    found = figure(client, f"/endpoints/prices/metrics/requests.json?{query}")
    assert {trace["name"] for trace in found["data"]} == {"green", "grey (deleted)"}
    page = client.get(f"/endpoints/prices/metrics/?{query}").content.decode()
    assert 'value="grey" id="deployment-grey" checked' in page


def test_the_period_before(client: Client, people: People, endpoint: Endpoint) -> None:
    """Ten minutes are measured: seen from the last quarter of an hour there is nothing before."""
    client.force_login(people.reader)
    now = timezone.now().replace(second=0, microsecond=0)
    span = f"from={now - timedelta(minutes=4):%Y-%m-%dT%H:%M}&to={now:%Y-%m-%dT%H:%M}"
    found = figure(client, f"/endpoints/prices/metrics/cpu.json?compare=before&{span}")
    assert set(numbers(found, "blue, period before")) == {0.25}
    table = list(
        csv.reader(io.StringIO(client.get(f"/endpoints/prices/metrics/cpu.csv?compare=before&{span}").content.decode()))
    )
    assert table[0] == ["time (UTC)", "blue", "green", "blue, period before", "green, period before"]
    assert found["table"] == {"header": table[0], "rows": table[1:]}
    nothing = figure(client, "/endpoints/prices/metrics/cpu.json?compare=before&range=15m")
    assert numbers(nothing, "blue, period before") == []


@pytest.mark.parametrize("count", [1, 3])
def test_queries_are_as_many_for_one_deployment_as_for_three(
    client: Client, people: People, workspace: Any, count: int, django_assert_num_queries: Any
) -> None:
    endpoint = EndpointFactory(name="many", workspace=workspace)
    for number in range(count):
        measure(DeploymentFactory(endpoint=endpoint, name=f"d{number}"), per_interval=10, minutes=1)
    client.force_login(people.reader)
    client.get("/endpoints/many/metrics/")
    # Of the session 7; then endpoint, deployments, all deployments, samples, events.
    with django_assert_num_queries(13):
        client.get("/endpoints/many/metrics/latency.json?range=15m")
    with django_assert_num_queries(13):
        client.get("/endpoints/many/metrics/figures.json?range=15m&charts=latency,cpu,errors,disk")
    with django_assert_num_queries(12):
        client.get("/endpoints/many/metrics/latency.csv?range=15m")
    with django_assert_num_queries(13):  # and the samples of the period before
        client.get("/endpoints/many/metrics/latency.csv?range=15m&compare=before")
