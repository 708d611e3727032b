"""Logs: the viewer asks for what it does not have yet."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from endpoints import wiring
from endpoints.models import Endpoint, Replica
from tests.factories import OperationFactory, ReplicaFactory
from tests.fakes import FakeBuilder, FakeCompute

LOG = reverse("replica_log", args=["churn", "blue", 0])
SignedIn = Callable[[str], Client]


@pytest.fixture
def written(churn: Endpoint, adapters: wiring.Adapters) -> None:
    compute = adapters.compute
    assert isinstance(compute, FakeCompute)
    replica = Replica.objects.get(deployment__name="blue")
    compute.logs[replica.pk] = "".join(f"line {number}\n" for number in range(300))


def test_first_the_last_lines_then_what_is_new(signed_in: SignedIn, written: None) -> None:
    client = signed_in("reader")
    first = client.get(LOG).json()
    assert (len(first["lines"]), first["lines"][-1]) == (200, "line 299")
    assert client.get(LOG, {"offset": first["offset"]}).json()["lines"] == []
    assert client.get(LOG, {"offset": first["offset"] - 9}).json()["lines"] == ["line 299"]


@pytest.mark.parametrize("offset", ["-1", "x", "²", "9" * 5000])
def test_an_offset_is_a_number(signed_in: SignedIn, written: None, offset: str) -> None:
    assert signed_in("reader").get(LOG, {"offset": offset}).status_code == 422


def test_the_whole_log_can_be_kept(signed_in: SignedIn, written: None) -> None:
    answer = signed_in("reader").get(LOG, {"download": "1"})
    assert answer.getvalue().decode().startswith("line 0\n")
    assert answer["Content-Disposition"] == 'attachment; filename="churn-blue-0.log"'


def test_a_build_has_a_log_of_its_own(signed_in: SignedIn, churn: Endpoint, adapters: wiring.Adapters) -> None:
    builder, blue = adapters.builder, churn.deployments.get(name="blue")
    assert isinstance(builder, FakeBuilder)
    builder.log = "resolving\nfinished\n"
    blue.environment_hash = "a" * 64
    blue.save()
    operation = OperationFactory(deployment=blue)
    client = signed_in("reader")
    for url in (
        reverse("build_log", args=[operation.pk]),
        reverse("deployment_build_log", args=["churn", "blue"]),
    ):
        assert client.get(url).json() == {"lines": ["resolving", "finished"], "offset": 19, "done": False}
        assert client.get(url, {"offset": "10"}).json()["lines"] == ["finished"]
        assert client.get(url, {"download": "1"}).content == b"resolving\nfinished\n"
        assert signed_in("stranger").get(url).status_code == 404


def test_what_needs_no_environment_has_no_build(signed_in: SignedIn, churn: Endpoint) -> None:
    """Such as a container, or a Triton."""
    blue = churn.deployments.get(name="blue")
    blue.environment_hash = ""
    blue.save()
    client, operation = signed_in("reader"), OperationFactory(deployment=blue)
    for url in (
        reverse("build_log", args=[operation.pk]),
        reverse("deployment_build_log", args=["churn", "blue"]),
        "/api/v1/endpoints/churn/deployments/blue/build-log/",
    ):
        answer = client.get(url)
        assert (answer.status_code, answer.json()["lines"]) == (200, [])
    assert client.get(reverse("build_log", args=[operation.pk])).json()["done"]
    assert client.get(reverse("build_log", args=[operation.pk]), {"download": "1"}).content == b""


def test_a_replica_that_never_was_has_no_log(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("reader").get(reverse("replica_log", args=["churn", "blue", 7])).status_code == 404


@pytest.mark.parametrize("query", [{}, {"deployment": "green"}, {"replica": "²"}, {"container": "storage-initializer"}])
def test_the_tab_shows_a_viewer(signed_in: SignedIn, churn: Endpoint, query: dict[str, str]) -> None:
    page = signed_in("reader").get(reverse("endpoint_logs", args=["churn"]), query).content.decode()
    wanted = "all/" if "container" in query else "0/"
    assert f"deployments/{query.get('deployment', 'blue')}/logs/{wanted}" in page


def test_a_search_goes_through_all_of_it(signed_in: SignedIn, written: None) -> None:
    client = signed_in("reader")
    assert client.get(LOG, {"q": "LINE 7"}).json()["lines"] == ["line 7", *(f"line {n}" for n in range(70, 80))]
    assert client.get(LOG, {"q": "line 7", "offset": "0"}).json()["lines"][:2] == ["line 7", "line 70"]
    assert len(client.get(LOG, {"lines": "250"}).json()["lines"]) == 250


def test_all_replicas_in_the_order_of_time(signed_in: SignedIn, churn: Endpoint, adapters: wiring.Adapters) -> None:
    compute = adapters.compute
    assert isinstance(compute, FakeCompute)
    first = Replica.objects.get(deployment__name="blue")
    second = ReplicaFactory(deployment=first.deployment, ordinal=1)
    compute.logs = {first.pk: "T1 [request abc] one\nT3 three\n", second.pk: "T2 two\nT4 [request abc] four\n"}
    url = reverse("deployment_log", args=["churn", "blue"])
    client = signed_in("reader")
    found = client.get(url).json()
    assert [line.split()[0] for line in found["lines"]] == ["T1", "T2", "T3", "T4"]
    assert not found["done"]
    assert client.get(url, {"q": "abc"}).json()["lines"] == [
        "T1 [replica 0] [request abc] one",
        "T4 [replica 1] [request abc] four",
    ]
    compute.logs[second.pk] += "T6 six\n"
    compute.logs[first.pk] += "T5 [request abc] five\n"
    later = client.get(url, {"offset": found["offset"]}).json()
    assert later["lines"] == ["T5 [replica 0] [request abc] five", "T6 [replica 1] six"]
    assert client.get(url, {"offset": later["offset"]}).json()["lines"] == []
    searched = client.get(url, {"offset": found["offset"], "q": "ABC"}).json()
    assert searched["lines"] == ["T5 [replica 0] [request abc] five"]
    third = ReplicaFactory(deployment=first.deployment, ordinal=2)
    compute.logs[third.pk] = "T7 seven\n"
    assert client.get(url, {"offset": later["offset"]}).json()["lines"] == ["T7 [replica 2] seven"]
    assert client.get(url, {"offset": "x"}).status_code == 422
    page = client.get(reverse("deployment_logs", args=["churn", "blue"]), {"replica": "all", "q": "abc"})
    assert 'value="abc"' in page.content.decode()
    assert signed_in("stranger").get(url).status_code == 404


def test_the_storage_initializer_names_the_files_and_follows_the_build(
    signed_in: SignedIn, churn: Endpoint, adapters: wiring.Adapters
) -> None:
    builder, blue = adapters.builder, churn.deployments.get(name="blue")
    assert isinstance(builder, FakeBuilder)
    builder.log = "resolving\n"
    blue.environment_hash = "a" * 64
    blue.save()
    url = reverse("deployment_log", args=["churn", "blue"])
    client, asked = signed_in("reader"), {"container": "storage-initializer"}
    found = client.get(url, asked).json()
    assert found["lines"][0].startswith(f"model {blue.model}: ")
    assert found["lines"][-1] == "resolving"
    builder.log += "installing numpy\nfinished\n"
    later = client.get(url, asked | {"offset": found["offset"]}).json()
    assert (later["lines"], later["done"]) == (["installing numpy", "finished"], False)
    searched = client.get(url, asked | {"offset": found["offset"], "q": "NUMPY"}).json()
    assert searched["lines"] == ["installing numpy"]
