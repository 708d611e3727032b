"""What a browser does to sign in through an identity provider, for tests."""

from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from endpoints.domain.actor import SYSTEM
from endpoints.models import IdentityProvider, User
from endpoints.services.identity import add_provider
from tests.issuer import LocalIssuer
from tests.tokens import AUDIENCE

HOST = urlsplit(settings.STUDIO_PUBLIC_URL).netloc
BEGIN, BACK = "/accounts/oidc/lab/login/", "/accounts/oidc/lab/login/callback/"
HERE = {"Sec-Fetch-Site": "same-origin"}
ADA = {"sub": "ada-1", "email": "owner@example.com", "email_verified": True, "name": "Ada", "groups": ["scientists"]}


def added(issuer: LocalIssuer, **fields: Any) -> IdentityProvider:
    given = {"name": "lab", "client_id": "studio", "client_secret": "s3cret", "label": "Laboratory", **fields}
    return add_provider(actor=SYSTEM, issuer=issuer.url, audiences=[AUDIENCE], **given)


def sign_in(browser: Client, query: str = "") -> HttpResponse:
    """All that a browser does."""
    begun = browser.get(f"{BEGIN}{query}", headers=HERE)
    assert begun.status_code == 302, begun.content.decode()
    back = httpx.get(begun["Location"]).headers["location"]
    assert back.startswith(f"{settings.STUDIO_PUBLIC_URL}{BACK}")
    return browser.get(back)  # type: ignore[return-value]


def signed_in_as(browser: Client) -> str:
    user = browser.session.get("_auth_user_id")
    return User.objects.get(pk=user).email if user else ""
