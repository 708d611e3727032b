"""Operations and their phases."""

from typing import Any

from rest_framework import serializers

from endpoints.enums import OperationKind, OperationState, PhaseState
from endpoints.models import Operation
from studio.api.serializers.fields import FailureField, maker


class PhaseSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.ChoiceField(PhaseState.choices)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    message = serializers.CharField()


class OperationSerializer(serializers.Serializer[Operation]):
    """`status` ends as Succeeded, Failed or Canceled, as clients of Azure's asynchronous operations expect."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(OperationKind.choices)
    status = serializers.ChoiceField(OperationState.choices, source="state")
    endpoint = serializers.CharField(source="endpoint.name")
    deployment = serializers.CharField(source="deployment.name")
    generation = serializers.IntegerField()
    phases = PhaseSerializer(many=True)
    error = FailureField()
    started_at = serializers.DateTimeField(source="created_at")
    finished_at = serializers.DateTimeField(allow_null=True)
    cancel_requested_at = serializers.DateTimeField(allow_null=True)
    created_by = maker()
    source = serializers.CharField()  # type: ignore[assignment]
