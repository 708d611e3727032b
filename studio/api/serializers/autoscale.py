"""Autoscale settings, in the words of Azure Monitor's rule schema. What is put is read by domain.scaling_schema."""

from typing import Any

from rest_framework import serializers

from endpoints.domain.scaling_metrics import METRICS
from endpoints.domain.scaling_rules import Aggregation, ChangeType, Direction, Operator, Scope, Statistic
from endpoints.domain.schedules import DAYS
from endpoints.enums import ScaleOutcome

LENGTH = "ISO 8601, such as PT5M."


class Capacity(serializers.Serializer[Any]):
    minimum = serializers.IntegerField(help_text="1 to the site's limit, 50 unless IT sets another.")
    maximum = serializers.IntegerField()
    default = serializers.IntegerField(
        help_text="Where it goes when a metric cannot be read and there are fewer instances."
    )


class MetricDimension(serializers.Serializer[Any]):
    dimensionName = serializers.ChoiceField(["statusCodeClass", "deployment"])
    operator = serializers.ChoiceField(["Equals", "NotEquals"])
    values = serializers.ListField(child=serializers.CharField())


class MetricTrigger(serializers.Serializer[Any]):
    metricName = serializers.ChoiceField(list(METRICS))
    metricResource = serializers.ChoiceField(list(Scope), help_text="Azure's metricResourceUri is taken, too.")
    timeGrain = serializers.CharField(help_text=f"{LENGTH} At least PT10S.")
    statistic = serializers.ChoiceField(list(Statistic), help_text="Of the samples in a grain.")
    timeWindow = serializers.CharField(help_text=f"{LENGTH} PT10S to PT12H.")
    timeAggregation = serializers.ChoiceField(list(Aggregation), help_text="Of the grains in the window.")
    operator = serializers.ChoiceField(list(Operator))
    threshold = serializers.FloatField()
    dividePerInstance = serializers.BooleanField()
    dimensions = MetricDimension(many=True)


class ScaleAction(serializers.Serializer[Any]):
    direction = serializers.ChoiceField(list(Direction))
    type = serializers.ChoiceField(list(ChangeType))
    value = serializers.IntegerField()
    cooldown = serializers.CharField(help_text=f"{LENGTH} At most P7D; it holds back both directions.")


class Rule(serializers.Serializer[Any]):
    metricTrigger = MetricTrigger()
    scaleAction = ScaleAction()


class Schedule(serializers.Serializer[Any]):
    timeZone = serializers.CharField(help_text="Europe/Vilnius, or as Windows has it: FLE Standard Time.")
    days = serializers.ListField(child=serializers.ChoiceField(list(DAYS)))
    hours = serializers.ListField(child=serializers.IntegerField())
    minutes = serializers.ListField(child=serializers.IntegerField())


class Recurrence(serializers.Serializer[Any]):
    frequency = serializers.ChoiceField(["Week"])
    schedule = Schedule()


class FixedDate(serializers.Serializer[Any]):
    timeZone = serializers.CharField()
    start = serializers.CharField(help_text="Local, such as 2026-12-24T00:00:00.")
    end = serializers.CharField(help_text="At most 365 days after the start.")


class Profile(serializers.Serializer[Any]):
    name = serializers.CharField()
    capacity = Capacity()
    rules = Rule(many=True, help_text="Up to 10.")
    recurrence = Recurrence(required=False, help_text="Holds from each of these times until another one begins.")
    fixedDate = FixedDate(required=False)


class AutoscaleBody(serializers.Serializer[Any]):
    """Azure's `properties` may be around it, and snake_case is read, too."""

    enabled = serializers.BooleanField(required=False, default=True)
    profiles = Profile(many=True, help_text="1 to 20. Fixed dates come before what recurs, that before the default.")


class RuleNow(serializers.Serializer[Any]):
    condition = serializers.CharField()
    action = serializers.CharField()
    direction = serializers.ChoiceField(list(Direction))
    metric = serializers.CharField()
    value = serializers.FloatField(allow_null=True, help_text="Null: it cannot be read, or there were no requests.")
    seen = serializers.CharField(help_text="The same in words.")
    threshold = serializers.FloatField()
    fires = serializers.BooleanField()


class AutoscaleNow(serializers.Serializer[Any]):
    instance_count = serializers.IntegerField()
    profile = serializers.CharField(source="profile.title")
    rules = RuleNow(many=True)
    outcome = serializers.ChoiceField(ScaleOutcome.choices, source="decision.outcome")
    target = serializers.IntegerField(source="decision.target", help_text="What a look would set now.")
    reason = serializers.CharField(source="decision.reason")
    cooldown_until = serializers.DateTimeField(allow_null=True)
    evaluated_at = serializers.DateTimeField(allow_null=True)


class AutoscaleSerializer(AutoscaleBody):
    version = serializers.IntegerField(help_text="Counts the changes; the ETag.")
    status = AutoscaleNow(help_text="What it sees, and would do now.")


class DecisionInput(serializers.Serializer[Any]):
    rule = serializers.CharField()
    direction = serializers.ChoiceField(list(Direction))
    metric = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField()
    fires = serializers.BooleanField()


class DecisionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    last_at = serializers.DateTimeField(help_text="Of what came out the same again and again.")
    repeats = serializers.IntegerField()
    outcome = serializers.ChoiceField(ScaleOutcome.choices)
    profile = serializers.CharField()
    from_count = serializers.IntegerField()
    to_count = serializers.IntegerField()
    wanted = serializers.IntegerField()
    reason = serializers.CharField()
    inputs = DecisionInput(many=True)
    operation_id = serializers.UUIDField(allow_null=True)
