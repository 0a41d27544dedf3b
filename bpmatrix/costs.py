"""The costs by name, and the output activation functions that each belongs with.

The formulas themselves are in `kernels/costs.py` (fast) and `reference.py` (to read).
"""

from __future__ import annotations

from dataclasses import dataclass

from bpmatrix.checks import find
from bpmatrix.kernels import codes

__all__ = ["COSTS", "Cost", "find_cost"]


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost C of one sample; the cost of a batch is the mean over its samples.

    Attributes
    ----------
    name : str
        The name that ``Network(cost=...)`` takes.
    code : int
        Its number in the kernels.
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
    )
}


def find_cost(name: str) -> Cost:
    """Return the cost of that name.

    Raises
    ------
    ArgumentError
        If there is none.

    Examples
    --------
    >>> find_cost("cross_entropy").partner
    'sigmoid'
    """
    return find(COSTS, name, "cost")
