"""What is said of a token whose claims are of no kind that they should be of."""

from datetime import UTC, datetime
from typing import Any

import pytest

from endpoints.domain.routing import Issuer
from endpoints.domain.token_checks import examine
from endpoints.enums import AuthMode
from tests.tokens import AUDIENCE, Signer, jwks

SIGNER = Signer(issuer="https://lab.example")
LAB = Issuer(
    name="lab",
    issuer=SIGNER.issuer,
    audiences=(AUDIENCE,),
    jwks=jwks(SIGNER),
    auth_mode=AuthMode.AAD_TOKEN,
)


@pytest.mark.parametrize("audience", [None, 5, True, {"api": 1}, [5, None], []])
def test_an_odd_audience_is_no_audience(audience: Any) -> None:
    finding = examine(SIGNER.token("ada", aud=audience), [LAB], now=datetime.now(UTC))
    assert not finding.accepted
    assert "for “nobody”" in finding.checks[-1].words
