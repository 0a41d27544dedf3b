"""What `network.Network` and `network2.Network` have in common."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.checks import real_number, whole_number
from bpmatrix.engine import evaluation
from bpmatrix.errors import ShapeError
from bpmatrix.nielsen.bridge import (
    as_columns,
    as_outputs,
    descend,
    pack,
    unpack,
)
from bpmatrix.samples.arrays import Targets, as_inputs

__all__ = ["BookNetwork", "known_to_the_engine", "sigmoid", "sigmoid_prime"]

Array = NDArray[Any]
Data = Iterable[tuple[Any, Any]]
Gradient = tuple[list[Array], list[Array]]
Method = TypeVar("Method", bound=Callable[..., Any])


def sigmoid(z: ArrayLike) -> Any:
    """1 / (1 + e^-z), element by element.

    Examples
    --------
    >>> float(sigmoid(0.0))
    0.5
    """
    with np.errstate(over="ignore"):  # e^-z may be infinite, and sigma then is 0
        return 1.0 / (1.0 + np.exp(-np.asarray(z, np.float64)))


def sigmoid_prime(z: ArrayLike) -> Any:
    """The derivative of sigma: sigma(z) (1 - sigma(z)).

    Examples
    --------
    >>> float(sigmoid_prime(0.0))
    0.25
    """
    a = sigmoid(z)
    return a * (1.0 - a)


def known_to_the_engine(method: Method) -> Method:
    """Mark a method that compiled code stands in for, as long as nobody overrides it."""
    method.known_to_the_engine = True  # type: ignore[attr-defined]
    return method


class BookNetwork:
    """Layers of sigmoid units in plain lists, trained by the engine.

    The lists are read before each computation and new ones are set after each update, so a script
    may keep, change or replace them. A subclass that overrides a method of the book is heard:
    where the engine cannot know what it does, Python calls it, as slowly as the book.
    """

    num_layers: int
    sizes: Sequence[int]
    biases: list[Array]
    weights: list[Array]

    def _draw_normal(self) -> None:
        """Draw all biases, then all weights, of deviation 1, from ``np.random``."""
        self.biases = [np.random.randn(n, 1) for n in self.sizes[1:]]
        self.weights = [np.random.randn(rows, columns) for columns, rows in pairwise(self.sizes)]

    @property
    def _engine_cost(self) -> str | None:
        """The engine's name of the cost, or None where it does not know it."""
        raise NotImplementedError

    def _output_error(self, z: Array, a: Array, y: Array) -> Array:
        """(BP1)."""
        raise NotImplementedError

    def _step(self, mini_batch: list[tuple[Any, Any]], eta: float, lmbda: float, n: int) -> None:
        """Call `update_mini_batch` with the arguments that it has in this program."""
        raise NotImplementedError

    @known_to_the_engine
    def feedforward(self, a: ArrayLike) -> Array:
        """Return the outputs for the inputs `a`.

        Parameters
        ----------
        a : (n_0, 1) array_like
            One input, or many as the columns of a matrix (n_0, m).

        Returns
        -------
        (n_L, 1) or (n_L, m) array
        """
        description, theta = pack(self.weights, self.biases, "quadratic")
        X = as_inputs(a, description.sizes[0], "float64", name="a")
        return evaluation.outputs(description, theta.flat, X)

    @known_to_the_engine
    def backprop(self, x: ArrayLike, y: ArrayLike) -> Gradient:
        """Return (nabla_b, nabla_w), the gradient of the cost, by (BP1) to (BP4).

        This is the solution of the problem in chapter 2: with a whole mini-batch as matrices it
        gives the sums over its samples in one pass.

        Parameters
        ----------
        x : (n_0, m) array_like
            One sample as a column, or m of them.
        y : (n_L, m) array_like
            The outputs that they should have.

        Returns
        -------
        nabla_b : list of (n_l, 1) arrays
        nabla_w : list of (n_l, n_{l-1}) arrays
            Sums over the columns, layer by layer as `biases` and `weights`.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError
            If x and y are no such matrices.
        """
        pack(self.weights, self.biases, "quadratic")  # they fit together
        a = [as_inputs(x, np.shape(self.weights[0])[1], "float64", name="x")]
        Y, zs = as_inputs(y, len(self.weights[-1]), "float64", name="y"), []
        if Y.shape[1] != a[0].shape[1]:
            raise ShapeError(f"x has {a[0].shape[1]} columns and y {Y.shape[1]}")
        for W, b in zip(self.weights, self.biases, strict=True):
            zs.append(np.dot(W, a[-1]) + b)
            a.append(sigmoid(zs[-1]))
        delta = self._output_error(zs[-1], a[-1], Y)  # (BP1)
        nabla_b: list[Array] = []
        nabla_w: list[Array] = []
        for l in range(len(zs) - 1, -1, -1):
            nabla_b.insert(0, delta.sum(axis=1, keepdims=True))  # (BP3)
            nabla_w.insert(0, np.dot(delta, a[l].T))  # (BP4): the product sums over the samples
            if l > 0:
                delta = np.dot(self.weights[l].T, delta) * sigmoid_prime(zs[l - 1])  # (BP2)
        return nabla_b, nabla_w

    def _is_known(self, *names: str) -> bool:
        """Whether the engine does what these methods say."""
        return all(hasattr(getattr(self, name), "known_to_the_engine") for name in names)

    def _epochs(
        self,
        training_data: Data,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float,
    ) -> Iterator[int]:
        """Train epoch by epoch; yield the number of each when it is over.

        A list is shuffled in place, as the book does.
        """
        data = training_data if isinstance(training_data, list) else list(training_data)
        m = whole_number(mini_batch_size, "mini_batch_size", least=1)
        _check_rates(eta, lmbda)
        given, n = list(data), len(data)
        matrices = self._matrices(data) if self._is_known("update_mini_batch") else None
        places = list(range(n))
        for j in range(whole_number(epochs, "epochs", least=0)):
            random.shuffle(places)  # draws what shuffling the data themselves would draw
            data[:] = [given[i] for i in places]
            if matrices is not None:
                order = np.arange(n)[places]  # inside of the data, whatever stands in for `random`
                self._descend(*matrices, order, m, eta, lmbda / n, j + 1)
            else:
                for k in range(0, n, m):
                    self._step(data[k : k + m], eta, lmbda, n)
            yield j

    def _matrices(self, data: Sequence[tuple[Any, Any]]) -> tuple[Array, Targets] | None:
        """Return the samples as matrices, or None where the engine cannot take a step."""
        if self._engine_cost is None or not self._is_known("backprop"):
            return None
        description, _ = pack(self.weights, self.biases, self._engine_cost)
        X = as_columns([x for x, _ in data], description.sizes[0], "x")
        Y = as_columns([y for _, y in data], description.sizes[-1], "y")
        return X, as_outputs(Y, description, len(data))

    def _descend(
        self,
        X: Array,
        Y: Targets,
        order: NDArray[np.int64],
        m: int,
        eta: float,
        decay: float,
        epoch: int,
    ) -> None:
        """Take a step for each mini-batch of `order` in compiled code."""
        description, theta = pack(self.weights, self.biases, self._engine_cost or "")
        try:
            descend(description, theta, X, Y, order, m, eta, decay, epoch)
        finally:  # after Ctrl-C, too, they are those of the last mini-batch
            self.weights, self.biases = unpack(theta)

    def _update(
        self, mini_batch: Sequence[tuple[Any, Any]], eta: float, lmbda: float, n: int
    ) -> None:
        """Take one step: compiled, or sample by sample where `backprop` or the cost is foreign."""
        _check_rates(eta, lmbda)
        mini_batch, decay, m = list(mini_batch), lmbda / n, len(mini_batch)
        matrices = self._matrices(mini_batch)
        if matrices is not None:
            self._descend(*matrices, np.arange(m), m, eta, decay, 1)
            return
        sums = [np.zeros_like(p, np.float64) for p in (*self.biases, *self.weights)]
        for x, y in mini_batch:
            nabla_b, nabla_w = self.backprop(x, y)
            sums = [s + nabla for s, nabla in zip(sums, (*nabla_b, *nabla_w), strict=True)]
        L, keep, rate = len(self.biases), 1.0 - eta * decay, eta / m
        self.biases = [b - rate * s for b, s in zip(self.biases, sums[:L], strict=True)]
        self.weights = [keep * W - rate * s for W, s in zip(self.weights, sums[L:], strict=True)]

    def _outputs(self, data: Sequence[tuple[Any, Any]]) -> Array:
        """Return the outputs (n_L, n) for the inputs of some data."""
        if not self._is_known("feedforward"):
            return np.hstack([self.feedforward(x) for x, _ in data])
        rows = np.shape(self.weights[0])[1]
        return self.feedforward(as_columns([x for x, _ in data], rows, "x"))

    def _hits(self, data: Sequence[tuple[Any, Any]], labels: NDArray[np.int64]) -> int:
        """Count the samples whose largest output is that of their label."""
        return int((self._outputs(data).argmax(axis=0) == labels).sum())


def _check_rates(eta: float, lmbda: float) -> None:
    for name, value in (("eta", eta), ("lmbda", lmbda)):
        real_number(value, name, "a finite number", lambda _: True)
