"""The activation functions: one record for each, with everything other modules need to know.

The formulas themselves are in `kernels/elementwise.py` and `kernels/functions/activations.py`
(fast) and `reference.py` (to read). To add one, see "Adding an operation" in CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bpmatrix.checks import find, named_function
from bpmatrix.kernels import codes


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function a = sigma(z).

    Attributes
    ----------
    name : str
        The name that ``Network(activation=...)`` takes.
    formula, derivative : str
        sigma and sigma' as text, for messages and the tables of the documentation.
    remark : str
        A remark beside the formula in the documentation.
    code : int or None
        Its number in the kernels; None if it is compiled on demand, from the functions `name` and
        `name_slope` in `kernels/functions/activations.py`.
    elementwise : bool
        Whether each a depends only on its own z. Softmax is not element-wise, so it can only be
        used at the output.
    keeps_z : bool
        Whether sigma' is computed from z, which is then stored beside a, and not from a.
    kinks : tuple of float
        The z at which sigma' or its derivative jumps; the gradient check avoids them.
    lowest, highest : float or None
        The bounds of a; None if there is no such bound.
    initializer : str
        The default initializer of a layer with this function. After a layer with ``"he"``, the
        default of other functions is ``"glorot"``.
    """

    name: str
    formula: str
    derivative: str
    remark: str = ""
    code: int | None = None
    elementwise: bool = True
    keeps_z: bool = False
    kinks: tuple[float, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    initializer: str = "scaled_normal"


# ReLU and its variants roughly halve the variance, which the initializer "he" makes up for.
ACTIVATIONS = {
    record.name: record
    for record in (
        Activation(
            "sigmoid", "1 / (1 + exp(-z))", "a (1 - a)", code=codes.SIGMOID, lowest=0.0, highest=1.0
        ),
        Activation("tanh", "tanh(z)", "1 - a^2", code=codes.TANH, lowest=-1.0, highest=1.0),
        Activation(
            "relu",
            "max(z, 0)",
            "1 where z > 0, else 0",
            code=codes.RELU,
            kinks=(0.0,),
            lowest=0.0,
            initializer="he",
        ),
        Activation(
            "leaky_relu",
            "z where z > 0, else 0.01 z",
            "1 where z > 0, else 0.01",
            kinks=(0.0,),
            initializer="he",
        ),
        Activation(
            "elu",
            "z where z > 0, else exp(z) - 1",
            "1 where z > 0, else exp(z)",
            kinks=(0.0,),
            lowest=-1.0,
            initializer="he",
        ),
        Activation(
            "gelu",
            "z Phi(z)",
            "Phi(z) + z phi(z)",
            remark="with the exact normal distribution function Phi, density phi",
            keeps_z=True,
            lowest=-0.17,
            initializer="he",
        ),
        Activation(
            "silu",
            "z / (1 + exp(-z))",
            "s (1 + z (1 - s)) with s = 1 / (1 + exp(-z))",
            keeps_z=True,
            lowest=-0.2785,
            initializer="he",
        ),
        Activation("softplus", "log(1 + exp(z))", "1 - exp(-a)", lowest=0.0, initializer="he"),
        Activation("exp", "exp(z)", "a", lowest=0.0),
        Activation("identity", "z", "1", code=codes.IDENTITY),
        Activation(
            "softmax",
            "exp(z_k) / sum_i exp(z_i)",
            "a_k (1 where i = k, else 0) - a_k a_i",
            remark="at the output",
            code=codes.SOFTMAX,
            elementwise=False,
            lowest=0.0,
            highest=1.0,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class OwnActivation:
    """A custom activation function: two functions of one number, compiled by numba.

    They are compiled at the network's first computation, and `sigma_prime` is then compared with
    difference quotients of `sigma`. Two descriptions with the same functions are equal. If a
    function raises an error during training, its results become NaN, which ends the run.

    Parameters
    ----------
    sigma, sigma_prime : callable
        a = sigma(z) and its derivative sigma'(z), of one float z, in the part of Python that numba
        compiles; `math` is fine. A network can be pickled if these functions can.
    name : str, optional
        The default is the name of the function `sigma`.

    Raises
    ------
    ArgumentError
        If they are not functions; at the first computation, if numba cannot compile them, or if
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
        """Check the functions, and set the name."""
        name = named_function(self.sigma, "sigma", self.name)
        named_function(self.sigma_prime, "sigma_prime", self.name)
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return str(self.name)


def find_activation(activation: str | OwnActivation) -> Activation:
    """Return the record of a name, or one for a user's own activation function.

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
        return Activation(str(activation), "your own", "your own", keeps_z=True)
    return find(ACTIVATIONS, activation, "activation function")
