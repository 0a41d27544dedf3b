"""The costs by name, and the output activation functions that each belongs with.

The formulas themselves are in `kernels/costs.py` (fast) and `reference.py` (to read).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from bpmatrix.checks import find, named_function, real_number
from bpmatrix.kernels import codes

__all__ = ["COSTS", "AnyCost", "Cost", "Huber", "OwnCost", "Quantile", "as_cost", "find_cost"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost C of one sample; the cost of a batch is the mean over its samples.

    Attributes
    ----------
    name : str
        The name that ``Network(cost=...)`` takes.
    code : int or None
        Its number in the kernels; -1 for one's own, which has an address.
    formula : str
        C of one sample, summed over the outputs, for people.
    partner : str or None
        The one output activation function that it belongs with, for which dC/dz is a - y; None
        where any element-wise function will do.
    highest_target, lowest_target : float or None
        The targets that it has a meaning for; None for any.
    """

    name: str
    code: int
    formula: str
    partner: str | None = None
    lowest_target: float | None = None
    highest_target: float | None = None


COSTS = {
    record.name: record
    for record in (
        Cost("quadratic", codes.QUADRATIC, "1/2 sum (a - y)^2"),
        Cost(
            "cross_entropy",
            codes.CROSS_ENTROPY,
            "-sum (y ln a + (1 - y) ln(1 - a))",
            partner="sigmoid",
            lowest_target=0.0,
            highest_target=1.0,
        ),
        Cost(
            "log_likelihood",
            codes.LOG_LIKELIHOOD,
            "-sum y ln a",
            partner="softmax",
            lowest_target=0.0,
            highest_target=1.0,
        ),
        Cost("absolute", codes.ABSOLUTE, "sum |a - y|"),
        Cost(
            "huber",
            codes.HUBER,
            "sum 1/2 (a - y)^2 where |a - y| <= delta, else delta (|a - y| - delta / 2)",
        ),
        Cost("quantile", codes.QUANTILE, "sum q (y - a) where a < y, else (1 - q) (a - y)"),
        Cost(
            "poisson",
            codes.POISSON,
            "sum a - y + y ln(y / a)",
            partner="exp",
            lowest_target=0.0,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Huber:
    """The Huber cost: quadratic near the target, absolute far from it, for data with outliers.

    ``cost="huber"`` is ``cost=Huber()``. Huber 1964, Annals of Mathematical Statistics 35.

    Parameters
    ----------
    delta : float, default 1.0
        The distance from the target at which one becomes the other, in units of the targets.

    Raises
    ------
    ArgumentError
        If it is not positive.

    Examples
    --------
    >>> from bpmatrix import Network
    >>> Network([4, 8, 1], activation="relu", cost=Huber(delta=0.5), seed=1)
    Network([4, 8, 1], relu-identity, huber(delta=0.5), float64, 49 parameters)
    """

    name: ClassVar[str] = "huber"
    delta: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what is no distance."""
        delta = real_number(self.delta, "delta", "a finite number above 0", lambda x: x > 0)
        object.__setattr__(self, "delta", delta)

    @property
    def parameter(self) -> float:
        """What the kernels take."""
        return self.delta

    def __str__(self) -> str:
        return f"huber(delta={self.delta:g})"


@dataclass(frozen=True, slots=True)
class Quantile:
    """The quantile cost, also called pinball loss: its minimum is the quantile q of the targets.

    ``cost="quantile"`` is ``cost=Quantile()``, the median. Koenker & Bassett 1978, Econometrica 46.

    Parameters
    ----------
    q : float, default 0.5
        The fraction of targets that shall lie below the output, between 0 and 1.

    Raises
    ------
    ArgumentError
        If it does not lie between 0 and 1.

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
        """Refuse what is no fraction."""
        q = real_number(self.q, "q", "a number between 0 and 1", lambda x: 0 < x < 1)
        object.__setattr__(self, "q", q)

    @property
    def parameter(self) -> float:
        """What the kernels take."""
        return self.q

    def __str__(self) -> str:
        return f"quantile(q={self.q:g})"


@dataclass(frozen=True, slots=True)
class OwnCost:
    """A cost of one's own: two functions of an output and its target, compiled by numba.

    The cost of a sample is the sum over its outputs. As with `OwnActivation`, the functions are
    compiled, and the derivative is compared with the slope, at the network's first computation.

    Parameters
    ----------
    cost, derivative : callable
        C(a, y) of one output a and its target y, two floats, and dC/da.
    name : str, optional
        None takes that of the function `cost`.

    Raises
    ------
    ArgumentError
        If they are no functions; at the first computation, if numba cannot compile them, or if
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
        """Refuse what is no function."""
        name = named_function(self.cost, "cost", self.name)
        named_function(self.derivative, "derivative", self.name)
        object.__setattr__(self, "name", name)

    def __str__(self) -> str:
        return str(self.name)


AnyCost = str | Huber | Quantile | OwnCost

WITH_PARAMETER: dict[str, type[Huber | Quantile]] = {"huber": Huber, "quantile": Quantile}


def as_cost(cost: AnyCost) -> AnyCost:
    """Return a cost as a `Description` holds it: those with a parameter as objects.

    Raises
    ------
    ArgumentError
        If there is none of that name.

    Examples
    --------
    >>> as_cost("huber"), as_cost("quadratic")
    (Huber(delta=1.0), 'quadratic')
    """
    find_cost(cost)
    return WITH_PARAMETER[cost]() if isinstance(cost, str) and cost in WITH_PARAMETER else cost


def find_cost(cost: AnyCost) -> Cost:
    """Return the cost of that name, or what there is to say of one's own.

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
        return Cost(str(cost), -1, "your own")
    return find(COSTS, cost.name if isinstance(cost, Huber | Quantile) else cost, "cost")
