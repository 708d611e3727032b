"""Deployments, named as in Azure's YAML (AML/reference-yaml-deployment-managed-online)."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from endpoints import wiring
from endpoints.enums import ModelType, NetworkAccess, ProvisioningState, ReplicaState, ServerKind, SleepState
from endpoints.models import Deployment, default_probe
from endpoints.selectors.assets import code_for, environments_for, models_for
from studio.api.parsing import Only, StrictSerializer
from studio.api.serializers.endpoints import READ_ONLY
from studio.api.serializers.fields import AssetField, EnvironmentField, FailureField, InstanceTypeField, maker, pairs
from studio.pages.deployment_yaml import HIDDEN

PROBES = ("liveness_probe", "readiness_probe")
# What the services call otherwise than the YAML.
IN_YAML = {
    "code": "code_configuration.code",
    "scoring_script": "code_configuration.scoring_script",
    "request_timeout_ms": "request_settings.request_timeout_ms",
    "max_concurrent_requests_per_instance": "request_settings.max_concurrent_requests_per_instance",
    "max_request_bytes": "request_settings.max_request_bytes",
}


class DeploymentQuery(StrictSerializer):
    all_traffic = serializers.BooleanField(
        required=False, help_text="Give it all the traffic as soon as it serves, as with Azure's --all-traffic."
    )


class CodeConfiguration(StrictSerializer):
    code = AssetField(code_for, required=False, help_text="Registered scoring code, azureml:name:version.")
    scoring_script = serializers.CharField(required=False, help_text="Its path within the code.")


class RequestSettings(StrictSerializer):
    request_timeout_ms = serializers.IntegerField(
        required=False, help_text="1 to the site's limit, 180000 unless IT sets another; 5000 if not given."
    )
    max_concurrent_requests_per_instance = serializers.IntegerField(required=False, help_text="1 if not given.")
    max_request_bytes = serializers.IntegerField(required=False, help_text="16 MiB if not given. Not one of Azure's.")

    refused = {"max_queue_wait_ms": "Waiting counts towards request_timeout_ms, as in Azure. Leave it out."}


class Probe(StrictSerializer):
    """Seconds and counts; what is not given stays, or is Azure's default."""

    initial_delay = serializers.FloatField(required=False)
    period = serializers.FloatField(required=False)
    timeout = serializers.FloatField(required=False)
    success_threshold = serializers.IntegerField(required=False)
    failure_threshold = serializers.IntegerField(required=False)


class DeploymentChanges(StrictSerializer):
    """What can be changed of a deployment; what is not given stays."""

    description = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False, max_length=10_000)
    tags = pairs(required=False)
    model = AssetField(models_for, required=False, allow_null=True)
    code_configuration = CodeConfiguration(required=False, allow_null=True)
    server = serializers.ChoiceField(
        ServerKind.choices,
        required=False,
        help_text="Which inference server runs it; if not given triton for a Triton model, custom for an image or a "
        "command, else studio. Not one of Azure's.",
    )
    environment = EnvironmentField(
        environments_for,
        required=False,
        allow_null=True,
        help_text="An MLflow model brings its own. Or {image, inference_config}, as in Azure's YAML.",
    )
    command = serializers.ListField(
        child=serializers.CharField(allow_blank=True, trim_whitespace=False),
        required=False,
        help_text="Of the server custom: its words; {port}, {socket} and {model_dir} stand for the replica's own.",
    )
    image = serializers.CharField(required=False, allow_blank=True, help_text="Of a container, instead of a process.")
    inference_config = serializers.DictField(
        required=False, help_text="liveness_route, readiness_route and scoring_route, each {port, path}."
    )
    model_mount_path = serializers.CharField(
        required=False, allow_blank=True, help_text="Where a container finds its model."
    )
    environment_variables = pairs(required=False, help_text="All of them: those left out are removed.")
    instance_type = InstanceTypeField(required=False)
    instance_count = serializers.IntegerField(required=False)
    request_settings = RequestSettings(required=False)
    egress_public_network_access = serializers.ChoiceField(
        NetworkAccess.choices, required=False, help_text="disabled: the replicas reach nothing of the network."
    )
    liveness_probe = Probe(required=False)
    readiness_probe = Probe(required=False)
    max_surge = serializers.CharField(
        required=False, help_text="Replicas beyond the count in an update: 2, or 25% of them. Not one of Azure's."
    )
    progress_deadline_seconds = serializers.IntegerField(
        required=False,
        allow_null=True,
        help_text="An update without progress for so long stops, and what served serves on; null: as the probes allow.",
    )

    only = {
        "type": Only("managed", "Only managed deployments are available."),
        "app_insights_enabled": Only(False, "There is no Application Insights here; metrics are always kept."),
        "scale_settings": Only({"type": "default"}, "Rules of scaling are a setting of their own: PUT …/autoscale/."),
    }
    refused = {
        "name": "A name cannot be changed.",
        "endpoint_name": "A deployment stays under its endpoint.",
        "data_collector": "Payloads are not collected here. Leave it out.",
        "identity": "Identities are not available here. Leave it out.",
        "resources": "The size of a replica is its instance_type. Leave it out.",
        "provisioning_state": READ_ONLY,
    }

    def validate_environment_variables(self, variables: dict[str, str]) -> dict[str, str]:
        hidden = [name for name, value in variables.items() if value == HIDDEN]
        if hidden:
            raise serializers.ValidationError(f"“{HIDDEN}” stands for a value that was not shown: {', '.join(hidden)}.")
        return variables


class DeploymentBody(DeploymentChanges):
    """A new deployment."""

    name = serializers.CharField()
    endpoint_name = serializers.CharField(required=False, help_text="As in the URL, if given.")
    instance_type = InstanceTypeField()

    def validate_endpoint_name(self, name: str) -> str:
        expected: str = self.context["endpoint"].name
        if name.lower() != expected.lower():
            raise serializers.ValidationError(f"The URL says “{expected}”.")
        return name


def specification_fields(body: Mapping[str, Any], present: Deployment | None = None) -> dict[str, Any]:
    """The body as fields of services.deployments.Specification; what is given of a block changes that part of it."""
    fields = {name: body[name] for name in _PLAIN if name in body} | dict(body.get("request_settings", {}))
    if isinstance(fields.get("environment"), dict):
        fields |= {"environment": None, **fields.pop("environment")}
    if present is None and "server" not in fields:
        fields["server"] = _server(fields)
    if "code_configuration" in body:
        fields |= body["code_configuration"] or {"code": None, "scoring_script": ""}
    for name in PROBES:
        if name in body:
            fields[name] = {**(getattr(present, name) if present else default_probe()), **body[name]}
    return fields


def _server(fields: Mapping[str, Any]) -> str:
    """What Azure, which does not name it, would run."""
    model = fields.get("model")
    if model is not None and model.type == ModelType.TRITON:
        return ServerKind.TRITON
    return ServerKind.CUSTOM if fields.get("image") or fields.get("command") else ServerKind.STUDIO


_PLAIN = (
    "model",
    "server",
    "command",
    "image",
    "inference_config",
    "model_mount_path",
    "environment",
    "environment_variables",
    "instance_type",
    "instance_count",
    "egress_public_network_access",
    "max_surge",
    "progress_deadline_seconds",
)


class ConditionSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    status = serializers.ChoiceField(("True", "False", "Unknown"))
    reason = serializers.CharField(help_text="A word for programs.")
    message = serializers.CharField(help_text="A sentence for people.")
    lastTransitionTime = serializers.DateTimeField(help_text="Since when it has its status.")


class ReplicaSerializer(serializers.Serializer[Any]):
    ordinal = serializers.IntegerField()
    generation = serializers.IntegerField()
    state = serializers.ChoiceField(ReplicaState.choices)
    routed = serializers.BooleanField(help_text="Whether the gateway sends it requests.")
    restarts = serializers.IntegerField()
    exit_code = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    message = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    ready_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)
    conditions = ConditionSerializer(many=True, help_text="Ready and Live, as its probes say.")


class _CodeShown(serializers.Serializer[Deployment]):
    code = AssetField(code_for)
    scoring_script = serializers.CharField()


class _RequestSettingsShown(serializers.Serializer[Deployment]):
    request_timeout_ms = serializers.IntegerField()
    max_concurrent_requests_per_instance = serializers.IntegerField()
    max_request_bytes = serializers.IntegerField()


class DeploymentSerializer(serializers.Serializer[Any]):
    """Values of environment variables are shown to who may write, else they read “<not shown>”."""

    name = serializers.CharField()
    endpoint_name = serializers.CharField(source="endpoint.name")
    description = serializers.CharField()
    tags = pairs()
    model = AssetField(models_for, allow_null=True)
    code_configuration = _CodeShown(source="*")
    server = serializers.ChoiceField(ServerKind.choices)
    command = serializers.ListField(child=serializers.CharField())
    image = serializers.CharField()
    inference_config = serializers.DictField()
    model_mount_path = serializers.CharField()
    environment = AssetField(environments_for, allow_null=True)
    environment_variables = pairs()
    instance_type = serializers.CharField(source="instance_type.name")
    instance_count = serializers.IntegerField()
    request_settings = _RequestSettingsShown(source="*")
    egress_public_network_access = serializers.CharField()
    isolation = serializers.SerializerMethodField(help_text="How the replicas are kept from the machine they run on.")
    liveness_probe = Probe()
    readiness_probe = Probe()
    max_surge = serializers.CharField()
    progress_deadline_seconds = serializers.IntegerField(allow_null=True)
    conditions = ConditionSerializer(many=True, help_text="Available, Ready, Live, Progressing, Degraded.")
    provisioning_state = serializers.ChoiceField(ProvisioningState.choices, source="state")
    error = FailureField()
    scale_to_zero_after = serializers.IntegerField(
        allow_null=True, help_text="Seconds without a request until no replica runs; null: never."
    )
    sleep = serializers.ChoiceField(
        SleepState.choices, help_text="asleep: the next request starts its replicas. stopped: a person does."
    )
    sleep_reason = serializers.CharField(help_text="Why it was stopped, or cannot wake.")
    generation = serializers.IntegerField(help_text="Counts the changes of what runs; the ETag.")
    serving_generation = serializers.IntegerField(allow_null=True, help_text="Which one answers now.")
    ready_replicas = serializers.SerializerMethodField(help_text="Ready, and the gateway sends them requests.")
    created_at = serializers.DateTimeField()
    created_by = maker()
    updated_at = serializers.DateTimeField()

    def get_isolation(self, deployment: Deployment) -> dict[str, Any]:
        return asdict(wiring.compute().isolation())

    def get_ready_replicas(self, deployment: Deployment) -> int:
        return sum(replica.state == ReplicaState.READY and replica.routed for replica in deployment.replicas.all())

    def to_representation(self, instance: Deployment) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        if instance.code is None:
            shown["code_configuration"] = None
        if not self.context["may_write"]:
            shown["environment_variables"] = dict.fromkeys(shown["environment_variables"], HIDDEN)
        return shown
