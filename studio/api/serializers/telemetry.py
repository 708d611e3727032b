"""What was measured, and what it cost."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from endpoints.domain.ranges import PRESETS
from endpoints.selectors.cost import DEFAULT as DEFAULT_COST
from endpoints.selectors.cost import PRESETS as COST_PRESETS
from studio.api.parsing import StrictSerializer


class RangeQuery(StrictSerializer):
    """A preset, or times of one's own."""

    range = serializers.ChoiceField(list(PRESETS), required=False, help_text="1h if nothing is given.")
    to = serializers.CharField(required=False, help_text="ISO 8601, UTC; now if not given.")

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`from` is no name in Python."""
        start = serializers.CharField(required=False, help_text="ISO 8601, UTC.")
        return {**super().get_fields(), "from": start}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "range" in attrs and ("from" in attrs or "to" in attrs):
            raise serializers.ValidationError({"range": "Give range, or from and to."})
        if "to" in attrs and "from" not in attrs:
            raise serializers.ValidationError({"from": "Give from, too."})
        return attrs


class EndpointRangeQuery(RangeQuery):
    deployment = serializers.CharField(required=False, help_text="Only those of this name, deleted ones too.")


class AzureMetricsQuery(RangeQuery):
    metricnames = serializers.CharField(
        max_length=1000, required=False, help_text="Azure's names, by comma; all if nothing is given."
    )
    dimension = serializers.ChoiceField(
        ("statusCodeClass",), required=False, help_text="Beside deployment; of RequestsPerMinute alone."
    )


class CostQuery(StrictSerializer):
    range = serializers.ChoiceField(list(COST_PRESETS), required=False, default=DEFAULT_COST)
    by = serializers.ChoiceField(("hour", "day"), required=False, help_text="hour for up to a week, else day.")


class LatencySerializer(serializers.Serializer[Any]):
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class GaugeSerializer(serializers.Serializer[Any]):
    mean = serializers.FloatField()
    max = serializers.IntegerField(source="high")


class ShareSerializer(serializers.Serializer[Any]):
    mean = serializers.FloatField()
    max = serializers.FloatField()


class TokensPerMinuteSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"in": serializers.FloatField(), "out": serializers.FloatField()}


class BytesPerSecondSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """`in` is no name in Python."""
        return {"in": serializers.FloatField(), "out": serializers.FloatField()}


class ReplicasSerializer(serializers.Serializer[Any]):
    ready = serializers.FloatField(allow_null=True)
    wanted = serializers.FloatField(allow_null=True)


class CopiesSerializer(serializers.Serializer[Any]):
    """Copies of requests for a mirror: in none of the other numbers."""

    requests = serializers.IntegerField()
    requests_per_minute = serializers.FloatField(allow_null=True)
    failures = serializers.IntegerField(help_text="4xx, 5xx, not reached, and the two below.")
    timeouts = serializers.IntegerField()
    dropped = serializers.IntegerField(help_text="Because the deployment had enough copies to work on.")
    latency_ms = LatencySerializer()


class PointSerializer(serializers.Serializer[Any]):
    """One interval. Null is not measured, which is not zero."""

    at = serializers.DateTimeField(help_text="Where the interval begins.")
    requests = serializers.IntegerField()
    requests_per_minute = serializers.FloatField(allow_null=True)
    error_percent = serializers.FloatField(allow_null=True)
    counts = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="2xx, 3xx, 4xx, 5xx; model_errors (424), timeouts, overflows (429), retries, connect_failures; "
        "bytes_in, bytes_out; tokens_in, tokens_out. What is zero is left out.",
    )
    status_classes_per_minute = serializers.DictField(
        child=serializers.FloatField(), allow_null=True, help_text="By 2xx, 3xx, 4xx, 5xx."
    )
    latency_ms = LatencySerializer(help_text="From merged buckets.")
    tokens_per_minute = TokensPerMinuteSerializer(
        allow_null=True, help_text="That its servers read and wrote. Null where none told of any."
    )
    mirror = CopiesSerializer(allow_null=True, help_text="Null where no request was copied to it.")
    in_flight = GaugeSerializer(allow_null=True)
    cpu_cores = serializers.FloatField(allow_null=True, help_text="Per replica.")
    memory_bytes = GaugeSerializer(allow_null=True, help_text="Per replica.")
    disk_percent = ShareSerializer(allow_null=True, help_text="Per replica: how full the disk is that it writes to.")
    gpu_percent = ShareSerializer(allow_null=True, help_text="Per replica: how busy its GPUs are. Null without one.")
    gpu_memory_percent = ShareSerializer(allow_null=True, help_text="Per replica. Null without a GPU.")
    gpu_watts = serializers.FloatField(allow_null=True, help_text="Per replica. Null without a GPU that tells.")
    open_connections = GaugeSerializer(allow_null=True, help_text="From the gateway to the replicas.")
    bytes_per_second = BytesPerSecondSerializer(allow_null=True, help_text="From callers, and to them.")
    replicas = ReplicasSerializer()


class DeploymentMetricsSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    deleted = serializers.BooleanField()
    points = PointSerializer(many=True, help_text="Those that were measured.")


class MarkerSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    kind = serializers.CharField(help_text="traffic, deploy, scale or restart.")
    label = serializers.CharField()  # type: ignore[assignment]


class MetricsSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(help_text="May lie within the last interval: that one is not over.")
    step_seconds = serializers.IntegerField()
    deployments = DeploymentMetricsSerializer(many=True)
    events = MarkerSerializer(many=True, help_text="What changed meanwhile.")


class AzureMetricNameSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()
    localizedValue = serializers.CharField(required=False)


class AzureMetricDimensionSerializer(serializers.Serializer[Any]):
    name = AzureMetricNameSerializer()
    value = serializers.CharField()


class AzureMetricValueSerializer(serializers.Serializer[Any]):
    timeStamp = serializers.DateTimeField(help_text="Where the interval begins.")
    average = serializers.FloatField()


class AzureMetricSeriesSerializer(serializers.Serializer[Any]):
    metadatavalues = AzureMetricDimensionSerializer(many=True)
    data = AzureMetricValueSerializer(many=True, help_text="Those that were measured.")  # type: ignore[assignment]


class AzureMetricSerializer(serializers.Serializer[Any]):
    name = AzureMetricNameSerializer()
    unit = serializers.CharField(help_text="Count, Percent, MilliSeconds or BytesPerSecond.")
    timeseries = AzureMetricSeriesSerializer(many=True)


class AzureMetricsSerializer(serializers.Serializer[Any]):
    timespan = serializers.CharField()
    interval = serializers.CharField(help_text="ISO 8601: PT10S, PT1M, P1D.")
    value = AzureMetricSerializer(many=True)


def _money(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=None, decimal_places=10, **options)


class AmountSerializer(serializers.Serializer[Any]):
    at = serializers.DateTimeField()
    amount = _money()


class DeploymentCostSerializer(serializers.Serializer[Any]):
    endpoint = serializers.CharField(source="deployment.endpoint.name")
    name = serializers.CharField(source="deployment.name")
    deleted = serializers.SerializerMethodField()
    replica_hours = serializers.SerializerMethodField()
    total = _money()
    points = serializers.SerializerMethodField()

    def get_deleted(self, cost: Any) -> bool:
        return cost.deployment.deleted_at is not None

    def get_replica_hours(self, cost: Any) -> float:
        return float(cost.time.total_seconds() / 3600)

    @extend_schema_field(AmountSerializer(many=True))
    def get_points(self, cost: Any) -> Any:
        return AmountSerializer([{"at": at, "amount": amount} for at, amount in cost.amounts.items()], many=True).data


class ForecastSerializer(serializers.Serializer[Any]):
    to_date = _money()
    expected = _money(help_text="Of the whole month in UTC.")
    low = _money(help_text="Four of five times it ends between low and high.")
    high = _money()


class CostSerializer(serializers.Serializer[Any]):
    currency = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    by = serializers.CharField()
    total = _money()
    deployments = DeploymentCostSerializer(many=True, help_text="The dearest first; deleted ones too.")
    month = ForecastSerializer()
