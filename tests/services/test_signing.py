"""Keys that the studio signs with, and the tokens that come of them."""

import json
from datetime import timedelta

import jwt
import pytest
import time_machine
from django.db import connection
from django.utils import timezone

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Forbidden
from endpoints.enums import AuthMode
from endpoints.models import Event, IdentityProvider, SigningKey
from endpoints.selectors.identity import ENDPOINT_AUDIENCE, endpoint_issuer, issuers, published_keys, studio_issuer
from endpoints.services.access_tokens import data_plane_token, endpoint_token, token_for
from endpoints.services.authentication import set_auth_mode
from endpoints.services.identity import ensure_studio_provider
from endpoints.services.signing import keep_fresh, longest_life, rotate, sign, signing_key
from tests.world import World


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def verified(token: str, audience: str, issuer: str) -> dict[str, object]:
    key = next(key for key in published_keys() if key["kid"] == kid_of(token))
    claims: dict[str, object] = jwt.decode(
        token, jwt.PyJWK.from_dict(dict(key)), algorithms=["RS256"], audience=audience, issuer=issuer
    )
    return claims


def test_the_first_token_makes_the_first_key(world: World) -> None:
    token = sign({"sub": "ada"})
    (key,) = SigningKey.objects.all()
    assert kid_of(token) == key.kid
    assert set(key.public_key) == {"kty", "n", "e", "kid", "alg", "use"}
    assert "PRIVATE KEY" in key.private_key


def test_a_private_key_is_encrypted_at_rest(world: World) -> None:
    rotate(actor=SYSTEM)
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM endpoints_signingkey")
        assert "PRIVATE" not in cursor.fetchone()[0]


def test_a_new_key_signs_once_the_gateway_has_it(world: World) -> None:
    old = rotate(actor=SYSTEM)
    world.settle()
    new = rotate(actor=world.people.actor("staff"))
    assert signing_key() == old
    assert [key["kid"] for key in published_keys()] == [new.kid, old.kid]
    world.settle()
    assert signing_key() == new
    event = Event.objects.get(verb="signing_key.rotated", actor_name="staff@example.com")
    assert event.subject == new.kid


def test_an_old_key_is_believed_until_its_last_token_has_expired(world: World) -> None:
    old = rotate(actor=SYSTEM)
    new = rotate(actor=SYSTEM)
    keep_fresh(now=timezone.now() + longest_life() - timedelta(minutes=1))
    assert SigningKey.objects.count() == 2
    world.hints.take()
    keep_fresh(now=timezone.now() + longest_life() + timedelta(minutes=1))
    assert list(SigningKey.objects.all()) == [new]
    world.settle()
    table = world.gateway.in_force
    assert table is not None
    assert old.kid not in table.issuers[0].jwks


def test_keys_are_rotated_by_age(world: World) -> None:
    first = rotate(actor=SYSTEM)
    keep_fresh(now=timezone.now() + timedelta(days=89))
    assert SigningKey.objects.filter(retired_at=None).get() == first
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        keep_fresh(now=timezone.now())
    assert SigningKey.objects.filter(retired_at=None).get() != first


def test_revoking_leaves_the_new_key_alone(world: World) -> None:
    rotate(actor=SYSTEM)
    new = rotate(actor=world.people.actor("staff"), revoke=True)
    assert list(SigningKey.objects.all()) == [new]


@pytest.mark.parametrize("kind", ["owner", "stranger"])
def test_only_it_rotates(world: World, kind: str) -> None:
    with pytest.raises(Forbidden):
        rotate(actor=world.people.actor(kind))
    assert not SigningKey.objects.exists()


def test_a_token_is_bound_to_its_endpoint(world: World) -> None:
    endpoint = world.endpoint("prices")
    set_auth_mode(actor=world.people.actor("owner"), endpoint=endpoint, auth_mode="aml_token")
    now = timezone.now().replace(microsecond=0)
    token = endpoint_token(actor=world.people.actor("contributor"), endpoint=endpoint)
    claims = verified(token.value, ENDPOINT_AUDIENCE, endpoint_issuer())
    assert claims["endpoint"] == endpoint.pk.hex
    assert claims["sub"] == str(world.people.contributor.pk)
    life = token.expires_at - now
    assert timedelta(minutes=60) <= life < timedelta(minutes=61)
    assert token.expires_at - token.refresh_after == timedelta(minutes=30)
    event = Event.objects.get(verb="token.issued")
    assert (event.actor_name, event.endpoint_name) == ("contributor@example.com", "prices")
    assert token.value not in json.dumps(event.after)


@pytest.mark.parametrize("kind", ["reader", "stranger"])
def test_a_token_of_an_endpoint_needs_the_right_to_score(world: World, kind: str) -> None:
    endpoint = world.endpoint("prices")
    set_auth_mode(actor=SYSTEM, endpoint=endpoint, auth_mode="aml_token")
    with pytest.raises(Forbidden):
        endpoint_token(actor=world.people.actor(kind), endpoint=endpoint)
    assert not Event.objects.filter(verb="token.issued").exists()


def test_an_endpoint_with_keys_has_no_tokens(world: World) -> None:
    with pytest.raises(Conflict, match="Key"):
        token_for(actor=world.people.actor("owner"), endpoint=world.endpoint("prices"))


def test_a_person_gets_a_token_without_a_role(world: World) -> None:
    provider = ensure_studio_provider()
    token = data_plane_token(actor=world.people.actor("stranger"))
    claims = verified(token.value, provider.audiences[0], studio_issuer())
    assert claims["sub"] == str(world.people.stranger.pk)
    assert "endpoint" not in claims


def test_no_token_of_a_provider_that_is_disabled(world: World) -> None:
    ensure_studio_provider()
    IdentityProvider.objects.update(enabled=False)
    with pytest.raises(Conflict, match="disabled"):
        data_plane_token(actor=world.people.actor("owner"))


def test_the_gateway_is_told_of_the_mode_the_binding_and_the_roles(world: World) -> None:
    bound, open_ = world.endpoint("bound"), world.endpoint("open")
    set_auth_mode(actor=SYSTEM, endpoint=bound, auth_mode="aml_token")
    set_auth_mode(actor=SYSTEM, endpoint=open_, auth_mode="aad_token")
    world.settle()
    table = world.gateway.in_force
    assert table is not None
    routes = {route.name: route for route in table.endpoints}
    assert [route.keys for route in table.endpoints] == [(), ()]
    (claim,) = routes["bound"].claims
    assert (claim.issuer, claim.name, claim.value) == (endpoint_issuer(), "endpoint", bound.pk.hex)
    who = {claim.value for claim in routes["open"].claims}
    people = world.people
    assert {str(people.owner.pk), str(people.contributor.pk), str(people.staff.pk)} <= who
    assert not {str(people.reader.pk), str(people.stranger.pk)} & who
    assert {issuer.auth_mode for issuer in issuers()} == {AuthMode.AML_TOKEN, AuthMode.AAD_TOKEN}


def test_a_person_who_may_not_sign_in_any_more_may_not_score(world: World) -> None:
    open_ = world.endpoint("open")
    set_auth_mode(actor=SYSTEM, endpoint=open_, auth_mode="aad_token")
    world.settle()
    world.people.owner.is_active = False
    world.people.owner.save()
    world.settle()
    table = world.gateway.in_force
    assert table is not None
    assert str(world.people.owner.pk) not in {claim.value for claim in table.endpoints[0].claims}


def test_the_mode_is_one_act_and_stands_in_the_history(world: World) -> None:
    endpoint = world.endpoint("prices")
    revision = endpoint.route_revision
    set_auth_mode(actor=world.people.actor("owner"), endpoint=endpoint, auth_mode="aad_token")
    assert (endpoint.auth_mode, endpoint.route_revision > revision) == ("aad_token", True)
    event = Event.objects.get(verb="endpoint.auth_mode_set")
    assert (event.before, event.after) == ({"auth_mode": "key"}, {"auth_mode": "aad_token"})
    set_auth_mode(actor=world.people.actor("owner"), endpoint=endpoint, auth_mode="aad_token")
    assert Event.objects.filter(verb="endpoint.auth_mode_set").count() == 1


def test_a_reader_changes_no_mode(world: World) -> None:
    endpoint = world.endpoint("prices")
    with pytest.raises(Forbidden):
        set_auth_mode(actor=world.people.actor("reader"), endpoint=endpoint, auth_mode="aml_token")
    endpoint.refresh_from_db()
    assert endpoint.auth_mode == "key"
