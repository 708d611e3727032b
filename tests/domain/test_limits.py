import pytest

from endpoints.domain.limits import LARGEST_LIMIT, Cors, cors_faults, limit_faults, most_pending
from endpoints.domain.routing import EndpointRoute, faults, route_table


@pytest.mark.parametrize("value", [None, 1, 500, LARGEST_LIMIT])
def test_limits_that_hold(value: int | None) -> None:
    assert list(limit_faults({"requests_per_second": value})) == []


@pytest.mark.parametrize("value", [0, -1, LARGEST_LIMIT + 1])
def test_limits_that_no_gateway_takes(value: int) -> None:
    assert [name for name, _ in limit_faults({"requests_per_second": value})] == ["requests_per_second"]


@pytest.mark.parametrize(
    "origin", ["https://app.example.org", "http://localhost:3000", "https://xn--bcher-kva.example", "*"]
)
def test_origins_that_a_browser_sends(origin: str) -> None:
    assert list(cors_faults(Cors(origins=(origin,)))) == []


@pytest.mark.parametrize(
    ("cors", "field"),
    [
        (Cors(origins=("app.example.org",)), "origins"),
        (Cors(origins=("https://app.example.org/",)), "origins"),
        (Cors(origins=("https://app.example.org/page",)), "origins"),
        (Cors(origins=("https://*.example.org",)), "origins"),
        (Cors(origins=("https://App.example.org",)), "origins"),
        (Cors(origins=("ftp://example.org",)), "origins"),
        (Cors(origins=("null",)), "origins"),
        (Cors(origins=("https://a..b",)), "origins"),
        (Cors(origins=("*", "https://app.example.org")), "origins"),
        (Cors(origins=tuple(f"https://a{number}.example" for number in range(51))), "origins"),
        (Cors(origins=("*",), methods=()), "methods"),
        (Cors(origins=("*",), methods=("FETCH",)), "methods"),
        (Cors(origins=("*",), methods=("post",)), "methods"),
        (Cors(origins=("*",), headers=("x y",)), "headers"),
        (Cors(origins=("*",), headers=("x\r\ny: z",)), "headers"),
        (Cors(origins=("*",), max_age_seconds=-1), "max_age_seconds"),
        (Cors(origins=("*",), max_age_seconds=86_401), "max_age_seconds"),
    ],
)
def test_what_no_browser_would_understand(cors: Cors, field: str) -> None:
    assert [name for name, _ in cors_faults(cors)] == [field]


def test_the_routing_table_refuses_the_same() -> None:
    route = EndpointRoute(name="prices", deployments=(), cors=Cors(origins=("nonsense",)))
    assert faults(route_table([route])) == [
        "Endpoint prices, origins: “nonsense” is no origin. Use a scheme and a host, such as "
        "https://app.example.org, or *."
    ]
    assert faults(route_table([], domain="Scoring.example.org/x"))
    assert faults(route_table([], domain="scoring.example.org")) == []


@pytest.mark.parametrize(("concurrent", "instances", "most"), [(1, 1, 2), (1, 0, 2), (4, 3, 24)])
def test_azures_rule_of_429(concurrent: int, instances: int, most: int) -> None:
    assert most_pending(max_concurrent=concurrent, instances=instances) == most
