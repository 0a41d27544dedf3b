"""Solutions to problems of the book's third chapter, each a few lines on top of `network2`.

Each network modifies the engine's step; each schedule trains epoch by epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from bpmatrix.checks import POSITIVE, real_number, whole_number
from bpmatrix.nielsen import network2
from bpmatrix.nielsen.bridge import as_list
from bpmatrix.nielsen.costs import AnyCost

__all__ = ["L1Network", "MomentumNetwork", "train_until_no_improvement", "train_with_halving"]

Data = Iterable[tuple[Any, Any]]
MiniBatch = Sequence[tuple[Any, Any]]

LAST_HALVING = 128


class L1Network(network2.Network):
    """`network2.Network` with the penalty lmbda / n times the sum of all ``|w|``.

    Its derivative is lmbda / n sgn(w): each step moves every weight towards 0 by the same amount
    (ch. 3, (96)).
    """

    def update_mini_batch(self, mini_batch: MiniBatch, eta: float, lmbda: float, n: int) -> None:
        """Take one step: w <- w - eta lmbda / n sgn(w) - eta nabla_w."""
        signs = [np.sign(w) for w in self.weights]
        super().update_mini_batch(mini_batch, eta, 0.0, n)
        self.weights = [
            w - eta * (lmbda / n) * sign for w, sign in zip(self.weights, signs, strict=True)
        ]

    def penalty(self, lmbda: float, n: int) -> float:
        """Return the penalty on the mean cost of n samples."""
        return lmbda / n * sum(float(np.abs(w).sum()) for w in self.weights)


class MomentumNetwork(network2.Network):
    """`network2.Network` with velocities: v <- mu v - eta nabla, w <- w + v (ch. 3, (107)).

    Parameters
    ----------
    sizes, cost
        As for `network2.Network`.
    mu : float, default 0.9
        1 is without friction; 0 is gradient descent.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        cost: AnyCost = network2.CrossEntropyCost,
        mu: float = 0.9,
    ) -> None:
        super().__init__(sizes, cost)
        self.mu = real_number(mu, "mu")
        self.velocities = [np.zeros_like(p) for p in (*self.weights, *self.biases)]

    def update_mini_batch(self, mini_batch: MiniBatch, eta: float, lmbda: float, n: int) -> None:
        """Take one step; the push is the step of gradient descent, -eta nabla."""
        before = [*self.weights, *self.biases]
        super().update_mini_batch(mini_batch, eta, lmbda, n)
        after = [*self.weights, *self.biases]
        pushes = [new - old for new, old in zip(after, before, strict=True)]
        self.velocities = [
            self.mu * v + push for v, push in zip(self.velocities, pushes, strict=True)
        ]
        moved = [p + v for p, v in zip(before, self.velocities, strict=True)]
        self.weights, self.biases = moved[: len(self.weights)], moved[len(self.weights) :]


def train_until_no_improvement(
    net: network2.Network,
    training_data: Data,
    mini_batch_size: int,
    eta: float,
    lmbda: float,
    evaluation_data: Data,
    n: int = 10,
) -> list[int]:
    """Train until the accuracy on the evaluation data has not improved in n epochs.

    Returns
    -------
    list of int
        The accuracy after each epoch, as a count; the best one is n epochs before the last.

    Examples
    --------
    >>> import contextlib, io
    >>> from bpmatrix.nielsen import mnist_loader
    >>> training_data, validation_data, _ = mnist_loader.load_data_wrapper("digits")
    >>> net = network2.Network([64, 30, 10])
    >>> with contextlib.redirect_stdout(io.StringIO()):
    ...     found = train_until_no_improvement(net, training_data, 10, 0.5, 0.5, validation_data, 3)
    >>> max(found) == found[-4]
    True
    """
    n = whole_number(n, "n", least=1)
    training = list(as_list(training_data, "training_data"))
    evaluated = as_list(evaluation_data, "evaluation_data")
    accuracies: list[int] = []
    best = 0  # the first epoch with the highest accuracy so far
    while len(accuracies) - best <= n:
        j = len(accuracies)
        accuracies.append(_epoch(net, j, training, mini_batch_size, eta, lmbda, evaluated))
        if accuracies[-1] > accuracies[best]:
            best = len(accuracies) - 1
    return accuracies


def train_with_halving(
    net: network2.Network,
    training_data: Data,
    mini_batch_size: int,
    eta: float,
    lmbda: float,
    evaluation_data: Data,
    n: int = 10,
) -> list[tuple[float, int]]:
    """Train; halve eta after n epochs without improvement; stop when it reaches eta / 128.

    Returns
    -------
    list of (eta, accuracy)
        For each epoch, the learning rate and the accuracy on the evaluation data, as a count.
    """
    n = whole_number(n, "n", least=1)
    eta = real_number(eta, "eta", *POSITIVE)
    training = list(as_list(training_data, "training_data"))
    evaluated = as_list(evaluation_data, "evaluation_data")
    found: list[tuple[float, int]] = []
    rate, best, waited = eta, -1, 0
    while rate > eta / LAST_HALVING:
        accuracy = _epoch(net, len(found), training, mini_batch_size, rate, lmbda, evaluated)
        found.append((rate, accuracy))
        waited = 0 if accuracy > best else waited + 1
        best = max(best, accuracy)
        if waited == n:
            rate, waited = rate / 2, 0
    return found


def _epoch(
    net: network2.Network,
    j: int,
    training_data: Data,
    mini_batch_size: int,
    eta: float,
    lmbda: float,
    evaluation_data: Sequence[tuple[Any, Any]],
) -> int:
    """Train for one epoch, the j-th of a schedule; print and return the accuracy after it."""
    with redirect_stdout(StringIO()):  # SGD would number every epoch 0
        accuracy = net.SGD(
            training_data, 1, mini_batch_size, eta, lmbda, evaluation_data,
            monitor_evaluation_accuracy=True,
        )[1][0]  # fmt: skip
    print(f"Epoch {j}: {accuracy} / {len(evaluation_data)}")
    return accuracy
