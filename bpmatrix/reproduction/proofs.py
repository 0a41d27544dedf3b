"""The lessons, whose solutions are known: the distance of the trained network from the solution.

One neuron with the identity is linear regression, and so is a stack of linear layers: the solution
is least squares. One neuron with sigmoid and cross-entropy is logistic regression, solved by
Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix import Network, lessons
from bpmatrix.training.optimizers import SGD

__all__ = ["LIMIT", "PROOFS", "Proof"]

Array = NDArray[Any]

# Gradient descent converges linearly; with the epochs below it gets much closer than this.
LIMIT = 1e-6
SAMPLES = 50
NEWTON_STEPS = 20


@dataclass(frozen=True)
class Proof:
    """A lesson, and the largest distance of its result from the known solution.

    Attributes
    ----------
    distance : callable
        Trains, and returns the distance; at most `LIMIT`.
    """

    name: str
    solution: str
    distance: Callable[[], float]


def _data() -> tuple[Array, Array, Array]:
    """Return X (2, n), a noisy linear y (n,), and noisy classes (n,), not linearly separable."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((2, SAMPLES))
    y = 2 * X[0] - 3 * X[1] + 1 + 0.1 * rng.standard_normal(SAMPLES)
    labels = (X[0] + X[1] + 1.5 * rng.standard_normal(SAMPLES) > 0).astype(float)
    return X, y, labels


def _with_ones(X: Array) -> Array:
    return np.vstack([X, np.ones(X.shape[1])])


def _least_squares(X: Array, y: Array) -> Array:
    return np.linalg.lstsq(_with_ones(X).T, y, rcond=None)[0]


def _newton(X: Array, labels: Array) -> Array:
    """Return weights and bias of logistic regression by Newton's method."""
    rows = _with_ones(X).T
    theta = np.zeros(rows.shape[1])
    for _ in range(NEWTON_STEPS):
        a = 1 / (1 + np.exp(-rows @ theta))
        theta -= np.linalg.solve(rows.T * (a * (1 - a)) @ rows, rows.T @ (a - labels))
    return theta


def _train(net: Network, X: Array, targets: Array, *, epochs: int, learning_rate: float) -> None:
    """Train on all samples at once; re-raise a Ctrl-C that ended `Network.train`."""
    optimizer = SGD(learning_rate)
    history = net.train(X, targets, epochs=epochs, mini_batch_size=SAMPLES, optimizer=optimizer)
    if history.stopped_by == "interrupt":
        raise KeyboardInterrupt


def _linear() -> float:
    X, y, _ = _data()
    net = Network([2, 1], activation="identity", cost="quadratic", seed=1)
    _train(net, X, y, epochs=500, learning_rate=0.3)
    return float(np.abs(net.parameters - _least_squares(X, y)).max())


def _linear_with_ones() -> float:
    X, y, _ = _data()
    net = Network([3, 1], activation="identity", cost="quadratic", bias=False, seed=1)
    _train(net, _with_ones(X), y, epochs=500, learning_rate=0.3)
    return float(np.abs(net.parameters - _least_squares(X, y)).max())


def _linear_in_sequence(*hidden: int) -> Callable[[], float]:
    def distance() -> float:
        X, y, _ = _data()
        net = Network([2, *hidden, 1], activation="identity", cost="quadratic", seed=1)
        lessons.train_in_sequence(net, X, y, epochs=1000, learning_rate=0.02)
        best = _least_squares(X, y) @ _with_ones(X)
        return float(np.abs(net.feedforward(X) - best).max())

    return distance


def _logistic() -> float:
    X, _, labels = _data()
    net = Network([2, 1], activation="sigmoid", cost="cross_entropy", seed=1)
    _train(net, X, labels, epochs=2000, learning_rate=1.0)
    return float(np.abs(net.parameters - _newton(X, labels)).max())


SQUARES = "least squares (numpy.linalg.lstsq)"
PROOFS = (
    Proof("linear regression, one neuron", SQUARES, _linear),
    Proof("the same with a row of ones, no bias", SQUARES, _linear_with_ones),
    Proof("logistic regression, one neuron", "Newton's method", _logistic),
    Proof("two linear layers in sequence", SQUARES, _linear_in_sequence(3)),
    Proof("three linear layers in sequence", SQUARES, _linear_in_sequence(3, 3)),
)
