"""An epoch of scikit-learn's "sgd" or "adam" in the engine, with its units of alpha and loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.estimators.parameters import batch_size
from bpmatrix.estimators.rates import Rate
from bpmatrix.estimators.samples import Samples
from bpmatrix.processors import choose_threads
from bpmatrix.slices import SliceRunner

__all__ = ["Descent", "State"]


@dataclass(slots=True)
class State:
    """What a solver carries from one epoch to the next, and `partial_fit` to the next call."""

    rate: Rate


class Descent:
    """Trains the weights of an estimator in place, an epoch at a time.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        With its parameters checked.
    samples : Samples
        To train on.
    state : State or None
        That of the run before; None begins anew.
    """

    def __init__(self, estimator: Any, samples: Samples, state: State | None) -> None:
        self.estimator = estimator
        self.m = batch_size(estimator, samples.n)
        description, parameters = estimator._description, estimator._parameters
        threads = choose_threads(estimator.n_threads, description.layout.size, self.m)
        self._runner = SliceRunner(
            description, parameters.flat, samples.X.T, samples.targets, self.m, threads
        )
        rule = estimator.learning_rate if estimator.solver == "sgd" else "constant"
        self.state = state or State(Rate.of(estimator.learning_rate_init, rule, estimator.power_t))

    def epoch(self, order: NDArray[np.int64]) -> tuple[float, float]:
        """Take a step for each mini-batch; return scikit-learn's loss, and the right answers.

        The loss is the mean over the samples of cost and penalty, each from before its step.
        """
        est, total, hits = self.estimator, 0.0, 0
        for start in range(0, order.size, self.m):
            part = order[start : start + self.m]
            penalty = est.alpha / 2 * sum(float((W * W).sum()) for W in est._parameters.weights)
            cost, right = self._runner.run(part, self.state.rate.now, est.alpha / part.size)
            total += est._loss_of(cost) + penalty
            hits += right
        return total / order.size, hits
