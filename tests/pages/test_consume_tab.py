"""Keys: never in a page, given on demand to who may, and then on the record."""

from collections.abc import Callable

import httpx
import pytest
import respx
from django.conf import settings
from django.test import Client
from django.urls import reverse

from endpoints.models import Credential, Endpoint, Event
from tests.pages.conftest import PRIMARY, SECONDARY

SignedIn = Callable[[str], Client]


@pytest.mark.parametrize(("kind", "key"), [("Primary", PRIMARY), ("Secondary", SECONDARY)])
def test_a_key_is_read_on_the_record(signed_in: SignedIn, churn: Endpoint, kind: str, key: str) -> None:
    answer = signed_in("contributor").post(reverse("key_reveal", args=["churn", kind]))
    assert answer.content.decode() == key
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Type"].startswith("text/plain")
    event = Event.objects.get(verb="keys.read")
    assert (event.actor_name, event.endpoint_id) == ("contributor@example.com", churn.pk)


@pytest.mark.parametrize("name", ["key_reveal", "key_regenerate"])
def test_a_reader_gets_no_key(signed_in: SignedIn, churn: Endpoint, name: str) -> None:
    answer = signed_in("reader").post(reverse(name, args=["churn", "Primary"]))
    assert answer.status_code == 403
    assert PRIMARY not in answer.content.decode()
    assert Credential.objects.get(kind="Primary").value == PRIMARY
    assert not Event.objects.exists()


def test_a_get_reveals_nothing(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("owner").get(reverse("key_reveal", args=["churn", "Primary"])).status_code == 405


@pytest.mark.parametrize("name", ["key_reveal", "key_regenerate"])
def test_there_are_two_keys(signed_in: SignedIn, churn: Endpoint, name: str) -> None:
    assert signed_in("owner").post(reverse(name, args=["churn", "Tertiary"])).status_code == 422


def test_a_new_key_replaces_one_of_them(signed_in: SignedIn, churn: Endpoint) -> None:
    answer = signed_in("owner").post(reverse("key_regenerate", args=["churn", "Primary"]))
    assert answer.status_code == 303
    fresh = Credential.objects.get(kind="Primary").value
    assert fresh != PRIMARY
    assert fresh not in answer.content.decode()
    assert Credential.objects.get(kind="Secondary").value == SECONDARY


@respx.mock
@pytest.mark.parametrize(
    ("answered", "status"),
    [
        (httpx.Response(200, json={"openapi": "3.0.0"}), 200),
        (httpx.Response(503), 503),
        (httpx.ConnectError("no"), 503),
    ],
)
def test_the_swagger_document_comes_through(
    signed_in: SignedIn, churn: Endpoint, answered: httpx.Response | httpx.ConnectError, status: int
) -> None:
    url = f"{settings.STUDIO_GATEWAY_URL}/churn/swagger.json"
    if isinstance(answered, httpx.Response):
        respx.get(url).mock(return_value=answered)
    else:
        respx.get(url).mock(side_effect=answered)
    answer = signed_in("owner").get(reverse("endpoint_swagger", args=["churn"]))
    assert answer.status_code == status
    assert PRIMARY not in answer.content.decode()
