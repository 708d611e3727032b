from typing import Any

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from endpoints.domain.errors import NotFound
from endpoints.models import ModelVersion, Workspace
from endpoints.selectors import assets as selectors
from tests.factories import (
    CodeVersionFactory,
    DeploymentFactory,
    EnvironmentBuildFactory,
    EnvironmentVersionFactory,
    InstanceTypeFactory,
    ModelVersionFactory,
)
from tests.people import People


@pytest.fixture
def models(workspace: Workspace) -> list[ModelVersion]:
    """linear:1 and linear:2, of which the second is in use twice; trees:1, which is archived."""
    linear: list[ModelVersion] = [ModelVersionFactory(workspace=workspace, name="linear", version=n) for n in (1, 2)]
    ModelVersionFactory(workspace=workspace, name="trees", archived_at=timezone.now())
    for deleted_at in (None, None, timezone.now()):
        DeploymentFactory(model=linear[1], endpoint__workspace=workspace, deleted_at=deleted_at)
    return linear


def test_versions_that_are_not_archived_with_their_use(people: People, models: list[ModelVersion]) -> None:
    ModelVersionFactory()
    found: Any = selectors.models_for(people.reader)
    seen = [(str(model), model.in_use) for model in found if model.name == "linear"]
    assert seen == [("linear:2", 2), ("linear:1", 0)]
    assert "trees:1" not in map(str, found)
    assert not selectors.models_for(people.stranger).exists()


def test_code_and_environments(people: People, workspace: Workspace) -> None:
    code = CodeVersionFactory(workspace=workspace)
    environment = EnvironmentVersionFactory(workspace=workspace)
    assert list(selectors.code_for(people.reader, workspace=workspace)) == [code]
    assert list(selectors.environments_for(people.reader, workspace=workspace)) == [environment]
    assert not selectors.code_for(people.stranger).exists()
    assert not selectors.environments_for(people.stranger).exists()


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_takes_one_query(
    people: People, workspace: Workspace, count: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ModelVersionFactory.create_batch(count, workspace=workspace)
    with django_assert_num_queries(1):
        shown = [(m.artifact.size_bytes, m.workspace.name) for m in selectors.models_for(people.reader)]
    assert len(shown) == count


@pytest.mark.parametrize(
    ("reference", "version"),
    [("linear:1", 1), ("linear:2", 2), ("linear", 2), ("linear@latest", 2), ("azureml:linear:1", 1)],
)
def test_references(people: People, models: list[ModelVersion], reference: str, version: int) -> None:
    assert selectors.resolve(selectors.models_for(people.reader), reference).version == version


@pytest.mark.parametrize(
    "reference", ["linear:3", "linear:²", "linear:latest", "trees:1", "trees", "", ":", "linear:99999999999999999999"]
)
def test_references_that_lead_nowhere(people: People, models: list[ModelVersion], reference: str) -> None:
    with pytest.raises(NotFound, match="Name it as name:version"):
        selectors.resolve(selectors.models_for(people.reader), reference)


def test_the_newest_of_each_name(people: People, models: list[ModelVersion]) -> None:
    newest = selectors.latest_only(selectors.models_for(people.reader)).filter(name="linear")
    assert list(newest) == [models[1]]


def test_instance_types_on_offer(db: None) -> None:
    dear, cheap = InstanceTypeFactory(price_per_hour=2), InstanceTypeFactory(price_per_hour=1)
    InstanceTypeFactory(enabled=False)
    assert list(selectors.instance_types()) == [cheap, dear]


def test_builds(db: None) -> None:
    build = EnvironmentBuildFactory()
    assert selectors.build_of(build.pk) == build
    assert selectors.build_of("none") is None
