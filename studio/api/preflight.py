"""What is checked before anything starts, and why something failed."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from endpoints.domain.preflight import Outcome
from endpoints.enums import OperationState
from endpoints.permissions import Action
from endpoints.selectors.diagnosis import causes_of
from endpoints.selectors.endpoints import operation_for
from endpoints.services.deployments import Specification
from endpoints.services.preflight import preflight
from studio.api.paging import listed, page_of
from studio.api.serializers.deployments import IN_YAML, DeploymentBody, specification_fields
from studio.api.view import StudioView


class PreflightCheckSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    outcome = serializers.ChoiceField([outcome.value for outcome in Outcome], help_text="running: ask again.")
    message = serializers.CharField()
    field = serializers.CharField(help_text="Where it is to be mended.")


class CauseSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    advice = serializers.CharField()
    evidence = serializers.CharField(help_text="The line of a log that shows it.")
    source = serializers.CharField()  # type: ignore[assignment]
    field = serializers.CharField(help_text="Where it is to be mended.")
    likelihood = serializers.IntegerField(help_text="0 to 100.")


class Preflight(StudioView):
    tag = "Deployments"
    open_while_read_only = frozenset({"post"})

    @extend_schema(request=DeploymentBody, responses=page_of(PreflightCheckSerializer))
    def post(self, request: Request, endpoint: str) -> Response:
        """Check a deployment.

        As it would be created, without creating it: nothing is started for it but the resolution of its requirements.
        """
        found = self.endpoint(endpoint, Action.WRITE)
        body = self.body(DeploymentBody, endpoint=found, user=self.person, workspace=found.workspace)
        checks = preflight(Specification(**specification_fields(body)), workspace=found.workspace, endpoint=found)
        rows = [{**asdict(check), "field": IN_YAML.get(check.field, check.field)} for check in checks]
        return listed(PreflightCheckSerializer(rows, many=True).data)


class OperationCauses(StudioView):
    tag = "Operations"

    @extend_schema(responses=page_of(CauseSerializer))
    def get(self, request: Request, operation_id: UUID) -> Response:
        """Show why an operation failed.

        The likeliest cause first, each with the line of a log that shows it."""
        operation = operation_for(self.person, operation_id)
        failed = operation.state == OperationState.FAILED
        causes = causes_of(operation.deployment, message=operation.failure_message) if failed else []
        return listed(CauseSerializer([asdict(cause) for cause in causes], many=True).data)
