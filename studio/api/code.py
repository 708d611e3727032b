"""Scoring code."""

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import CodeVersion
from endpoints.permissions import Action
from endpoints.selectors.assets import code_for
from endpoints.services.assets import archive_asset, register_code
from studio.api.assets import files_of, latest_versions, uploaded, version_of, versions_of
from studio.api.paging import page_of
from studio.api.serializers.assets import AssetQuery, CodeBody, CodeSerializer, FileSerializer, VersionQuery
from studio.api.view import StudioView, WorkspaceQuery


class CodeView(StudioView):
    tag = "Code"

    def code(self, name: str, version: str) -> CodeVersion:
        found: CodeVersion = version_of(self, code_for, name, version)
        return found


class Code(CodeView):
    parser_classes = [MultiPartParser]
    queries = {"get": AssetQuery, "post": WorkspaceQuery}

    @extend_schema(responses=page_of(CodeSerializer))
    def get(self, request: Request) -> Response:
        """List scoring code.

        The newest version of each."""
        return latest_versions(self, code_for, CodeSerializer)

    @extend_schema(request={"multipart/form-data": CodeBody}, responses={201: CodeSerializer})
    def post(self, request: Request) -> Response:
        """Register scoring code.

        A folder with a scoring script. The same files as the latest version give that version."""
        workspace = self.workspace(Action.WRITE)
        body = self.body(CodeBody)
        with uploaded(self.person, body) as folder:
            made = register_code(actor=self.actor, workspace=workspace, folder=folder, **body)
        return Response(CodeSerializer(code_for(self.person).get(pk=made.pk)).data, status=201)


class CodeVersions(CodeView):
    queries = {"get": VersionQuery}

    @extend_schema(responses=page_of(CodeSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the versions of scoring code."""
        return versions_of(self, code_for, name, CodeSerializer)


class CodeDetail(CodeView):
    queries = {"get": WorkspaceQuery, "delete": WorkspaceQuery}

    @extend_schema(responses=CodeSerializer)
    def get(self, request: Request, name: str, version: str) -> Response:
        """Show a version of scoring code.

        `latest` is a version too."""
        return Response(CodeSerializer(self.code(name, version)).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, version: str) -> Response:
        """Archive a version of scoring code.

        409 while a deployment uses it."""
        archive_asset(actor=self.actor, asset=self.code(name, version))
        return Response(status=204)


class CodeFiles(CodeView):
    queries = {"get": WorkspaceQuery}

    @extend_schema(responses=page_of(FileSerializer))
    def get(self, request: Request, name: str, version: str) -> Response:
        """List the files of scoring code."""
        return files_of(self.code(name, version).artifact_id)
