"""Identity providers that a person links to an account, and takes off it."""

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from endpoints.domain.actor import SYSTEM
from endpoints.models import IdentityProvider
from endpoints.services.identity import update_provider
from tests.factories import PASSWORD
from tests.issuer import LocalIssuer
from tests.people import People
from tests.sso import ADA, BEGIN, HERE, HOST, sign_in, signed_in_as

pytestmark = pytest.mark.django_db


def test_linking_wants_fresh_proof(browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer) -> None:
    issuer.person = {"sub": "ada-1", "email": "unverified@example.com"}
    browser.force_login(people.owner)
    link = "/profile/security/providers/lab/link/"
    begun = browser.get(f"{BEGIN}?process=connect", headers=HERE)
    assert begun["Location"] == link
    assert "/accounts/reauthenticate/" in browser.get(link)["Location"]
    browser.post(f"/accounts/reauthenticate/?next={link}", {"password": PASSWORD})
    assert "?process=connect" in browser.get(link).content.decode()
    answer = sign_in(browser, query="?process=connect")
    assert answer["Location"] == "/profile/security/"
    assert SocialAccount.objects.get().user == people.owner
    assert signed_in_as(browser) == "owner@example.com"


def test_a_link_that_is_anothers_stays_theirs(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    sign_in(browser)
    other = Client(headers={"host": HOST})
    other.force_login(people.reader)
    other.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert "another account" in sign_in(other, query="?process=connect").content.decode()
    assert SocialAccount.objects.get().user == people.owner


def test_unlinking(browser: Client, lab: IdentityProvider, people: People) -> None:
    sign_in(browser)
    unlink = "/profile/security/providers/lab/unlink/"
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert browser.post(unlink).status_code == 303
    people.owner.refresh_from_db()
    assert (SocialAccount.objects.count(), people.owner.identity_groups, people.owner.identity_subjects) == (0, [], [])
    assert browser.post(unlink).status_code == 404


def test_without_password_and_passkey_the_last_link_stays(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    update_provider(actor=SYSTEM, provider=lab, creates_accounts=True)
    issuer.person = {**ADA, "sub": "new-1", "email": "new@example.com"}
    sign_in(browser)
    assert browser.post("/profile/security/providers/lab/unlink/").status_code == 409
    assert SocialAccount.objects.exists()
    assert browser.get("/accounts/password/change/")["Location"] == "/accounts/password/set/"
    assert browser.get("/accounts/password/set/")["Location"] == "/profile/security/"
