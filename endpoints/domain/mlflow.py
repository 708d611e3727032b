"""What an MLmodel file says (mlflow.org/docs/latest/model#ml-model-file)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Plausible values by the signature's types.
_EXAMPLES: dict[str, Any] = {
    "boolean": True,
    "integer": 1,
    "long": 1,
    "float": 1.0,
    "double": 1.0,
    "string": "text",
    "binary": "AA==",
    "datetime": "2026-01-01T00:00:00",
}


class MLmodelError(ValueError):
    """The message says what is missing and how a good model folder looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MLflowModel:
    """`inputs`, `outputs` and `params` are the signature's columns, each {"name", "type", ...}, or empty."""

    flavors: tuple[str, ...]
    inputs: tuple[Mapping[str, Any], ...] = ()
    outputs: tuple[Mapping[str, Any], ...] = ()
    params: tuple[Mapping[str, Any], ...] = ()
    python_version: str = ""  # "3.11.7"
    mlflow_version: str = ""
    input_example: str = ""  # a path in the folder
    requirements: tuple[str, ...] = field(default=())  # lines of requirements.txt


def read_mlmodel(document: Any, *, requirements: tuple[str, ...] = ()) -> MLflowModel:
    """From the parsed MLmodel file. Raises MLmodelError."""
    if not isinstance(document, dict) or not isinstance(document.get("flavors"), dict):
        raise MLmodelError("The file MLmodel is not one: it names no flavors.")
    flavors = document["flavors"]
    pyfunc = flavors.get("python_function")
    if not isinstance(pyfunc, dict):
        raise MLmodelError(
            f"The model has no python_function flavor (it has {', '.join(map(str, flavors)) or 'none'}). "
            "Save it with one of MLflow's flavors that do, or deploy it with a scoring script."
        )
    signature = _mapping(document.get("signature"))
    example = _mapping(document.get("saved_input_example_info"))
    return MLflowModel(
        flavors=tuple(sorted(map(str, flavors))),
        inputs=_columns(signature.get("inputs")),
        outputs=_columns(signature.get("outputs")),
        params=_columns(signature.get("params")),
        python_version=str(pyfunc.get("python_version", "")),
        mlflow_version=str(document.get("mlflow_version", "")),
        input_example=str(example.get("artifact_path", "")),
        requirements=requirements,
    )


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, dict) else {}


def _columns(text: Any) -> tuple[Mapping[str, Any], ...]:
    """The signature holds JSON in a string."""
    if not text:
        return ()
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError as error:
        raise MLmodelError(f"The signature in MLmodel is no JSON: {error}") from error
    return tuple(column for column in found if isinstance(column, dict)) if isinstance(found, list) else ()


def sample_from_signature(model: MLflowModel) -> dict[str, Any] | None:
    """A request body in Azure's `input_data` form, with plausible values; None without a signature."""
    if not model.inputs:
        return None
    tensor = model.inputs[0].get("tensor-spec")
    if isinstance(tensor, dict):
        return {"input_data": _zeros([1 if size == -1 else size for size in tensor.get("shape", [1])])}
    columns = [str(column.get("name", position)) for position, column in enumerate(model.inputs)]
    row = [_EXAMPLES.get(str(column.get("type"))) for column in model.inputs]
    return {"input_data": {"columns": columns, "index": [0], "data": [row]}}


def sample_from_example(example: Any) -> dict[str, Any] | None:
    """The saved input example, in the same form; None for what is no table."""
    if isinstance(example, dict) and {"columns", "data"} <= set(example):
        data = example["data"][:2]
        return {"input_data": {"columns": example["columns"], "index": list(range(len(data))), "data": data}}
    if isinstance(example, dict) and "inputs" in example:
        return {"input_data": example["inputs"]}
    return {"input_data": example} if isinstance(example, list) else None


def _zeros(shape: list[int]) -> Any:
    if len(shape) == 0:
        return 0.0
    return [_zeros(shape[1:]) for _ in range(min(shape[0], 1000))]
