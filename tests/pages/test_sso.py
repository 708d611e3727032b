"""Sign-in through an identity provider, against a real one on this machine: code flow, PKCE, nonce, ID token."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.test import Client

from endpoints.domain.actor import SYSTEM
from endpoints.enums import Role
from endpoints.models import Event, IdentityProvider, User, Workspace
from endpoints.permissions import roles_in
from endpoints.selectors.access import invokers_of
from endpoints.services.identity import remove_provider, update_provider
from endpoints.services.roles import assign_role
from tests.factories import EndpointFactory
from tests.issuer import DISCOVERY, LocalIssuer, local_issuer
from tests.people import People
from tests.sso import ADA, BACK, BEGIN, HERE, HOST, added, sign_in, signed_in_as
from tests.tokens import Signer, encoded

pytestmark = pytest.mark.django_db


def test_a_verified_address_leads_to_its_account(browser: Client, lab: IdentityProvider, people: People) -> None:
    password = people.owner.password
    answer = sign_in(browser, query="?next=/models/")
    assert (answer.status_code, answer["Location"]) == (302, "/models/")
    assert signed_in_as(browser) == "owner@example.com"
    people.owner.refresh_from_db()
    assert people.owner.password == password
    assert people.owner.identity_groups == [[lab.issuer, "scientists"]]
    assert people.owner.identity_subjects == [[lab.issuer, "ada-1"]]
    linked = Event.objects.get(verb="identity.linked")
    assert (linked.actor, linked.subject) == (people.owner, "lab")
    assert "By lab, from 127.0.0.1" in Event.objects.get(verb="sign_in.succeeded").reason


def test_the_second_time_the_link_counts_and_not_the_address(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    sign_in(browser)
    browser.post("/accounts/logout/")
    issuer.person = {**ADA, "email": "reader@example.com"}
    sign_in(browser)
    assert signed_in_as(browser) == "owner@example.com"
    assert Event.objects.filter(verb="identity.linked").count() == 1


def test_what_is_asked_for_is_ours_alone(browser: Client, lab: IdentityProvider) -> None:
    answer = browser.get(f"{BEGIN}?scope=admin&auth_params=prompt%3Dnone&process=redirect", headers=HERE)
    asked = parse_qs(urlsplit(answer["Location"]).query)
    assert sorted(asked["scope"][0].split()) == ["email", "openid", "profile"]
    assert (asked["code_challenge_method"], asked["redirect_uri"]) == (
        ["S256"],
        [f"{settings.STUDIO_PUBLIC_URL}{BACK}"],
    )
    assert len(asked["nonce"][0]) == 64
    assert "prompt" not in asked
    assert "s3cret" not in answer["Location"]


def forged(**changes: Any) -> Callable[[LocalIssuer], Callable[[dict[str, Any]], str]]:
    """An ID token that the provider's own key signs, with other claims; None leaves one out."""
    return lambda issuer: lambda claims: issuer.token(**{"subject": "ada-1", **claims, **changes})


def by_a_strangers_key(issuer: LocalIssuer) -> Callable[[dict[str, Any]], str]:
    return lambda claims: Signer(issuer.url, "key-1").token("ada-1", **claims)


def unsigned(issuer: LocalIssuer) -> Callable[[dict[str, Any]], str]:
    return lambda claims: f"{encoded({'alg': 'none'})}.{encoded({'iss': issuer.url, **claims})}."


@pytest.mark.parametrize(
    ("forge", "says"),
    [
        (forged(nonce="another"), "does not belong to this sign-in"),
        (forged(nonce=None), "does not belong to this sign-in"),
        (forged(iss="https://evil.example"), "is not trusted"),
        (forged(aud="another-client"), "wanted is studio"),
        (forged(aud=["studio", "another-client"]), "another client"),
        (forged(azp="another-client"), "another client"),
        (forged(exp=1), "It expired"),
        (forged(exp=None), "no expiry"),
        (forged(sub=None), "does not say who signed in"),
        (by_a_strangers_key, "may be forged"),
        (unsigned, "no signed JSON Web Token"),
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer, forge: Any, says: str
) -> None:
    issuer.forge = forge(issuer)
    answer = sign_in(browser)
    assert answer.status_code == 403
    assert says in answer.content.decode()
    assert signed_in_as(browser) == ""
    assert not SocialAccount.objects.exists()
    assert says in Event.objects.get(verb="sign_in.failed").reason


def test_a_new_key_of_the_provider_is_fetched(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    issuer.rotate()
    sign_in(browser)
    assert signed_in_as(browser) == "owner@example.com"


def test_a_provider_that_calls_itself_otherwise_is_not_gone_to(
    browser: Client, lab: IdentityProvider, issuer: LocalIssuer
) -> None:
    document = {"issuer": "https://evil.example", "authorization_endpoint": "https://evil.example/in"}
    issuer.answers[DISCOVERY] = (200, {}, json.dumps(document).encode())
    answer = browser.get(BEGIN, headers=HERE)
    assert answer.status_code == 403
    assert "https://evil.example" in answer.content.decode()


def test_an_answer_is_good_once_and_where_it_was_asked_for(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    other = Client(headers={"host": HOST})
    begun = browser.get(BEGIN, headers=HERE)
    back = httpx.get(begun["Location"]).headers["location"]
    assert other.get(back).status_code == 403  # another's browser: nobody is signed in as somebody by a link
    assert signed_in_as(other) == ""
    assert browser.get(back).status_code == 302
    browser.post("/accounts/logout/")
    assert browser.get(back).status_code == 403
    assert signed_in_as(browser) == ""


@pytest.mark.parametrize("query", ["?error=access_denied&state=x", "", "?code=abc&state=unknown", "?code=abc"])
def test_what_comes_back_wrong_is_told_in_the_house(browser: Client, lab: IdentityProvider, query: str) -> None:
    answer = browser.get(f"{BACK}{query}")
    assert answer.status_code == 403
    assert "Not signed in" in answer.content.decode()


def test_a_wrong_secret_is_told_without_the_providers_words(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    issuer.clients["studio"] = "another"
    page = sign_in(browser).content.decode()
    assert "did not confirm" in page
    assert "invalid_grant" not in page


@pytest.mark.parametrize("verified", [False, None, "no"])
def test_an_unverified_address_takes_over_nobody(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer, verified: object
) -> None:
    update_provider(actor=SYSTEM, provider=lab, creates_accounts=True)
    issuer.person = {**ADA, "email_verified": verified}
    count = User.objects.count()
    answer = sign_in(browser)
    assert answer.status_code == 403
    assert "no account here is linked" in answer.content.decode()
    people.owner.refresh_from_db()
    assert (people.owner.identity_groups, User.objects.count(), signed_in_as(browser)) == ([], count, "")


def test_an_address_that_it_vouches_for_counts(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    update_provider(actor=SYSTEM, provider=lab, trusts_email=True)
    issuer.person = {name: value for name, value in ADA.items() if name != "email_verified"}
    sign_in(browser)
    assert signed_in_as(browser) == "owner@example.com"


def test_who_has_no_account_gets_one_only_where_it_said_so(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer, workspace: Workspace
) -> None:
    issuer.person = {**ADA, "sub": "new-1", "email": "New@Example.com"}
    assert sign_in(browser).status_code == 403
    assert not User.objects.filter(email="new@example.com").exists()
    update_provider(actor=SYSTEM, provider=lab, creates_accounts=True)
    assert sign_in(browser).status_code == 302
    made = User.objects.get(email="new@example.com")
    assert (made.display_name, made.has_usable_password(), made.is_staff) == ("Ada", False, False)
    assert roles_in(made, workspace) == frozenset()
    assert Event.objects.get(verb="account.created").subject == "new@example.com"


def test_an_address_that_went_to_somebody_else_does_not_open_the_old_account(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    sign_in(browser)
    browser.post("/accounts/logout/")
    issuer.person = {**ADA, "sub": "ada-2"}
    answer = sign_in(browser)
    assert answer.status_code == 403
    assert "linked to somebody else" in answer.content.decode()
    assert signed_in_as(browser) == ""


def test_a_disabled_account_stays_out(browser: Client, lab: IdentityProvider, people: People) -> None:
    people.owner.is_active = False
    people.owner.save()
    assert "is disabled" in sign_in(browser).content.decode()
    assert signed_in_as(browser) == ""


def test_a_groups_role_is_gained_and_lost(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer, workspace: Workspace
) -> None:
    assign_role(actor=people.actor("owner"), scope=workspace, group=(lab.issuer, "scientists"), role=Role.CONTRIBUTOR)
    issuer.person = {**ADA, "email": "stranger@example.com"}
    sign_in(browser)
    assert roles_in(stranger(), workspace) == {Role.CONTRIBUTOR}
    assert browser.get("/models/").status_code == 200
    browser.post("/accounts/logout/")
    issuer.person = {**ADA, "groups": ["others"]}
    sign_in(browser)
    assert roles_in(stranger(), workspace) == frozenset()
    change = Event.objects.filter(verb="identity.groups_changed").first()
    assert change is not None
    assert (change.before, change.after) == ({"groups": ["scientists"]}, {"groups": ["others"]})


def stranger() -> User:
    return User.objects.get(email="stranger@example.com")


@pytest.mark.parametrize("end", ["disable", "no groups", "other groups", "no sign-in", "remove"])
def test_groups_go_with_their_provider(
    browser: Client, lab: IdentityProvider, people: People, workspace: Workspace, issuer: LocalIssuer, end: str
) -> None:
    assign_role(actor=people.actor("owner"), scope=workspace, group=(lab.issuer, "scientists"), role=Role.CONTRIBUTOR)
    issuer.person = {**ADA, "email": "stranger@example.com"}
    sign_in(browser)
    User.objects.filter(pk=people.reader.pk).update(identity_groups=[["https://other.example", "scientists"]])
    if end == "disable":
        update_provider(actor=SYSTEM, provider=lab, enabled=False)
    elif end == "no groups":
        update_provider(actor=SYSTEM, provider=lab, groups_claim="")
    elif end == "other groups":
        update_provider(actor=SYSTEM, provider=lab, groups_claim="roles")
    elif end == "no sign-in":
        update_provider(actor=SYSTEM, provider=lab, client_id="", client_secret="")
    else:
        remove_provider(actor=SYSTEM, provider=lab)
    assert (roles_in(stranger(), workspace), stranger().identity_groups) == (frozenset(), [])
    people.reader.refresh_from_db()
    assert people.reader.identity_groups == [["https://other.example", "scientists"]]
    assert bool(stranger().identity_subjects) == (end != "remove")


def test_a_provider_of_the_same_name_inherits_nobody(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    sign_in(browser)
    browser.post("/accounts/logout/")
    remove_provider(actor=SYSTEM, provider=lab)
    assert not SocialAccount.objects.exists()
    with local_issuer() as another:
        another.clients = {"studio": "s3cret"}
        another.person = {"sub": "ada-1", "email": "someone@example.com", "email_verified": True}
        added(another)
        assert sign_in(browser).status_code == 403
    assert signed_in_as(browser) == ""


def test_tokens_of_the_person_score_where_the_person_may(
    browser: Client, lab: IdentityProvider, people: People, workspace: Workspace
) -> None:
    endpoint = EndpointFactory(workspace=workspace)
    assert (lab.issuer, "ada-1") not in invokers_of([endpoint])[endpoint.pk].subjects
    sign_in(browser)
    assert (lab.issuer, "ada-1") in invokers_of([endpoint])[endpoint.pk].subjects


def test_another_claim_makes_nobody_of_who_was_known_by_the_one_before(
    browser: Client, lab: IdentityProvider, workspace: Workspace, people: People
) -> None:
    """What stood in one claim says nothing of the other: a person may even choose what stands there."""
    endpoint = EndpointFactory(workspace=workspace)
    sign_in(browser)
    update_provider(actor=SYSTEM, provider=lab, label="Lab")
    assert (lab.issuer, "ada-1") in invokers_of([endpoint])[endpoint.pk].subjects
    update_provider(actor=SYSTEM, provider=lab, subject_claim="nickname")
    assert (lab.issuer, "ada-1") not in invokers_of([endpoint])[endpoint.pk].subjects
    people.owner.refresh_from_db()
    assert people.owner.identity_groups == [[lab.issuer, "scientists"]]


def test_from_elsewhere_it_asks_first(browser: Client, lab: IdentityProvider) -> None:
    for headers in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "none"},
        {},
        {"Referer": "http://evil.example/"},
    ):
        answer = browser.get(f"{BEGIN}?next=/models/", headers=headers)
        assert answer.status_code == 200
        assert f"{BEGIN}?next=%2Fmodels%2F" in answer.content.decode()
    assert browser.get(BEGIN, headers={"Referer": f"http://{HOST}/accounts/login/"}).status_code == 302
    assert browser.post(BEGIN).status_code == 405
    elsewhere = Client(headers={"host": "localhost"}).get(BEGIN)
    assert elsewhere["Location"] == f"{settings.STUDIO_PUBLIC_URL}{BEGIN}"
    evil = browser.get(f"{BEGIN}?next=//evil.example/", headers={"Sec-Fetch-Site": "none"}).content.decode()
    assert "evil.example" not in evil


def test_only_what_it_configured_signs_anybody_in(browser: Client, lab: IdentityProvider) -> None:
    assert "Continue with Laboratory" in browser.get("/accounts/login/").content.decode()
    for changes in ({"enabled": False}, {"enabled": True, "client_id": "", "client_secret": ""}):
        update_provider(actor=SYSTEM, provider=lab, **changes)
        assert "Laboratory" not in browser.get("/accounts/login/").content.decode()
        assert browser.get(BEGIN, headers=HERE).status_code == 404
        assert browser.get(BACK).status_code == 404
    assert browser.get("/accounts/oidc/openid_connect/login/").status_code == 404


def test_two_providers_may_know_the_studio_by_one_client_id(
    browser: Client, lab: IdentityProvider, people: People, issuer: LocalIssuer
) -> None:
    """A login that waits for its second factor is kept, and found again."""

    secret = generate_totp_secret()
    TOTP.activate(people.owner, secret)
    with local_issuer() as another:
        added(another, name="second")
        assert sign_in(browser)["Location"] == "/accounts/2fa/authenticate/"
        assert signed_in_as(browser) == ""
        code = format_hotp_value(hotp_value(secret, next(yield_hotp_counters_from_time())))
        assert browser.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302
    assert signed_in_as(browser) == "owner@example.com"
    assert "By lab, app" in Event.objects.get(verb="sign_in.succeeded").reason


def test_the_state_is_not_the_nonce(browser: Client, lab: IdentityProvider) -> None:
    asked = dict(parse_qsl(urlsplit(browser.get(BEGIN, headers=HERE)["Location"]).query))
    assert asked["nonce"] != asked["state"]
