"""Limits of an endpoint as a whole, and the web pages that may call it."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import Endpoint
from endpoints.permissions import Action
from endpoints.selectors.limits import cors_of
from endpoints.services.limits import set_cors, set_limits
from studio.api.serializers.limits import CorsBody, CorsSerializer, LimitsBody, LimitsSerializer
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView


class EndpointLimits(StudioView):
    tag = "Limits"

    @extend_schema(responses=LimitsSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the limits of an endpoint."""
        return _limits(self.endpoint(name))

    @extend_schema(parameters=[IF_MATCH], request=LimitsBody, responses=LimitsSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set the limits of an endpoint.

        Both of them. They hold for all deployments together, as soon as the gateway has them."""
        endpoint = self.endpoint(name, Action.WRITE)
        version = expected_version(request)
        return _limits(
            set_limits(actor=self.actor, endpoint=endpoint, expected_version=version, **self.body(LimitsBody))
        )


def _limits(endpoint: Endpoint) -> Response:
    return Response(LimitsSerializer(endpoint).data, headers={"ETag": etag(endpoint.settings_version)})


class EndpointCors(StudioView):
    tag = "Limits"

    @extend_schema(responses=CorsSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show which web pages may call an endpoint."""
        return _cors(self.endpoint(name))

    @extend_schema(parameters=[IF_MATCH], request=CorsBody, responses=CorsSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set which web pages may call an endpoint.

        Without origins, none. A page still needs a key or a token."""
        endpoint = self.endpoint(name, Action.WRITE)
        version = expected_version(request)
        return _cors(set_cors(actor=self.actor, endpoint=endpoint, expected_version=version, **self.body(CorsBody)))


def _cors(endpoint: Endpoint) -> Response:
    return Response(CorsSerializer(cors_of(endpoint)).data, headers={"ETag": etag(endpoint.settings_version)})
