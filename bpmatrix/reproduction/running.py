"""Running experiments: one curve per seed, and whether the curves confirm the claims."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import fmean

import numpy as np

from bpmatrix import Network
from bpmatrix.array_types import Array, Integers
from bpmatrix.datasets import DataSet
from bpmatrix.history import EpochInfo
from bpmatrix.reproduction.experiments import Claim, Experiment
from bpmatrix.training.optimizers import SGD

Curve = tuple[float, ...]

STATISTICS: dict[str, Callable[[list[Curve]], float]] = {
    "first": lambda curves: fmean(curve[0] for curve in curves),
    "best": lambda curves: fmean(max(curve) for curve in curves),
    "last": lambda curves: fmean(curve[-1] for curve in curves),
    "best of runs": lambda curves: max(max(curve) for curve in curves),
}


@dataclass(frozen=True)
class Outcome:
    """The result of an experiment.

    Attributes
    ----------
    curves : tuple of tuples of float
        For each run the accuracy after each epoch, in percent, or a single figure if the
        experiment judges only that.
    seconds : float
        The duration of all runs, including validation.
    """

    experiment: Experiment
    curves: tuple[Curve, ...]
    seconds: float

    def ours(self, claim: Claim) -> float:
        """Return our figure for a claim, in percent."""
        return STATISTICS[claim.statistic](list(self.curves))

    def holds(self, claim: Claim) -> bool:
        """Whether our figure is in the band."""
        low, high = claim.band(len(self.curves))
        return low <= self.ours(claim) <= high


def run(
    experiment: Experiment, data: DataSet, watch: Callable[[int, EpochInfo], object]
) -> Outcome:
    """Train the network of an experiment with the seeds 0, 1, 2, ...

    Parameters
    ----------
    experiment : Experiment
        What to train.
    data : DataSet
        The data set named by the experiment.
    watch : callable
        Called with the seed and the `EpochInfo` after each epoch.

    Raises
    ------
    KeyboardInterrupt
        If Ctrl-C ended a training.
    """
    X, labels = _training_data(experiment, data)
    judge = data.test if experiment.judged == "test" else data.validation
    judges_once = experiment.judged == "test at best validation"
    start = time.perf_counter()
    curves: list[Curve] = []
    for seed in range(experiment.runs):
        net = build(experiment, seed, data.scale)
        history = net.train(
            X,
            labels,
            epochs=experiment.epochs,
            mini_batch_size=experiment.mini_batch_size,
            optimizer=SGD(experiment.learning_rate),
            weight_decay=experiment.lmbda / labels.size,
            validation=(judge.X, judge.labels),
            shuffle=not experiment.like_network3,
            callbacks=[partial(watch, seed)],
            restore_best=judges_once,
        )
        if history.stopped_by == "interrupt":
            raise KeyboardInterrupt
        accuracies = history.validation_accuracy
        if judges_once:
            accuracies = [net.accuracy(data.test.X, data.test.labels)]
        curves.append(tuple(100 * share for share in accuracies))
    return Outcome(experiment, tuple(curves), time.perf_counter() - start)


def build(experiment: Experiment, seed: int, scale: float) -> Network:
    """Return the untrained network, in float32: rounding is far smaller than any band."""
    net = Network(
        experiment.sizes, **experiment.settings, input_scale=scale, dtype="float32", seed=seed
    )
    if experiment.like_network3:
        _begin_like_network3(net, np.random.default_rng(seed))
    return net


def _begin_like_network3(net: Network, rng: np.random.Generator) -> None:
    """Draw weights from N(0, 1 / n_out) and biases from N(0, 1); the softmax layer starts at 0."""
    for W, b in zip(net.weights[:-1], net.biases[:-1], strict=True):
        W[:] = rng.standard_normal(W.shape) / np.sqrt(W.shape[0])
        b[:] = rng.standard_normal(b.shape)
    net.weights[-1][:], net.biases[-1][:] = 0, 0


def _training_data(experiment: Experiment, data: DataSet) -> tuple[Array, Integers]:
    """Return the first `n_train` images; validation images follow the training images."""
    train, more, n = data.train, data.validation, experiment.n_train
    if n is not None and n > train.labels.size:
        # Concatenated as rows, so that samples stay contiguous.
        X = np.concatenate([train.X.T, more.X.T]).T
        return X[:, :n], np.concatenate([train.labels, more.labels])[:n]
    return train.X[:, :n], train.labels[:n]
