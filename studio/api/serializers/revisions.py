"""What a deployment was, generation by generation."""

from typing import Any

from rest_framework import serializers

from endpoints.enums import RevisionOutcome, ServerKind
from endpoints.models import DeploymentRevision
from endpoints.selectors.assets import code_for, environments_for, models_for
from studio.api.parsing import StrictSerializer
from studio.api.schema import ChangedFieldSerializer
from studio.api.serializers.deployments import Probe
from studio.api.serializers.fields import AssetField, FailureField, pairs
from studio.pages.deployment_yaml import HIDDEN


class RevisionSerializer(serializers.Serializer[Any]):
    """Values of environment variables are shown to who may write, else they read “<not shown>”."""

    generation = serializers.IntegerField()
    outcome = serializers.ChoiceField(RevisionOutcome.choices, help_text="Succeeded once it served in full.")
    serving = serializers.SerializerMethodField(help_text="Whether it answers now.")
    error = FailureField()
    reason = serializers.CharField()
    rolled_back_to = serializers.IntegerField(allow_null=True, help_text="The generation that it was taken from.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField(source="actor_name")
    model = AssetField(models_for, allow_null=True)
    code = AssetField(code_for, allow_null=True)
    scoring_script = serializers.CharField()
    server = serializers.ChoiceField(ServerKind.choices)
    command = serializers.ListField(child=serializers.CharField())
    image = serializers.CharField()
    inference_config = serializers.DictField()
    model_mount_path = serializers.CharField()
    environment = AssetField(environments_for, allow_null=True)
    environment_variables = pairs()
    instance_type = serializers.CharField(source="instance_type.name")
    instance_count = serializers.IntegerField()
    request_timeout_ms = serializers.IntegerField()
    max_concurrent_requests_per_instance = serializers.IntegerField()
    max_request_bytes = serializers.IntegerField()
    egress_public_network_access = serializers.CharField()
    liveness_probe = Probe()
    readiness_probe = Probe()
    max_surge = serializers.CharField()
    progress_deadline_seconds = serializers.IntegerField(allow_null=True)

    def get_serving(self, revision: DeploymentRevision) -> bool:
        return bool(revision.generation == self.context["deployment"].serving_generation)

    def to_representation(self, instance: DeploymentRevision) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if not self.context["may_write"]:
            shown["environment_variables"] = dict.fromkeys(shown["environment_variables"], HIDDEN)
        return shown


class DiffQuery(StrictSerializer):
    against = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="The generation to compare with; if not given, the present one.",
    )


class DiffSerializer(serializers.Serializer[Any]):
    """From `before` to `after`, which are generations."""

    before = serializers.IntegerField()
    after = serializers.IntegerField()
    changes = ChangedFieldSerializer(many=True)
