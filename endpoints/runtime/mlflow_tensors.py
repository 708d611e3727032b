"""Tensors as what an MLflow model's `predict` takes."""

from __future__ import annotations

from typing import Any

from .tensors import Tensor, bad

_NUMBERS = {"float": "float32", "double": "float64", "integer": "int32", "long": "int64"}


def model_input(inputs: list[Tensor], schema: Any) -> Any:
    """`schema` is MLflow's input schema, or None. Raises ScoringError (400).

    With tensors in the signature: the array, or arrays by name. With columns: a data frame, of one tensor for each
    column, or of one tensor whose second dimension is the columns in their order.
    """
    if schema is None or schema.is_tensor_spec():
        named = schema is not None and schema.has_input_names()
        if len(inputs) == 1 and not named:
            return inputs[0].array()
        return {tensor.name: tensor.array() for tensor in inputs}
    names = schema.input_names() if schema.has_input_names() else None
    if len(inputs) == 1 and len(inputs[0].shape) == 2 and (names is None or inputs[0].name not in names):
        return _frame_of_matrix(inputs[0], names, schema)
    return _frame_of_columns(inputs, schema)


def _frame_of_matrix(tensor: Tensor, names: list[str] | None, schema: Any) -> Any:
    import pandas

    kinds = schema.input_types()
    if tensor.shape[1] != len(kinds):
        raise bad(f"{tensor.name} has {tensor.shape[1]} columns; the model takes {len(kinds)}.")
    frame = pandas.DataFrame(tensor.array(), columns=names)
    for number, column in enumerate(list(frame.columns)):
        frame[column] = _as(kinds[number], frame[column].to_numpy())
    return frame


def _frame_of_columns(inputs: list[Tensor], schema: Any) -> Any:
    import pandas

    kinds = schema.input_types_dict() if schema.has_input_names() else {}
    lengths = {tensor.shape[0] if tensor.shape else 1 for tensor in inputs}
    if len(lengths) > 1 or any(len(tensor.shape) > 1 and tensor.shape[1:] != (1,) for tensor in inputs):
        raise bad("The tensors are columns of one table: all have the shape [rows], or [rows, 1].")
    columns = {tensor.name: _as(kinds.get(tensor.name), tensor.array().reshape(-1)) for tensor in inputs}
    return pandas.DataFrame(columns)


def _as(kind: Any, values: Any) -> Any:
    """What MLflow would refuse though it means the same: narrower numbers, text for times and bytes."""
    import numpy
    import pandas

    name = getattr(kind, "name", "")
    target = _NUMBERS.get(name)
    if target and numpy.can_cast(values.dtype, target):
        return values.astype(target)
    if name == "datetime" and values.dtype == object:
        return pandas.to_datetime(pandas.Series(values)).to_numpy()
    if name == "binary":
        return [value.encode() if isinstance(value, str) else value for value in values]
    return values
