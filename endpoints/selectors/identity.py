"""Whose tokens are believed, as the gateway is told and as IT is shown."""

from collections.abc import Iterator

from django.conf import settings
from django.db.models import QuerySet

from endpoints.domain.errors import NotFound
from endpoints.domain.jwks import key_set
from endpoints.domain.routing import Issuer
from endpoints.enums import AuthMode, IdentityKind
from endpoints.models import IdentityProvider, SigningKey, User
from endpoints.permissions import require_staff

ENDPOINTS = "endpoints"  # the name of the issuer of the tokens that are bound to one endpoint
ENDPOINT_AUDIENCE = "urn:endpoint-studio:endpoint"


def endpoint_issuer() -> str:
    """`iss` of the tokens that are bound to one endpoint: no token of a person is ever taken for one."""
    return f"{settings.STUDIO_PUBLIC_URL}/endpoints"


def studio_issuer() -> str:
    """`iss` of the tokens that the studio gives to people and services."""
    return str(settings.STUDIO_PUBLIC_URL)


def issuers() -> list[Issuer]:
    """Everybody whom the gateway believes: two queries."""
    own = published_keys()
    bound = Issuer(
        name=ENDPOINTS,
        issuer=endpoint_issuer(),
        audiences=(ENDPOINT_AUDIENCE,),
        jwks=key_set(own),
        auth_mode=AuthMode.AML_TOKEN,
    )
    return [bound, *_providers(own)]


def _providers(own: list[dict[str, str]]) -> Iterator[Issuer]:
    for provider in IdentityProvider.objects.enabled():
        yield Issuer(
            name=f"provider-{provider.pk}",
            issuer=provider.location,
            audiences=tuple(provider.audiences),
            jwks=key_set(own if provider.kind == IdentityKind.STUDIO else provider.keys),
            auth_mode=AuthMode.AAD_TOKEN,
            subject_claim=provider.subject_claim,
            groups_claim=provider.groups_claim,
        )


def published_keys() -> list[dict[str, str]]:
    """The studio's JSON Web Keys, the newest first."""
    return list(SigningKey.objects.values_list("public_key", flat=True))


def providers_for(user: User) -> QuerySet[IdentityProvider]:
    require_staff(user)
    return IdentityProvider.objects.all()


def provider_for(user: User, name: str) -> IdentityProvider:
    found = providers_for(user).filter(name=name).first()
    if found is None:
        raise NotFound(f"There is no identity provider “{name}”.")
    return found


def signing_keys_for(user: User) -> QuerySet[SigningKey]:
    require_staff(user)
    return SigningKey.objects.all()
