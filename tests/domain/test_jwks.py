"""Which keys are believed, and which addresses asked for them."""

import contextlib
import json

import pytest
from allauth.core.internal.jwkkit import jwk_thumbprint
from hypothesis import given
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.jwks import signing_keys, thumbprint
from endpoints.domain.oidc import checked_issuer, jwks_uri
from tests.tokens import Signer

RSA, EC = Signer(kid="rsa").jwk, Signer(kid="ec", algorithm="ES256").jwk


def test_public_signing_keys_stay_and_nothing_beside() -> None:
    noise = {"x5c": ["MII"], "x5t": "abc", "key_ops": ["verify"], "exp": 1}
    odd = [
        {"kty": "oct", "k": "c2VjcmV0"},
        {**RSA, "use": "enc"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},  # too short
        {"kty": "EC", "crv": "secp256k1", "x": EC["x"], "y": EC["y"]},
        {"kty": "AKP", "pub": "x"},
        "no key",
        None,
    ]
    assert signing_keys(json.dumps({"keys": [{**RSA, **noise}, *odd, EC]})) == [RSA, EC]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no JSON Web Key Set"),
        ("[]", "no JSON Web Key Set"),
        ('{"keys": {}}', "must be a list"),
        ('{"keys": []}', "no public"),
        (json.dumps({"keys": [{**RSA, "d": "AQAB"}]}), "private"),
        ("[" * 100_000, "no JSON Web Key Set"),
    ],
)
def test_what_has_no_such_key_is_refused(text: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        signing_keys(text, field="pasted_jwks")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["keys", "kty", "n", "e", "crv", "x", "use"]), inner)
        ),
    )
)
def test_nothing_breaks_it(value: object) -> None:
    with contextlib.suppress(Invalid):
        assert signing_keys(json.dumps(value))


def test_the_thumbprint_is_that_of_the_standard() -> None:
    for key in (RSA, EC):
        assert thumbprint(key) == jwk_thumbprint(key)


@pytest.mark.parametrize("url", ["https://a.example/t", "http://127.0.0.1:1/x", "http://localhost", "http://[::1]:80"])
def test_addresses_that_are_asked(url: str) -> None:
    assert checked_issuer(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://127.0.0.1.nip.io",
        "ftp://a",
        "https://",
        "https://a b",
        "https://u:p@a",
        "https://a#b",
    ],
)
def test_addresses_that_are_not(url: str) -> None:
    with pytest.raises(Invalid):
        checked_issuer(url)


def test_a_discovery_document_is_the_issuers_own() -> None:
    document = {"issuer": "https://a.example", "jwks_uri": "https://keys.example/1"}
    assert jwks_uri(document, issuer="https://a.example") == "https://keys.example/1"
    wrongs: list[object] = [{**document, "issuer": "https://a.example/"}, {"issuer": "https://a.example"}, [], None]
    for wrong in wrongs:
        with pytest.raises(Invalid):
            jwks_uri(wrong, issuer="https://a.example")
