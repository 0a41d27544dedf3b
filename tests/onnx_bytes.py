"""ONNX files from scratch, valid and not: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto."""

from __future__ import annotations

import struct
from collections.abc import Iterable

import numpy as np

KINDS = {"float32": 1, "uint8": 2, "int64": 7, "float16": 10, "float64": 11}


def varint(number: int) -> bytes:
    number %= 1 << 64
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def field(number: int, value: float | str | bytes | np.ndarray) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    content = value.encode() if isinstance(value, str) else bytes(value)
    return varint(number << 3 | 2) + varint(len(content)) + content


def tensor(name: str, array: object, *, more: bytes = b"", **changes: object) -> bytes:
    array = np.asarray(array)
    has = {"dims": array.shape, "kind": KINDS[array.dtype.name], "raw": array.tobytes()} | changes
    parts = [field(1, int(n)) for n in has["dims"]]
    parts += [field(2, has["kind"]), field(8, name)]
    return b"".join(parts) + (b"" if has["raw"] is None else field(9, has["raw"])) + more


def attribute(name: str, value: object) -> bytes:
    if isinstance(value, bytes):  # a tensor
        number, kind, values = 5, 4, [value]
    elif isinstance(value, str):
        number, kind, values = 4, 3, [value]
    elif isinstance(value, float):
        number, kind, values = 2, 1, [value]
    elif isinstance(value, int):
        number, kind, values = 3, 2, [value]
    else:
        number, kind, values = 8, 7, list(value)
    return field(1, name) + b"".join(field(number, v) for v in values) + field(20, kind)


def node(
    operator: str, inputs: str, output: str, *, more: bytes = b"", **attributes: object
) -> bytes:
    """Return a node whose name is that of its output; names are separated by spaces."""
    parts = [field(1, name) for name in inputs.split()] + [field(2, o) for o in output.split()]
    parts += [field(3, output), field(4, operator)]
    parts += [field(5, attribute(name, value)) for name, value in attributes.items()]
    return b"".join(parts) + more


def value(name: str, shape: Iterable[int | str] | None) -> bytes:
    if shape is None:
        return field(1, name)
    dims = b"".join(field(1, field(1 if isinstance(n, int) else 2, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def graph(
    nodes: Iterable[bytes],
    constants: Iterable[bytes] = (),
    inputs: Iterable[bytes] = (value("x", ["n", 2]),),
    outputs: Iterable[bytes] = (value("y", ["n", 1]),),
    more: bytes = b"",
) -> bytes:
    parts = [(1, nodes), (5, constants), (11, inputs), (12, outputs)]
    return b"".join(field(number, part) for number, many in parts for part in many) + more


def model(content: bytes, opset: int = 20, domain: str = "", more: bytes = b"") -> bytes:
    opsets = field(8, field(1, domain) + field(2, opset))
    return field(1, 8) + field(7, content) + opsets + more
