"""IT's first page."""

from collections.abc import Callable
from datetime import timedelta

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from endpoints import wiring
from endpoints.models import CollectorPass, Endpoint, GatewayState
from tests.factories import OperationFactory
from tests.fakes import FakeCompute

SignedIn = Callable[[str], Client]
URL = reverse("it_overview")


def test_it_says_how_replicas_are_isolated(signed_in: SignedIn, churn: Endpoint, adapters: wiring.Adapters) -> None:
    client = signed_in("staff")
    assert "Boxed in" in client.get(URL).content.decode()
    compute = adapters.compute
    assert isinstance(compute, FakeCompute)
    compute.boxed = False
    page = client.get(URL).content.decode()
    assert "There is no box here." in page
    assert "Install bubblewrap" in page


def test_it_says_what_the_gateway_refuses_and_what_is_stuck(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("staff")
    assert "None: every running operation" in client.get(URL).content.decode()
    GatewayState.objects.update_or_create(id=1, defaults={"refusal": "cluster d-1 is odd", "desired_revision": 7})
    long_ago = timezone.now() - timedelta(hours=1)
    OperationFactory(deployment=churn.deployments.get(name="blue"), state="Running", created_at=long_ago)
    page = client.get(URL).content.decode()
    assert "cluster d-1 is odd" in page
    assert "churn/blue" in page


def test_it_says_whether_the_collector_keeps_up(signed_in: SignedIn, churn: Endpoint) -> None:
    client = signed_in("staff")
    assert "Stands still" in client.get(URL).content.decode()
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=140, deployments=3)
    page = client.get(URL).content.decode()
    assert "Keeps up" in page
    assert "140 ms for 3 deployments" in page
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=140, skipped=2)
    assert "Falls behind" in client.get(URL).content.decode()
    CollectorPass.objects.create(started_at=timezone.now(), duration_ms=3, error="OperationalError: disk <full>")
    page = client.get(URL).content.decode()
    assert "The last pass failed" in page
    assert "disk &lt;full&gt;" in page


def test_it_is_its_alone(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("owner").get(URL).status_code == 403
