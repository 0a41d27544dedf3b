"""Optimizers as frozen descriptions: two that are equal do the same thing."""

from __future__ import annotations

from dataclasses import dataclass

from bpmatrix.checks import real_number

__all__ = ["SGD"]


@dataclass(frozen=True, slots=True)
class SGD:
    """Stochastic gradient descent: theta <- theta - learning_rate * gradient.

    The gradient is the mean over the mini-batch. Nielsen, ch. 1, (20) and (21).

    Parameters
    ----------
    learning_rate : float
        The step size eta, finite and not negative.

    Raises
    ------
    ArgumentError
        If the learning rate is negative or not finite.

    Examples
    --------
    >>> SGD(learning_rate=3.0)
    SGD(learning_rate=3.0)
    """

    learning_rate: float

    def __post_init__(self) -> None:
        """Refuse what cannot be a learning rate."""
        rate = real_number(
            self.learning_rate,
            "learning_rate",
            "a finite number, 0 or more",
            lambda rate: rate >= 0,
        )
        object.__setattr__(self, "learning_rate", rate)
