"""Epochs of scikit-learn's "sgd" or "adam" in the engine, with its units of alpha and loss."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.engine.processors import choose_threads
from bpmatrix.estimators.parameters import batch_size, hidden_dropout
from bpmatrix.estimators.rates import Rate
from bpmatrix.estimators.samples import Samples
from bpmatrix.kernels.plan import Step
from bpmatrix.training.optimizers import SGD, Adam, Optimizer
from bpmatrix.training.recipe import OptimizerState, Recipe
from bpmatrix.training.slices import SliceRunner, Totals

__all__ = ["Descent", "State"]

EPSILON = Step._fields.index("epsilon")


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
class State:
    """What a solver carries from one epoch to the next, and `partial_fit` to the next call."""

    rate: Rate
    moments: OptimizerState


class Descent:
    """Trains the weights of an estimator in place, some epochs at a time.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With its parameters checked.
    samples : Samples
        To train on.
    state : State or None
        That of the run before; None begins anew.
    keep_start : bool, default False
        Whether `back_to_start` shall be possible.
    """

    def __init__(
        self, estimator: Any, samples: Samples, state: State | None, *, keep_start: bool = False
    ) -> None:
        self.estimator = estimator
        self.weight = samples.weight
        self.n, self.m = samples.n, batch_size(estimator, samples.n)
        description, theta = estimator._description, estimator._parameters.flat
        if state is None:
            optimizer = _optimizer(estimator)
            rule = estimator.learning_rate if estimator.solver == "sgd" else "constant"
            state = State(
                Rate.of(estimator.learning_rate_init, rule, estimator.power_t),
                OptimizerState.fresh(optimizer, theta),
            )
        # As in scikit-learn, the optimizer that began goes on, whatever the parameters say now.
        self.state = state
        self._first_rate = copy(state.rate)
        self._runner = SliceRunner(
            description,
            theta,
            samples.columns,
            samples.targets,
            self.m,
            choose_threads(estimator.n_threads, description.layout.size, self.m),
            recipe=Recipe(state.moments.optimizer, dropout=(0.0, *hidden_dropout(estimator))),
            state=state.moments,
            sample_weight=samples.weight,
            seed=_seed(estimator._random_state),
            with_parts=True,
            keep_start=keep_start,
        )

    @property
    def epochs_of_a_slice(self) -> int:
        """How many epochs the engine runs in the time after which Ctrl-C should be heard."""
        return max(1, self._runner.steps_of_a_slice // -(-self.n // self.m))

    def back_to_start(self) -> None:
        """Undo all epochs, in the weights and in the state that came from the run before."""
        self._runner.back_to_start()
        self.state.rate = self._first_rate

    def epochs(self, orders: NDArray[np.int64]) -> list[tuple[float, float]]:
        """Take a step for each mini-batch; return scikit-learn's loss and the hits of each epoch.

        Parameters
        ----------
        orders : (epochs, n) array of int
            The samples of each epoch; at most `epochs_of_a_slice` of them, or one.

        Returns
        -------
        list of (float, float)
            The loss: the mean over the samples of their mini-batch's cost and penalty, each from
            before its step; and the share of hits.

        Raises
        ------
        NotFiniteError
            If a cost or weight is not finite. Several epochs are then undone, as by Ctrl-C.
        """
        epochs, n = orders.shape
        starts = np.arange(0, n, self.m)
        sizes = np.append(starts[1:], n) - starts
        if self.weight is None:
            weights = np.tile(sizes, epochs)
        else:
            all_starts = (np.arange(epochs)[:, None] * n + starts).ravel()
            weights = np.add.reduceat(self.weight[orders.ravel()], all_starts)
        decays = self.estimator.alpha / weights
        totals = self._run(orders, decays)
        costs, squares = self._runner.parts.T
        losses = self.estimator._loss_of(costs) + decays / 2 * squares
        return [
            (float(loss @ sizes / n), each.hits / each.weight)
            for loss, each in zip(losses.reshape(epochs, -1), totals, strict=True)
        ]

    def _run(self, orders: NDArray[np.int64], decays: NDArray[np.float64]) -> list[Totals]:
        """Run the epochs; of several, Ctrl-C leaves nothing, since nobody could record them."""
        arguments = orders, self.state.rate.now, decays
        if len(orders) == 1:
            return self._runner.run_epochs(*arguments)
        theta, moments = self._runner.theta, self.state.moments
        before = theta.copy(), moments.moments.copy(), moments.steps
        try:
            return self._runner.run_epochs(*arguments)
        except KeyboardInterrupt:
            theta[:], moments.moments[:], moments.steps = before
            raise


def _seed(random_state: np.random.RandomState) -> int:
    """Return a number out of the state of a generator of any kind, without drawing from it."""
    state = random_state.get_state(legacy=False)["state"]
    return int(np.asarray(state["key"] if "key" in state else state["state"]).flat[0])


def _optimizer(estimator: Any) -> Optimizer:
    """Return the engine's description of a solver."""
    rate = estimator.learning_rate_init
    if estimator.solver == "sgd":
        return Momentum(rate, float(estimator.momentum), bool(estimator.nesterovs_momentum))
    return UncorrectedEpsilon(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon)
