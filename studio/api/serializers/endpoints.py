"""Endpoints, named as in Azure's YAML (AML/reference-yaml-endpoint-online)."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from endpoints.enums import AuthMode, EndpointKind, ProvisioningState
from endpoints.models import Endpoint
from studio.api.paging import PageQuery
from studio.api.parsing import Only, StrictSerializer
from studio.api.serializers.fields import maker, pairs
from studio.pages.endpoint_frame import host_scoring_uri, scoring_uri

READ_ONLY = "This is read-only."
TRAFFIC_ELSEWHERE = "Traffic is set at …/traffic, once there are deployments to take it."


class EndpointQuery(PageQuery):
    workspace = serializers.CharField(required=False)
    search = serializers.CharField(required=False, default="", allow_blank=True, help_text="In name and description.")
    provisioning_state = serializers.ChoiceField(ProvisioningState.choices, required=False)


class EndpointWordsBody(StrictSerializer):
    """What can be changed of an endpoint."""

    description = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False, max_length=10_000)
    tags = pairs(required=False)
    auth_mode = serializers.ChoiceField(
        AuthMode.choices,
        required=False,
        help_text="key, aml_token or aad_token. Changed, what callers sent before is refused.",
    )

    only = {
        "public_network_access": Only(
            "enabled", "An endpoint cannot be closed to the network here; who calls it needs a key. Leave it out."
        ),
        "mirror_traffic": Only({}, TRAFFIC_ELSEWHERE),
        "traffic": Only({}, TRAFFIC_ELSEWHERE),
    }
    refused = {
        "name": "A name cannot be changed.",
        "identity": "Identities of endpoints are not available here. Leave it out.",
        "compute": "Kubernetes computes are not available yet. Leave it out.",
        "scoring_uri": READ_ONLY,
        "openapi_uri": READ_ONLY,
        "provisioning_state": READ_ONLY,
    }


class EndpointBody(EndpointWordsBody):
    """A new endpoint."""

    name = serializers.CharField()
    kind = serializers.ChoiceField(EndpointKind.choices, required=False, help_text="online is what there is yet.")


class DeploymentBriefSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    provisioning_state = serializers.ChoiceField(ProvisioningState.choices, source="state")
    instance_type = serializers.CharField(source="instance_type.name")
    instance_count = serializers.IntegerField()


class EndpointSerializer(serializers.Serializer[Endpoint]):
    """`traffic` and `mirror_traffic` are what was asked for, `live_…` what the gateway was last seen to do."""

    name = serializers.CharField()
    workspace = serializers.CharField(source="workspace.name")
    kind = serializers.ChoiceField(EndpointKind.choices)
    description = serializers.CharField()
    tags = pairs()
    auth_mode = serializers.ChoiceField(AuthMode.choices)
    provisioning_state = serializers.ChoiceField(ProvisioningState.choices, source="state")
    scoring_uri = serializers.SerializerMethodField()
    openapi_uri = serializers.SerializerMethodField()
    host_scoring_uri = serializers.SerializerMethodField(help_text="At a host of its own; empty without a domain.")
    traffic = serializers.DictField(child=serializers.IntegerField())
    live_traffic = serializers.DictField(child=serializers.IntegerField())
    mirror_traffic = serializers.DictField(
        child=serializers.IntegerField(), help_text="Copies; one deployment at most."
    )
    live_mirror_traffic = serializers.DictField(child=serializers.IntegerField(), source="live_mirror")
    deployments = DeploymentBriefSerializer(many=True, source="live_deployments")
    created_at = serializers.DateTimeField()
    created_by = maker()
    updated_at = serializers.DateTimeField()

    def get_scoring_uri(self, endpoint: Endpoint) -> str:
        return scoring_uri(endpoint)

    def get_host_scoring_uri(self, endpoint: Endpoint) -> str:
        return host_scoring_uri(endpoint)

    def get_openapi_uri(self, endpoint: Endpoint) -> str:
        return f"{settings.STUDIO_GATEWAY_URL}/{endpoint.name}/swagger.json"


class TrafficBody(StrictSerializer):
    traffic = serializers.DictField(
        child=serializers.IntegerField(), help_text="Whole percentages by deployment; they sum to 100, or to 0."
    )
    mirror_traffic = serializers.DictField(
        child=serializers.IntegerField(),
        required=False,
        help_text="Copies of the requests for one deployment without live traffic, at most 50 percent; its answers are "
        "dropped. {} is none; left out, the mirror stays as it is.",
    )
    version = serializers.IntegerField(
        required=False, help_text="That the change was made against; 409 if it is not the present one. Or If-Match."
    )
    reason = serializers.CharField(required=False, allow_blank=True, max_length=500, help_text="For the history.")


class TrafficSerializer(serializers.Serializer[Endpoint]):
    traffic = serializers.DictField(child=serializers.IntegerField(), help_text="What was asked for.")
    version = serializers.IntegerField(source="traffic_version")
    changed_at = serializers.DateTimeField(source="traffic_changed_at", allow_null=True)
    live_traffic = serializers.DictField(
        child=serializers.IntegerField(), help_text="What the gateway was last seen to do."
    )
    mirror_traffic = serializers.DictField(child=serializers.IntegerField(), help_text="Copies that were asked for.")
    live_mirror_traffic = serializers.DictField(
        child=serializers.IntegerField(),
        source="live_mirror",
        help_text="Copies that the gateway was last seen to send.",
    )
    live = serializers.SerializerMethodField(help_text="Whether what was asked for is what the gateway does.")
    live_at = serializers.DateTimeField(allow_null=True)

    def get_live(self, endpoint: Endpoint) -> bool:
        asked, live = (endpoint.traffic, endpoint.mirror_traffic), (endpoint.live_traffic, endpoint.live_mirror)
        return bool(asked == live)


class RegenerateBody(StrictSerializer):
    """Azure's body (AML/how-to-authenticate-online-endpoint)."""

    keyType = serializers.CharField(help_text="Primary or Secondary.")

    refused = {"keyValue": "A key cannot be given; a random one is made. Leave keyValue out."}


class KeysSerializer(serializers.Serializer[Any]):
    primaryKey = serializers.CharField(source="Primary")
    secondaryKey = serializers.CharField(source="Secondary")


class NewKeySerializer(serializers.Serializer[Any]):
    keyType = serializers.CharField()
    keyValue = serializers.CharField(help_text="The new key.")
