"""Identity providers: whose keys are fetched, how, and what stands in the way."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from endpoints import tasks
from endpoints.domain.errors import Conflict, Forbidden, Invalid
from endpoints.models import Event, IdentityProvider
from endpoints.selectors.identity import issuers
from endpoints.services import discovery
from endpoints.services.identity import (
    add_provider,
    ensure_studio_provider,
    refresh_due,
    refresh_provider,
    remove_provider,
    update_provider,
)
from tests.issuer import DISCOVERY, LocalIssuer, local_issuer
from tests.tokens import AUDIENCE, Signer, jwks
from tests.world import World


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    with local_issuer() as running:
        yield running


def add(world: World, issuer: str, **fields: object) -> IdentityProvider:
    arguments: dict[str, object] = {"name": "lab", "issuer": issuer, "audiences": [AUDIENCE], **fields}
    return add_provider(actor=world.people.actor("staff"), **arguments)  # type: ignore[arg-type]


def kids(provider: IdentityProvider) -> list[str]:
    provider.refresh_from_db()
    return [key["kid"] for key in provider.keys]


def test_its_keys_are_fetched_and_the_gateway_is_told(world: World, issuer: LocalIssuer) -> None:
    provider = add(world, issuer.url, kind="entra")
    assert issuer.asked == [DISCOVERY, "/keys"]
    assert (kids(provider), provider.subject_claim, provider.groups_claim) == (["key-1"], "oid", "groups")
    world.settle()
    table = world.gateway.in_force
    assert table is not None
    (told,) = [each for each in table.issuers if each.issuer == issuer.url]
    assert (told.audiences, json.loads(told.jwks)["keys"][0]["kid"]) == ((AUDIENCE,), "key-1")
    assert Event.objects.get(verb="identity_provider.added").subject == "lab"


def test_new_keys_come_by_themselves_and_stay_when_the_fetch_fails(world: World, issuer: LocalIssuer) -> None:
    provider = add(world, issuer.url)
    world.settle()
    issuer.rotate()
    tasks.refresh_identity()
    assert kids(provider) == ["key-1"]  # looked at a moment ago
    later = timezone.now() + timedelta(minutes=6)
    refresh_due(now=later)
    assert kids(provider) == ["key-1", "key-2"]
    seen_at = provider.keys_at
    issuer.answers["/keys"] = (500, {}, b"oh")
    refresh_due(now=later + timedelta(hours=1))
    assert kids(provider) == ["key-1", "key-2"]
    assert (provider.keys_at, "answers 500" in provider.error) == (seen_at, True)
    del issuer.answers["/keys"]
    refresh_provider(actor=world.people.actor("staff"), provider=provider)
    assert (kids(provider), provider.error) == (["key-1", "key-2"], "")


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        (DISCOVERY, (404, {}, b""), "answers 404"),
        (DISCOVERY, (200, {}, b"<html>"), "something else than JSON"),
        (DISCOVERY, (200, {}, b"[1]"), "no discovery document"),
        (DISCOVERY, (200, {}, b'{"issuer": "https://other.example", "jwks_uri": "https://x"}'), "other.example"),
        (DISCOVERY, (302, {"location": "http://169.254.169.254/latest"}, b""), "leads on to"),
        (DISCOVERY, (200, {}, b" " * 600_000), "more than 512 KiB"),
        ("/keys", (200, {}, b"{}"), "no JSON Web Key Set"),
        ("/keys", (200, {}, b'{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'), "no public RSA"),
        ("/keys", (301, {"location": "/elsewhere"}, b""), "leads on to"),
        ("/keys", (200, {}, b"[" * 100_000), "something else than JSON"),
    ],
)
def test_what_is_no_provider_is_not_added(
    world: World, issuer: LocalIssuer, path: str, answer: tuple[int, dict[str, str], bytes], says: str
) -> None:
    issuer.answers[path] = answer
    with pytest.raises(Invalid) as caught:
        add(world, issuer.url)
    assert says in caught.value.fields["issuer"]
    assert not IdentityProvider.objects.exists()
    assert not Event.objects.filter(verb="identity_provider.added").exists()


def test_keys_from_elsewhere_come_by_https(world: World, issuer: LocalIssuer) -> None:
    for uri in ("http://10.0.0.1/keys", "file:///etc/passwd", "gopher://x/", "https://user:pass@x.example/"):
        issuer.answers[DISCOVERY] = (200, {}, json.dumps({"issuer": issuer.url, "jwks_uri": uri}).encode())
        with pytest.raises(Invalid):
            add(world, issuer.url)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"issuer": "http://login.example.com"}, "issuer"),
        ({"issuer": "login.example.com"}, "issuer"),
        ({"issuer": "https://login.example.com/?a=b"}, "issuer"),
        ({"issuer": "https://[half"}, "issuer"),
        ({"issuer": f"https://login.example.com{DISCOVERY}"}, "issuer"),
        ({"audiences": []}, "audiences"),
        ({"audiences": ["a b"]}, "audiences"),
        ({"name": "a"}, "name"),
        ({"kind": "studio"}, "kind"),
        ({"kind": "ldap"}, "kind"),
        ({"subject_claim": "a b"}, "subject_claim"),
        ({"groups_claim": "a\n"}, "groups_claim"),
        ({"jwks_url": "http://login.example.com/keys"}, "jwks_url"),
        ({"pasted_jwks": "{}"}, "pasted_jwks"),
        ({"pasted_jwks": '{"keys": [{"kty": "RSA", "n": "x", "e": "y", "d": "z"}]}'}, "pasted_jwks"),
    ],
)
def test_bad_input_is_told_at_its_field(world: World, fields: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        add(world, **{"issuer": "https://login.example.com", **fields})  # type: ignore[arg-type]
    assert list(caught.value.fields) == [field]
    assert not IdentityProvider.objects.exists()


def test_an_address_of_the_clouds_own_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("169.254.169.254", "fe80::1", "0.0.0.0"):  # noqa: S104
        found = [(2, 1, 6, "", (address, 443))]
        monkeypatch.setattr("endpoints.services.discovery.socket.getaddrinfo", lambda *_, found=found, **__: found)
        with pytest.raises(Invalid, match="belongs to no identity provider"):
            discovery.fetch_keys(issuer="https://metadata.example")


def test_pasted_keys_are_never_fetched(world: World) -> None:
    signer = Signer("https://login.example.com", "pasted")
    provider = add(world, signer.issuer, pasted_jwks=jwks(signer))
    refresh_due(now=timezone.now() + timedelta(days=1))
    assert (kids(provider), provider.error) == (["pasted"], "")


def test_names_and_issuers_are_taken_once(world: World, issuer: LocalIssuer) -> None:
    add(world, issuer.url)
    for fields, field in (({"name": "LAB", "issuer": issuer.url}, "name"), ({"name": "two-labs"}, "issuer")):
        with pytest.raises(Invalid) as caught:
            add(world, **{"issuer": issuer.url, **fields})
        assert list(caught.value.fields) == [field]


def test_disabled_and_removed_it_is_believed_no_more(world: World, issuer: LocalIssuer) -> None:
    provider = add(world, issuer.url)
    staff = world.people.actor("staff")
    update_provider(actor=staff, provider=provider, enabled=False)
    assert issuer.url not in {each.issuer for each in issuers()}
    update_provider(actor=staff, provider=provider, enabled=True, audiences=["other"])
    assert ("other",) in {each.audiences for each in issuers()}
    remove_provider(actor=staff, provider=provider)
    assert not IdentityProvider.objects.filter(name="lab").exists()
    verbs = [event.verb for event in Event.objects.filter(verb__startswith="identity_provider").order_by("id")]
    assert [verb.partition(".")[2] for verb in verbs] == ["added", "updated", "updated", "removed"]


def test_what_it_is_stays(world: World, issuer: LocalIssuer) -> None:
    provider = add(world, issuer.url)
    with pytest.raises(Invalid):
        update_provider(actor=world.people.actor("staff"), provider=provider, issuer="https://evil.example")
    with pytest.raises(Invalid):
        update_provider(actor=world.people.actor("staff"), provider=provider, audiences=[])
    provider.refresh_from_db()
    assert (provider.issuer, provider.audiences) == (issuer.url, [AUDIENCE])


def test_the_studio_itself_stays_and_may_be_disabled(world: World) -> None:
    studio = ensure_studio_provider()
    with pytest.raises(Conflict):
        remove_provider(actor=world.people.actor("staff"), provider=studio)
    with pytest.raises(Invalid):
        update_provider(actor=world.people.actor("staff"), provider=studio, jwks_url="https://evil.example")
    update_provider(actor=world.people.actor("staff"), provider=ensure_studio_provider(), enabled=False)
    assert {each.auth_mode for each in issuers()} == {"aml_token"}


@pytest.mark.parametrize("kind", ["owner", "stranger"])
def test_only_it_decides_who_is_believed(world: World, issuer: LocalIssuer, kind: str) -> None:
    provider, actor = add(world, issuer.url), world.people.actor(kind)
    issuer.asked.clear()
    with pytest.raises(Forbidden):
        add_provider(actor=actor, name="more", issuer=issuer.url, audiences=["a"])
    with pytest.raises(Forbidden):
        update_provider(actor=actor, provider=provider, enabled=False)
    with pytest.raises(Forbidden):
        remove_provider(actor=actor, provider=provider)
    with pytest.raises(Forbidden):
        refresh_provider(actor=actor, provider=provider)
    assert issuer.asked == []
