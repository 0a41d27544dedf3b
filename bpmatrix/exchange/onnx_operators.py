"""The operators of ONNX that compute what a model computes, as plain records.

Samples are rows. Every activation function is built from operators that onnxruntime has for float32
and float64, so that small results keep their digits and large inputs do not overflow: its own
Sigmoid of -18 in float32 is 0, and it has no Elu, Erf, Gelu, LeakyRelu or Softplus for float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError
from bpmatrix.exchange.model import Ensemble, Model, Scaling, check_range
from bpmatrix.exchange.onnx_file import DOUBLE, FLOAT, INT64

INPUT = "X"


@dataclass(frozen=True, slots=True)
class Node:
    """An operator with one output.

    Attributes
    ----------
    operator : str
        Its name in the domain ``ai.onnx``.
    inputs : tuple of str
        Names of the model's input, of constants, or of the outputs of earlier nodes.
    output : str
        Also the name of the node.
    attributes : mapping
    """

    operator: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Output:
    """An output of the model.

    Attributes
    ----------
    name : str
    dtype : np.dtype
        That of objects for text.
    columns : int or None
        None for a vector (n,), otherwise the output is (n, columns).
    """

    name: str
    dtype: np.dtype[Any]
    columns: int | None


class Graph:
    """Nodes in the order of computation, and their constants.

    Parameters
    ----------
    dtype : str
        The type of all numbers but labels.
    """

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.nodes: list[Node] = []
        self.constants: dict[str, Array] = {}
        self.outputs: list[Output] = []
        self.part = ""

    def __call__(self, operator: str, *inputs: str | float, **attributes: int) -> str:
        """Add a node and return the name of its output; numbers become constants."""
        names = tuple(x if isinstance(x, str) else self.number(x) for x in inputs)
        self.nodes.append(Node(operator, names, f"{self.part}_{len(self.nodes)}", attributes))
        return self.nodes[-1].output

    def number(self, value: float) -> str:
        """Return the name of a scalar constant."""
        name = f"number_{np.dtype(self.dtype).type(value)!s}"
        return self.constant(name, np.array(value))

    def constant(self, name: str, array: Array) -> str:
        """Add a constant in the type of the graph, and return its name."""
        self.constants[name] = array.astype(self.dtype)
        return name

    def output(
        self, name: str, found: str, columns: int | None, dtype: np.dtype[Any] | None = None
    ) -> None:
        """Make the output of a node one of the model's, with another name."""
        renamed = {found: name}
        self.nodes = [
            Node(
                node.operator,
                tuple(renamed.get(x, x) for x in node.inputs),
                renamed.get(node.output, node.output),
                node.attributes,
            )
            for node in self.nodes
        ]
        self.outputs.append(Output(name, dtype or np.dtype(self.dtype), columns))


def graph_of(model: Model | Ensemble, dtype: str) -> Graph:
    """Return the graph of a model.

    The outputs have the names that skl2onnx gives them: of a regressor "variable" (n, n_outputs);
    of a classifier "label" (n,), or (n, n_labels) for multilabel targets, and "probabilities"
    (n, n_classes). The output of a network is "output" (n, n_L).

    Raises
    ------
    ArgumentError
        If `dtype` is unknown or too small for a number, or the classes cannot be written.
    """
    graph = Graph(dtype)
    if isinstance(model, Ensemble):
        x, model = _mean(graph, model), model.members[0]
    else:
        x = _network(graph, model, INPUT)
    if model.classes is not None:
        _classify(graph, x, model.kind, model.classes)
    else:
        name = "output" if model.kind == "network" else "variable"
        graph.output(name, x, model.description.sizes[-1])
    return graph


def _network(graph: Graph, model: Model, x: str, member: str = "") -> str:
    """Add a network with its scalings, whose constants' names begin with `member`."""
    model = model.rounded(graph.dtype)
    if model.inputs is not None:
        graph.part = f"{member}standardized"
        x = graph("Sub", x, graph.constant(f"{member}mean", model.inputs.mean))
        x = graph("Div", x, graph.constant(f"{member}scale", model.inputs.scale))
    if model.description.input_scale != 1:
        graph.part = f"{member}scaled"
        scale = np.array(model.description.input_scale)
        x = graph("Mul", x, graph.constant(f"{member}input_scale", scale))
    for l, ((W, b), activation) in enumerate(zip(model.layers(), model.activations, strict=True)):
        graph.part = f"{member}layer_{l + 1}"
        operands = [x, graph.constant(f"{member}W_{l + 1}", W)]
        if model.description.bias:
            operands.append(graph.constant(f"{member}b_{l + 1}", b))
        x = ACTIVATIONS[activation](graph, graph("Gemm", *operands, transB=1))
    graph.part = f"{member}output"
    return _unscaled(graph, x, model.targets, member)


def _unscaled(graph: Graph, x: str, targets: Scaling | None, member: str = "") -> str:
    if targets is None:
        return x
    x = graph("Mul", x, graph.constant(f"{member}target_scale", targets.scale))
    return graph("Add", x, graph.constant(f"{member}target_mean", targets.mean))


def _mean(graph: Graph, model: Ensemble) -> str:
    """Add the mean of networks for the numbers of a table."""
    with np.errstate(over="ignore", under="ignore"):
        check_range(graph.dtype, np.zeros(0), model.inputs.rounded(graph.dtype))
    x, total = _encoded(graph, model), ""
    for i, member in enumerate(model.members, 1):
        found = _network(graph, member, x, f"member_{i}_")
        total = graph("Add", total, found) if total else found
    graph.part = "output"
    mean = graph("Div", total, float(len(model.members)))
    return _unscaled(graph, mean, model.targets)


def _encoded(graph: Graph, model: Ensemble) -> str:
    """Add linear asinh((x - mean) / scale / linear), 0 for NaN, and the indicators of NaN.

    onnxruntime has Asinh for float32 only. The result is about 1, so that the logarithm of nearly 1
    loses no digits that count.
    """
    graph.part = "encoded"
    mean = graph.constant("mean", model.inputs.mean)
    is_missing = graph("IsNaN", INPUT)
    x = graph("Sub", graph("Where", is_missing, mean, INPUT), mean)
    x = graph("Div", x, graph.constant("scale", model.inputs.scale * model.linear))
    size = graph("Min", graph("Abs", x), 1e18)  # whose square is not infinite
    root = graph("Sqrt", graph("Add", graph("Mul", size, size), 1.0))
    x = graph("Mul", graph("Sign", x), graph("Log", graph("Add", size, root)))
    x = graph("Mul", x, model.linear)
    if not model.has_indicator.any():
        return x
    places = np.arange(2 * model.n_inputs).reshape(2, -1).T  # of numbers and of indicators
    is_used = np.stack([np.ones_like(model.has_indicator), model.has_indicator], axis=1)
    graph.constants["order"] = places[is_used]
    indicators = graph("Cast", is_missing, to=FLOAT if graph.dtype == "float32" else DOUBLE)
    return graph("Gather", graph("Concat", x, indicators, axis=1), "order", axis=1)


def _classify(graph: Graph, a: str, kind: str, classes: Array) -> None:
    """Add the outputs of a classifier: labels, ties decided as in `predict`, and probabilities."""
    n = classes.size
    if kind == "multiclass":
        _decode(graph, graph("ArgMax", a, axis=1, keepdims=0), classes)
        graph.output("probabilities", a, n)
        return
    # For a single class nothing is above the threshold: it is always predicted.
    above = graph("Cast", graph("Greater", a, 0.5 if n > 1 else 1.0), to=INT64)
    if kind == "binary":
        graph.constants["flat"] = np.array([-1])
        _decode(graph, graph("Reshape", above, "flat"), classes)
        graph.output("probabilities", graph("Concat", graph("Sub", 1.0, a), a, axis=1), 2)
    else:
        graph.output("label", above, n, np.dtype(np.int64))
        below_one = np.nextafter(np.ones((), graph.dtype), 0)  # as in predict_proba
        graph.output("probabilities", graph("Min", a, float(below_one)), n)


def _decode(graph: Graph, indices: str, classes: Array) -> None:
    """Add the output "label", the classes with these indices."""
    kind = classes.dtype.kind
    if kind in "iu" and (kind == "i" or classes.max() < 1 << 63):
        classes = classes.astype(np.int64)
    elif kind in "UO" and all(isinstance(c, str) and _is_unicode(c) for c in classes.tolist()):
        classes = classes.astype(object)
    elif kind == "f":
        classes = classes.astype(np.float64)
    elif kind != "b":
        raise ArgumentError(
            "these classes cannot be written to an ONNX file",
            got=repr(classes[:3].tolist()),
            expected="integers below 2^63, other numbers, truth values or valid text",
            cure="Fit the model to labels of another type.",
        )
    if kind not in "iu" or not np.array_equal(classes, np.arange(classes.size)):
        graph.constants["classes"] = classes
        indices = graph("Gather", "classes", indices, axis=0)
    graph.output("label", indices, None, classes.dtype)


def _is_unicode(text: str) -> bool:
    """Whether a text can be encoded: it may hold half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# ------------------------------------------------------------------------ the activation functions


class Operators(Protocol):
    """What adds an operator, and returns a name for its result."""

    dtype: str

    def __call__(self, operator: str, *inputs: str | float, **attributes: int) -> str:
        """Add the operator with results and numbers as inputs."""


def _sigmoid(graph: Operators, z: str) -> str:
    """1 / (1 + e^-z)."""
    return graph("Reciprocal", graph("Add", graph("Exp", graph("Neg", z)), 1.0))


def _silu(graph: Operators, z: str) -> str:
    """The quotient z / (1 + e^-z), with z clipped where it is 0, or NaN for minus infinity."""
    z = graph("Max", z, -1000.0)
    return graph("Div", z, graph("Add", graph("Exp", graph("Neg", z)), 1.0))


def _leaky_relu(graph: Operators, z: str) -> str:
    """max(z, 0.01 z): the 0.01 of LeakyRelu is a float32 also for float64."""
    return graph("Max", z, graph("Mul", z, 0.01))


def _elu(graph: Operators, z: str) -> str:
    """max(z, 0) + 2 t / (1 - t) with t = tanh(min(z, 0) / 2): e^z - 1 without cancellation."""
    t = graph("Tanh", graph("Mul", graph("Min", z, 0.0), 0.5))
    negative = graph("Mul", graph("Div", t, graph("Sub", 1.0, t)), 2.0)
    return graph("Add", graph("Relu", z), negative)


def _softplus(graph: Operators, z: str) -> str:
    """max(z, 0) + ln(1 + e), e = e^-|z|, with ln(1 + e) as e ln(u) / (u - 1) for u = 1 + e rounded.

    The errors of u in the two factors cancel (N. J. Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., 2002, section 1.14.1); where u is 1, it is e.
    """
    e = graph("Exp", graph("Neg", graph("Abs", z)))
    u = graph("Add", e, 1.0)
    factor = graph("Div", graph("Log", u), graph("Sub", u, 1.0))
    factor = graph("Where", graph("Greater", u, 1.0), factor, 1.0)
    return graph("Add", graph("Relu", z), graph("Mul", e, factor))


def _gelu(graph: Operators, z: str) -> str:
    """max(z, 0) - t Phi(-t), t = |z|, with Phi as in `kernels/functions/normal.py`."""
    from bpmatrix.kernels.machine.formats import FLOAT32, FLOAT64  # noqa: PLC0415 - loads numba

    c = FLOAT64 if graph.dtype == "float64" else FLOAT32
    t = graph("Min", graph("Abs", z), float(c.furthest))
    reach = graph("Add", t, 4.0)
    u = graph("Div", graph("Sub", t, 4.0), reach)
    *lower, p = (float(number) for number in c.normal_polynomial)
    total: str | float = p
    for number in reversed(lower):
        total = graph("Add", graph("Mul", total, u), number)
    e = graph("Exp", graph("Mul", graph("Mul", t, t), -0.5))
    tail = graph("Div", graph("Mul", graph("Mul", t, e), total), reach)
    return graph("Sub", graph("Relu", z), tail)


ACTIVATIONS: dict[str, Callable[[Operators, str], str]] = {
    "sigmoid": _sigmoid,
    "tanh": lambda graph, z: graph("Tanh", z),
    "relu": lambda graph, z: graph("Relu", z),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "silu": _silu,
    "softplus": _softplus,
    "exp": lambda graph, z: graph("Exp", z),
    "identity": lambda graph, z: z,
    "softmax": lambda graph, z: graph("Softmax", z, axis=1),
}
