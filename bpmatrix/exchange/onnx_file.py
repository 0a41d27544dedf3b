"""ONNX files as records of plain data, checked before memory is taken for them.

The numbers of the fields are those of onnx.proto: https://github.com/onnx/onnx/blob/main/onnx
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.exchange.layers import NotUnderstoodError
from bpmatrix.exchange.protobuf import DamagedError, Message
from bpmatrix.storage.files import open_model

Attribute = float | str | list[int] | Array

MODEL = {"graph": 7, "opset_import": 8, "metadata_props": 14, "functions": 25}
OPSET = {"domain": 1, "version": 2}
ENTRY = {"key": 1, "value": 2}
GRAPH = {"node": 1, "initializer": 5, "input": 11, "output": 12, "sparse_initializer": 15}
NODE = {
    "input": 1, "output": 2, "name": 3, "op_type": 4, "attribute": 5, "domain": 7, "overload": 8
}  # fmt: skip
ATTRIBUTE = {
    "name": 1, "f": 2, "i": 3, "s": 4, "t": 5, "floats": 7, "ints": 8, "type": 20,
    "ref_attr_name": 21,
}  # fmt: skip
TENSOR = {
    "dims": 1, "data_type": 2, "segment": 3, "float_data": 4, "int64_data": 7, "name": 8,
    "raw_data": 9, "double_data": 10, "external_data": 13, "data_location": 14,
}  # fmt: skip
VALUE_INFO, TYPE, TENSOR_TYPE = {"name": 1, "type": 2}, {"tensor_type": 1}, {"shape": 2}
SHAPE, DIMENSION = {"dim": 1}, {"dim_value": 1}
FUNCTION = {"domain": 10}

FLOAT, INT64, DOUBLE = 1, 7, 11
# The types of tensors that are read: in NumPy, and their field beside raw_data.
TYPES = {FLOAT: ("<f4", "float_data"), DOUBLE: ("<f8", "double_data"), INT64: ("<i8", "int64_data")}
OTHER_TYPES = {2: "uint8", 3: "int8", 6: "int32", 8: "text", 9: "bool", 10: "float16",
               16: "bfloat16"}  # fmt: skip
SMALL_FLOATS = {10, 16}
MOST_AXES = 8
# Operators are read as these versions define them; a later one may change their meaning.
OPSETS = range(7, 29)
DOMAINS = {"", "ai.onnx"}


@dataclass(frozen=True, eq=False)
class Node:
    """An operator of a graph, with the names of its inputs and outputs."""

    name: str
    operator: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Attribute]

    def __str__(self) -> str:
        name = self.name or next(iter(self.outputs), "")  # names are optional
        return f"node {name!r} ({self.operator})"


class OnnxFile:
    """The graph in a file.

    Attributes
    ----------
    size : int
        The number of bytes.
    inputs, outputs : dict of str to list of int or None
        Shapes by name, with 0 or less for unknown dimensions; None for unknown shapes. Initializers
        are not inputs.
    constants : dict of str to Message
        The initializers, by name.
    metadata : dict of str to str
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with open_model(path) as file:
            content = file.read()
        self.size = len(content)
        model = Message(memoryview(content), MODEL)
        self._graph = model.message("graph", GRAPH)
        _check_versions(model)
        self.constants: dict[str, Message] = {}
        self._arrays: dict[str, Array] = {}
        for tensor in self._graph.messages("initializer", TENSOR):
            name = tensor.text("name")
            if self.constants.setdefault(name, tensor) is not tensor:
                raise NotUnderstoodError(f"two initializers named {name!r}")
        if "sparse_initializer" in self._graph:
            raise NotUnderstoodError("a sparse initializer")
        inputs = self._shapes("input")
        self.inputs = {name: shape for name, shape in inputs.items() if name not in self.constants}
        self.outputs = self._shapes("output")
        self.metadata = {
            entry.text("key"): entry.text("value")
            for entry in model.messages("metadata_props", ENTRY)
        }

    def constant(self, name: str) -> Array:
        """Return an initializer."""
        if name not in self._arrays:
            self._arrays[name] = _array(self.constants[name], f"initializer {name!r}")
        return self._arrays[name]

    def nodes(self) -> Iterator[Node]:
        """Yield the nodes in the order of the file."""
        for found in self._graph.messages("node", NODE):
            node = Node(
                found.text("name"), found.text("op_type"), found.texts("input"),
                found.texts("output"), {},
            )  # fmt: skip
            domain = found.text("domain")
            if domain not in DOMAINS or "overload" in found:
                raise NotUnderstoodError(f"{node} of the domain {domain}")
            for attribute in found.messages("attribute", ATTRIBUTE):
                name = attribute.text("name")
                if name in node.attributes:
                    raise NotUnderstoodError(f"{node} with two attributes {name!r}")
                node.attributes[name] = _attribute(attribute, f"{node} with attribute {name!r}")
            yield node

    def _shapes(self, name: str) -> dict[str, list[int] | None]:
        found: dict[str, list[int] | None] = {}
        for info in self._graph.messages(name, VALUE_INFO):
            known = info.text("name")
            if known in found:
                raise NotUnderstoodError(f"two {name}s named {known!r}")
            kind = info.message("type", TYPE).message("tensor_type", TENSOR_TYPE)
            shape = kind.message("shape", SHAPE).messages("dim", DIMENSION)
            dims = [dim.whole("dim_value") for dim in shape]
            found[known] = dims if "shape" in kind else None
        return found


def _check_versions(model: Message) -> None:
    versions = [
        opset.whole("version")
        for opset in model.messages("opset_import", OPSET)
        if opset.text("domain") in DOMAINS
    ]
    if len(versions) != 1:
        raise DamagedError("no version of the operators")
    if versions[0] not in OPSETS:
        raise NotUnderstoodError(
            f"operators of version {versions[0]}",
            f"Export it with an opset version from {OPSETS[0]} to {OPSETS[-1]}.",
        )
    if any(
        function.text("domain") in DOMAINS for function in model.messages("functions", FUNCTION)
    ):
        raise NotUnderstoodError("functions that replace operators")


def _attribute(attribute: Message, where: str) -> Attribute:
    kind = attribute.whole("type")
    if kind == 1:
        return attribute.real("f")
    if kind == 2:
        return attribute.whole("i")
    if kind == 3:
        return attribute.text("s")
    if kind == 4:
        return _array(attribute.message("t", TENSOR), where)
    if kind == 6:
        return attribute.array("floats", "<f4")
    if kind == 7:
        return attribute.wholes("ints")
    raise NotUnderstoodError(f"{where}, which is neither a number, a text nor a tensor")


def _array(tensor: Message, where: str) -> Array:
    """Return the numbers of a tensor as a view of the file, after checking its shape."""
    if tensor.whole("data_location") or "external_data" in tensor or "segment" in tensor:
        raise NotUnderstoodError(
            f"{where} in another file",
            "Export it as one file: torch.onnx.export(..., external_data=False), or"
            " onnx.save(onnx.load(path), path).",
        )
    kind, shape = tensor.whole("data_type"), tensor.wholes("dims")
    if kind not in TYPES:
        raise NotUnderstoodError(
            f"{where} of type {OTHER_TYPES.get(kind, kind)}",
            "Export the model in float32 or float64." if kind in SMALL_FLOATS else None,
        )
    dtype, field = TYPES[kind]
    if "raw_data" in tensor:
        numbers = tensor.array("raw_data", dtype)
    elif kind == INT64:
        numbers = np.array(tensor.wholes(field), dtype)
    else:
        numbers = tensor.array(field, dtype)
    if len(shape) > MOST_AXES or min(shape, default=0) < 0 or math.prod(shape) != numbers.size:
        raise NotUnderstoodError(f"{where} of shape {shape[:9]} with {numbers.size:,} numbers")
    return numbers.reshape(shape)
