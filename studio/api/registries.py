"""What a workspace's container images are pulled with."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.permissions import Action, require
from endpoints.selectors.endpoints import workspace_for
from endpoints.selectors.registries import registries_of
from endpoints.services.registries import remove_registry_credential, set_registry_credential
from studio.api.paging import PageQuery, page_of, paged
from studio.api.serializers.registries import RegistryBody, RegistrySerializer
from studio.api.view import StudioView


class Registries(StudioView):
    tag = "Workspaces"
    queries = {"get": PageQuery}

    @extend_schema(responses=page_of(RegistrySerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the container registries that a workspace signs in to.

        Passwords are not shown."""
        found = registries_of(workspace_for(self.person, name))
        return paged(self, found, RegistrySerializer, ordering="id")


class RegistryDetail(StudioView):
    tag = "Workspaces"

    @extend_schema(request=RegistryBody, responses=RegistrySerializer)
    def put(self, request: Request, name: str, server: str) -> Response:
        """Sign in to a container registry.

        Images of the workspace's deployments are pulled with it; in place of an older one. For Contributors."""
        workspace = workspace_for(self.person, name)
        require(self.person, Action.WRITE, workspace)
        body = self.body(RegistryBody)
        made = set_registry_credential(actor=self.actor, workspace=workspace, server=server, **body)
        return Response(RegistrySerializer(made).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, server: str) -> Response:
        """Sign out of a container registry."""
        workspace = workspace_for(self.person, name)
        remove_registry_credential(actor=self.actor, workspace=workspace, server=server)
        return Response(status=204)
