"""MLflow models without code: loaded as pyfunc, asked with Azure's bodies or MLflow's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from .errors import IMPORT_ERROR, INIT_FAILED, LoadError, ScoringError, last_line, one_line
from .examples import serving_example
from .mlflow_inputs import parse
from .mlflow_tensors import model_input
from .request import Request
from .scripts import print_user_traceback
from .tensors import Tensor

_CALLERS_FAULT = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")


class MlflowModel:
    """Raises LoadError, with the traceback on stderr, when the model cannot be loaded."""

    def __init__(self, model_dir: str) -> None:
        self._folder = _find_model(Path(model_dir))
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # a served model calls nobody on its own
        try:
            import mlflow.pyfunc

            self._model = mlflow.pyfunc.load_model(str(self._folder))
        except BaseException as error:
            print_user_traceback(error)
            code = IMPORT_ERROR if isinstance(error, ImportError) else INIT_FAILED
            raise LoadError(code, last_line(error)) from error
        self._schema = self._model.metadata.get_input_schema()
        # Without a schema for them, MLflow would drop params with a warning that no caller sees.
        self._params_schema = getattr(self._model.metadata, "get_params_schema", lambda: None)()

    def run(self, request: Request) -> Any:
        """A bare list on /score, as on Azure; on /invocations `{"predictions": ...}`, as MLflow's own server."""
        data, params = parse(request, self._schema)
        predictions = self._predict(data, params)
        return {"predictions": predictions} if request.path == "/invocations" else predictions

    def infer(self, inputs: list[Tensor], parameters: dict[str, Any]) -> Any:
        return self._named(self._predict(model_input(inputs, self._schema), parameters))

    def _named(self, predictions: Any) -> Any:
        """Under the name of the signature, where there is one output that has one."""
        schema = self._model.metadata.get_output_schema()
        names = schema.input_names() if schema is not None and schema.has_input_names() else []
        single = len(names) == 1 and not isinstance(predictions, dict) and not hasattr(predictions, "columns")
        return {names[0]: predictions} if single else predictions

    def _predict(self, data: Any, params: dict[str, Any] | None) -> Any:
        from mlflow.exceptions import MlflowException

        if params and self._params_schema is None:
            raise ScoringError(400, "BadArgument", "This model takes no params.")
        try:
            return self._model.predict(data, params=params) if params else self._model.predict(data)
        except MlflowException as error:
            if error.error_code not in _CALLERS_FAULT:
                raise
            raise ScoringError(400, "BadArgument", _what_matters(error)) from error

    def describe(self) -> dict[str, Any]:
        metadata = self._model.metadata
        inputs = self._schema.to_dict() if self._schema else None
        outputs = metadata.get_output_schema()
        return {
            "inputs": inputs,
            "outputs": outputs.to_dict() if outputs else None,
            "params": self._params_schema.to_dict() if self._params_schema else None,
            "example": serving_example(self._folder, inputs),
        }


def _find_model(folder: Path) -> Path:
    """The folder with the MLmodel file: this one, or the one folder in it that has it."""
    candidates = [folder, *(entry for entry in sorted(folder.glob("*")) if entry.is_dir())]
    found = [candidate for candidate in candidates if (candidate / "MLmodel").is_file()]
    if not found:
        raise LoadError(INIT_FAILED, f"there is no MLmodel file in {folder}")
    if len(found) > 1 and found[0] != folder:
        names = ", ".join(candidate.name for candidate in found)
        raise LoadError(INIT_FAILED, f"{folder} holds more than one MLflow model: {names}")
    return found[0]


def _what_matters(error: Exception) -> str:
    """MLflow quotes all data and the whole schema before it says what is wrong."""
    return one_line(str(error).rpartition("Error: ")[2])
