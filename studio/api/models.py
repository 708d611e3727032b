"""Registered models."""

from drf_spectacular.utils import extend_schema
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.models import ModelVersion
from endpoints.permissions import Action
from endpoints.selectors.assets import models_for
from endpoints.services.assets import archive_asset, register_model
from studio.api.assets import files_of, latest_versions, uploaded, version_of, versions_of
from studio.api.paging import page_of
from studio.api.serializers.assets import AssetQuery, FileSerializer, ModelBody, ModelSerializer, VersionQuery
from studio.api.view import StudioView, WorkspaceQuery


class ModelView(StudioView):
    tag = "Models"

    def model(self, name: str, version: str) -> ModelVersion:
        found: ModelVersion = version_of(self, models_for, name, version)
        return found


class Models(ModelView):
    parser_classes = [MultiPartParser]
    queries = {"get": AssetQuery, "post": WorkspaceQuery}

    @extend_schema(responses=page_of(ModelSerializer))
    def get(self, request: Request) -> Response:
        """List models.

        The newest version of each."""
        return latest_versions(self, models_for, ModelSerializer)

    @extend_schema(request={"multipart/form-data": ModelBody}, responses={201: ModelSerializer})
    def post(self, request: Request) -> Response:
        """Register a model.

        Its files are scanned and stored by their content; they are never loaded here."""
        workspace = self.workspace(Action.WRITE)
        body = self.body(ModelBody)
        with uploaded(self.person, body) as folder:
            made = register_model(actor=self.actor, workspace=workspace, folder=folder, **body)
        return Response(ModelSerializer(models_for(self.person).get(pk=made.pk)).data, status=201)


class ModelVersions(ModelView):
    queries = {"get": VersionQuery}

    @extend_schema(responses=page_of(ModelSerializer))
    def get(self, request: Request, name: str) -> Response:
        """List the versions of a model."""
        return versions_of(self, models_for, name, ModelSerializer)


class ModelDetail(ModelView):
    queries = {"get": WorkspaceQuery, "delete": WorkspaceQuery}

    @extend_schema(responses=ModelSerializer)
    def get(self, request: Request, name: str, version: str) -> Response:
        """Show a version of a model.

        `latest` is a version too."""
        return Response(ModelSerializer(self.model(name, version)).data)

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, name: str, version: str) -> Response:
        """Archive a version of a model.

        409 while a deployment uses it."""
        archive_asset(actor=self.actor, asset=self.model(name, version))
        return Response(status=204)


class ModelFiles(ModelView):
    queries = {"get": WorkspaceQuery}

    @extend_schema(responses=page_of(FileSerializer))
    def get(self, request: Request, name: str, version: str) -> Response:
        """List the files of a model."""
        return files_of(self.model(name, version).artifact_id)
