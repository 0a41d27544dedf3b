"""scikit-learn's solvers "sgd" and "adam" as the engine's optimizers, with rate and state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.estimators.parameters import Parameterized
from bpmatrix.kernels.plan import Step
from bpmatrix.training.optimizers import SGD, Adam, Optimizer
from bpmatrix.training.recipe import OptimizerState

__all__ = ["State"]

Array = NDArray[Any]

EPSILON = Step._fields.index("epsilon")
SMALLEST_RATE = 1e-6


@dataclass(frozen=True, repr=False)
class Momentum(SGD):
    """SGD with any momentum that scikit-learn takes: 1 as well, and Nesterov's step without any."""

    def __post_init__(self) -> None:
        """Take what `check_parameters` has let through."""


@dataclass(frozen=True, repr=False)
class UncorrectedEpsilon(Adam):
    """Adam as scikit-learn has it: epsilon is added to the root before it is corrected."""

    def steps(self, rate: float, before: int, count: int) -> NDArray[np.float64]:
        """Return the numbers of so many steps: see `Optimizer.steps`."""
        rows = super().steps(rate, before, count)
        rows[:, EPSILON] = self.epsilon
        return rows


@dataclass
class Rate:
    """A learning rate that follows one of scikit-learn's rules.

    Attributes
    ----------
    first : float
        That of the first epoch.
    rule : {"constant", "invscaling", "adaptive"}
        Stays; falls with the samples that were seen; is divided by 5 instead of a stop.
    power : float
        The exponent of "invscaling".
    now : float
        That of the coming epoch.
    """

    first: float
    rule: str
    power: float
    now: float

    def end_epoch(self, samples: int) -> None:
        """Take note of an epoch's end, after so many samples in all."""
        if self.rule == "invscaling":
            self.now = self.first / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Lower the rate where it is adaptive; return whether training may go on."""
        if self.rule != "adaptive" or self.now <= SMALLEST_RATE:
            return False
        self.now /= 5.0
        return True


@dataclass
class State:
    """What a solver carries from one epoch to the next, and `partial_fit` to the next call."""

    rate: Rate
    moments: OptimizerState

    @classmethod
    def fresh(cls, parameters: Parameterized, theta: Array) -> State:
        """Return the state before the first step."""
        rule = parameters.learning_rate if parameters.solver == "sgd" else "constant"
        first = float(parameters.learning_rate_init)
        rate = Rate(first, rule, parameters.power_t, now=first)
        return cls(rate, OptimizerState.fresh(_optimizer(parameters), theta))


def _optimizer(parameters: Parameterized) -> Optimizer:
    """Return the engine's description of a solver."""
    rate = parameters.learning_rate_init
    if parameters.solver == "sgd":
        return Momentum(rate, float(parameters.momentum), bool(parameters.nesterovs_momentum))
    return UncorrectedEpsilon(rate, parameters.beta_1, parameters.beta_2, parameters.epsilon)
