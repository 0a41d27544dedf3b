"""The book's `network2`: two costs, weight decay, smaller initial weights, monitoring (ch. 3).

>>> import random
>>> from bpmatrix.nielsen import mnist_loader, network2
>>> training_data, validation_data, test_data = mnist_loader.load_data_wrapper("digits")
>>> random.seed(1); np.random.seed(1)
>>> net = network2.Network([64, 30, 10], cost=network2.CrossEntropyCost)
>>> net.SGD(training_data, 1, 10, 0.5, evaluation_data=validation_data,
...         monitor_evaluation_accuracy=True)  # doctest: +ELLIPSIS
Epoch 0 training complete
Accuracy on evaluation data: 2... / 300
<BLANKLINE>
([], [2...], [], [])
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.checks import real_number
from bpmatrix.engine import evaluation
from bpmatrix.errors import ArgumentError, ModelFileError
from bpmatrix.exchange import book_files
from bpmatrix.nielsen.base import BookNetwork, known_to_the_engine, sigmoid, sigmoid_prime
from bpmatrix.nielsen.bridge import as_columns, as_list, as_outputs, as_pairs
from bpmatrix.nielsen.costs import (
    COSTS,
    ENGINE_COSTS,
    AnyCost,
    CrossEntropyCost,
    QuadraticCost,
    checked_cost,
    class_of,
)
from bpmatrix.nielsen.mnist_loader import vectorized_result
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.samples import Samples

__all__ = [
    "CrossEntropyCost",
    "Network",
    "QuadraticCost",
    "load",
    "sigmoid",
    "sigmoid_prime",
    "vectorized_result",
]

Data = Iterable[tuple[Any, Any]]
Monitored = tuple[list[float], list[int], list[float], list[int]]


class Network(BookNetwork):
    """A network of sigmoid layers with a choice of cost, as in chapter 3.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first.
    cost : class or instance, default CrossEntropyCost
        `CrossEntropyCost`, `QuadraticCost`, or a custom one with ``fn(a, y)`` and
        ``delta(z, a, y)``, which are called sample by sample; the rest uses matrices.

    Attributes
    ----------
    num_layers, sizes, biases, weights
        As in `network.Network`, initialized by `default_weight_initializer`.
    cost : class or instance
        The cost, as passed.

    Raises
    ------
    ArgumentError
        If the sizes are invalid, or the cost lacks one of its functions.

    Examples
    --------
    >>> net = Network([2, 3, 1], cost=CrossEntropyCost())      # the book writes both
    >>> net.total_cost([([[0.0], [1.0]], [[1.0]])], 0.0) > 0
    True
    """

    def __init__(self, sizes: Sequence[int], cost: AnyCost = CrossEntropyCost) -> None:
        self._set_sizes(sizes)
        self.cost = checked_cost(cost)
        self.default_weight_initializer()

    def default_weight_initializer(self) -> None:
        """Draw biases from N(0, 1), then weights of standard deviation 1 / sqrt(n_{l-1})."""
        self._draw_normal()
        self._set([W / np.sqrt(W.shape[1]) for W in self.weights], self.biases)

    def large_weight_initializer(self) -> None:
        """Draw biases and then weights from N(0, 1), as in chapter 1."""
        self._draw_normal()

    def SGD(
        self,
        training_data: Data,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float = 0.0,
        evaluation_data: Data | None = None,
        monitor_evaluation_cost: bool = False,
        monitor_evaluation_accuracy: bool = False,
        monitor_training_cost: bool = False,
        monitor_training_accuracy: bool = False,
    ) -> Monitored:
        """Train; print and return the monitored figures of each epoch.

        Parameters
        ----------
        training_data : list of (x, y)
            Column vectors (n_0, 1) and (n_L, 1). The list is shuffled in place, with ``random``.
        epochs, mini_batch_size, eta
            As in `network.Network.SGD`.
        lmbda : float, default 0.0
            The penalty is lmbda / (2 n) times the sum of squared weights.
        evaluation_data : list of (x, label), optional
            Validation or test data.
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool
            Whether to monitor the evaluation data.
        monitor_training_cost, monitor_training_accuracy : bool
            Whether to monitor the training data.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : list
            A number per epoch; accuracies are counts. Empty if not monitored.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError, ArgumentError
            For invalid data or arguments, before anything has changed.
        DivergenceError
            If a weight is not finite.
        """
        training = as_list(training_data, "training_data")
        evaluated, cost_now, accuracy_now = self._evaluation(
            evaluation_data, lmbda, monitor_evaluation_cost, monitor_evaluation_accuracy
        )
        monitored: Monitored = ([], [], [], [])
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy = monitored
        for j in self._epochs(training, epochs, mini_batch_size, eta, lmbda):
            print(f"Epoch {j} training complete")
            if monitor_training_cost:
                training_cost.append(self.total_cost(training, lmbda))
                print(f"Cost on training data: {training_cost[-1]}")
            if monitor_training_accuracy:
                training_accuracy.append(self.accuracy(training, convert=True))
                print(f"Accuracy on training data: {training_accuracy[-1]} / {len(training)}")
            if monitor_evaluation_cost:
                evaluation_cost.append(cost_now())
                print(f"Cost on evaluation data: {evaluation_cost[-1]}")
            if monitor_evaluation_accuracy:
                evaluation_accuracy.append(accuracy_now())
                print(f"Accuracy on evaluation data: {evaluation_accuracy[-1]} / {len(evaluated)}")
            print()
        return monitored

    def _evaluation(
        self, data: Data | None, lmbda: float, with_cost: bool, with_accuracy: bool
    ) -> tuple[list[Any], Callable[[], float], Callable[[], int]]:
        """Return the evaluation data, and functions for the cost and the accuracy on them.

        The data are checked and converted once, before anything has changed. An overridden method
        is called with the data themselves.
        """
        given = [] if data is None else as_list(data, "evaluation_data")
        if not given and (with_cost or with_accuracy):
            raise ArgumentError(
                "there are no evaluation data to monitor", cure="Pass evaluation_data."
            )
        cost: Callable[[], float] = partial(self.total_cost, given, lmbda, convert=True)
        accuracy: Callable[[], int] = partial(self.accuracy, given)
        cost_is_known = with_cost and self._is_known("total_cost")
        accuracy_is_known = with_accuracy and self._is_known("accuracy")
        if cost_is_known or accuracy_is_known:
            inputs, labels = self._labeled(as_pairs(given, "evaluation_data"))
            if cost_is_known:
                self._targets(labels)
                cost = partial(self._mean_cost, inputs, labels, lmbda)
            if accuracy_is_known:
                accuracy = partial(self._hits, inputs, labels)
        return given, cost, accuracy

    @known_to_the_engine
    def update_mini_batch(
        self, mini_batch: Sequence[tuple[Any, Any]], eta: float, lmbda: float, n: int
    ) -> None:
        """Take one step for a list of (x, y); `n` is the number of training samples."""
        self._update(mini_batch, eta, lmbda, n)

    @known_to_the_engine
    def accuracy(self, data: Data, convert: bool = False) -> int:
        """Return how many samples have their largest output at their class.

        With `convert` the data are (x, y) with vectors y, as for training; otherwise (x, label).
        """
        pairs = as_pairs(data, "data")
        if convert:
            return self._hits(self._inputs(pairs), self._columns(pairs).argmax(axis=0))
        return self._hits(*self._labeled(pairs))

    @known_to_the_engine
    def total_cost(self, data: Data, lmbda: float, convert: bool = False) -> float:
        """Return the mean cost over data, with the penalty lmbda / (2 n) sum of w^2.

        `n` is the number of these data. With `convert` they are (x, label); otherwise (x, y) with
        vectors y: the opposite of `accuracy`, as in the book.
        """
        pairs, lmbda = as_pairs(data, "data"), real_number(lmbda, "lmbda")
        if convert:
            return self._mean_cost(*self._labeled(pairs), lmbda)
        return self._mean_cost(self._inputs(pairs), self._columns(pairs), lmbda)

    def _columns(self, pairs: Sequence[tuple[Any, Any]]) -> Array:
        """Return the vectors y of pairs (x, y) as columns."""
        return as_columns([y for _, y in pairs], self._describe().sizes[-1], "y")

    def _targets(self, ys: Array) -> Targets:
        """Return labels (n,) or columns (n_L, n), checked for the network's cost."""
        return as_outputs(ys, self._describe())

    def _mean_cost(self, inputs: Array | list[Any], ys: Array, lmbda: float) -> float:
        """Return the mean cost with penalty; the engine's is finite for any outputs."""
        targets, n = self._targets(ys), ys.shape[-1]
        if self._engine_cost is not None and isinstance(inputs, np.ndarray):
            cost = evaluation.scores(*self._vector(), Samples(inputs, targets)).cost
        else:
            a, Y = self._outputs(inputs), targets.array.astype(np.float64)
            if targets.are_labels:
                Y = np.eye(len(a))[:, ys]
            cost = sum(self.cost.fn(a[:, [j]], Y[:, [j]]) for j in range(n)) / n
        return float(cost + self.penalty(lmbda, n))

    def penalty(self, lmbda: float, n: int) -> float:
        """Return the penalty on the mean cost of n samples: lmbda / (2 n) sum of w^2."""
        squares = sum(float(np.sum(np.square(W))) for W in self.weights)
        return 0.5 * (lmbda / n) * squares

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the network as JSON, in the book's format: completely or, on an error, not at all.

        Raises
        ------
        DataError
            If a weight or bias is not finite.
        OSError
            If the file cannot be written.
        """
        self._describe()  # raises if the shapes do not fit
        book_files.write(filename, self.weights, self.biases, class_of(self.cost).__name__)

    @property
    def _engine_cost(self) -> str | None:
        return ENGINE_COSTS.get(class_of(self.cost))

    def _output_error(self, z: Array, a: Array, y: Array) -> Array:
        return np.asarray(self.cost.delta(z, a, y))

    def _step(self, mini_batch: list[tuple[Any, Any]], eta: float, lmbda: float, n: int) -> None:
        self.update_mini_batch(mini_batch, eta, lmbda, n)


def load(filename: str | os.PathLike[str], cost: AnyCost | None = None) -> Network:
    """Load a network that `Network.save` or the book's program wrote as JSON.

    Parameters
    ----------
    filename : path-like
        The file.
    cost : class or instance, optional
        The network's cost, if it is a custom one: the file has only its name. None takes the cost
        of this module with that name.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, or `cost` is None and the file names a custom cost.

    Examples
    --------
    >>> import tempfile
    >>> net = Network([2, 3, 1], cost=QuadraticCost)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     net.save(f"{folder}/net.json")
    ...     same = load(f"{folder}/net.json")
    >>> same.cost.__name__, bool((same.weights[0] == net.weights[0]).all())
    ('QuadraticCost', True)
    """
    layers, name = book_files.read(filename)
    if cost is None and name not in COSTS:
        raise ModelFileError(
            f"{filename} names a cost that network2 does not have",
            got=repr(name),
            expected=" or ".join(COSTS),
            cure="Pass your own: load(filename, cost=...).",
        )
    network = Network(layers.sizes, cost=COSTS[name] if cost is None else cost)
    biases = [b[:, None] for b in layers.biases if b is not None]
    network._set(layers.weights, biases)  # noqa: SLF001 - of this module
    return network
