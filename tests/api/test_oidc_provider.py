"""The studio as an OpenID Connect provider of programs: what it signs is what its gateway believes."""

import base64
from typing import Any

import jwt
import pytest
from allauth.idp.oidc.models import Client as Program
from django.test import Client
from django.utils import timezone

from endpoints.domain.token_checks import examine
from endpoints.selectors.identity import issuers
from endpoints.services.identity import ensure_studio_provider
from endpoints.services.signing import ensure_key
from tests.hints import Hints

SECRET = "secret-of-the-program"


@pytest.fixture
def program(db: None, hints: Hints) -> Program:
    ensure_studio_provider()
    ensure_key()
    made = Program(id="nightly", name="Nightly run", type=Program.Type.CONFIDENTIAL)
    made.set_grant_types([Program.GrantType.CLIENT_CREDENTIALS])
    made.set_scopes([])
    made.set_secret(SECRET)
    made.save()
    return made


def ask(client: Client, **fields: Any) -> Any:
    basic = base64.b64encode(f"nightly:{fields.pop('secret', SECRET)}".encode()).decode()
    form = {"grant_type": "client_credentials", **fields}
    return client.post("/identity/o/api/token", form, headers={"authorization": f"Basic {basic}"})


def test_a_programs_token_is_good_for_the_data_plane(client: Client, program: Program) -> None:
    answer = ask(client)
    assert answer.status_code == 200, answer.content
    finding = examine(answer.json()["access_token"], issuers(), now=timezone.now())
    assert [(check.name, check.words) for check in finding.checks if not check.passed] == []
    assert finding.accepted
    assert finding.claims["sub"] == "client:nightly"
    assert finding.claims["exp"] - finding.claims["iat"] == 900


def test_for_another_audience_it_is_not(client: Client, program: Program) -> None:
    token = ask(client, resource="https://elsewhere.example").json()["access_token"]
    finding = examine(token, issuers(), now=timezone.now())
    assert finding.checks[-1].name == "Audience"


def test_with_a_wrong_secret_there_is_none(client: Client, program: Program) -> None:
    answer = ask(client, secret="guessed")
    assert answer.status_code in (400, 401)
    assert "access_token" not in answer.json()


def test_its_key_is_published(client: Client, program: Program) -> None:
    token = ask(client).json()["access_token"]
    kids = [key["kid"] for key in client.get("/.well-known/jwks.json").json()["keys"]]
    assert jwt.get_unverified_header(token)["kid"] in kids
