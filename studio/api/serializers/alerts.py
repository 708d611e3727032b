"""Alert rules, alerts, channels and what they were told."""

from typing import Any

from rest_framework import serializers

from endpoints.domain.alerts import SIGNALS, WINDOWS
from endpoints.domain.scaling_rules import Operator
from endpoints.enums import AlertScope, AlertState, ChannelKind, DeliveryState, Severity
from endpoints.services.alerts import LONGEST_NAME
from studio.api.parsing import StrictSerializer
from studio.api.serializers.fields import maker


class AlertRuleBody(StrictSerializer):
    name = serializers.CharField(max_length=LONGEST_NAME)
    signal = serializers.ChoiceField(list(SIGNALS), help_text="A metric by Azure's name, or one of the studio's own.")
    operator = serializers.ChoiceField(list(Operator))
    threshold = serializers.FloatField()
    recovery = serializers.FloatField(
        required=False, allow_null=True, default=None, help_text="What it must pass on its way back; null: threshold."
    )
    window_seconds = serializers.ChoiceField(list(WINDOWS), required=False, default=300)
    fire_after_seconds = serializers.IntegerField(required=False, default=0, min_value=0)
    resolve_after_seconds = serializers.IntegerField(required=False, default=0, min_value=0)
    severity = serializers.ChoiceField(Severity.choices, required=False, default=Severity.WARNING)
    notify_no_data = serializers.BooleanField(required=False, default=False)
    enabled = serializers.BooleanField(required=False, default=True)
    channels = serializers.ListField(
        child=serializers.CharField(), required=False, default=list, help_text="Names of the workspace's channels."
    )


class NewAlertRuleBody(AlertRuleBody):
    endpoint = serializers.CharField(required=False, help_text="Watch this endpoint; without it, the workspace.")
    deployment = serializers.CharField(required=False, help_text="Of the endpoint, this deployment alone.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("deployment") and not attrs.get("endpoint"):
            raise serializers.ValidationError({"endpoint": "Name the endpoint of the deployment."})
        return attrs


class AlertRuleSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    workspace = serializers.CharField(source="workspace.name")
    scope = serializers.ChoiceField(AlertScope.choices)
    endpoint = serializers.CharField(source="endpoint.name", default=None, allow_null=True)
    deployment = serializers.CharField(source="deployment.name", default=None, allow_null=True)
    name = serializers.CharField()
    signal = serializers.CharField()
    operator = serializers.CharField()
    threshold = serializers.FloatField()
    recovery = serializers.FloatField(allow_null=True)
    window_seconds = serializers.IntegerField()
    fire_after_seconds = serializers.IntegerField()
    resolve_after_seconds = serializers.IntegerField()
    severity = serializers.ChoiceField(Severity.choices)
    notify_no_data = serializers.BooleanField()
    enabled = serializers.BooleanField()
    channels = serializers.ListField(child=serializers.CharField(), source="channel_names")
    silenced_until = serializers.DateTimeField(allow_null=True)
    silence_reason = serializers.CharField()
    state = serializers.ChoiceField(AlertState.choices)
    since = serializers.DateTimeField(help_text="Since when it is in this state.")
    value = serializers.FloatField(allow_null=True, help_text="At the last look; null: no data.")
    evaluated_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField(help_text="Counts the changes; the ETag.")
    created_at = serializers.DateTimeField()
    created_by = maker()


class SilenceBody(StrictSerializer):
    until = serializers.DateTimeField(allow_null=True, help_text="At most 30 days from now; null ends a silence.")
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=200)


class AlertSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    workspace = serializers.CharField(source="workspace.name")
    rule_id = serializers.IntegerField(allow_null=True, help_text="Null when the rule was removed.")
    endpoint = serializers.CharField(source="endpoint.name", default=None, allow_null=True)
    name = serializers.CharField()
    subject = serializers.CharField(help_text="What the rule is about: endpoint/deployment, endpoint or workspace.")
    severity = serializers.ChoiceField(Severity.choices)
    state = serializers.ChoiceField([AlertState.FIRING.value, AlertState.NO_DATA.value])
    condition = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="When it began.")
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    ending = serializers.CharField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.EmailField(source="acknowledged_by.email", default=None, allow_null=True)


class ChannelBody(StrictSerializer):
    kind = serializers.ChoiceField(ChannelKind.choices)
    target = serializers.CharField(
        max_length=2000, write_only=True, help_text="An e-mail address or a URL. Kept encrypted, never shown."
    )


class ChannelSwitchBody(StrictSerializer):
    enabled = serializers.BooleanField()


class ChannelSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    kind = serializers.ChoiceField(ChannelKind.choices)
    enabled = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    created_by = maker()


class NewChannelSerializer(ChannelSerializer):
    secret = serializers.CharField(help_text="Signs what a webhook gets (Standard Webhooks). Shown this once.")


class DeliverySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(help_text="The header webhook-id, or the Message-ID.")
    channel = serializers.CharField(source="channel.name")
    alert_id = serializers.UUIDField(allow_null=True)
    title = serializers.CharField(source="document.title")
    state = serializers.ChoiceField(DeliveryState.choices)
    attempts = serializers.IntegerField()
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
