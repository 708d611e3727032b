import json
from pathlib import Path
from typing import Any

import pytest

from endpoints.artifacts.mlflow_model import inspect_mlflow, sample_request
from endpoints.domain.mlflow import MLflowModel, MLmodelError, read_mlmodel, sample_from_example, sample_from_signature

COLUMNS = [{"name": "age", "type": "long"}, {"name": "who", "type": "string"}, {"type": "double"}]
DOCUMENT = {
    "flavors": {"python_function": {"python_version": "3.11.7"}, "sklearn": {}},
    "mlflow_version": "3.1.0",
    "signature": {"inputs": json.dumps(COLUMNS), "outputs": '[{"type": "double"}]'},
    "saved_input_example_info": {"artifact_path": "input_example.json"},
}


def test_what_an_mlmodel_file_says() -> None:
    model = read_mlmodel(DOCUMENT, requirements=("scikit-learn==1.5.0",))
    assert model.flavors == ("python_function", "sklearn")
    assert (model.python_version, model.mlflow_version) == ("3.11.7", "3.1.0")
    assert list(model.inputs) == COLUMNS
    assert model.requirements == ("scikit-learn==1.5.0",)
    assert sample_from_signature(model) == {
        "input_data": {"columns": ["age", "who", "2"], "index": [0], "data": [[1, "text", 1.0]]}
    }


@pytest.mark.parametrize("document", [None, [], "text", {}, {"flavors": []}, {"flavors": None}])
def test_what_is_no_mlmodel_file(document: Any) -> None:
    with pytest.raises(MLmodelError, match="names no flavors"):
        read_mlmodel(document)


@pytest.mark.parametrize("flavors", [{}, {"onnx": {}}, {"python_function": None}])
def test_a_model_that_python_cannot_serve(flavors: dict[str, Any]) -> None:
    with pytest.raises(MLmodelError, match="no python_function flavor"):
        read_mlmodel({"flavors": flavors})


@pytest.mark.parametrize("signature", [None, [], "text", {"inputs": "[1, 2]"}, {"inputs": "{}"}, {"inputs": 3}])
def test_signatures_that_say_nothing(signature: Any) -> None:
    model = read_mlmodel({**DOCUMENT, "signature": signature})
    assert model.inputs == ()
    assert sample_from_signature(model) is None


def test_a_signature_that_is_garbled() -> None:
    with pytest.raises(MLmodelError, match="The signature in MLmodel is no JSON"):
        read_mlmodel({**DOCUMENT, "signature": {"inputs": "[{"}})


def test_a_tensor_of_any_length() -> None:
    model = MLflowModel(flavors=(), inputs=({"type": "tensor", "tensor-spec": {"shape": [-1, 2, 3]}},))
    assert sample_from_signature(model) == {"input_data": [[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]]}


@pytest.mark.parametrize(
    ("example", "request_body"),
    [
        (
            {"columns": ["a"], "data": [[1], [2], [3]]},
            {"input_data": {"columns": ["a"], "index": [0, 1], "data": [[1], [2]]}},
        ),
        ({"inputs": [[1]]}, {"input_data": [[1]]}),
        ([1, 2], {"input_data": [1, 2]}),
        ("text", None),
        ({"messages": []}, None),
    ],
)
def test_the_saved_example(example: Any, request_body: Any) -> None:
    assert sample_from_example(example) == request_body


def saved(folder: Path, **files: str) -> Path:
    (folder / "MLmodel").write_text(json.dumps(DOCUMENT))  # JSON is YAML
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    return folder


def test_a_models_folder(tmp_path: Path) -> None:
    folder = saved(
        tmp_path, requirements__txt="# pinned\n\nmlflow==3.1.0\n scikit-learn==1.5.0\n", input_example__json="[[1]]"
    )
    model = inspect_mlflow(folder)
    assert model.requirements == ("mlflow==3.1.0", "scikit-learn==1.5.0")
    assert sample_request(model, folder) == {"input_data": [[1]]}


def test_an_older_models_folder(tmp_path: Path) -> None:
    folder = saved(tmp_path, conda__yaml="dependencies:\n- python=3.9\n- pip:\n  - mlflow<2\n")
    assert inspect_mlflow(folder).requirements == ("mlflow<2",)


@pytest.mark.parametrize("conda", ["", "[]", "dependencies:", "dependencies:\n- pip: six", "dependencies:\n- pip:"])
def test_conda_files_that_say_nothing(tmp_path: Path, conda: str) -> None:
    assert inspect_mlflow(saved(tmp_path, conda__yaml=conda)).requirements == ()


@pytest.mark.parametrize("text", ["{", "a: b: c", "\0", "!!python/object/apply:os.system [ls]", "- " * 5000])
def test_a_garbled_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLmodel").write_text(text)
    with pytest.raises(MLmodelError):
        inspect_mlflow(tmp_path)


def test_no_model_at_all(tmp_path: Path) -> None:
    with pytest.raises(MLmodelError, match="no file MLmodel at the top"):
        inspect_mlflow(tmp_path)


@pytest.mark.parametrize("example", ["{", "[" * 90_000, '{"columns": 1, "data": 2}'])
def test_an_example_that_is_garbled_falls_back_on_the_signature(tmp_path: Path, example: str) -> None:
    folder = saved(tmp_path, input_example__json=example)
    found = sample_request(inspect_mlflow(folder), folder)
    assert found is not None
    assert found["input_data"]["columns"] == ["age", "who", "2"]


def test_an_example_outside_the_folder_is_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "model"
    inside.mkdir()
    (tmp_path / "secret.json").write_text("[1]")
    model = MLflowModel(flavors=(), input_example="../secret.json")
    assert sample_request(model, inside) is None
