"""Parties that sign tokens, for tests of those who believe them."""

import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "api://models"


@dataclass(eq=False)
class Signer:
    """One key of an issuer."""

    issuer: str = "https://login.example.com"
    kid: str = "first"
    algorithm: str = "RS256"
    audience: str = AUDIENCE
    claims: dict[str, Any] = field(default_factory=dict)  # in every token

    @cached_property
    def key(self) -> Any:
        if self.algorithm == "RS256":
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return ec.generate_private_key(ec.SECP256R1())

    @property
    def pem(self) -> bytes:
        """Of the public key: what an attacker has too."""
        return bytes(
            self.key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )

    @property
    def jwk(self) -> dict[str, Any]:
        algorithm = RSAAlgorithm if self.algorithm == "RS256" else ECAlgorithm
        made = json.loads(algorithm.to_jwk(self.key.public_key()))
        made.pop("key_ops", None)
        return {**made, "kid": self.kid, "alg": self.algorithm, "use": "sig"}

    def token(self, subject: str = "ada", *, lifetime: float = 300, **claims: Any) -> str:
        """A claim that is None is left out."""
        now = time.time()
        body = {"iss": self.issuer, "aud": self.audience, "sub": subject, "exp": int(now + lifetime), **self.claims}
        kept = {name: value for name, value in (body | claims).items() if value is not None}
        return jwt.encode(kept, self.key, algorithm=self.algorithm, headers={"kid": self.kid})


def jwks(*signers: Signer) -> str:
    return json.dumps({"keys": [signer.jwk for signer in signers]})


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def encoded(part: dict[str, Any]) -> str:
    return jwt.utils.base64url_encode(json.dumps(part).encode()).decode()
