"""How a gradient becomes a step: the optimizer with its state, penalties, clipping, dropout."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bpmatrix.engine.memory import aligned_copy, aligned_zeros
from bpmatrix.kernels.plan import OUT_OF
from bpmatrix.training.optimizers import SGD, Optimizer

__all__ = ["PLAIN", "OptimizerState", "Recipe"]

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a gradient becomes a step, beside learning rate and weight decay.

    Attributes
    ----------
    optimizer : Optimizer
        Its update rule; its learning rate is not looked at.
    l1 : float
        The factor of the penalty sum |w| of all weights.
    clip_norm : float
        How long the gradient of the mean cost may be.
    dropout : tuple of float
        The probability of each unit to be dropped, for each of the layers 0 .. L - 1; or none.
    """

    optimizer: Optimizer
    l1: float = 0.0
    clip_norm: float = math.inf
    dropout: tuple[float, ...] = ()

    @property
    def rule(self) -> int:
        """The number of the update rule; PLAIN adds the sums to theta as they are."""
        from bpmatrix.kernels import rules  # noqa: PLC0415 - loads numba

        name, _ = self.optimizer.rule
        plain = name == "DESCENT" and self.l1 == 0 and math.isinf(self.clip_norm)
        return int(getattr(rules, "PLAIN" if plain else name))

    @property
    def dropped(self) -> tuple[int, ...]:
        """How many of 2^32 units are dropped in each layer."""
        if not any(self.dropout):
            return ()
        return tuple(min(round(p * OUT_OF), OUT_OF - 1) for p in self.dropout)


PLAIN = Recipe(SGD(learning_rate=0.0))


@dataclass
class OptimizerState:
    """What an optimizer keeps from step to step: (k, size) moments, and the count of its steps."""

    optimizer: Optimizer
    moments: Array
    steps: int = 0

    @classmethod
    def fresh(cls, optimizer: Optimizer, theta: Array) -> OptimizerState:
        """Return the state before the first step."""
        count = optimizer.rule[1]
        moments = aligned_zeros(count * theta.size, theta.dtype.name)
        return cls(optimizer, moments.reshape(count, theta.size))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take moments that may be changed: a copy, as joblib maps large arrays read-only."""
        self.__dict__.update(state)
        self.moments = aligned_copy(self.moments.ravel()).reshape(self.moments.shape)
