"""Networks in ONNX files: chains of layers, as the exporters of other libraries write them.

The nodes are followed in their order. Each value is a constant or an expression in z, the weighted
inputs of the layer that is being read. At the next product with weights, this expression must be
that of an activation function.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.architecture.costs import AnyCost, as_cost, find_cost
from bpmatrix.array_types import Array
from bpmatrix.exchange.layers import Layers, NotUnderstoodError
from bpmatrix.exchange.onnx_expressions import ATTRIBUTES, Expressions
from bpmatrix.exchange.onnx_file import DOUBLE, FLOAT, MOST_AXES, Attribute, Node, OnnxFile
from bpmatrix.storage.persistence import read_cost
from bpmatrix.storage.tensor_files import DAMAGES

# Operators that are not part of an expression, except for Add.
LAYERS = {
    "Add", "Cast", "Constant", "Dropout", "Flatten", "Gemm", "Identity", "MatMul", "Reshape",
    "Transpose",
}  # fmt: skip
TYPES = {FLOAT: "float32", DOUBLE: "float64"}


class Value(NamedTuple):
    """A value of the graph that depends on its input.

    Attributes
    ----------
    stage : int
        How many products and sums with parameters precede it.
    expression : str
        Its name, in terms of the value after the last of them, ``"z"``.
    node : str
        Describes the node that it comes from, for errors.
    is_matrix : bool
        Whether it has two axes.
    """

    stage: int
    expression: str
    node: str
    is_matrix: bool = True


def read(path: str | os.PathLike[str]) -> Layers:
    """Return the layers in an ONNX file.

    Raises
    ------
    DamagedError, NotUnderstoodError
        If the file is damaged, or a network cannot compute what a node computes.
    """
    file = OnnxFile(path)
    chain = _Chain(file)
    for node in file.nodes():
        chain.follow(node)
    chain.end()
    chain.layers.cost = _cost(file.metadata.get("cost", ""), chain.layers.activations[-1])
    return chain.layers


def _cost(text: str, output: object) -> AnyCost | None:
    """Return the cost that `to_onnx` writes; None for a text that other programs wrote."""
    try:
        cost = as_cost(read_cost(json.loads(text)))
    except DAMAGES:
        return None
    partner = find_cost(cost).partner
    return cost if output == partner or (partner is None and output != "softmax") else None


class _Chain:
    """The layers and values of a graph, as far as its nodes have been followed."""

    def __init__(self, file: OnnxFile) -> None:
        if len(file.inputs) != 1 or len(file.outputs) != 1:
            raise NotUnderstoodError(
                f"the inputs {', '.join(file.inputs)} and the outputs {', '.join(file.outputs)}",
                "Keep one of each: onnx.utils.extract_model(path, new_path, [input], [output]).",
            )
        self._file, self.layers, self._stage = file, Layers(), 0
        ((name, shape),) = file.inputs.items()
        is_matrix = shape is None or len(shape) == 2
        self._values: dict[str, Value | Array] = {name: Value(0, "z", f"input {name!r}", is_matrix)}
        # The numbers of samples and of inputs; 0 if they are not known.
        self._rows, *axes = [max(n, 0) for n in shape or [0, 0]]
        self._width = math.prod(axes[:MOST_AXES])
        # Layers may share their weights, but not make a network that is larger than the file.
        self._room = file.size
        self._expressions = Expressions()
        self._scales = {"z": 1.0}  # expressions that are a multiple of the inputs

    def follow(self, node: Node) -> None:
        """Add what a node computes."""
        if node.operator not in LAYERS and node.operator not in self._expressions.operators:
            raise NotUnderstoodError(str(node))
        defaults = ATTRIBUTES.get(node.operator, {})
        for name, value in node.attributes.items():
            if name not in defaults or type(value) is not type(defaults[name]):
                raise NotUnderstoodError(f"{node} with attribute {name!r}")
        operands = [self._operand(node, name) for name in node.inputs if name]
        name, *others = node.outputs or [""]
        if name in self._values or name in self._file.constants:
            raise NotUnderstoodError(f"{node} whose output {name!r} exists already")
        if others and node.operator != "Dropout":
            raise NotUnderstoodError(f"{node} with {len(node.outputs)} outputs")
        self._values[name] = self._computed(node, defaults | node.attributes, operands)

    def end(self) -> None:
        """Complete the last layer."""
        ((name, shape),) = self._file.outputs.items()
        value = self._values.get(name)
        if not isinstance(value, Value) or not self.layers.weights:
            raise NotUnderstoodError(f"no layer before the output {name!r}")
        self._complete_layer(value, f"output {name!r}")
        width = len(self.layers.weights[-1])
        if shape and (len(shape) != 2 or max(shape[1], 0) not in {width, 0}):
            raise NotUnderstoodError(f"output {name!r} of shape {shape}")

    def _operand(self, node: Node, name: str) -> Value | Array:
        if name not in self._values:
            if name not in self._file.constants:
                raise NotUnderstoodError(f"{node} whose input {name!r} no earlier node computes")
            return self._file.constant(name)
        return self._values[name]

    def _computed(
        self, node: Node, settings: dict[str, Any], operands: list[Value | Array]
    ) -> Value | Array:
        """Return the output of a node."""
        match node.operator, operands:
            case "Constant", [] if len(node.attributes) == 1:
                return _as_array(*node.attributes.values())
            case ("Identity", [x]) | ("Dropout", [x] | [x, np.ndarray()]):
                return x
            case "Transpose", [np.ndarray(ndim=2) as W] if settings["perm"] == [1, 0]:
                return W.T
            case "Cast", [x] if self._keeps_type(x, settings["to"]):
                return x
            case "Flatten", [Value() as x] if settings["axis"] == 1:
                return x._replace(is_matrix=True)
            case "Reshape", [Value() as x, np.ndarray(shape=(2,)) as shape]:
                return self._reshaped(node, x, shape.tolist(), settings["allowzero"])
            case "MatMul", [Value() as x, np.ndarray() as B]:
                return self._layer(node, x, B.T)
            case "Gemm", [Value() as x, np.ndarray() as B, *c] if not settings["transA"]:
                B = _times(B, settings["alpha"])
                z = self._layer(node, x, B if settings["transB"] else B.T)
                match c:
                    case []:
                        return z
                    case [np.ndarray() as b]:
                        return self._sum(node, z, _times(b, settings["beta"]))
            case "Add", [Value(expression="z") as x, np.ndarray() as b] if self._lacks_biases(x):
                return self._sum(node, x, b)
            case "Add", [np.ndarray() as b, Value(expression="z") as x] if self._lacks_biases(x):
                return self._sum(node, x, b)
        return self._expression(node, operands)

    def _keeps_type(self, x: Value | Array, to: int) -> bool:
        """Whether a conversion changes nothing; inputs take the type of the network anyway."""
        if isinstance(x, np.ndarray):
            return TYPES.get(to) == x.dtype.name
        weights = self.layers.weights
        return to in TYPES and (not weights or TYPES[to] == weights[0].dtype.name)

    def _reshaped(self, node: Node, x: Value, shape: list[int], allowzero: int) -> Value:
        """Return the value as a matrix, if the first axis remains."""
        rows, columns = shape
        width = len(self.layers.weights[-1]) if self.layers.weights else self._width
        keeps_rows = {0: not allowzero, -1: columns > 0}.get(rows, rows == self._rows)
        if not keeps_rows or columns not in {-1, width or max(columns, 1)}:
            raise NotUnderstoodError(f"{node} to {shape}")
        if not self.layers.weights:
            self._width = max(width, columns)
        return x._replace(is_matrix=True)

    def _layer(self, node: Node, x: Value, W: Array) -> Value:
        """Begin a layer: return the product with its weights."""
        self._complete_layer(x, str(node))
        self._room -= W.size
        if self._room < 0:
            raise NotUnderstoodError(f"{node} which makes the network larger than the file")
        is_first = not self.layers.weights
        self.layers.add(W, None, str(node))
        if is_first:
            if not x.is_matrix or self._width not in {0, W.shape[1]}:
                raise NotUnderstoodError(f"{node} on inputs of another shape: {x.node}")
            scale, limits = self._scales[x.expression], np.finfo(W.dtype)
            if not float(limits.tiny) <= abs(scale) <= float(limits.max):
                raise NotUnderstoodError(f"{x.node} which multiplies the inputs by {scale}")
            self.layers.input_scale = scale
        self._stage += 1
        return Value(self._stage, "z", str(node))

    def _lacks_biases(self, x: Value) -> bool:
        return self.layers.biases[-1:] == [None] and x.stage == self._stage

    def _sum(self, node: Node, x: Value, b: Array) -> Value:
        """Return the sum with the biases of a layer, which may be one for all units."""
        self._check_stage(x, str(node))
        n = len(self.layers.weights[-1])
        if b.size not in {1, n} or b.ndim > 2 or (b.ndim == 2 and len(b) != 1):
            raise NotUnderstoodError(f"{node} with biases of shape {b.shape} for {n} units")
        self.layers.add_biases(np.broadcast_to(b.ravel(), n), str(node))
        self._stage += 1
        return Value(self._stage, "z", str(node))

    def _complete_layer(self, x: Value, where: str) -> None:
        """Set the activation function of the last layer, whose outputs are x."""
        self._check_stage(x, where)
        functions = self._expressions.functions
        if not self.layers.weights and x.expression not in self._scales:
            raise NotUnderstoodError(f"{x.node} on the inputs")
        if self.layers.weights and x.expression not in functions:
            raise NotUnderstoodError(f"{x.node} which is not part of a known activation function")
        if self.layers.weights and functions[x.expression] != "identity":
            self.layers.activate(functions[x.expression], x.node)

    def _check_stage(self, x: Value, where: str) -> None:
        if x.stage != self._stage:
            raise NotUnderstoodError(f"{where} which skips a layer: it uses {x.node}")

    def _expression(self, node: Node, operands: list[Value | Array]) -> Value:
        """Return an operator applied element by element, or softmax."""
        values = [x for x in operands if isinstance(x, Value)]
        if not values or node.operator in LAYERS - {"Add"}:
            raise NotUnderstoodError(str(node))
        names: list[str | float] = []
        for x in operands:
            if isinstance(x, Value):
                self._check_stage(x, str(node))
                names.append(x.expression)
            elif x.size == 1 and x.ndim < 3:
                names.append(float(x.item()))
            else:
                raise NotUnderstoodError(f"{node} with constants of shape {x.shape}")
        expression = self._expressions(node.operator, *names, **node.attributes)
        match node.operator, names:
            case ("Mul", ["z", float(scale)] | [float(scale), "z"]):
                self._scales[expression] = scale
            case "Div", ["z", float(divisor)] if divisor:
                self._scales[expression] = 1 / divisor
        return values[0]._replace(expression=expression, node=str(node))


def _times(array: Array, factor: float) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):  # checked when it becomes a parameter
        return array if factor == 1 else array * array.dtype.type(factor)


def _as_array(value: Attribute) -> Array:
    return np.asarray(value, np.float32) if isinstance(value, float) else np.asarray(value)
