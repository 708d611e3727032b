"""Whose tokens are believed: the studio's own signing keys, and the identity providers that IT trusts."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from endpoints.enums import IdentityKind
from endpoints.models.fields import EncryptedTextField


class SigningKey(models.Model):
    """An RSA key of the studio (RS256: what costs a gateway least to verify).

    The one that is not retired is the newest. It signs once the gateway has confirmed `route_revision`, so that no
    token meets a gateway that does not know its key; a retired one stays published until its last token has expired.
    """

    kid = models.CharField(max_length=64, unique=True)  # RFC 7638: the thumbprint of the public key
    algorithm = models.CharField(max_length=10, default="RS256")
    private_key = EncryptedTextField()  # PEM
    public_key = models.JSONField()  # a JSON Web Key
    route_revision = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = [
            models.UniqueConstraint(
                fields=["algorithm"], condition=models.Q(retired_at__isnull=True), name="one_newest_signing_key"
            )
        ]

    def __str__(self) -> str:
        return self.kid


class IdentityProviderQuerySet(models.QuerySet["IdentityProvider"]):
    def enabled(self) -> "IdentityProviderQuerySet":
        return self.filter(enabled=True)

    def elsewhere(self) -> "IdentityProviderQuerySet":
        return self.exclude(kind=IdentityKind.STUDIO)

    def for_sign_in(self) -> "IdentityProviderQuerySet":
        return self.enabled().elsewhere().exclude(client_id="")


class IdentityProvider(models.Model):
    """An OpenID Connect issuer whose tokens open endpoints of the mode aad_token. The studio itself is one row."""

    name = models.SlugField(max_length=32, unique=True)
    kind = models.CharField(max_length=10, choices=IdentityKind.choices, default=IdentityKind.OTHER)
    issuer = models.CharField(max_length=500, blank=True)  # the claim `iss`; empty: the studio's own URL
    audiences = models.JSONField(default=list)
    jwks_url = models.CharField(max_length=500, blank=True)  # empty: from the discovery document
    pasted_jwks = models.TextField(blank=True)  # in place of all fetching
    subject_claim = models.CharField(max_length=100, default="sub")
    groups_claim = models.CharField(max_length=100, default="groups", blank=True)
    enabled = models.BooleanField(default=True)
    # People sign in through it, where it knows the studio as a client.
    client_id = models.CharField(max_length=200, blank=True)
    client_secret = EncryptedTextField(blank=True, default="")
    label = models.CharField(max_length=60, blank=True)  # of the button; empty: its name
    creates_accounts = models.BooleanField(default=False)  # of those who have none; without any role
    trusts_email = models.BooleanField(default=False)  # although its tokens do not say email_verified
    keys = models.JSONField(default=list, blank=True)  # JSON Web Keys that are believed now
    keys_at = models.DateTimeField(null=True, blank=True)  # when they were last seen there
    checked_at = models.DateTimeField(null=True, blank=True)  # the last attempt
    error = models.TextField(blank=True)  # of the last attempt; the keys of before stay
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects = IdentityProviderQuerySet.as_manager()

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["issuer"], condition=~models.Q(issuer=""), name="one_provider_per_issuer"),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(kind=IdentityKind.STUDIO), name="one_provider_is_the_studio"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """As people read it on their buttons."""
        return self.label or self.name

    @property
    def location(self) -> str:
        """The claim `iss` of its tokens."""
        return self.issuer or settings.STUDIO_PUBLIC_URL
