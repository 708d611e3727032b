"""Run inside an environment that has MLflow: saves the models that the tests serve. No part of the test process."""

import sys
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.models import ModelSignature, infer_signature
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression


class Shopping(mlflow.pyfunc.PythonModel):
    """Answers with what it was given, as a data frame."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        if (model_input["item"] == "stone").any():
            raise ValueError("nobody buys stones")
        answer = model_input[["item"]].copy()
        answer["type"] = [type(value).__name__ for value in model_input["at"]]
        answer["total"] = model_input["count"] * (params or {}).get("price", 1.0)
        return answer


class Mean(mlflow.pyfunc.PythonModel):
    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return model_input.mean(axis=1)


def save_diabetes(folder: Path) -> None:
    features, target = load_diabetes(return_X_y=True, as_frame=True)
    model = LinearRegression().fit(features, target)
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(features, model.predict(features)),
        input_example=features.head(2),
        pip_requirements=["scikit-learn"],
        serialization_format="cloudpickle",
    )


def save_shopping(folder: Path) -> None:
    columns = [("item", DataType.string), ("count", DataType.long), ("at", DataType.datetime)]
    signature = ModelSignature(
        inputs=Schema([ColSpec(kind, name) for name, kind in columns]),
        params=ParamSchema([ParamSpec("price", DataType.double, 1.0)]),
    )
    mlflow.pyfunc.save_model(folder, python_model=Shopping(), signature=signature, pip_requirements=["pandas"])


def save_mean(folder: Path) -> None:
    import numpy as np

    example = np.zeros((1, 3), dtype=np.float32)
    signature = infer_signature(example, example.mean(axis=1))
    mlflow.pyfunc.save_model(folder, python_model=Mean(), signature=signature, pip_requirements=["numpy"])


if __name__ == "__main__":
    target_folder = Path(sys.argv[1])
    save_diabetes(target_folder / "diabetes")
    save_shopping(target_folder / "shopping")
    save_mean(target_folder / "mean" / "model")
