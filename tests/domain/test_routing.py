import dataclasses
from typing import Any

import pytest

from endpoints.domain.routing import DeploymentRoute, EndpointRoute, Mirror, RouteTable, faults, route_table


def deployment(**changes: Any) -> DeploymentRoute:
    blue = DeploymentRoute(name="blue", cluster="d-1", sockets=("/run/r.sock",), weight=100)
    return dataclasses.replace(blue, **changes)


def endpoint(*deployments: DeploymentRoute, name: str = "diabetes", keys: tuple[str, ...] = ("k",)) -> EndpointRoute:
    return EndpointRoute(name=name, keys=keys, deployments=deployments)


def table(*deployments: DeploymentRoute) -> RouteTable:
    return route_table([endpoint(*deployments)])


def test_the_order_of_the_endpoints_does_not_matter() -> None:
    one, two = endpoint(name="one"), endpoint(name="two")
    assert route_table([one, two]) == route_table([two, one])
    assert route_table([one, two]).version == route_table([two, one]).version


@pytest.mark.parametrize(
    "change",
    [{"weight": 0}, {"sockets": ()}, {"request_timeout_ms": 1}, {"cluster": "d-2"}, {"max_request_bytes": 1}],
)
def test_every_change_is_another_version(change: dict[str, Any]) -> None:
    assert table(deployment()).version != table(deployment(**change)).version


def test_a_changed_key_is_another_version_and_no_key_is_in_it() -> None:
    one, two = (route_table([endpoint(deployment(), keys=(key,))]) for key in ("secret-1", "secret-2"))
    assert one.version != two.version
    assert "secret-1" not in repr(one)


def test_what_can_be_honoured_has_no_faults() -> None:
    green = deployment(name="green", cluster="d-2", weight=0, scoring_path="/v2/models/m:predict")
    assert faults(table(deployment(), green)) == []
    assert faults(table(deployment(weight=0))) == []
    assert faults(table()) == []
    assert faults(RouteTable(endpoints=())) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"weight": 99}, "sums to 99"),
        ({"weight": 200}, "not between 0 and 100"),
        ({"weight": -1}, "not between 0 and 100"),
        ({"name": "a.b"}, "letters, digits and dashes"),
        ({"name": ""}, "letters, digits and dashes"),
        ({"cluster": "d.1"}, "letters, digits and dashes"),
        ({"scoring_path": "score"}, "must start with /"),
        ({"scoring_path": "/score?x=1"}, "must start with /"),
        ({"readiness_path": "/a\r\nb"}, "must start with /"),
        ({"sockets": ("run/r.sock",)}, "absolute path"),
        ({"sockets": ("/" + "x" * 107,)}, "107 bytes"),
        ({"request_timeout_ms": 0}, "request_timeout_ms must be between 1"),
        ({"max_concurrent_requests_per_instance": 0}, "max_concurrent_requests_per_instance must be between 1"),
        ({"max_request_bytes": 2**31}, "max_request_bytes must be between 1"),
    ],
)
def test_each_rule_is_told_with_its_place(change: dict[str, Any], told: str) -> None:
    found = " ".join(faults(table(deployment(**change))))
    assert told in found
    assert "Endpoint diabetes" in found


def test_nothing_stands_twice() -> None:
    blue = deployment()
    same_name = deployment(cluster="d-2", weight=0)
    assert faults(table(blue, same_name)) == ["Endpoint diabetes: deployment blue stands twice."]
    twice = RouteTable(endpoints=(endpoint(blue), endpoint(deployment(cluster="d-2"))))
    assert faults(twice) == ["Endpoint diabetes stands twice in the table."]
    shared = route_table([endpoint(blue), endpoint(blue, name="other")])
    assert faults(shared) == ["Cluster d-1 stands twice in the table."]


@pytest.mark.parametrize("key", ["", "with space", "with\nbreak", "ümlaut"])
def test_a_key_that_a_header_cannot_carry_is_refused_without_being_quoted(key: str) -> None:
    found = faults(route_table([endpoint(deployment(), keys=(key,))]))
    assert found == ["Endpoint diabetes: a key is empty or has characters that a header cannot carry."]


def mirrored(name: str, percent: int) -> RouteTable:
    green = deployment(name="green", cluster="d-2", weight=0)
    mirror = Mirror(deployment=name, percent=percent)
    return route_table([dataclasses.replace(endpoint(deployment(), green), mirror=mirror)])


def test_a_mirror_is_part_of_the_version() -> None:
    assert faults(mirrored("green", 50)) == []
    assert mirrored("green", 50).version != mirrored("green", 49).version


@pytest.mark.parametrize(
    ("name", "percent", "told"),
    [
        ("blue", 10, "the mirror blue has live traffic"),
        ("red", 10, "the mirror red is none of its deployments"),
        ("green", 0, "from 1 to 50"),
        ("green", 51, "from 1 to 50"),
    ],
)
def test_a_mirror_that_cannot_be_honoured(name: str, percent: int, told: str) -> None:
    (fault,) = faults(mirrored(name, percent))
    assert told in fault
    assert fault.startswith("Endpoint diabetes")
