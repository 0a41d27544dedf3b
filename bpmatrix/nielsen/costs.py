"""The two costs of the book's `network2`: classes with `fn` and `delta`."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError
from bpmatrix.nielsen.base import sigmoid_prime


class BookCost(Protocol):
    """The interface of a cost, a class or an instance; a script may define its own."""

    @staticmethod
    def fn(a: Any, y: Any, /) -> Any:
        """The cost of outputs `a` for desired outputs `y`."""

    @staticmethod
    def delta(z: Any, a: Any, y: Any, /) -> Any:
        """(BP1): dC/dz."""


class QuadraticCost:
    """``C = 1/2 |a - y|^2``."""

    @staticmethod
    def fn(a: Array, y: Array) -> float:
        """Return the cost of outputs `a` for desired outputs `y`, summed over all elements."""
        return float(0.5 * np.sum((a - y) ** 2))

    @staticmethod
    def delta(z: Array, a: Array, y: Array) -> Array:
        """Return the error of the output layer: (a - y) sigma'(z)."""
        return np.asarray((a - y) * sigmoid_prime(z))


class CrossEntropyCost:
    """C = -sum y ln a + (1 - y) ln(1 - a)."""

    @staticmethod
    def fn(a: Array, y: Array) -> float:
        """Return the cost of outputs `a` for desired outputs `y`, summed over all elements.

        0 ln 0 is 0, and -ln 0 is the largest number; `total_cost` is more accurate, since the
        engine computes costs from z.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(np.sum(np.nan_to_num(-y * np.log(a) - (1 - y) * np.log1p(-a))))

    @staticmethod
    def delta(z: Array, a: Array, y: Array) -> Array:
        """Return the error of the output layer: a - y. sigma' cancels, so z is not needed."""
        del z
        return a - y


AnyCost = BookCost | type[BookCost]

# The engine's names of the two classes; a subclass is a custom cost.
ENGINE_COSTS: dict[type, str] = {QuadraticCost: "quadratic", CrossEntropyCost: "cross_entropy"}
COSTS = {cost.__name__: cost for cost in ENGINE_COSTS}


def class_of(cost: AnyCost) -> type:
    """Return the class of a cost, which may be a class or, as in the book, an instance.

    Examples
    --------
    >>> class_of(QuadraticCost()) is class_of(QuadraticCost) is QuadraticCost
    True
    """
    return cost if isinstance(cost, type) else type(cost)


def checked_cost(cost: AnyCost) -> AnyCost:
    """Return the cost itself.

    Raises
    ------
    ArgumentError
        If it has no functions `fn` and `delta`.
    """
    if not all(callable(getattr(cost, name, None)) for name in ("fn", "delta")):
        raise ArgumentError(
            "cost must have the functions fn(a, y) and delta(z, a, y)",
            got=repr(cost),
            cure="Pass network2.CrossEntropyCost, network2.QuadraticCost, or a class with both.",
        )
    return cost
