"""What a deployment's model server says of its requests."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.selectors.schemas import request_schema
from studio.api.view import StudioView


class RequestSchemaSerializer(serializers.Serializer[Any]):
    schema = serializers.JSONField(help_text="JSON Schema of the body that POST …/score takes; {} if nothing is known.")
    sample = serializers.JSONField(allow_null=True, help_text="A body to try; null if nothing is known.")


class DeploymentSchema(StudioView):
    tag = "Deployments"

    @extend_schema(responses=RequestSchemaSerializer)
    def get(self, request: Request, endpoint: str, name: str) -> Response:
        """Show the schema of requests.

        From the Swagger document of the model server, asked once for each generation."""
        return Response(RequestSchemaSerializer(request_schema(self.deployment(endpoint, name))).data)
