"""What is read from the claims of an ID token."""

from typing import Any

import pytest

from endpoints.domain.errors import Invalid
from endpoints.domain.oidc import sign_in_addresses
from endpoints.domain.sign_in import Identity, identity_of

ISSUER = "https://login.example.com"
DOCUMENT = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
}


def read(trusts_email: bool = False, groups_claim: str = "groups", **claims: Any) -> Identity:
    given = {"sub": "ada-1", "oid": "object-1", **claims}
    return identity_of(given, issuer=ISSUER, subject_claim="oid", groups_claim=groups_claim, trusts_email=trusts_email)


@pytest.mark.parametrize(
    ("verified", "trusts", "vouched"),
    [
        *((True, False, True), ("true", False, True), (False, False, False), (None, False, False)),
        *(("yes", False, False), (1, False, False), (False, True, True), (None, True, True)),
    ],
)
def test_whose_address_counts(verified: object, trusts: bool, vouched: bool) -> None:
    identity = read(trusts, email="Ada@Example.com", email_verified=verified)
    assert (identity.email, identity.vouched) == ("ada@example.com", vouched)


@pytest.mark.parametrize("email", [None, "", "ada", 7, ["ada@example.com"], "a" * 300 + "@example.com", "a\x00@b.c"])
def test_what_is_no_address_counts_for_nothing(email: object) -> None:
    identity = read(trusts_email=True, email=email, email_verified=True)
    assert (identity.email, identity.vouched) == ("", False)


@pytest.mark.parametrize("subject", [None, "", 7, ["ada"], "a" * 256, "a\nb"])
def test_who_has_no_subject_is_nobody(subject: object) -> None:
    with pytest.raises(Invalid, match="who signed in"):
        read(sub=subject)


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        (["b", "a", "b", "", 7, None], ("b", "a")),
        ("scientists", ()),
        ({"scientists": True}, ()),
        (None, ()),
        (["g" * 201, "ok"], ("ok",)),
        ([f"g{n}" for n in range(600)], tuple(f"g{n}" for n in range(500))),
    ],
)
def test_groups(groups: object, found: tuple[str, ...]) -> None:
    assert read(groups=groups).groups == found
    assert read(groups=groups, groups_claim="").groups == ()


def test_what_tokens_for_endpoints_call_them() -> None:
    assert (read().subject, read().known_as, read(oid=None).known_as) == ("ada-1", "object-1", "")
    assert read(name="A" * 150).name == "A" * 100


def test_addresses_of_the_issuer_itself() -> None:
    found = sign_in_addresses(DOCUMENT, issuer=ISSUER)
    assert (found.authorization, found.token) == (f"{ISSUER}/authorize", f"{ISSUER}/token")
    assert found.methods == ("client_secret_post",)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("issuer", "https://evil.example"),
            ("token_endpoint", None),
            ("token_endpoint", "http://login.example.com/t"),
        ),
        *(("token_endpoint", "https://127.0.0.1/t"), ("authorization_endpoint", "javascript:alert(1)")),
    ],
)
def test_other_addresses_are_not_gone_to(name: str, value: object) -> None:
    with pytest.raises(Invalid):
        sign_in_addresses({**DOCUMENT, name: value}, issuer=ISSUER)
