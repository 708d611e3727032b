"""The mode on the Settings tab, and tokens on the Consume tab."""

import re
from collections.abc import Callable

import jwt
import pytest
from django.test import Client
from django.urls import reverse

from endpoints.domain.actor import SYSTEM
from endpoints.models import Endpoint, Event
from endpoints.services.authentication import set_auth_mode
from studio.pages.wizard_forms import BasicsForm
from tests.people import People

SignedIn = Callable[[str], Client]
TOKEN = reverse("endpoint_token", args=["churn"])
MODE = reverse("endpoint_auth_mode", args=["churn"])


def consume(client: Client) -> str:
    return client.get(reverse("endpoint_consume", args=["churn"])).content.decode()


def shown_token(page: str) -> str:
    found = re.search(r'id="token-value" value="([^"]+)"', page)
    assert found, page
    return found[1]


def test_the_settings_tab_says_what_a_change_stops(signed_in: SignedIn, churn: Endpoint) -> None:
    page = signed_in("owner").get(reverse("endpoint_settings", args=["churn"])).content.decode()
    assert page.count("Callers that send a key get 401") == 2
    assert "Change to studio token" in page
    assert "Change to key" not in page
    assert signed_in("owner").post(MODE, {"auth_mode": "aml_token"}).status_code == 303
    churn.refresh_from_db()
    assert churn.auth_mode == "aml_token"
    assert (
        "Callers that send a token of this endpoint get 401"
        in signed_in("owner").get(reverse("endpoint_settings", args=["churn"])).content.decode()
    )


@pytest.mark.parametrize(("kind", "mode", "status"), [("reader", "aml_token", 403), ("owner", "password", 422)])
def test_what_may_not_be_changes_nothing(
    signed_in: SignedIn, churn: Endpoint, kind: str, mode: str, status: int
) -> None:
    assert signed_in(kind).post(MODE, {"auth_mode": mode}).status_code == status
    churn.refresh_from_db()
    assert churn.auth_mode == "key"
    assert not Event.objects.exists()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_token_of_the_endpoint_is_shown_once(signed_in: SignedIn, churn: Endpoint, headers: dict[str, str]) -> None:
    set_auth_mode(actor=SYSTEM, endpoint=churn, auth_mode="aml_token")
    client = signed_in("contributor")
    assert "token-value" not in consume(client)
    answer = client.post(TOKEN, headers=headers)
    assert answer["Cache-Control"] == "no-store"
    token = shown_token(answer.content.decode())
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["endpoint"] == churn.pk.hex
    assert token not in consume(client)
    assert (b"<html" in answer.content) == (not headers)
    assert Event.objects.filter(verb="token.issued").count() == 1


def test_a_reader_gets_their_own_token_and_none_of_the_endpoint(
    signed_in: SignedIn, churn: Endpoint, people: People
) -> None:
    set_auth_mode(actor=SYSTEM, endpoint=churn, auth_mode="aml_token")
    client = signed_in("reader")
    assert "Get a token" not in consume(client)
    assert client.post(TOKEN).status_code == 403
    set_auth_mode(actor=SYSTEM, endpoint=churn, auth_mode="aad_token")
    token = shown_token(client.post(TOKEN).content.decode())
    assert jwt.decode(token, options={"verify_signature": False})["sub"] == str(people.reader.pk)


def test_an_endpoint_with_keys_gives_no_token(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("owner").post(TOKEN).status_code == 409


def test_a_stranger_finds_neither(signed_in: SignedIn, churn: Endpoint) -> None:
    assert signed_in("stranger").post(TOKEN).status_code == 404
    assert signed_in("stranger").post(MODE, {"auth_mode": "aml_token"}).status_code == 404


@pytest.mark.parametrize(
    ("mode", "there", "gone"),
    [
        ("key", ["$STUDIO_KEY", "Primary key"], ["accessToken"]),
        ("aml_token", ["/endpoints/churn/token/", "accessToken", "$STUDIO_TOKEN"], ["STUDIO_KEY", "Primary key"]),
        ("aad_token", ["/me/access-token/", "accessToken", "identity providers"], ["STUDIO_KEY", "Primary key"]),
    ],
)
def test_the_recipes_are_those_of_the_mode(
    signed_in: SignedIn, churn: Endpoint, mode: str, there: list[str], gone: list[str]
) -> None:
    set_auth_mode(actor=SYSTEM, endpoint=churn, auth_mode=mode)
    page = consume(signed_in("owner"))
    assert [text for text in there if text not in page] == []
    assert [text for text in gone if text in page] == []
    for language in ("curl", "Python", "JavaScript", "C#"):
        assert language in page


@pytest.mark.parametrize("mode", ["key", "aml_token", "aad_token"])
def test_the_wizard_begins_with_any_mode(db: None, mode: str) -> None:
    form = BasicsForm({"name": "fresh", "kind": "online", "auth_mode": mode})
    assert form.is_valid(), form.errors
    assert form.cleaned_data["auth_mode"] == mode
