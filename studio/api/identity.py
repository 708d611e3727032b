"""Tokens for callers; and for the site's IT, whose tokens are believed."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.permissions import require_staff
from endpoints.selectors.identity import provider_for, providers_for, signing_keys_for
from endpoints.services.access_tokens import data_plane_token, token_for
from endpoints.services.identity import add_provider, refresh_provider, remove_provider, update_provider
from endpoints.services.signing import rotate
from endpoints.services.token_checks import check_token
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.identity import (
    AccessTokenSerializer,
    EndpointTokenSerializer,
    ProviderBody,
    ProviderChangesBody,
    ProviderSerializer,
    RotateBody,
    SigningKeySerializer,
    TokenCheckBody,
    TokenCheckSerializer,
)
from studio.api.view import StudioView


class EndpointToken(StudioView):
    tag = "Tokens"
    open_while_read_only = frozenset({"post"})
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses=EndpointTokenSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Get a token of an endpoint.

        Azure's token/action. Of an endpoint with aml_token it opens that one alone, whoever holds it, and its issue
        stands in the history; with aad_token it says who you are, and your role decides."""
        token = token_for(actor=self.actor, endpoint=self.endpoint(name, None))
        return Response(EndpointTokenSerializer(token).data)


class AccessToken(StudioView):
    tag = "Tokens"
    open_while_read_only = frozenset({"post"})
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses=AccessTokenSerializer)
    def post(self, request: Request) -> Response:
        """Get a token of your own.

        For the endpoints with aad_token on which you have a role to score. Getting one needs no role."""
        return Response(AccessTokenSerializer(data_plane_token(actor=self.actor)).data)


class ITView(StudioView):
    """Of the site's IT: everybody else learns only that."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_staff(self.person)


class Providers(ITView):
    tag = "Identity providers"
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(ProviderSerializer))
    def get(self, request: Request) -> Response:
        """List identity providers.

        Whose tokens open endpoints with aad_token. IT's."""
        return paged(self, providers_for(self.person), ProviderSerializer, ordering="name")

    @extend_schema(request=ProviderBody, responses={201: ProviderSerializer})
    def post(self, request: Request) -> Response:
        """Add an identity provider.

        Its discovery document and its keys are fetched first. Believed as soon as the gateway has it."""
        provider = add_provider(actor=self.actor, **self.body(ProviderBody))
        url = request.build_absolute_uri(reverse("api_identity_provider", args=[provider.name]))
        return Response(ProviderSerializer(provider).data, status=201, headers={"Location": url})


class ProviderDetail(ITView):
    tag = "Identity providers"

    @extend_schema(responses=ProviderSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show an identity provider."""
        return Response(ProviderSerializer(provider_for(self.person, name)).data)

    @extend_schema(request=ProviderChangesBody, responses=ProviderSerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Change an identity provider.

        Disabled, its tokens open nothing; it keeps its settings."""
        provider = provider_for(self.person, name)
        changes = self.body(ProviderChangesBody)
        return Response(ProviderSerializer(update_provider(actor=self.actor, provider=provider, **changes)).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str) -> Response:
        """Remove an identity provider."""
        remove_provider(actor=self.actor, provider=provider_for(self.person, name))
        return Response(status=204)


class ProviderRefresh(ITView):
    tag = "Identity providers"
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses=ProviderSerializer)
    def post(self, request: Request, name: str) -> Response:
        """Fetch the keys of an identity provider now.

        They are fetched every five minutes anyway. Where that fails, `error` says why and the keys of before stay."""
        provider = refresh_provider(actor=self.actor, provider=provider_for(self.person, name))
        return Response(ProviderSerializer(provider).data)


class TokenChecks(ITView):
    tag = "Identity providers"
    open_while_read_only = frozenset({"post"})

    @extend_schema(request=TokenCheckBody, responses=TokenCheckSerializer)
    def post(self, request: Request) -> Response:
        """Check a token.

        What the gateway would say of it, and why. Nothing of it is kept."""
        body = self.body(TokenCheckBody)
        return Response(TokenCheckSerializer(check_token(actor=self.actor, **body)).data)


class SigningKeys(ITView):
    tag = "Identity providers"
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(SigningKeySerializer))
    def get(self, request: Request) -> Response:
        """List signing keys.

        The studio's own. The public keys stand at /.well-known/jwks.json."""
        return paged(self, signing_keys_for(self.person), SigningKeySerializer, ordering="-id")

    @extend_schema(request=RotateBody, responses={201: SigningKeySerializer})
    def post(self, request: Request) -> Response:
        """Rotate the signing key.

        The new one signs as soon as the gateway has it; the old one is believed until its tokens have expired."""
        return Response(SigningKeySerializer(rotate(actor=self.actor, **self.body(RotateBody))).data, status=201)
