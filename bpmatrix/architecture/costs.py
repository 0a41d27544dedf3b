"""The costs: one record for each, with everything other modules need to know.

The formulas themselves are in `kernels/costs.py` and `kernels/functions/distances.py` (fast) and
`reference.py` (to read). To add one, see "Adding an operation" in CONTRIBUTING.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np

from bpmatrix.checks import POSITIVE, check_in_type, find, named_function, set_number
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels import codes


@dataclass(frozen=True, slots=True)
class ParameterCost:
    """The base class of costs with one parameter."""

    name: ClassVar[str]

    @property
    def parameter(self) -> float:
        """The parameter, as the kernels take it."""
        return float(getattr(self, self._argument))

    @property
    def kinks(self) -> tuple[float, ...]:
        """The a - y at which the slope or its derivative jumps."""
        raise NotImplementedError

    def check_type(self, dtype: str) -> None:
        """Check that the parameter is neither infinite nor 0 in the dtype of a network.

        Raises
        ------
        ArgumentError
            If it is.
        """
        check_in_type(self.parameter, self._argument, dtype, zero=False)

    @property
    def _argument(self) -> str:
        (field,) = fields(self)
        return field.name

    def __str__(self) -> str:
        return f"{self.name}({self._argument}={self.parameter:g})"


@dataclass(frozen=True, slots=True)
class Huber(ParameterCost):
    """The Huber cost: quadratic near the target, absolute far from it, for data with outliers.

    ``cost="huber"`` is ``cost=Huber()``. Huber 1964, Annals of Mathematical Statistics 35.

    Parameters
    ----------
    delta : float, default 1.0
        The distance from the target at which one becomes the other, in units of the targets.

    Raises
    ------
    ArgumentError
        If `delta` is not positive and finite.

    Examples
    --------
    >>> from bpmatrix import Network
    >>> Network([4, 8, 1], activation="relu", cost=Huber(delta=0.5), seed=1)
    Network([4, 8, 1], relu-identity, huber(delta=0.5), float64, 49 parameters)
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        """Check that delta is positive."""
        set_number(self, "delta", POSITIVE)

    @property
    def kinks(self) -> tuple[float, ...]:
        """The a - y at which the derivative of the slope jumps."""
        return (-self.delta, self.delta)


@dataclass(frozen=True, slots=True)
class Quantile(ParameterCost):
    """The quantile cost, also called pinball loss: its minimum is the quantile q of the targets.

    ``cost="quantile"`` is ``cost=Quantile()``, the median. Koenker & Bassett 1978, Econometrica 46.

    Parameters
    ----------
    q : float, default 0.5
        The fraction of targets that should be below the output, between 0 and 1.

    Raises
    ------
    ArgumentError
        If `q` is not between 0 and 1.

    Examples
    --------
    >>> from bpmatrix import Network
    >>> net = Network([1, 1], cost=Quantile(0.9), bias=False, seed=1)
    >>> net.weights[0][:] = 2
    >>> net.cost([[1.0]], [3.0]), round(net.cost([[1.0]], [1.0]), 9)
    (0.9, 0.1)
    """

    name: ClassVar[str] = "quantile"
    q: float = 0.5

    def __post_init__(self) -> None:
        """Check that q is between 0 and 1."""
        set_number(self, "q", ("a number between 0 and 1", lambda q: 0 < q < 1))

    @property
    def kinks(self) -> tuple[float, ...]:
        """The a - y at which the slope jumps."""
        return (0.0,)

    def check_type(self, dtype: str) -> None:
        """Check that q is neither 0 nor 1 in a dtype: see `ParameterCost.check_type`."""
        ParameterCost.check_type(self, dtype)
        below_one = np.nextafter(np.ones(1, dtype), 0)[0]
        if np.dtype(dtype).type(self.q) > below_one:
            raise ArgumentError(
                f"q is 1 in {dtype}",
                got=repr(self.q),
                expected=f"{below_one!s} at most",
                cure='Pass a smaller one, or use dtype="float64".',
            )


@dataclass(frozen=True, slots=True)
class OwnCost:
    """A custom cost: two functions of an output and its target, compiled by numba.

    The cost of a sample is the sum over its outputs. As with `OwnActivation`, the functions are
    compiled at the network's first computation, and the derivative is then checked.

    Parameters
    ----------
    cost, derivative : callable
        C(a, y) of one output a and its target y, two floats, and dC/da.
    name : str, optional
        The default is the name of the function `cost`.

    Raises
    ------
    ArgumentError
        If they are not functions; at the first computation, if numba cannot compile them, or if
        `derivative` is not the derivative.

    Examples
    --------
    >>> import math
    >>> def log_cosh(a, y):
    ...     return math.log(math.cosh(a - y))
    >>> from bpmatrix import Network
    >>> net = Network([1, 1], cost=OwnCost(log_cosh, lambda a, y: math.tanh(a - y)), seed=1)
    >>> net.weights[0][:], net.biases[0][:] = 2, 0
    >>> round(net.cost([[1.0]], [1.0]), 6)
    0.433781
    """

    cost: Callable[[float, float], float]
    derivative: Callable[[float, float], float]
    name: str | None = None

    def __post_init__(self) -> None:
        """Check the functions, and set the name."""
        name = named_function(self.cost, "cost", self.name)
        named_function(self.derivative, "derivative", self.name)
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return str(self.name)


AnyCost = str | ParameterCost | OwnCost


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost C of one sample; the cost of a batch is the mean over its samples.

    Attributes
    ----------
    name : str
        The name that ``Network(cost=...)`` takes.
    formula : str
        C of one sample as text, for messages and the tables of the documentation.
    remark : str
        A remark beside the formula in the documentation.
    code : int or None
        Its number in the kernels; None if it is compiled on demand, from the functions `name` and
        `name_slope` in `kernels/functions/distances.py`.
    partner : str or None
        The only output activation function that it can be used with: sigma' cancels, and dC/dz is
        a - y. None if it can be used with any element-wise function.
    parameter : type or None
        The class of the cost if it has a parameter.
    kinks : tuple of float
        The a - y at which the slope of a cost without a parameter jumps; the gradient check avoids
        them.
    lowest_target, highest_target : float or None
        The bounds of the targets; None if there is no such bound.
    loss : str or None
        Its name as a loss of `MLPRegressor`, scikit-learn's if it has one; None if it is not a
        loss of `MLPRegressor`.
    """

    name: str
    formula: str
    remark: str = ""
    code: int | None = None
    partner: str | None = None
    parameter: type[ParameterCost] | None = None
    kinks: tuple[float, ...] = ()
    lowest_target: float | None = None
    highest_target: float | None = None
    loss: str | None = None


COSTS = {
    record.name: record
    for record in (
        Cost("quadratic", "1/2 sum (a - y)^2", code=codes.QUADRATIC, loss="squared_error"),
        Cost(
            "cross_entropy",
            "-sum (y ln a + (1 - y) ln(1 - a))",
            remark="one class, or several independent ones",
            code=codes.CROSS_ENTROPY,
            partner="sigmoid",
            lowest_target=0.0,
            highest_target=1.0,
        ),
        Cost(
            "log_likelihood",
            "-sum y ln a",
            remark="one class of several",
            code=codes.LOG_LIKELIHOOD,
            partner="softmax",
            lowest_target=0.0,
            highest_target=1.0,
        ),
        Cost(
            "absolute",
            "sum |a - y|",
            remark="the slope at 0 is 0",
            kinks=(0.0,),
            loss="absolute_error",
        ),
        Cost(
            "huber",
            "sum 1/2 (a - y)^2 where |a - y| <= delta, else delta (|a - y| - delta / 2)",
            parameter=Huber,
            loss="huber",
        ),
        Cost(
            "quantile",
            "sum q (y - a) where a < y, else (1 - q) (a - y)",
            remark="the slope at 0 is 0",
            parameter=Quantile,
            loss="quantile",
        ),
        Cost(
            "poisson",
            "sum a - y + y ln(y / a)",
            remark="half the deviance of a count y at the rate a",
            partner="exp",
            lowest_target=0.0,
            loss="poisson",
        ),
    )
}


def as_cost(cost: AnyCost) -> AnyCost:
    """Return a cost as stored in a `Description`: costs with a parameter as objects.

    Raises
    ------
    ArgumentError
        If there is none of that name.

    Examples
    --------
    >>> as_cost("huber"), as_cost("quadratic")
    (Huber(delta=1.0), 'quadratic')
    """
    parameter = find_cost(cost).parameter
    return parameter() if parameter is not None and isinstance(cost, str) else cost


def find_cost(cost: AnyCost) -> Cost:
    """Return the record of a cost, or one for a user's own cost.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> find_cost("cross_entropy").partner
    'sigmoid'
    """
    if isinstance(cost, OwnCost):
        return Cost(str(cost), "your own")
    return find(COSTS, cost.name if isinstance(cost, ParameterCost) else cost, "cost")
