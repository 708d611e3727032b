import pickle
from pathlib import Path

import pytest

from endpoints.domain.actor import SYSTEM
from endpoints.domain.errors import Conflict, Invalid
from endpoints.models import Artifact, CodeVersion, EnvironmentVersion, Event, ModelVersion
from endpoints.services import assets
from tests.services.test_specification import MLMODEL
from tests.world import World


def register(
    world: World, name: str = "linear", type: str = "custom_model", folder: Path | None = None
) -> ModelVersion:
    return assets.register_model(
        actor=world.people.actor("contributor"),
        workspace=world.workspace,
        name=name,
        type=type,
        folder=folder or world.folder({"weights.txt": "1 2 3"}),
    )


def test_versions_count_up_by_name(world: World) -> None:
    found = [(item.name, item.version) for item in (register(world), register(world), register(world, "other"))]
    assert found == [("linear", 1), ("linear", 2), ("other", 1)]
    assert Event.objects.filter(verb="model.registered", actor_name="contributor@example.com").count() == 3


def test_the_same_files_are_stored_once(world: World) -> None:
    assert register(world).artifact == register(world).artifact
    assert Artifact.objects.get().size_bytes == 5


def test_what_mlflow_saved_is_read(world: World) -> None:
    model = register(
        world,
        type="mlflow_model",
        folder=world.folder({"MLmodel": MLMODEL, "requirements.txt": "scikit-learn==1.7.2\n"}),
    )
    assert model.mlflow == {
        "flavors": ["python_function", "sklearn"],
        "signature": {
            "inputs": [{"name": "age", "type": "double"}],
            "outputs": [{"type": "double"}],
            "params": [],
        },
        "python_version": "3.11.9",
        "requirements": ["scikit-learn==1.7.2"],
        "mlflow_version": "3.17.0",
        "sample": {"input_data": {"columns": ["age"], "index": [0], "data": [[1.0]]}},
    }


def test_a_pickle_that_would_run_a_command_is_told_and_not_run(world: World, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, (f"touch {trap}",)

    folder = world.folder({})
    folder.mkdir()
    (folder / "model.pkl").write_bytes(pickle.dumps(Trap()))
    model = register(world, folder=folder)
    assert not trap.exists()
    assert model.scan_status == "findings"
    assert [finding["path"] for finding in model.scan_findings] == ["model.pkl"]


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"name": "a/b"}, "name", "1 to 100 letters"),
        ({"type": "pmml"}, "type", "Use mlflow_model, custom_model, triton_model"),
        ({"type": "triton_model"}, "files", "stands beside the models"),
        ({"type": "mlflow_model"}, "files", "There is no file MLmodel"),
        ({"tags": {"a": 1}}, "tags", "pairs of text"),
    ],
)
def test_bad_models_leave_the_upload_where_it_is(world: World, fields: dict[str, str], field: str, said: str) -> None:
    folder = world.folder({"weights.txt": "1"})
    given = {"name": "linear", "type": "custom_model", **fields}
    with pytest.raises(Invalid) as caught:
        assets.register_model(actor=SYSTEM, workspace=world.workspace, folder=folder, **given)  # type: ignore[arg-type]
    assert said in caught.value.fields[field]
    assert folder.exists()
    assert not ModelVersion.objects.exists()
    assert not Event.objects.exists()


def test_an_empty_upload(world: World) -> None:
    folder = world.folder({})
    folder.mkdir()
    with pytest.raises(Invalid, match="no file in this upload"):
        register(world, folder=folder)


def test_code(world: World) -> None:
    first, same, other = world.code(), world.code(), world.code(text="def run(data):\n    return 1\n")
    assert (first, other.version) == (same, 2)
    with pytest.raises(Invalid, match="no Python file"):
        assets.register_code(actor=SYSTEM, workspace=world.workspace, name="c", folder=world.folder({"a.txt": "b"}))


def test_environment_from_requirements(world: World) -> None:
    environment = world.environment(text="# ours\nNumPy==2.3.4\n")
    assert (environment.python_version, environment.requirements) == ("3.11", ["numpy==2.3.4"])
    assert environment.text == "# ours\nNumPy==2.3.4\n"
    assert world.environment(text="# ours\nNumPy==2.3.4\n") == environment
    assert world.environment(text="numpy==2.3.5\n").version == 2


def test_environment_from_conda(world: World) -> None:
    text = "dependencies:\n- python=3.12\n- pip:\n  - numpy==2.3.4\n"
    environment = assets.register_environment(
        actor=SYSTEM, workspace=world.workspace, name="conda", text=text, format="conda"
    )
    assert (environment.python_version, environment.requirements) == ("3.12", ["numpy==2.3.4"])


def test_environment_names_the_line(world: World) -> None:
    with pytest.raises(Invalid) as caught:
        world.environment(text="numpy\n-r other.txt\n")
    assert caught.value.fields["text"].startswith("Line 2: “-r other.txt” is a pip option")
    assert not EnvironmentVersion.objects.exists()


def test_archive(world: World) -> None:
    model = register(world)
    for _ in range(2):
        assets.archive_asset(actor=world.people.actor("owner"), asset=model)
    model.refresh_from_db()
    assert model.archived_at is not None
    assert Event.objects.get(verb="model.archived").subject == "linear:1"


def test_archive_of_what_is_in_use(world: World) -> None:
    deployment = world.deployment(world.endpoint("prices"))
    for asset in (deployment.model, deployment.code, deployment.environment):
        assert asset is not None
        with pytest.raises(Conflict, match="is used by prices/blue"):
            assets.archive_asset(actor=SYSTEM, asset=asset)


def test_archived_code_is_not_given_out_again(world: World) -> None:
    code = world.code()
    assets.archive_asset(actor=SYSTEM, asset=code)
    assert world.code().version == 2
    assert CodeVersion.objects.count() == 2
