"""The activation functions by name: what a person says, and the number that compiled code knows.

The formulas themselves are in `kernels/elementwise.py` (fast) and `reference.py` (to read).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpmatrix.checks import find, named_function
from bpmatrix.kernels import codes

__all__ = ["ACTIVATIONS", "Activation", "OwnActivation", "find_activation"]


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function a = sigma(z).

    Attributes
    ----------
    name : str
        The name that ``Network(activation=...)`` takes.
    code : int or None
        Its number in the kernels; None where it is a block of its own
        (`kernels/programs/blocks.py`).
    formula, derivative : str
        sigma and sigma', for people.
    elementwise : bool
        Whether each a depends on its own z alone. Softmax does not, and so it can stand at the
        output only.
    keeps_z : bool
        Whether sigma' needs z, which then has a work matrix of its own.
    lowest, highest : float or None
        What it never falls below and never exceeds; None where it has no such bound.
    """

    name: str
    code: int | None
    formula: str
    derivative: str
    elementwise: bool = True
    keeps_z: bool = False
    lowest: float | None = None
    highest: float | None = None


ACTIVATIONS = {
    record.name: record
    for record in (
        Activation(
            "sigmoid",
            codes.SIGMOID,
            "1 / (1 + exp(-z))",
            "a (1 - a)",
            lowest=0.0,
            highest=1.0,
        ),
        Activation("tanh", codes.TANH, "tanh(z)", "1 - a^2", lowest=-1.0, highest=1.0),
        Activation("relu", codes.RELU, "max(z, 0)", "1 where z > 0, else 0", lowest=0.0),
        Activation(
            "leaky_relu",
            None,
            "z where z > 0, else 0.01 z",
            "1 where z > 0, else 0.01",
        ),
        Activation(
            "elu",
            None,
            "z where z > 0, else exp(z) - 1",
            "1 where z > 0, else exp(z)",
            lowest=-1.0,
        ),
        Activation("gelu", None, "z Phi(z)", "Phi(z) + z phi(z)", keeps_z=True, lowest=-0.17),
        Activation(
            "silu",
            None,
            "z / (1 + exp(-z))",
            "s (1 + z (1 - s)) with s = 1 / (1 + exp(-z))",
            keeps_z=True,
            lowest=-0.2785,
        ),
        Activation("softplus", None, "log(1 + exp(z))", "1 - exp(-a)", lowest=0.0),
        Activation("exp", None, "exp(z)", "a", lowest=0.0),
        Activation("identity", codes.IDENTITY, "z", "1"),
        Activation(
            "softmax",
            codes.SOFTMAX,
            "exp(z_k) / sum_i exp(z_i)",
            "a_k (1 where i = k, else 0) - a_k a_i",
            elementwise=False,
            lowest=0.0,
            highest=1.0,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class OwnActivation:
    """An activation function of one's own: two functions of one number, compiled by numba.

    They are compiled at the network's first computation, and `sigma_prime` is compared there with
    the slope of `sigma`. Two descriptions with the same functions are equal. A function that raises
    an error during training makes its numbers NaN, which ends the run.

    Parameters
    ----------
    sigma, sigma_prime : callable
        a = sigma(z) and its derivative sigma'(z), of one float z, in the part of Python that numba
        compiles; `math` is fine. A network can be pickled if these can.
    name : str, optional
        None takes that of the function `sigma`.

    Raises
    ------
    ArgumentError
        If they are no functions; at the first computation, if numba cannot compile them, or if
        `sigma_prime` is not the derivative.

    Examples
    --------
    >>> def squared_relu(z):
    ...     return z * z if z > 0 else 0.0
    >>> def slope(z):
    ...     return 2 * z if z > 0 else 0.0
    >>> from bpmatrix import Network
    >>> Network([2, 8, 1], activation=OwnActivation(squared_relu, slope), seed=1)
    Network([2, 8, 1], squared_relu-sigmoid, cross_entropy, float64, 33 parameters)
    """

    sigma: Callable[[float], float]
    sigma_prime: Callable[[float], float]
    name: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no function."""
        name = named_function(self.sigma, "sigma", self.name)
        named_function(self.sigma_prime, "sigma_prime", self.name)
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return str(self.name)


def find_activation(activation: str | OwnActivation) -> Activation:
    """Return the activation function of that name, or what there is to say of one's own.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> find_activation("tanh").derivative
    '1 - a^2'
    """
    if isinstance(activation, OwnActivation):
        return Activation(str(activation), None, "your own", "your own", keeps_z=True)
    return find(ACTIVATIONS, activation, "activation function")
