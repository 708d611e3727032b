"""What is measured, billed, limited and told."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from endpoints import models
from endpoints.domain.packing import columns
from endpoints.domain.rollups import SampleValues
from endpoints.enums import (
    AlertState,
    ChannelKind,
    Meter,
    Source,
    UsagePhase,
)
from tests.factories.people import WorkspaceFactory
from tests.factories.serving import DeploymentFactory, EndpointFactory


class EventFactory(DjangoModelFactory):
    class Meta:
        model = models.Event

    class Params:
        endpoint = None
        deployment = None

    workspace = factory.LazyAttribute(lambda row: row.endpoint.workspace if row.endpoint else WorkspaceFactory())
    endpoint_id = factory.LazyAttribute(lambda row: row.endpoint.pk if row.endpoint else None)
    endpoint_name = factory.LazyAttribute(lambda row: row.endpoint.name if row.endpoint else "")
    deployment_id = factory.LazyAttribute(lambda row: row.deployment.pk if row.deployment else None)
    deployment_name = factory.LazyAttribute(lambda row: row.deployment.name if row.deployment else "")
    verb = "endpoint.updated"
    actor_name = "system"
    source = Source.SYSTEM


class SampleFactory(DjangoModelFactory):
    """`values` are SampleValues."""

    class Meta:
        model = models.Sample

    deployment = factory.SubFactory(DeploymentFactory)
    resolution = 10
    at = factory.LazyFunction(lambda: timezone.now().replace(second=0, microsecond=0))

    @classmethod
    def _adjust_kwargs(cls, **kwargs: Any) -> dict[str, Any]:
        return {**columns(kwargs.pop("values", SampleValues())), **kwargs}


class PriceFactory(DjangoModelFactory):
    """Of an online instance type, by its name."""

    class Meta:
        model = models.Price

    meter = Meter.ONLINE
    unit_price = Decimal("0.0400")
    valid_from = factory.LazyFunction(timezone.now)
    created_by = "system"


class UsageFactory(DjangoModelFactory):
    """One minute of one replica."""

    class Meta:
        model = models.Usage

    deployment = factory.SubFactory(DeploymentFactory)
    replica_id = factory.Sequence(lambda n: f"r-{n:012x}-1-0")
    instance_type = factory.SelfAttribute("deployment.instance_type.name")
    phase = UsagePhase.RUNNING
    unit_price = factory.SelfAttribute("deployment.instance_type.price_per_hour")
    started_at = factory.LazyFunction(lambda: timezone.now().replace(minute=0, second=0, microsecond=0))
    ended_at = factory.LazyAttribute(lambda row: row.started_at + timedelta(minutes=1))


class TrafficLogEntryFactory(DjangoModelFactory):
    class Meta:
        model = models.TrafficLogEntry

    endpoint = factory.SubFactory(EndpointFactory)
    at = factory.LazyFunction(timezone.now)
    status = 200
    deployment = "blue"
    method = "POST"
    path = factory.LazyAttribute(lambda row: f"/{row.endpoint.name}/score")
    protocol = "HTTP/1.1"
    request_bytes = 120
    response_bytes = 48
    total_ms = 12
    response_ms = 11
    auth_mode = "key"
    caller = "Primary"
    user_agent = "python-requests/2.32"
    x_request_id = factory.LazyFunction(lambda: str(uuid4()))


class QuotaRequestFactory(DjangoModelFactory):
    """Waits for IT."""

    class Meta:
        model = models.QuotaRequest

    workspace = factory.SubFactory(WorkspaceFactory)
    vcpu = Decimal("64")
    reason = "A launch"


class BudgetFactory(DjangoModelFactory):
    """Of a workspace; tells at 50, 80 and 100 percent, and does nothing else."""

    class Meta:
        model = models.Budget

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"budget-{n}")
    amount = Decimal("100")


class NotificationChannelFactory(DjangoModelFactory):
    class Meta:
        model = models.NotificationChannel

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"channel-{n}")
    kind = ChannelKind.WEBHOOK
    target = "https://hooks.example.com/one"
    secret = "whsec_c2VjcmV0"


class AlertRuleFactory(DjangoModelFactory):
    """More than 5 % of errors over five minutes, told to `channels=[…]`."""

    class Meta:
        model = models.AlertRule
        skip_postgeneration_save = True

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"rule-{n}")
    signal = "ErrorPercentage"
    operator = "GreaterThan"
    threshold = 5.0

    @factory.post_generation
    def channels(self, create: bool, extracted: Any, **_: Any) -> None:
        if create and extracted:
            self.channels.set(extracted)


class AlertFactory(DjangoModelFactory):
    """Open."""

    class Meta:
        model = models.Alert

    rule = factory.SubFactory(AlertRuleFactory)
    workspace = factory.SelfAttribute("rule.workspace")
    endpoint = factory.SelfAttribute("rule.endpoint")
    name = factory.SelfAttribute("rule.name")
    subject = factory.SelfAttribute("rule.subject")
    severity = factory.SelfAttribute("rule.severity")
    state = AlertState.FIRING
    condition = "errors over 5 %, over 5 minutes"
    value = 12.5
    started_at = factory.LazyFunction(timezone.now)
