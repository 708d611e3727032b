"""Rows for tests. A row that others lean on is made with it; none of it goes through the services."""

import hashlib
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
from endpoints.domain.scaling_presets import Bounds, Simple, simple_document
from endpoints.domain.scaling_schema import parse, to_json
from endpoints.enums import (
    AlertState,
    BuildState,
    ChannelKind,
    CredentialKind,
    Meter,
    ModelType,
    OperationKind,
    OperationState,
    Phase,
    ProvisioningState,
    ReplicaState,
    Role,
    ScaleOutcome,
    ScanStatus,
    Source,
    UsagePhase,
)

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    """`UserFactory(staff=True)` is one of the site's IT. The password is PASSWORD."""

    class Meta:
        model = models.User
        skip_postgeneration_save = True

    class Params:
        staff = factory.Trait(is_staff=True, is_superuser=True)

    email = factory.Sequence(lambda n: f"person{n}@example.com")

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        return model_class.objects.create_user(password=kwargs.pop("password", PASSWORD), **kwargs)


class WorkspaceFactory(DjangoModelFactory):
    class Meta:
        model = models.Workspace

    name = factory.Sequence(lambda n: f"workspace-{n}")


class RoleAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = models.RoleAssignment

    user = factory.SubFactory(UserFactory)
    workspace = factory.SubFactory(WorkspaceFactory)
    role = Role.CONTRIBUTOR


def member(workspace: models.Workspace, role: Role, **fields: Any) -> models.User:
    """A new person with this role in the workspace."""
    user: models.User = UserFactory(**fields)
    RoleAssignmentFactory(user=user, workspace=workspace, role=role)
    return user


class InstanceTypeFactory(DjangoModelFactory):
    class Meta:
        model = models.InstanceType

    name = factory.Sequence(lambda n: f"small-{n}")
    vcpu = Decimal("1")
    memory_mib = 1024
    price_per_hour = Decimal("0.0400")


class ArtifactFactory(DjangoModelFactory):
    """A row only: no file lies in a store."""

    class Meta:
        model = models.Artifact

    digest = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
    size_bytes = 2048
    file_count = 2


class ModelVersionFactory(DjangoModelFactory):
    """`ModelVersionFactory(mlflow_model=True)` is one that MLflow saved."""

    class Meta:
        model = models.ModelVersion

    class Params:
        mlflow_model = factory.Trait(
            type=ModelType.MLFLOW,
            mlflow={
                "flavors": ["python_function", "sklearn"],
                "signature": {"inputs": [{"name": "age", "type": "double"}], "outputs": None, "params": None},
                "python_version": "3.11.9",
                "requirements": ["scikit-learn==1.7.2"],
                "mlflow_version": "3.17.0",
                "sample": {"input_data": {"columns": ["age"], "index": [0], "data": [[0.0]]}},
            },
        )

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"model-{n}")
    version = 1
    type = ModelType.CUSTOM
    artifact = factory.SubFactory(ArtifactFactory)
    scan_status = ScanStatus.CLEAN


class CodeVersionFactory(DjangoModelFactory):
    class Meta:
        model = models.CodeVersion

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"code-{n}")
    version = 1
    artifact = factory.SubFactory(ArtifactFactory)


class EnvironmentVersionFactory(DjangoModelFactory):
    class Meta:
        model = models.EnvironmentVersion

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"environment-{n}")
    version = 1
    format = models.EnvironmentVersion.Format.REQUIREMENTS
    text = "scikit-learn==1.7.2\n"
    python_version = "3.11"
    requirements = ["scikit-learn==1.7.2"]


class EnvironmentBuildFactory(DjangoModelFactory):
    class Meta:
        model = models.EnvironmentBuild

    spec_hash = factory.Sequence(lambda n: hashlib.sha256(f"build {n}".encode()).hexdigest()[:24])
    python_version = "3.11"
    requirements = ["scikit-learn==1.7.2"]
    state = BuildState.SUCCEEDED


class CredentialFactory(DjangoModelFactory):
    class Meta:
        model = models.Credential

    kind = CredentialKind.PRIMARY
    value = factory.Sequence(lambda n: f"key-number-{n}")


class EndpointFactory(DjangoModelFactory):
    """Running, without deployments and with both keys."""

    class Meta:
        model = models.Endpoint
        skip_postgeneration_save = True

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda n: f"endpoint-{n}")
    state = ProvisioningState.SUCCEEDED

    @factory.post_generation
    def credentials(self, create: bool, extracted: Any, **_: Any) -> None:
        if create and extracted is not False:
            for kind in CredentialKind:
                CredentialFactory(endpoint=self, kind=kind)


class DeploymentFactory(DjangoModelFactory):
    """Running a scoring script; `replicas=2` makes that many ready replicas. `mlflow_model=True`: no code."""

    class Meta:
        model = models.Deployment
        skip_postgeneration_save = True

    class Params:
        mlflow_model = factory.Trait(
            model=factory.SubFactory(
                ModelVersionFactory, mlflow_model=True, workspace=factory.SelfAttribute("..endpoint.workspace")
            ),
            code=None,
            environment=None,
            scoring_script="",
        )

    endpoint = factory.SubFactory(EndpointFactory)
    name = factory.Sequence(lambda n: f"deployment-{n}")
    state = ProvisioningState.SUCCEEDED
    serving_generation = 1
    serving_count = factory.LazyAttribute(lambda row: row.instance_count if row.serving_generation else 0)
    instance_count = 1
    model = factory.SubFactory(ModelVersionFactory, workspace=factory.SelfAttribute("..endpoint.workspace"))
    code = factory.SubFactory(CodeVersionFactory, workspace=factory.SelfAttribute("..endpoint.workspace"))
    scoring_script = "score.py"
    environment = factory.SubFactory(EnvironmentVersionFactory, workspace=factory.SelfAttribute("..endpoint.workspace"))
    environment_hash = factory.LazyFunction(lambda: EnvironmentBuildFactory().spec_hash)
    instance_type = factory.SubFactory(InstanceTypeFactory)

    @factory.post_generation
    def replicas(self, create: bool, extracted: Any, **_: Any) -> None:
        for ordinal in range(extracted or 0 if create else 0):
            ReplicaFactory(deployment=self, ordinal=ordinal)


class ReplicaFactory(DjangoModelFactory):
    """Ready and routed."""

    class Meta:
        model = models.Replica

    deployment = factory.SubFactory(DeploymentFactory)
    generation = factory.SelfAttribute("deployment.generation")
    ordinal = 0
    instance_type = factory.SelfAttribute("deployment.instance_type")
    id = factory.LazyAttribute(lambda row: f"r-{row.deployment.pk.hex[:12]}-{row.generation}-{row.ordinal}")
    socket = factory.LazyAttribute(lambda row: f"/tmp/{row.id}.sock")
    state = ReplicaState.READY
    routed = True
    pid = 4321
    started_at = factory.LazyFunction(timezone.now)
    ready_at = factory.LazyFunction(timezone.now)
    changed_at = factory.LazyFunction(timezone.now)


class AutoscaleSettingFactory(DjangoModelFactory):
    """One to five instances; two more when over 70 % CPU, one less when under 30 %."""

    class Meta:
        model = models.AutoscaleSetting

    deployment = factory.SubFactory(DeploymentFactory)
    setting = factory.LazyFunction(
        lambda: to_json(parse(simple_document(Simple(bounds=Bounds(minimum=1, maximum=5, default=1)))))
    )


class ScaleDecisionFactory(DjangoModelFactory):
    class Meta:
        model = models.ScaleDecision

    deployment = factory.SubFactory(DeploymentFactory)
    outcome = ScaleOutcome.SCALED
    profile = "default"
    from_count = 2
    to_count = 4
    wanted = 4
    reason = "2 -> 4: in flight 9.1 per instance over 5 for 60 s"


class OperationFactory(DjangoModelFactory):
    """Running, in its first phase."""

    class Meta:
        model = models.Operation

    deployment = factory.SubFactory(DeploymentFactory)
    endpoint = factory.SelfAttribute("deployment.endpoint")
    kind = OperationKind.CREATE
    state = OperationState.RUNNING
    generation = factory.SelfAttribute("deployment.generation")
    source = Source.UI
    phases = factory.LazyFunction(
        lambda: [
            {"name": phase.value, "state": "pending", "started_at": None, "finished_at": None, "message": ""}
            for phase in (Phase.ARTIFACTS, Phase.ENVIRONMENT, Phase.START, Phase.PROBE, Phase.ROUTE)
        ]
    )


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


class TestCallFactory(DjangoModelFactory):
    __test__ = False  # not a pytest class

    class Meta:
        model = models.TestCall

    user = factory.SubFactory(UserFactory)
    endpoint = factory.SubFactory(EndpointFactory)
    status = 200
    duration_ms = 4.2
    request_body = '{"data": [[1]]}'
    response_body = "[1.0]"


class SavedRequestFactory(DjangoModelFactory):
    class Meta:
        model = models.SavedRequest

    user = factory.SubFactory(UserFactory)
    endpoint = factory.SubFactory(EndpointFactory)
    name = factory.Sequence(lambda number: f"request {number}")
    body = '{"data": [[1]]}'


class RegistryCredentialFactory(DjangoModelFactory):
    class Meta:
        model = models.RegistryCredential

    workspace = factory.SubFactory(WorkspaceFactory)
    server = "ghcr.io"
    username = "robot"
    password = "hush"


class PersonalTokenFactory(DjangoModelFactory):
    """`PersonalTokenFactory(secret="est_abc")` is what `Bearer est_abc` finds."""

    class Meta:
        model = models.PersonalToken

    class Params:
        secret = factory.Sequence(lambda n: f"est_secret_{n}")

    user = factory.SubFactory(UserFactory)
    name = "laptop"
    prefix = factory.LazyAttribute(lambda row: row.secret[:10])
    digest = factory.LazyAttribute(lambda row: hashlib.sha256(row.secret.encode()).hexdigest())


class DraftFactory(DjangoModelFactory):
    class Meta:
        model = models.Draft

    user = factory.SubFactory(UserFactory)
    workspace = factory.SubFactory(WorkspaceFactory)


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
