from dataclasses import replace
from typing import Any

import pytest

from endpoints import wiring
from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Invalid
from endpoints.models import ModelVersion
from endpoints.services import assets
from endpoints.services.deployments import Specification
from endpoints.services.specification import check_specification, environment_spec
from tests.factories import InstanceTypeFactory, ModelVersionFactory, WorkspaceFactory
from tests.world import World

MLMODEL = """
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.9}
  sklearn: {pickled_model: model.pkl}
mlflow_version: 3.17.0
signature:
  inputs: '[{"name": "age", "type": "double"}]'
  outputs: '[{"type": "double"}]'
"""


@pytest.fixture
def mlflow_model(world: World) -> ModelVersion:
    folder = world.folder({"MLmodel": MLMODEL, "requirements.txt": "mlflow==3.17.0\nscikit-learn==1.7.2\n"})
    return assets.register_model(
        actor=SYSTEM, workspace=world.workspace, name="linear", type="mlflow_model", folder=folder
    )


def refused(world: World, **changes: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        check_specification(replace(world.specification(), **changes), workspace=world.workspace)
    return caught.value.fields


def test_a_scoring_script_that_can_run(world: World) -> None:
    specification = world.specification()
    assert check_specification(specification, workspace=world.workspace) is specification


def test_environment_holds_what_the_server_needs(world: World) -> None:
    spec = environment_spec(world.specification())
    assert spec.python_version == "3.11"
    assert "numpy==2.3.4" in spec.requirements
    assert len(spec.requirements) == 1 + len(wiring.runtime_requirements())


def test_an_mlflow_model_brings_its_own(world: World, mlflow_model: ModelVersion) -> None:
    specification = Specification(model=mlflow_model, instance_type=world.instance_type())
    check_specification(specification, workspace=world.workspace)
    assert {"mlflow-skinny==3.17.0", "scikit-learn==1.7.2"} <= set(environment_spec(specification).requirements)


def test_an_mlflow_model_may_have_another_environment(world: World, mlflow_model: ModelVersion) -> None:
    specification = Specification(
        model=mlflow_model, environment=world.environment(), instance_type=world.instance_type()
    )
    check_specification(specification, workspace=world.workspace)
    assert "scikit-learn==1.7.2" not in environment_spec(specification).requirements


def test_an_mlflow_model_with_a_scoring_script(world: World, mlflow_model: ModelVersion) -> None:
    """The script runs in the model's own environment, unless another one is given; but it must be there."""
    specification = Specification(
        model=mlflow_model, code=world.code(), scoring_script="score.py", instance_type=world.instance_type()
    )
    check_specification(specification, workspace=world.workspace)
    assert "scikit-learn==1.7.2" in environment_spec(specification).requirements
    assert (
        "There is: score.py."
        in refused(world, model=mlflow_model, environment=None, scoring_script="missing.py")["scoring_script"]
    )
    assert refused(world, model=mlflow_model, code=None)["code"] == "A scoring script needs the code that it is in."


def test_what_a_scoring_script_needs(world: World) -> None:
    assert "needs scoring code" in refused(world, code=None)["code"]
    assert "needs an environment" in refused(world, environment=None)["environment"]
    assert refused(world, scoring_script="../score.py")["scoring_script"].endswith("There is: score.py.")


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"instance_count": 0}, "instance_count", "from 1 to 50"),
        ({"instance_count": 51}, "instance_count", "from 1 to 50"),
        ({"instance_count": True}, "instance_count", "whole number"),
        ({"instance_count": 1.5}, "instance_count", "whole number"),
        ({"request_timeout_ms": 180_001}, "request_timeout_ms", "from 1 to 180000"),
        ({"max_concurrent_requests_per_instance": 0}, "max_concurrent_requests_per_instance", "from 1"),
        ({"max_request_bytes": 10}, "max_request_bytes", "from 1024"),
        ({"environment_variables": {"A-B": "x"}}, "environment_variables", "not a valid variable"),
        ({"environment_variables": {"WORKER_COUNT": "many"}}, "environment_variables", "WORKER_COUNT is a whole"),
        ({"environment_variables": {"WORKER_COUNT": "10000"}}, "environment_variables", "from 1 to 64"),
        ({"environment_variables": []}, "environment_variables", "pairs of NAME"),
        ({"instance_type": None}, "instance_type", "that is available"),
        ({"liveness_probe": {"period": 1}}, "liveness_probe", "has these numbers"),
    ],
)
def test_bad_settings(world: World, changes: dict[str, Any], field: str, said: str) -> None:
    fields = refused(world, **changes)
    assert said in fields[field]
    assert list(fields) == [field]


PROBE = {"initial_delay": 0, "period": 1, "timeout": 1, "success_threshold": 1, "failure_threshold": 1}


@pytest.mark.parametrize(
    ("probe", "said"),
    [
        ({**PROBE, "period": 0}, "period: at least 1"),
        ({**PROBE, "initial_delay": -1}, "initial_delay: at least"),
        ({**PROBE, "timeout": float("nan")}, "has these numbers"),
        ({**PROBE, "timeout": "2"}, "has these numbers"),
        ({**PROBE, "success_threshold": 2}, "is always 1"),
    ],
)
def test_bad_probes(world: World, probe: dict[str, Any], said: str) -> None:
    assert said in refused(world, liveness_probe=probe)["liveness_probe"]
    if "always" not in said:
        assert said in refused(world, readiness_probe=probe)["readiness_probe"]


def test_a_readiness_probe_may_ask_for_more_successes(world: World) -> None:
    specification = replace(world.specification(), readiness_probe={**PROBE, "success_threshold": 2})
    check_specification(specification, workspace=world.workspace)


def test_every_problem_is_told_at_once(world: World) -> None:
    fields = refused(world, instance_count=0, request_timeout_ms=0, code=None, instance_type=None)
    assert set(fields) == {"instance_count", "request_timeout_ms", "code", "instance_type"}


def test_assets_of_other_workspaces_are_not_there(world: World) -> None:
    foreign = ModelVersionFactory(workspace=WorkspaceFactory())
    assert refused(world, model=foreign) == {"model": "There is no model of this name in “research”."}


def test_archived_assets(world: World) -> None:
    model = world.model()
    assets.archive_asset(actor=SYSTEM, asset=model)
    model.refresh_from_db()
    assert refused(world, model=model) == {"model": "classifier:1 is archived. Choose another version."}


def test_an_instance_type_that_is_not_offered(world: World) -> None:
    assert list(refused(world, instance_type=InstanceTypeFactory(enabled=False))) == ["instance_type"]


def test_files_that_are_gone(world: World, mlflow_model: ModelVersion) -> None:
    code = world.code(text="def run(data):\n    return 1\n")
    world.store.delete(code.artifact_id)
    assert "not in the store any more" in refused(world, code=code)["code"]
    plain = world.model()
    world.store.delete(plain.artifact_id)
    assert "not in the store any more" in refused(world, model=plain)["model"]
    assert "not in the store any more" in refused(world, model=plain, server="custom")["model"]
    wiring.inspect_mlflow.cache_clear()
    world.store.delete(mlflow_model.artifact_id)
    fields = refused(world, model=mlflow_model, code=None, scoring_script="", environment=None)
    assert "not in the store any more" in fields["model"]


def test_triton_models_are_for_triton(world: World) -> None:
    model = ModelVersionFactory(workspace=world.workspace, type="triton_model")
    assert "served by the server triton" in refused(world, model=model)["server"]


def test_the_azureml_server_brings_its_package(world: World) -> None:
    specification = replace(world.specification(), server="azureml")
    check_specification(specification, workspace=world.workspace)
    needed = [line for line in environment_spec(specification).requirements if line.startswith("azureml-")]
    assert needed == ["azureml-inference-server-http<2,>=1.5"]
    assert not [line for line in environment_spec(world.specification()).requirements if line.startswith("azureml-")]


def test_the_azureml_server_serves_scripts_alone(world: World, mlflow_model: ModelVersion) -> None:
    specification = Specification(model=mlflow_model, server="azureml", instance_type=world.instance_type())
    with pytest.raises(Invalid) as caught:
        check_specification(specification, workspace=world.workspace)
    assert "runs a scoring script" in caught.value.fields["server"]


def test_servers_and_variables_that_would_have_no_effect(world: World) -> None:
    assert "no server “gunicorn”" in refused(world, server="gunicorn")["server"]
    variables: dict[str, Any] = {"environment_variables": {"WORKER_TIMEOUT": "60"}}
    assert "request_timeout_ms ends" in refused(world, server="azureml", **variables)["environment_variables"]
    check_specification(replace(world.specification(), **variables), workspace=world.workspace)
