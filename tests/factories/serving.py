"""Endpoints, deployments and what becomes of them."""

from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from endpoints import models
from endpoints.domain.scaling_presets import Bounds, Simple, simple_document
from endpoints.domain.scaling_schema import parse, to_json
from endpoints.enums import (
    CredentialKind,
    OperationKind,
    OperationState,
    Phase,
    ProvisioningState,
    ReplicaState,
    ScaleOutcome,
    Source,
)
from tests.factories.assets import (
    CodeVersionFactory,
    EnvironmentBuildFactory,
    EnvironmentVersionFactory,
    InstanceTypeFactory,
    ModelVersionFactory,
)
from tests.factories.people import UserFactory, WorkspaceFactory


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


class CredentialFactory(DjangoModelFactory):
    class Meta:
        model = models.Credential

    kind = CredentialKind.PRIMARY
    value = factory.Sequence(lambda n: f"key-number-{n}")


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


class DraftFactory(DjangoModelFactory):
    class Meta:
        model = models.Draft

    user = factory.SubFactory(UserFactory)
    workspace = factory.SubFactory(WorkspaceFactory)


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
