"""How a gradient becomes a step: the optimizer with its state, penalties, clipping, dropout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bpmatrix.engine.memory import aligned_copy, aligned_zeros
from bpmatrix.kernels.plan import OUT_OF
from bpmatrix.training.optimizers import SGD, LevenbergMarquardt, Optimizer

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a gradient becomes a step, except for learning rate and weight decay.

    Attributes
    ----------
    optimizer : Optimizer
        The update rule; its learning rate is not used.
    l1 : float
        The factor of the penalty sum |w|.
    clip_norm : float
        The largest norm of the gradient of the mean cost.
    dropout : tuple of float
        The probability that a unit is dropped, for each of the layers 0 .. L - 1; or empty.
    """

    optimizer: Optimizer
    l1: float = 0.0
    clip_norm: float = math.inf
    dropout: tuple[float, ...] = ()

    @property
    def rule(self) -> int:
        """The code of the update rule; PLAIN adds the sums to theta without further operations."""
        from bpmatrix.kernels import rules  # noqa: PLC0415 - loads numba

        name, _ = self.optimizer.rule
        plain = name == "DESCENT" and self.l1 == 0 and math.isinf(self.clip_norm)
        return int(getattr(rules, "PLAIN" if plain else name))

    @property
    def dropped(self) -> tuple[int, ...]:
        """The dropout probability of each layer, times 2^32."""
        if not any(self.dropout):
            return ()
        return tuple(min(round(p * OUT_OF), OUT_OF - 1) for p in self.dropout)


PLAIN = Recipe(SGD(learning_rate=0.0))


@dataclass
class OptimizerState:
    """The state of an optimizer: (k, size) moments, and the number of steps taken.

    `damping` is that of Levenberg-Marquardt, and the factor by which it grows when a step is
    rejected; before the first step, the optimizer's own number and 0.
    """

    optimizer: Optimizer
    moments: Array
    steps: int = 0
    damping: tuple[float, float] | None = None

    @classmethod
    def fresh(cls, optimizer: Optimizer, theta: Array) -> OptimizerState:
        """Return the state before the first step."""
        count = optimizer.rule[1]
        moments = aligned_zeros(count * theta.size, theta.dtype.name).reshape(count, theta.size)
        state = cls(optimizer, moments)
        if isinstance(optimizer, LevenbergMarquardt):
            state.damping = optimizer.damping, 0.0
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Copy the moments, since joblib maps large arrays read-only."""
        self.__dict__.update(state)
        self.moments = aligned_copy(self.moments.ravel()).reshape(self.moments.shape)
