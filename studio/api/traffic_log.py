"""The requests of an endpoint one by one, and which of them are kept."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import Endpoint
from endpoints.permissions import Action
from endpoints.selectors.traffic_log import Wanted, traffic_log
from endpoints.services.traffic_log import set_traffic_log
from studio.api.paging import page_of, paged
from studio.api.serializers.traffic_log import (
    TrafficLogBody,
    TrafficLogEntrySerializer,
    TrafficLogQuery,
    TrafficLogSerializer,
)
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView


class TrafficLog(StudioView):
    tag = "Logs"
    queries = {"get": TrafficLogQuery}

    @extend_schema(responses=page_of(TrafficLogEntrySerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the requests of an endpoint.

        Those that were kept, the newest first; no bodies, keys or query strings."""
        endpoint = self.endpoint(name)
        asked = {field: value for field, value in self.asked.items() if field not in ("cursor", "limit")}
        return paged(self, traffic_log(endpoint, Wanted(**asked)), TrafficLogEntrySerializer, ordering="-at")


class TrafficLogSettings(StudioView):
    tag = "Logs"

    @extend_schema(responses=TrafficLogSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show which requests of an endpoint are kept."""
        return _settings(self.endpoint(name))

    @extend_schema(parameters=[IF_MATCH], request=TrafficLogBody, responses=TrafficLogSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set which requests of an endpoint are kept.

        It holds as soon as the gateway has it."""
        endpoint = self.endpoint(name, Action.WRITE)
        version = expected_version(request)
        given = self.body(TrafficLogBody)
        return _settings(set_traffic_log(actor=self.actor, endpoint=endpoint, expected_version=version, **given))


def _settings(endpoint: Endpoint) -> Response:
    return Response(TrafficLogSerializer(endpoint).data, headers={"ETag": etag(endpoint.settings_version)})
