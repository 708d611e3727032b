"""Keys: read on the record, replaced one at a time."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from endpoints.models import Endpoint, Event
from tests.api.problems import fields, problem

pytestmark = pytest.mark.django_db
KEYS = "/api/v1/endpoints/prices/keys/"


def keys(endpoint: Endpoint) -> dict[str, str]:
    return {key.kind: key.value for key in endpoint.credentials.all()}


def test_listing_them_stands_in_the_history(owner: APIClient, prices: Endpoint) -> None:
    response = owner.post(f"{KEYS}list")
    held = keys(prices)
    assert response.json() == {"primaryKey": held["Primary"], "secondaryKey": held["Secondary"]}
    assert response["Cache-Control"] == "no-store"
    assert Event.objects.get(verb="keys.read").source == "api"


def test_one_is_replaced_and_the_other_stays(owner: APIClient, prices: Endpoint) -> None:
    before = keys(prices)
    response = owner.post(f"{KEYS}regenerate", {"keyType": "Secondary"})
    after = keys(prices)
    assert response.json() == {"keyType": "Secondary", "keyValue": after["Secondary"]}
    assert after["Secondary"] != before["Secondary"]
    assert after["Primary"] == before["Primary"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"keyType": "Tertiary"}, "keyType"),
        ({}, "keyType"),
        ({"keyType": "Primary", "keyValue": "of my own"}, "keyValue"),
        ({"key_type": "Primary", "keyType": "Primary"}, "key_type"),
    ],
)
def test_what_cannot_be_honoured_is_refused(
    body: dict[str, Any], field: str, owner: APIClient, prices: Endpoint
) -> None:
    before = keys(prices)
    response = owner.post(f"{KEYS}regenerate", body)
    assert fields(response).keys() == {field}
    assert keys(prices) == before


def test_a_reader_sees_none(reader: APIClient, stranger: APIClient, prices: Endpoint) -> None:
    for client, status in ((reader, 403), (stranger, 404)):
        problem(client.post(f"{KEYS}list"), status)
        problem(client.post(f"{KEYS}regenerate", {"keyType": "Primary"}), status)
    assert not Event.objects.filter(verb__in=("keys.read", "key.regenerated")).exists()
