"""The book's `network`: sigmoid layers, quadratic cost, stochastic gradient descent (ch. 1 and 2).

>>> import random
>>> from bpmatrix.nielsen import mnist_loader, network
>>> training_data, validation_data, test_data = mnist_loader.load_data_wrapper("digits")
>>> random.seed(1); np.random.seed(1)
>>> net = network.Network([64, 30, 10])
>>> net.SGD(training_data, 2, 10, 3.0, test_data=test_data)  # doctest: +ELLIPSIS
Epoch 0: ... / 297
Epoch 1: ... / 297
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.nielsen.base import BookNetwork, known_to_the_engine, sigmoid, sigmoid_prime
from bpmatrix.nielsen.bridge import as_list, as_pairs

__all__ = ["Network", "sigmoid", "sigmoid_prime"]

Data = Iterable[tuple[Any, Any]]


class Network(BookNetwork):
    """A network of sigmoid layers with the quadratic cost, as in chapters 1 and 2.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first: ``[784, 30, 10]``.

    Attributes
    ----------
    num_layers, sizes
        The number of layers, counting the inputs, and their units.
    biases, weights : list of arrays
        (n_l, 1) and (n_l, n_{l-1}), drawn from N(0, 1) with ``np.random``, all biases first. Plain
        lists that may be changed or replaced.

    Examples
    --------
    >>> net = Network([2, 3, 1])
    >>> [b.shape for b in net.biases], [w.shape for w in net.weights]
    ([(3, 1), (1, 1)], [(3, 2), (1, 3)])
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        self._set_sizes(sizes)
        self._draw_normal()

    def SGD(
        self,
        training_data: Data,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        test_data: Data | None = None,
    ) -> None:
        """Train, and print a line per epoch.

        Parameters
        ----------
        training_data : list of (x, y)
            Column vectors (n_0, 1) and (n_L, 1). The list is shuffled in place, with ``random``.
        epochs, mini_batch_size : int
            A mini-batch may be larger than the data; the last one may be smaller.
        eta : float
            The learning rate.
        test_data : list of (x, label), optional
            Evaluated after each epoch.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError, ArgumentError
            For invalid data or arguments, before anything has changed.
        DivergenceError
            If a weight is not finite.
        """
        tested = [] if test_data is None else as_list(test_data, "test_data")
        known = tested and self._is_known("evaluate")
        labeled = self._labeled(as_pairs(tested, "test_data")) if known else None
        for j in self._epochs(training_data, epochs, mini_batch_size, eta, 0.0):
            if tested:
                hits = self.evaluate(tested) if labeled is None else self._hits(*labeled)
                print(f"Epoch {j}: {hits} / {len(tested)}")
            else:
                print(f"Epoch {j} complete")

    @known_to_the_engine
    def update_mini_batch(self, mini_batch: Sequence[tuple[Any, Any]], eta: float) -> None:
        """Take one step of gradient descent, with the mean gradient over a list of (x, y)."""
        self._update(mini_batch, eta, 0.0, 1)

    @known_to_the_engine
    def evaluate(self, test_data: Data) -> int:
        """Return how many pairs (x, label) have their largest output at the label."""
        return self._hits(*self._labeled(as_pairs(test_data, "test_data")))

    @known_to_the_engine
    def cost_derivative(self, output_activations: Array, y: Array) -> Array:
        """Return dC/da of the quadratic cost: a - y."""
        return output_activations - y

    @property
    def _engine_cost(self) -> str | None:
        return "quadratic" if self._is_known("cost_derivative") else None

    def _output_error(self, z: Array, a: Array, y: Array) -> Array:
        return np.asarray(self.cost_derivative(a, y) * sigmoid_prime(z))

    def _step(self, mini_batch: list[tuple[Any, Any]], eta: float, lmbda: float, n: int) -> None:
        del lmbda, n
        self.update_mini_batch(mini_batch, eta)
