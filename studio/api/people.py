"""The person who asks, and their tokens."""

from datetime import datetime

from django.db.models import prefetch_related_objects
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.errors import Invalid
from endpoints.models import PersonalToken
from endpoints.services.tokens import create_token, revoke_token
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.people import MeSerializer, NewTokenSerializer, TokenBody, TokenSerializer
from studio.api.view import StudioView


class Me(StudioView):
    tag = "People"

    @extend_schema(responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Show who is asking.

        And the roles that they have."""
        prefetch_related_objects([self.person], "role_assignments__workspace")
        return Response(MeSerializer(self.person).data)


class Tokens(StudioView):
    tag = "People"

    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(TokenSerializer))
    def get(self, request: Request) -> Response:
        """List your tokens."""
        return paged(self, self.person.personal_tokens.all(), TokenSerializer, ordering="-id")

    @extend_schema(request=TokenBody, responses={201: NewTokenSerializer})
    def post(self, request: Request) -> Response:
        """Create a token.

        The token itself is in this answer, and never shown again. One made with a token does not outlive it."""
        body = self.body(TokenBody)
        self._check_lifetime(body.get("expires_at"))
        token, secret = create_token(actor=self.actor, **body)
        return Response({**TokenSerializer(token).data, "token": secret}, status=201)

    def _check_lifetime(self, expires_at: datetime | None) -> None:
        own = self.request.auth
        limit = own.expires_at if isinstance(own, PersonalToken) else None
        if limit is not None and (expires_at is None or expires_at > limit):
            raise Invalid({"expires_at": f"The token that you use ends at {limit:%Y-%m-%dT%H:%M:%SZ}; not later."})


class TokenDetail(StudioView):
    tag = "People"

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, token_id: int) -> Response:
        """Revoke a token.

        It stops working at once."""
        revoke_token(actor=self.actor, token_id=token_id)
        return Response(status=204)
