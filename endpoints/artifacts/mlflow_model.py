"""Reads an MLflow model's folder; never loads the model."""

import json
from pathlib import Path
from typing import Any

import yaml

from endpoints.domain.mlflow import (
    MLflowModel,
    MLmodelError,
    read_mlmodel,
    sample_from_example,
    sample_from_signature,
)

READ_BYTES = 4 * 1024 * 1024


def inspect_mlflow(folder: Path) -> MLflowModel:
    """Raises MLmodelError."""
    path = folder / "MLmodel"
    if not path.is_file():
        raise MLmodelError(
            "There is no file MLmodel at the top of the upload. Upload the folder that MLflow saved "
            "(with MLmodel in it), or register it as a custom model."
        )
    try:
        document = yaml.safe_load(_read(path))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise MLmodelError(f"The file MLmodel is no YAML: {error}") from error
    return read_mlmodel(document, requirements=_requirements(folder))


def _requirements(folder: Path) -> tuple[str, ...]:
    """requirements.txt, which MLflow writes since 1.13; before that, the pip part of conda.yaml."""
    path = folder / "requirements.txt"
    lines = _read(path).splitlines() if path.is_file() else _from_conda(folder / "conda.yaml")
    return tuple(line.strip() for line in lines if line.strip() and not line.strip().startswith("#"))


def _from_conda(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        found = yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        raise MLmodelError(f"The file conda.yaml is no YAML: {error}") from error
    parts = found.get("dependencies") if isinstance(found, dict) else None
    lines = [part["pip"] for part in parts or () if isinstance(part, dict) and isinstance(part.get("pip"), list)]
    return [str(line) for listed in lines for line in listed]


def sample_request(model: MLflowModel, folder: Path) -> dict[str, Any] | None:
    """From the saved input example, else from the signature, else None."""
    path = folder / model.input_example
    if model.input_example and path.is_file() and path.resolve().is_relative_to(folder.resolve()):
        try:
            sample = sample_from_example(json.loads(_read(path)))
        except (ValueError, RecursionError, TypeError, KeyError):
            sample = None
        if sample is not None:
            return sample
    return sample_from_signature(model)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(READ_BYTES).decode("utf-8", "replace")
