"""The book's `network2`: two costs, weight decay, smaller first weights, monitoring (ch. 3).

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

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.engine import evaluation
from bpmatrix.errors import ArgumentError, DataError, ModelFileError
from bpmatrix.nielsen.base import (
    BookNetwork,
    known_to_the_engine,
    sigmoid,
    sigmoid_prime,
)
from bpmatrix.nielsen.bridge import as_columns, as_labels, as_outputs, pack
from bpmatrix.nielsen.costs import COSTS, ENGINE_COSTS, Cost, CrossEntropyCost, QuadraticCost
from bpmatrix.nielsen.mnist_loader import vectorized_result
from bpmatrix.storage.files import write_whole

__all__ = [
    "CrossEntropyCost",
    "Network",
    "QuadraticCost",
    "load",
    "sigmoid",
    "sigmoid_prime",
    "vectorized_result",
]

Array = NDArray[Any]
Data = Iterable[tuple[Any, Any]]
Monitored = tuple[list[float], list[int], list[float], list[int]]


class Network(BookNetwork):
    """A network of sigmoid layers with a cost of choice, as in chapter 3.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first.
    cost : class, default CrossEntropyCost
        `CrossEntropyCost`, `QuadraticCost`, or a class of one's own with ``fn(a, y)`` and
        ``delta(z, a, y)``, which is called sample by sample.

    Attributes
    ----------
    num_layers, sizes, biases, weights
        As in `network.Network`; the first weights are those of `default_weight_initializer`.
    cost : class
        The cost.
    """

    def __init__(self, sizes: Sequence[int], cost: type[Cost] = CrossEntropyCost) -> None:
        self.num_layers = len(sizes)
        self.sizes = sizes
        self.default_weight_initializer()
        self.cost: Any = cost

    def default_weight_initializer(self) -> None:
        """Draw normal biases, then weights of deviation 1 / sqrt(n_{l-1}), from ``np.random``."""
        self.large_weight_initializer()
        self.weights = [W / np.sqrt(W.shape[1]) for W in self.weights]

    def large_weight_initializer(self) -> None:
        """Draw biases and then weights of deviation 1, as in chapter 1, from ``np.random``."""
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
        """Train, and print and return what is monitored after each epoch.

        Parameters
        ----------
        training_data : list of (x, y)
            Column vectors (n_0, 1) and (n_L, 1). The list is shuffled in place, with ``random``.
        epochs, mini_batch_size, eta
            As in `network.Network.SGD`.
        lmbda : float, default 0.0
            The penalty is lmbda / (2 n) times the sum of all squared weights.
        evaluation_data : list of (x, label), optional
            Validation or test data.
        monitor_evaluation_cost, monitor_evaluation_accuracy : bool
            Whether to look at the evaluation data.
        monitor_training_cost, monitor_training_accuracy : bool
            Whether to look at the training data.

        Returns
        -------
        evaluation_cost, evaluation_accuracy, training_cost, training_accuracy : list
            A number for each epoch; accuracies are counts. Empty where nothing was monitored.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError, ArgumentError
            For wrong data or arguments, before anything has changed.
        DivergenceError
            If a weight is not finite.
        """
        training = training_data if isinstance(training_data, list) else list(training_data)
        evaluated = list(evaluation_data or ())
        if not evaluated and (monitor_evaluation_cost or monitor_evaluation_accuracy):
            raise ArgumentError(
                "there are no evaluation data to monitor", cure="Pass evaluation_data."
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
                evaluation_cost.append(self.total_cost(evaluated, lmbda, convert=True))
                print(f"Cost on evaluation data: {evaluation_cost[-1]}")
            if monitor_evaluation_accuracy:
                evaluation_accuracy.append(self.accuracy(evaluated))
                print(f"Accuracy on evaluation data: {evaluation_accuracy[-1]} / {len(evaluated)}")
            print()
        return monitored

    @known_to_the_engine
    def update_mini_batch(
        self, mini_batch: Sequence[tuple[Any, Any]], eta: float, lmbda: float, n: int
    ) -> None:
        """Take one step for a list of (x, y); `n` is the number of all training samples."""
        self._update(mini_batch, eta, lmbda, n)

    def accuracy(self, data: Data, convert: bool = False) -> int:
        """Return how many samples have their largest output at their class.

        With `convert` the data are (x, y) with vectors y, as for training; otherwise (x, label).
        """
        data = list(data)
        ys = [y for _, y in data]
        if convert:
            return self._hits(data, as_columns(ys, len(self.weights[-1]), "y").argmax(axis=0))
        return self._hits(data, as_labels(ys))

    def total_cost(self, data: Data, lmbda: float, convert: bool = False) -> float:
        """Return the mean cost over some data, with the penalty lmbda / (2 n) sum of w^2.

        `n` is the number of these data. With `convert` they are (x, label); otherwise (x, y) with
        vectors y: the other way round than in `accuracy`, as in the book.
        """
        data = list(data)
        if self._engine_cost is not None and self._is_known("feedforward"):
            cost = self._cost_by_engine(data, convert)
        else:
            pairs = ((x, vectorized_result(y) if convert else y) for x, y in data)
            cost = sum(self.cost.fn(self.feedforward(x), y) for x, y in pairs) / len(data)
        squares = sum(float(np.sum(np.square(W))) for W in self.weights)
        return float(cost + 0.5 * (lmbda / len(data)) * squares)

    def _cost_by_engine(self, data: Sequence[tuple[Any, Any]], convert: bool) -> float:
        """Return the mean cost; computed from z, so that it is finite for saturated outputs."""
        description, theta = pack(self.weights, self.biases, self._engine_cost or "")
        X = as_columns([x for x, _ in data], description.sizes[0], "x")
        ys = [y for _, y in data]
        Y: Array = as_labels(ys) if convert else as_columns(ys, description.sizes[-1], "y")
        targets = as_outputs(Y, description, len(data))
        return evaluation.scores(description, theta.flat, X, targets).cost

    def save(self, filename: str | os.PathLike[str]) -> None:
        """Write the network as JSON, in the book's form: whole or, on an error, not at all.

        Raises
        ------
        DataError
            If a weight or bias is not finite.
        OSError
            If the file cannot be written.
        """
        pack(self.weights, self.biases, "quadratic")  # they fit together
        content = {
            "sizes": [int(n) for n in self.sizes],
            "weights": [np.asarray(W, np.float64).tolist() for W in self.weights],
            "biases": [np.asarray(b, np.float64).tolist() for b in self.biases],
            "cost": self.cost.__name__,
        }
        try:
            text = json.dumps(content, allow_nan=False)
        except ValueError:
            raise DataError(
                "a weight or bias is not finite", cure="Train again, with a smaller eta."
            ) from None
        write_whole(Path(filename), text.encode())

    @property
    def _engine_cost(self) -> str | None:
        return ENGINE_COSTS.get(self.cost)

    def _output_error(self, z: Array, a: Array, y: Array) -> Array:
        return np.asarray(self.cost.delta(z, a, y))

    def _step(self, mini_batch: list[tuple[Any, Any]], eta: float, lmbda: float, n: int) -> None:
        self.update_mini_batch(mini_batch, eta, lmbda, n)


def load(filename: str | os.PathLike[str]) -> Network:
    """Return the network that `Network.save`, or the book's program, wrote as JSON.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If it is damaged, or its cost is none of the two in this module.

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
    try:
        cost, weights, biases = _parsed(Path(filename).read_bytes())
    except (KeyError, TypeError, ValueError, RecursionError, OverflowError) as error:
        raise ModelFileError(
            f"{filename} is no network of the book's network2",
            got=f"{type(error).__name__}: {error}",
            expected="JSON with sizes, weights, biases and a cost, " + " or ".join(COSTS),
        ) from None
    network = Network([weights[0].shape[1], *(len(W) for W in weights)], cost=cost)
    network.weights, network.biases = weights, biases
    return network


def _parsed(text: bytes) -> tuple[Any, list[Array], list[Array]]:
    """Return cost, weights and biases of a file, checked before memory is taken for their sizes."""
    content = json.loads(text)
    weights, biases = (
        [np.array(matrix, np.float64) for matrix in content[name]] for name in ("weights", "biases")
    )
    description, theta = pack(weights, biases, "quadratic")
    if list(description.sizes) != content["sizes"]:
        raise ValueError(f"sizes {content['sizes']} of weights {list(description.sizes)}")
    if not np.isfinite(theta.flat).all():
        raise ValueError("a number is not finite")
    return COSTS[content["cost"]], weights, biases
