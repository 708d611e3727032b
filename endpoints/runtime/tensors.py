"""Tensors of the Open Inference Protocol: from JSON and bytes, and back. Needs no numpy, and takes its arrays."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .errors import ScoringError, one_line


class Datatype(NamedTuple):
    code: str  # of the struct module; little-endian
    numpy: str
    low: int = 0  # bounds, of whole numbers
    high: int = 0

    @property
    def size(self) -> int:
        return struct.calcsize("<" + self.code)

    @property
    def is_whole(self) -> bool:
        return self.high > 0


def _whole(code: str, name: str) -> Datatype:
    bits = 8 * struct.calcsize("<" + code)
    if name.startswith("u"):
        return Datatype(code, name, 0, (1 << bits) - 1)
    return Datatype(code, name, -(1 << bits - 1), (1 << bits - 1) - 1)


BYTES = "BYTES"
DATATYPES: dict[str, Datatype] = {
    "BOOL": Datatype("?", "bool"),
    "UINT8": _whole("B", "uint8"),
    "UINT16": _whole("H", "uint16"),
    "UINT32": _whole("I", "uint32"),
    "UINT64": _whole("Q", "uint64"),
    "INT8": _whole("b", "int8"),
    "INT16": _whole("h", "int16"),
    "INT32": _whole("i", "int32"),
    "INT64": _whole("q", "int64"),
    "FP16": Datatype("e", "float16"),
    "FP32": Datatype("f", "float32"),
    "FP64": Datatype("d", "float64"),
}
_OF_NUMPY = {datatype.numpy: name for name, datatype in DATATYPES.items()}


class Tensor(NamedTuple):
    """`data` is flat, in row-major order: a list, or the bytes of the numbers."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Any

    def flat(self) -> list[Any]:
        """A list; elements of BYTES as text where they are UTF-8."""
        if self.datatype == BYTES:
            return [_text(value) for value in self.data]
        if isinstance(self.data, list):
            return self.data
        return list(struct.unpack(f"<{math.prod(self.shape)}{DATATYPES[self.datatype].code}", self.data))

    def nested(self) -> Any:
        """Lists within lists, as JSON for people has it. Raises ScoringError (400) for bytes that are no text."""
        values = self.flat()
        if any(isinstance(value, bytes) for value in values):
            raise bad(f"The tensor {self.name} holds bytes that are not UTF-8, which a script cannot be given as JSON.")
        return _nested(iter(values), self.shape)

    def array(self) -> Any:
        """As numpy has it; BYTES are objects, text where they are UTF-8."""
        import numpy

        if self.datatype == BYTES:
            return numpy.array(self.flat(), dtype=object).reshape(self.shape)
        dtype = numpy.dtype(DATATYPES[self.datatype].numpy).newbyteorder("<")
        if isinstance(self.data, list):
            return numpy.array(self.data, dtype=dtype).reshape(self.shape)
        return numpy.frombuffer(self.data, dtype=dtype).reshape(self.shape)

    def packed(self) -> bytes:
        """As the binary extension sends it."""
        if self.datatype == BYTES:
            encoded = [value.encode() if isinstance(value, str) else value for value in self.data]
            return b"".join(struct.pack("<I", len(value)) + value for value in encoded)
        if isinstance(self.data, list):
            return struct.pack(f"<{len(self.data)}{DATATYPES[self.datatype].code}", *self.data)
        return bytes(self.data)


def bad(message: str) -> ScoringError:
    return ScoringError(400, "BadArgument", message)


def from_json(name: str, datatype: str, shape: tuple[int, ...], data: Any) -> Tensor:
    """Raises ScoringError (400) for what the datatype or the shape does not allow."""
    if not isinstance(data, list):
        raise bad(f"The data of {name} must be an array.")
    values = list(_flattened(data))
    expected = math.prod(shape)
    if len(values) != expected:
        raise bad(f"{name} has {len(values)} values; its shape {list(shape)} has {expected}.")
    wrong = next((value for value in values if not _fits(value, datatype)), None)
    if wrong is not None or None in values:
        raise bad(f"{name}: {one_line(repr(wrong))[:100]} is no {datatype}.")
    return Tensor(name, datatype, shape, values)


def from_bytes(name: str, datatype: str, shape: tuple[int, ...], data: bytes) -> Tensor:
    """Of the binary extension. Raises ScoringError (400) when the length is another."""
    count = math.prod(shape)
    if datatype == BYTES:
        values = list(_unpacked(name, data))
        if len(values) != count:
            raise bad(f"{name} has {len(values)} values; its shape {list(shape)} has {count}.")
        return Tensor(name, datatype, shape, values)
    expected = count * DATATYPES[datatype].size
    if len(data) != expected:
        raise bad(f"{name} has {len(data)} bytes; its shape {list(shape)} of {datatype} has {expected}.")
    return Tensor(name, datatype, shape, data)


def from_value(name: str, value: Any) -> Tensor:
    """Of what a model returned: an array, a series, a list, a number, a text. Raises ScoringError (500)."""
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    if hasattr(value, "dtype") and hasattr(value, "tobytes"):
        return _from_array(name, value)
    if isinstance(value, (set, frozenset, tuple)):
        value = list(value)
    shape = _shape_of(value) if isinstance(value, list) else ()
    values = list(_flattened(value)) if isinstance(value, list) else [value]
    if len(values) != math.prod(shape or (1,)):
        raise _no_tensor(name, "its rows are of different lengths")
    if values and any(hasattr(item, "tolist") for item in values):
        return from_value(name, [item.tolist() if hasattr(item, "tolist") else item for item in values])
    return Tensor(name, _datatype_of(name, values), shape or (1,), values)


def _from_array(name: str, array: Any) -> Tensor:
    datatype = _OF_NUMPY.get(array.dtype.name, BYTES)
    shape = tuple(array.shape) or (1,)
    if datatype == BYTES:
        values = list(_flattened(array.tolist()) if array.shape else [array.tolist()])
        kept = [value if isinstance(value, (str, bytes)) else str(value) for value in values]
        return Tensor(name, BYTES, shape, kept)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return Tensor(name, datatype, shape, little.tobytes())


def _datatype_of(name: str, values: list[Any]) -> str:
    kinds = {type(value) for value in values}
    if kinds <= {bool} and values:
        return "BOOL"
    if kinds <= {int}:
        if all(_fits(value, "INT64") for value in values):
            return "INT64"
        raise _no_tensor(name, "a number is too large")
    if kinds <= {int, float}:
        return "FP64"
    if kinds <= {str, bytes}:
        return BYTES
    raise _no_tensor(name, f"it holds {', '.join(sorted(kind.__name__ for kind in kinds))}")


def _no_tensor(name: str, why: str) -> ScoringError:
    return ScoringError(500, "ResultNotSerializable", f"run() returned what no tensor can hold: {name}: {why}")


def _fits(value: Any, datatype: str) -> bool:
    if datatype == BYTES:
        return isinstance(value, str)
    if datatype == "BOOL":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    kind = DATATYPES[datatype]
    return not kind.is_whole or (isinstance(value, int) and kind.low <= value <= kind.high)


def _flattened(values: Iterable[Any]) -> Iterator[Any]:
    """Without recursion: bodies may be nested as deep as JSON allows."""
    stack = [iter(values)]
    while stack:
        for value in stack[-1]:
            if isinstance(value, (list, tuple)):
                stack.append(iter(value))
                break
            yield value
        else:
            stack.pop()


def _shape_of(value: Any) -> tuple[int, ...]:
    shape: list[int] = []
    while isinstance(value, (list, tuple)):
        shape.append(len(value))
        value = value[0] if value else None
    return tuple(shape)


def _nested(values: Iterator[Any], shape: tuple[int, ...]) -> Any:
    if not shape:
        return next(values)
    if len(shape) == 1:
        return [next(values) for _ in range(shape[0])]
    return [_nested(values, shape[1:]) for _ in range(shape[0])]


def _unpacked(name: str, data: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(data):
        start = position + 4
        length = int.from_bytes(data[position:start], "little")
        if start + length > len(data):
            raise bad(f"{name}: its bytes end in the middle of an element.")
        yield data[start : start + length]
        position = start + length


def _text(value: Any) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
