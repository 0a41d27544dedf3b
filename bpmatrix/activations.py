"""The activation functions by name: what a person says, and the number that compiled code knows.

The formulas themselves are in `kernels/elementwise.py` (fast) and `reference.py` (to read).
"""

from __future__ import annotations

from dataclasses import dataclass

from bpmatrix.checks import find
from bpmatrix.kernels import codes

__all__ = ["ACTIVATIONS", "Activation", "find_activation"]


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function a = sigma(z).

    Attributes
    ----------
    name : str
        The name that ``Network(activation=...)`` takes.
    code : int
        Its number in the kernels.
    formula, derivative : str
        sigma and sigma', for people.
    elementwise : bool
        Whether each a depends on its own z alone. Softmax does not, and so it can stand at the
        output only.
    keeps_z : bool
        Whether sigma' needs z, which then has a work matrix of its own.
    """

    name: str
    code: int
    formula: str
    derivative: str
    elementwise: bool = True
    keeps_z: bool = False


ACTIVATIONS = {
    record.name: record
    for record in (
        Activation("sigmoid", codes.SIGMOID, "1 / (1 + exp(-z))", "a (1 - a)"),
        Activation("tanh", codes.TANH, "tanh(z)", "1 - a^2"),
        Activation("relu", codes.RELU, "max(z, 0)", "1 where z > 0, else 0"),
        Activation("identity", codes.IDENTITY, "z", "1"),
        Activation(
            "softmax",
            codes.SOFTMAX,
            "exp(z_k) / sum_i exp(z_i)",
            "a_k (1 where i = k, else 0) - a_k a_i",
            elementwise=False,
        ),
    )
}


def find_activation(name: str) -> Activation:
    """Return the activation function of that name.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> find_activation("tanh").derivative
    '1 - a^2'
    """
    return find(ACTIVATIONS, name, "activation function")
