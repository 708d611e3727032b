"""Environments: what is installed for a deployment."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import EnvironmentVersion
from endpoints.permissions import Action
from endpoints.selectors.assets import environments_for
from endpoints.services.assets import archive_asset, register_environment
from studio.api.assets import latest_versions, version_of, versions_of
from studio.api.errors import renamed
from studio.api.paging import page_of
from studio.api.serializers.assets import (
    AssetQuery,
    EnvironmentBody,
    EnvironmentDetailSerializer,
    EnvironmentSerializer,
    VersionQuery,
)
from studio.api.view import StudioView, WorkspaceQuery

# Where the text of each format was given.
_IN_BODY = {EnvironmentVersion.Format.CONDA: "conda_file", EnvironmentVersion.Format.REQUIREMENTS: "requirements"}


class EnvironmentView(StudioView):
    tag = "Environments"

    def environment(self, name: str, version: str) -> EnvironmentVersion:
        found: EnvironmentVersion = version_of(self, environments_for, name, version)
        return found


class Environments(EnvironmentView):
    queries = {"get": AssetQuery, "post": WorkspaceQuery}

    @extend_schema(responses=page_of(EnvironmentSerializer))
    def get(self, request: Request) -> Response:
        """List environments.

        The newest version of each."""
        return latest_versions(self, environments_for, EnvironmentSerializer)

    @extend_schema(request=EnvironmentBody, responses={201: EnvironmentDetailSerializer})
    def post(self, request: Request) -> Response:
        """Register an environment.

        It is built when a deployment needs it. The same text as the latest version gives that version."""
        workspace = self.workspace(Action.WRITE)
        body = self.body(EnvironmentBody)
        with renamed({"text": _IN_BODY[body["format"]]}):
            made = register_environment(actor=self.actor, workspace=workspace, **body)
        shown = environments_for(self.person).get(pk=made.pk)
        return Response(EnvironmentDetailSerializer(shown).data, status=201)


class EnvironmentVersions(EnvironmentView):
    queries = {"get": VersionQuery}

    @extend_schema(responses=page_of(EnvironmentSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the versions of an environment."""
        return versions_of(self, environments_for, name, EnvironmentSerializer)


class EnvironmentDetail(EnvironmentView):
    queries = {"get": WorkspaceQuery, "delete": WorkspaceQuery}

    @extend_schema(responses=EnvironmentDetailSerializer)
    def get(self, request: Request, name: str, version: str) -> Response:
        """Show a version of an environment.

        `latest` is a version too."""
        return Response(EnvironmentDetailSerializer(self.environment(name, version)).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, version: str) -> Response:
        """Archive a version of an environment.

        409 while a deployment uses it."""
        archive_asset(actor=self.actor, asset=self.environment(name, version))
        return Response(status=204)
