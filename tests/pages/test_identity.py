"""IT's pages about whose tokens are believed."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from endpoints.domain.actor import SYSTEM
from endpoints.models import Endpoint, Event, IdentityProvider, SigningKey
from endpoints.services.access_tokens import data_plane_token
from endpoints.services.authentication import set_auth_mode
from endpoints.services.identity import ensure_studio_provider
from tests.issuer import LocalIssuer, local_issuer
from tests.pages.test_access import OF_IT, WRITES_OF_IT
from tests.people import People
from tests.tokens import AUDIENCE

SignedIn = Callable[[str], Client]
LIST = "/it/identity/"
OF_A_PROVIDER = "it_identity_provider it_identity_enable it_identity_refresh it_identity_remove".split()


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


@pytest.fixture
def it(signed_in: SignedIn, hints: object) -> Client:
    return signed_in("staff")


def url_of(name: str) -> str:
    return reverse(
        name,
        args=["studio"] if name in OF_A_PROVIDER else [],
    )


@pytest.mark.parametrize("name", [*OF_IT, *WRITES_OF_IT])
def test_it_alone_comes_here(signed_in: SignedIn, client: Client, people: People, name: str) -> None:
    ensure_studio_provider()
    assert "/accounts/login/" in client.post(url_of(name))["Location"]
    for person in ("owner", "stranger"):
        for answer in (signed_in(person).get(url_of(name)), signed_in(person).post(url_of(name))):
            assert answer.status_code in (403, 405)
    assert IdentityProvider.objects.get().enabled
    assert not SigningKey.objects.exists()


@pytest.mark.parametrize("name", OF_IT)
def test_it_sees_every_page(it: Client, name: str) -> None:
    ensure_studio_provider()
    assert it.get(url_of(name)).status_code == 200


def add(it: Client, url: str, **fields: str) -> None:
    data = {"kind": "other", "name": "lab", "issuer": url, "audiences": f"{AUDIENCE}\nsecond", "groups_claim": "groups"}
    answer = it.post(f"{LIST}add/", {**data, **fields})
    assert answer.status_code == 303, answer.content.decode()


def test_a_provider_is_added_shown_refreshed_disabled_and_removed(it: Client, issuer: LocalIssuer) -> None:
    add(it, issuer.url)
    provider = IdentityProvider.objects.get(name="lab")
    assert (provider.audiences, provider.subject_claim) == ([AUDIENCE, "second"], "sub")
    page = it.get(LIST).content.decode()
    assert issuer.url in page
    issuer.answers["/keys"] = (503, {}, b"")
    it.post(f"{LIST}providers/lab/refresh/")
    assert "Keys are old" in it.get(LIST).content.decode()
    it.post(f"{LIST}providers/lab/enable/", {"enabled": "0"})
    assert "Disabled" in it.get(LIST).content.decode()
    it.post(f"{LIST}providers/lab/enable/", {"enabled": "1"})
    it.post(f"{LIST}providers/lab/remove/")
    assert not IdentityProvider.objects.filter(name="lab").exists()
    assert it.get(f"{LIST}providers/lab/").status_code == 404


def test_what_is_wrong_stands_at_its_field(it: Client, issuer: LocalIssuer) -> None:
    issuer.answers["/.well-known/openid-configuration"] = (404, {}, b"")
    data = {"kind": "other", "name": "lab", "issuer": issuer.url, "audiences": "a"}
    answer = it.post(f"{LIST}add/", data)
    assert answer.status_code == 422
    assert "answers 404" in answer.content.decode()
    assert issuer.url in answer.content.decode()
    assert not IdentityProvider.objects.filter(name="lab").exists()


def test_saving_its_audiences_asks_nobody(it: Client, issuer: LocalIssuer) -> None:
    add(it, issuer.url)
    issuer.asked.clear()
    data = {"audiences": "another", "subject_claim": "", "groups_claim": "", "jwks_url": "", "pasted_jwks": ""}
    assert it.post(f"{LIST}providers/lab/", data).status_code == 303
    provider = IdentityProvider.objects.get(name="lab")
    assert (provider.audiences, provider.subject_claim, provider.groups_claim) == (["another"], "sub", "")
    assert issuer.asked == []


def test_the_studios_own_audience_is_settable(it: Client) -> None:
    ensure_studio_provider()
    assert it.post(f"{LIST}providers/studio/", {"audiences": "api://models"}).status_code == 303
    assert IdentityProvider.objects.get().audiences == ["api://models"]
    assert it.post(f"{LIST}providers/studio/", {"audiences": ""}).status_code == 422


def test_a_pasted_token_is_told_and_forgotten(it: Client, people: People, churn: Endpoint) -> None:
    set_auth_mode(actor=SYSTEM, endpoint=churn, auth_mode="aad_token")
    for person, said in (("owner", "The gateway takes it"), ("reader", "The gateway answers 401")):
        token = data_plane_token(actor=people.actor(person)).value
        page = it.post(f"{LIST}test/", {"token": token, "endpoint": "churn"}).content.decode()
        assert said in page
        assert token not in page
    assert it.post(f"{LIST}test/", {"token": "x", "endpoint": "nowhere"}).status_code == 422


def test_keys_rotate_and_revoke(it: Client) -> None:
    it.post(f"{LIST}rotate/")
    it.post(f"{LIST}rotate/")
    assert SigningKey.objects.count() == 2
    assert SigningKey.objects.filter(retired_at=None).count() == 1
    page = it.get(LIST).content.decode()
    assert all(key.kid in page for key in SigningKey.objects.all())
    assert "PRIVATE" not in page
    it.post(f"{LIST}rotate/", {"revoke": "1"})
    assert SigningKey.objects.count() == 1


def test_a_client_is_kept_and_its_secret_never_shown(it: Client, issuer: LocalIssuer) -> None:
    add(it, issuer.url, client_id="studio", client_secret="s3cret", label="Laboratory", creates_accounts="on")
    provider = IdentityProvider.objects.get(name="lab")
    assert (provider.client_secret, provider.creates_accounts, provider.trusts_email) == ("s3cret", True, False)
    url = f"{LIST}providers/lab/"
    pages = [it.get(url).content.decode(), it.get(LIST).content.decode()]
    assert "/accounts/oidc/lab/login/callback/" in pages[0]
    assert not any("s3cret" in page for page in pages)
    with connection.cursor() as cursor:
        cursor.execute("SELECT client_secret FROM endpoints_identityprovider WHERE name = 'lab'")
        assert "s3cret" not in str(cursor.fetchall())
    assert not any("s3cret" in str(vars(event)) for event in Event.objects.all())
    data = {"audiences": "a", "subject_claim": "sub", "groups_claim": "groups", "client_id": "studio", "label": "Lab"}
    assert it.post(url, data).status_code == 303
    provider.refresh_from_db()
    assert (provider.client_secret, provider.label, provider.creates_accounts) == ("s3cret", "Lab", False)
    assert it.post(url, {**data, "client_id": ""}).status_code == 303
    provider.refresh_from_db()
    assert (provider.client_id, provider.client_secret) == ("", "")
    answer = it.post(url, {**data, "client_id": "", "client_secret": "l0nely"})
    assert answer.status_code == 422
    assert "l0nely" not in answer.content.decode()
