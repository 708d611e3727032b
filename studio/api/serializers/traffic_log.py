"""Requests that were kept one by one."""

from typing import Any

from rest_framework import serializers

from endpoints.domain.traffic_log import LEAST_PERCENT, LONGEST_MS, MOST_PERCENT
from endpoints.enums import TrafficLogMode
from endpoints.models import Endpoint, TrafficLogEntry
from endpoints.selectors.traffic_log import CLASSES
from studio.api.paging import PageQuery
from studio.api.parsing import StrictSerializer


class TrafficLogQuery(PageQuery):
    deployment = serializers.CharField(required=False, max_length=32)
    status_class = serializers.ChoiceField(list(CLASSES), required=False, help_text="0: the caller went away first.")
    model_status = serializers.IntegerField(required=False, min_value=0, max_value=999)
    request_id = serializers.CharField(required=False, max_length=100, help_text="x-request-id of the answer.")
    client_request_id = serializers.CharField(required=False, max_length=100, help_text="x-ms-client-request-id.")
    caller = serializers.CharField(
        required=False, max_length=200, help_text="Primary, Secondary, or a token's subject."
    )
    start = serializers.DateTimeField(required=False)
    end = serializers.DateTimeField(required=False, help_text="Before it.")
    min_ms = serializers.IntegerField(
        required=False, min_value=0, max_value=LONGEST_MS, help_text="Took at least so many milliseconds."
    )


class TrafficLogEntrySerializer(serializers.ModelSerializer[TrafficLogEntry]):
    class Meta:
        model = TrafficLogEntry
        exclude = ("id", "endpoint")


class TrafficLogBody(StrictSerializer):
    mode = serializers.ChoiceField(TrafficLogMode.choices)
    percent = serializers.IntegerField(
        required=False,
        min_value=LEAST_PERCENT,
        max_value=MOST_PERCENT,
        help_text="Of a sample, what fails being kept beside it; left out, it stays.",
    )


class TrafficLogSerializer(serializers.Serializer[Endpoint]):
    mode = serializers.ChoiceField(TrafficLogMode.choices, source="traffic_log")
    percent = serializers.IntegerField(source="traffic_log_percent")

    def to_representation(self, instance: Endpoint) -> dict[str, Any]:
        return {"mode": instance.traffic_log, "percent": instance.traffic_log_percent}
