"""What deployments are made of."""

import hashlib
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from endpoints import models
from endpoints.enums import (
    BuildState,
    ModelType,
    ScanStatus,
)
from tests.factories.people import WorkspaceFactory


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


class RegistryCredentialFactory(DjangoModelFactory):
    class Meta:
        model = models.RegistryCredential

    workspace = factory.SubFactory(WorkspaceFactory)
    server = "ghcr.io"
    username = "robot"
    password = "hush"
