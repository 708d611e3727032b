"""Tokens, identity providers and signing keys."""

from typing import Any

from rest_framework import serializers

from endpoints.enums import IdentityKind
from endpoints.models import IdentityProvider, SigningKey
from studio.api.parsing import StrictSerializer


class EndpointTokenSerializer(serializers.Serializer[Any]):
    """Azure's answer (AML/how-to-authenticate-online-endpoint)."""

    accessToken = serializers.CharField(source="value")
    tokenType = serializers.SerializerMethodField()
    expiryTimeUtc = serializers.DateTimeField(source="expires_at")
    refreshAfterTimeUtc = serializers.DateTimeField(source="refresh_after", help_text="Get the next one from then on.")

    def get_tokenType(self, _: Any) -> str:
        return "Bearer"


class AccessTokenSerializer(serializers.Serializer[Any]):
    accessToken = serializers.CharField(source="value")
    expiryTimeUtc = serializers.DateTimeField(source="expires_at")


class ProviderChangesBody(StrictSerializer):
    audiences = serializers.ListField(child=serializers.CharField(), required=False, help_text="Any of them will do.")
    jwks_url = serializers.CharField(
        required=False, allow_blank=True, help_text="Where its keys are; empty: where its discovery document says."
    )
    pasted_jwks = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=100_000,
        help_text="A JSON Web Key Set, where the studio cannot reach the provider. Nothing is fetched then.",
    )
    subject_claim = serializers.CharField(required=False, help_text="oid for Entra ID, else sub, if not given.")
    groups_claim = serializers.CharField(required=False, allow_blank=True, help_text="Empty: groups do not count.")
    client_id = serializers.CharField(
        required=False, allow_blank=True, max_length=200, help_text="With one, people sign in to the studio through it."
    )
    client_secret = serializers.CharField(
        required=False,
        allow_blank=True,
        max_length=1000,
        help_text="Kept encrypted, never shown; a public client has none.",
    )
    label = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_blank=True, max_length=60, help_text="On its button."
    )
    creates_accounts = serializers.BooleanField(required=False, help_text="Of those who have none; without any role.")
    trusts_email = serializers.BooleanField(
        required=False, help_text="Take its addresses although it does not say that they were verified."
    )
    enabled = serializers.BooleanField(required=False)

    refused = {
        "issuer": "The issuer cannot be changed: that would be another provider. Add one.",
        "name": "A name cannot be changed.",
        "kind": "The kind cannot be changed.",
        "keys": "Keys are fetched, or given as pasted_jwks.",
    }


class ProviderBody(ProviderChangesBody):
    name = serializers.CharField()
    kind = serializers.ChoiceField(
        [choice for choice in IdentityKind.choices if choice[0] != IdentityKind.STUDIO], required=False
    )
    issuer = serializers.CharField(help_text="The claim iss of its tokens; its discovery document is below it.")
    audiences = serializers.ListField(child=serializers.CharField(), help_text="Any of them will do.")
    enabled = None  # type: ignore[assignment]  # a new one is

    refused = {
        "keys": ProviderChangesBody.refused["keys"],
        "enabled": "A new provider is enabled. Leave it out.",
    }


class ProviderSerializer(serializers.Serializer[IdentityProvider]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(IdentityKind.choices)
    issuer = serializers.CharField(source="location")
    audiences = serializers.ListField(child=serializers.CharField())
    jwks_url = serializers.CharField()
    subject_claim = serializers.CharField()
    groups_claim = serializers.CharField()
    client_id = serializers.CharField(help_text="Empty: nobody signs in through it.")
    label = serializers.CharField()  # type: ignore[assignment]
    creates_accounts = serializers.BooleanField()
    trusts_email = serializers.BooleanField()
    enabled = serializers.BooleanField()
    key_count = serializers.SerializerMethodField(help_text="Of those that are believed; the studio's own apart.")
    keys_at = serializers.DateTimeField(allow_null=True, help_text="When they were last seen there.")
    checked_at = serializers.DateTimeField(allow_null=True, help_text="The last attempt.")
    error = serializers.CharField(help_text="Of the last attempt; the keys of before are believed on.")

    def get_key_count(self, provider: IdentityProvider) -> int:
        return len(provider.keys)


class SigningKeySerializer(serializers.Serializer[SigningKey]):
    kid = serializers.CharField()
    algorithm = serializers.CharField()
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(allow_null=True, help_text="Since when a newer one signs.")


class RotateBody(StrictSerializer):
    revoke = serializers.BooleanField(
        required=False, help_text="Forget the old keys at once: every token that the studio has issued stops working."
    )


class TokenCheckBody(StrictSerializer):
    token = serializers.CharField(max_length=16_384)
    endpoint = serializers.CharField(required=False, help_text="Also say whether it opens this one.")


class CheckSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    passed = serializers.BooleanField()
    words = serializers.CharField()


class TokenCheckSerializer(serializers.Serializer[Any]):
    accepted = serializers.BooleanField(help_text="What the gateway would say.")
    checks = CheckSerializer(many=True, help_text="Up to the first that fails.")
    claims = serializers.DictField(help_text="What the token says of itself, true or not.")
