"""scikit-learn's solvers "sgd" and "adam" in terms of the engine's optimizers."""

from __future__ import annotations

from dataclasses import dataclass

from bpmatrix.array_types import Array, Floats
from bpmatrix.estimators.parameters import Parameterized
from bpmatrix.kernels.plan import Hyperparameters
from bpmatrix.training.optimizers import SGD, Adam, Optimizer
from bpmatrix.training.recipe import OptimizerState

EPSILON = Hyperparameters._fields.index("epsilon")
SMALLEST_RATE = 1e-6


@dataclass(frozen=True, repr=False)
class Momentum(SGD):
    """SGD with any momentum that scikit-learn accepts: also 1, and 0 with Nesterov's step."""

    def __post_init__(self) -> None:
        """Check nothing: `check_parameters` has done so."""


@dataclass(frozen=True, repr=False)
class UncorrectedEpsilon(Adam):
    """Adam as in scikit-learn: epsilon is added to the root before the bias correction."""

    def steps(self, rate: float, before: int, count: int) -> Floats:
        """Return the numbers for `count` steps: see `Optimizer.steps`."""
        rows = super().steps(rate, before, count)
        rows[:, EPSILON] = self.epsilon
        return rows


@dataclass
class Rate:
    """A learning rate with one of scikit-learn's schedules.

    Attributes
    ----------
    first : float
        The rate of the first epoch.
    rule : {"constant", "invscaling", "adaptive"}
        "invscaling" is first / (samples seen + 1)^power; "adaptive" is divided by 5 where training
        would otherwise stop.
    power : float
        The exponent of "invscaling".
    now : float
        The rate of the next epoch.
    """

    first: float
    rule: str
    power: float
    now: float

    def end_epoch(self, samples: int) -> None:
        """Update the rate after an epoch; `samples` is the total number seen."""
        if self.rule == "invscaling":
            self.now = self.first / (samples + 1) ** self.power

    def lower(self) -> bool:
        """Lower an adaptive rate; return whether training may continue."""
        if self.rule != "adaptive" or self.now <= SMALLEST_RATE:
            return False
        self.now /= 5.0
        return True


@dataclass
class SolverState:
    """The state of a solver between epochs, and between calls of `partial_fit`."""

    rate: Rate
    optimizer_state: OptimizerState

    @classmethod
    def fresh(cls, parameters: Parameterized, theta: Array) -> SolverState:
        """Return the state before the first step."""
        rule = parameters.learning_rate if parameters.solver == "sgd" else "constant"
        first = float(parameters.learning_rate_init)
        rate = Rate(first, rule, parameters.power_t, now=first)
        return cls(rate, OptimizerState.fresh(_optimizer(parameters), theta))


def _optimizer(parameters: Parameterized) -> Optimizer:
    """Return the engine's optimizer for a solver."""
    rate = parameters.learning_rate_init
    if parameters.solver == "sgd":
        return Momentum(rate, float(parameters.momentum), bool(parameters.nesterovs_momentum))
    return UncorrectedEpsilon(rate, parameters.beta_1, parameters.beta_2, parameters.epsilon)
