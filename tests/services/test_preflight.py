"""What is known of a deployment before any capacity is used: of its model's bytes, of the wheels that it brings."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.preflight import Check
from endpoints.enums import ModelType
from endpoints.models import Deployment, ModelVersion
from endpoints.services import assets
from endpoints.services.deployments import Specification
from endpoints.services.preflight import preflight
from tests.world import SCORE, World

Checked = Callable[[Specification], dict[str, Check]]


@pytest.fixture
def checked(world: World) -> Checked:
    """By name; and nothing was started for it."""

    def check(specification: Specification) -> dict[str, Check]:
        found = {item.name: item for item in preflight(specification, workspace=world.workspace)}
        assert (world.compute.starts, world.builder.starts, Deployment.objects.count()) == ([], [], 0)
        return found

    return check


def pickled(world: World, version: str) -> ModelVersion:
    folder: Path = world.folder({"README": "a model"})
    (folder / "model.pkl").write_bytes(pickle.dumps({"coef_": [1.0], "_sklearn_version": version}))
    return assets.register_model(
        actor=SYSTEM, workspace=world.workspace, name="fitted", type=ModelType.CUSTOM, folder=folder
    )


@pytest.mark.parametrize(
    ("pinned", "outcome", "words"),
    [
        ("scikit-learn==1.7.2", "warning", "saved with scikit-learn 1.5.2; the environment has scikit-learn==1.7.2"),
        ("scikit-learn==1.5.2", "ok", "The model was saved with scikit-learn 1.5.2."),
        ("scikit-learn>=1.5,<1.6", "ok", "The model was saved with scikit-learn 1.5.2."),
    ],
)
def test_the_version_that_pickled_the_model_is_held_against_the_pin(
    world: World, checked: Checked, pinned: str, outcome: str, words: str
) -> None:
    environment = world.environment(text=f"{pinned}\n")
    specification = world.specification(model=pickled(world, "1.5.2"), environment=environment)
    found = checked(specification)["model_versions"]
    assert found.outcome == outcome
    assert words in found.message
    assert found.field == ("environment" if outcome == "warning" else "")


@pytest.mark.parametrize(
    ("wheel", "outcome"),
    [("half-1.0-cp27-cp27m-win32.whl", "error"), ("half-1.0-py3-none-any.whl", "ok")],
)
def test_wheels_among_the_code_are_looked_at(world: World, checked: Checked, wheel: str, outcome: str) -> None:
    code = assets.register_code(
        actor=SYSTEM,
        workspace=world.workspace,
        name="with-wheel",
        folder=world.folder({"score.py": SCORE, f"wheels/{wheel}": "not looked into"}),
    )
    assert checked(world.specification(code=code))["wheels"].outcome == outcome


def test_a_model_that_is_gone_is_told_at_its_field(world: World, checked: Checked) -> None:
    specification = world.specification()
    assert specification.model is not None
    world.store.delete(specification.model.artifact_id)
    found = checked(specification)["specification"]
    assert (found.outcome, found.field) == ("error", "model")
    assert "Register it again" in found.message


def test_every_number_that_is_wrong_is_told_at_once(world: World) -> None:
    wrong = replace(world.specification(), instance_count=0, max_surge="0", request_timeout_ms=200_000)
    fields = {item.field for item in preflight(wrong, workspace=world.workspace)}
    assert fields == {"instance_count", "max_surge", "request_timeout_ms"}
