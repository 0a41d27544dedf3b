"""Expressions of ONNX operators, and those that are activation functions.

Activation functions are recognized as `to_onnx` writes them, by the same functions, and as other
libraries do.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bpmatrix.architecture.description import DTYPES
from bpmatrix.exchange.onnx_file import Attribute
from bpmatrix.exchange.onnx_operators import ACTIVATIONS as OURS

NO_NUMBERS = np.empty(0)
# The attributes that are understood, with their defaults, which have the types that they must have.
ATTRIBUTES: dict[str, dict[str, Attribute]] = {
    "Cast": {"to": 0, "saturate": 1},
    "Constant": {
        "value": NO_NUMBERS, "value_float": 0.0, "value_floats": NO_NUMBERS, "value_int": 0,
        "value_ints": [],
    },
    "Dropout": {"ratio": 0.5, "seed": 0},
    "Elu": {"alpha": 1.0},
    "Flatten": {"axis": 1},
    "Gelu": {"approximate": "none"},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 0},
    "LeakyRelu": {"alpha": 0.01},
    "Reshape": {"allowzero": 0},
    "Softmax": {"axis": 1},
    "Swish": {"alpha": 1.0},
    "Transpose": {"perm": [1, 0]},
}  # fmt: skip
COMMUTATIVE = {"Add", "Max", "Min", "Mul"}
MOST_FACTORS = 8


class Expressions:
    """Names for expressions in z, equal for equal expressions.

    Attributes
    ----------
    functions : dict of str to str
        The names of the activation functions, by the names of all their expressions.
    operators : set of str
        The operators that occur in them.
    """

    dtype = "float64"

    def __init__(self) -> None:
        self._names: dict[tuple[str, ...], str] = {}
        self._factors: dict[str, list[str]] = {}
        self.functions = {write(self, "z"): name for name, write in EXPRESSIONS}
        for self.dtype in DTYPES:  # with constants of this precision
            self.functions |= {write(self, "z"): name for name, write in OURS.items()}
        self.operators = {operator for operator, *_ in self._names}

    def __call__(self, operator: str, *inputs: str | float, **attributes: Attribute) -> str:
        """Return the name of an operator applied to expressions and numbers."""
        operands = [x if isinstance(x, str) else _written(x) for x in inputs]
        if operator == "Mul":  # in any order
            operands = [factor for x in operands for factor in self._factors.get(x, [x])]
        if operator in COMMUTATIVE:
            operands.sort()
        settings = ATTRIBUTES.get(operator, {}) | attributes
        if settings.get("axis") == -1:  # of two
            settings["axis"] = 1
        key = (operator, *operands, *(_written(settings[name]) for name in sorted(settings)))
        name = self._names.setdefault(key, f"e{len(self._names)}")
        if operator == "Mul" and len(operands) < MOST_FACTORS:  # they may double with each node
            self._factors[name] = operands
        return name


def _written(value: object) -> str:
    """Return a setting as text; numbers are rounded to float32, since attributes are."""
    if not isinstance(value, int | float):
        return str(value)
    with np.errstate(over="ignore"):
        return str(np.float32(value))


# The expressions of the activation functions in files of PyTorch, Keras and scikit-learn.
EXPRESSIONS: tuple[tuple[str, Callable[[Expressions, str], str]], ...] = (
    ("identity", lambda _, z: z),
    ("sigmoid", lambda g, z: g("Sigmoid", z)),
    ("tanh", lambda g, z: g("Tanh", z)),
    ("relu", lambda g, z: g("Relu", z)),
    ("leaky_relu", lambda g, z: g("LeakyRelu", z)),
    ("elu", lambda g, z: g("Elu", z)),
    ("silu", lambda g, z: g("Swish", z)),
    ("silu", lambda g, z: g("Mul", z, g("Sigmoid", z))),
    ("softplus", lambda g, z: g("Softplus", z)),
    ("softplus", lambda g, z: g("Where", g("Greater", z, 20.0), z, g("Softplus", z))),
    ("exp", lambda g, z: g("Exp", z)),
    ("softmax", lambda g, z: g("Softmax", z)),
    ("gelu", lambda g, z: g("Gelu", z)),
    ("gelu", lambda g, z: _gelu(g, z, g("Div", z, math.sqrt(2)))),
    ("gelu", lambda g, z: _gelu(g, z, g("Mul", z, math.sqrt(0.5)))),
)


def _gelu(g: Expressions, z: str, x: str) -> str:
    return g("Mul", z, g("Mul", 0.5, g("Add", g("Erf", x), 1.0)))
