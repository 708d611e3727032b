"""Endpoints, their traffic and their keys."""

from typing import Any

from django.db import transaction
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import Endpoint
from endpoints.permissions import Action
from endpoints.selectors.endpoints import endpoints_for, search_endpoints
from endpoints.services.authentication import set_auth_mode
from endpoints.services.credentials import read_keys, regenerate_key
from endpoints.services.endpoints import create_endpoint, delete_endpoint, update_endpoint
from endpoints.services.traffic import set_traffic
from studio.api.errors import renamed
from studio.api.paging import page_of, paged
from studio.api.serializers.endpoints import (
    EndpointBody,
    EndpointQuery,
    EndpointSerializer,
    EndpointWordsBody,
    KeysSerializer,
    NewKeySerializer,
    RegenerateBody,
    TrafficBody,
    TrafficSerializer,
)
from studio.api.versions import IF_MATCH, etag, expected_version
from studio.api.view import StudioView, WorkspaceQuery


class Endpoints(StudioView):
    tag = "Endpoints"

    queries = {"get": EndpointQuery, "post": WorkspaceQuery}

    @extend_schema(responses=page_of(EndpointSerializer))
    def get(self, request: Request) -> Response:
        """List endpoints.

        Those of every workspace that you are in, by name."""
        found = endpoints_for(self.person, workspace=self.asked_workspace())
        found = search_endpoints(found, self.asked["search"])
        if "provisioning_state" in self.asked:
            found = found.filter(state=self.asked["provisioning_state"])
        return paged(self, found, EndpointSerializer, ordering="name")

    @extend_schema(request=EndpointBody, responses={201: EndpointSerializer})
    def post(self, request: Request) -> Response:
        """Create an endpoint.

        It has no deployment yet. Succeeded once the gateway is seen to route it."""
        workspace = self.workspace(Action.WRITE)
        made = create_endpoint(actor=self.actor, workspace=workspace, **self.body(EndpointBody))
        url = request.build_absolute_uri(reverse("api_endpoint", args=[made.name]))
        return Response(_shown(self.endpoint(made.name)), status=201, headers={"Location": url})


class EndpointDetail(StudioView):
    tag = "Endpoints"

    @extend_schema(responses=EndpointSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show an endpoint.

        The ETag is the version of its settings: words, authentication, limits, CORS."""
        endpoint = self.endpoint(name)
        return Response(_shown(endpoint), headers={"ETag": etag(endpoint.settings_version)})

    @extend_schema(parameters=[IF_MATCH], request=EndpointWordsBody, responses=EndpointSerializer)
    def patch(self, request: Request, name: str) -> Response:
        """Change an endpoint.

        Its description, its tags (replaced as a whole), and how callers show who they are: from when the gateway has
        it, what they sent before is refused."""
        endpoint = self.endpoint(name, Action.WRITE)
        body = self.body(EndpointWordsBody)
        mode = body.pop("auth_mode", None)
        with transaction.atomic():
            version = expected_version(request)
            update_endpoint(actor=self.actor, endpoint=endpoint, expected_version=version, **body)
            if mode is not None:
                set_auth_mode(actor=self.actor, endpoint=endpoint, auth_mode=mode)
        return Response(_shown(endpoint), headers={"ETag": etag(endpoint.settings_version)})

    @extend_schema(request=None, responses={202: EndpointSerializer})
    def delete(self, request: Request, name: str) -> Response:
        """Delete an endpoint.

        With all its deployments. It stops answering at once; then everything drains. Follow it at `Location`,
        which is 404 in the end."""
        endpoint = self.endpoint(name, Action.DELETE)
        delete_endpoint(actor=self.actor, endpoint=endpoint)
        url = request.build_absolute_uri(reverse("api_endpoint", args=[endpoint.name]))
        headers = {"Location": url, "Retry-After": "1"}
        return Response(_shown(self.endpoint(endpoint.name)), status=202, headers=headers)


def _shown(endpoint: Endpoint) -> Any:
    return EndpointSerializer(endpoint).data


class Traffic(StudioView):
    tag = "Traffic"

    @extend_schema(responses=TrafficSerializer)
    def get(self, request: Request, name: str) -> Response:
        """Show the traffic.

        Asked for, and what the gateway was last seen to do. The ETag is the version."""
        return _traffic(self.endpoint(name))

    @extend_schema(parameters=[IF_MATCH], request=TrafficBody, responses=TrafficSerializer)
    def put(self, request: Request, name: str) -> Response:
        """Set the traffic, and the mirror.

        Live once `live` says so: the gateway has confirmed it. With `version` (409) or `If-Match` (412) it is refused
        when somebody else was first."""
        endpoint = self.endpoint(name, Action.WRITE)
        body = self.body(TrafficBody)
        version = expected_version(request, body.pop("version", None))
        mirror = body.pop("mirror_traffic", None)
        changed = set_traffic(actor=self.actor, endpoint=endpoint, expected_version=version, mirror=mirror, **body)
        return _traffic(changed)


def _traffic(endpoint: Endpoint) -> Response:
    return Response(TrafficSerializer(endpoint).data, headers={"ETag": etag(endpoint.traffic_version)})


class KeysList(StudioView):
    tag = "Keys"
    open_while_read_only = frozenset({"post"})
    bodiless = frozenset({"post"})

    @extend_schema(request=None, responses=KeysSerializer)
    def post(self, request: Request, name: str) -> Response:
        """List the keys.

        Azure's listKeys. Reading them stands in the history."""
        endpoint = self.endpoint(name, Action.LIST_KEYS)
        return Response(KeysSerializer(read_keys(actor=self.actor, endpoint=endpoint)).data)


class KeysRegenerate(StudioView):
    tag = "Keys"

    @extend_schema(
        request=RegenerateBody,
        responses=NewKeySerializer,
    )
    def post(self, request: Request, name: str) -> Response:
        """Regenerate a key.

        The old one stops working as soon as the gateway has the change; the other one goes on."""
        endpoint = self.endpoint(name, Action.REGENERATE_KEYS)
        kind = self.body(RegenerateBody)["keyType"]
        with renamed({"key_type": "keyType"}):
            value = regenerate_key(actor=self.actor, endpoint=endpoint, kind=kind)
        return Response({"keyType": kind, "keyValue": value})
