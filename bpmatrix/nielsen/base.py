"""The base class of `network.Network` and `network2.Network`."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from operator import is_
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.architecture.description import Description, checked_sizes
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array, Integers
from bpmatrix.checks import real_number, whole_number
from bpmatrix.engine import prediction
from bpmatrix.errors import ShapeError
from bpmatrix.exchange.exports import Exports
from bpmatrix.exchange.model import Model
from bpmatrix.nielsen import bridge
from bpmatrix.samples.arrays import Targets, as_inputs

Data = Iterable[tuple[Any, Any]]
Gradient = tuple[list[Array], list[Array]]
OutputError = Callable[[Array, Array, Array], Array]
Method = TypeVar("Method", bound=Callable[..., Any])


def sigmoid(z: ArrayLike) -> Any:
    """1 / (1 + e^-z), element by element.

    Examples
    --------
    >>> float(sigmoid(0.0))
    0.5
    """
    with np.errstate(over="ignore"):  # if e^-z is infinite, sigma is 0
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
    """Mark a method that compiled code replaces, unless a subclass overrides it."""
    method.known_to_the_engine = True  # type: ignore[attr-defined]
    return method


class BookNetwork(Exports):
    """Layers of sigmoid units in plain lists, trained by the engine.

    The lists are read before each computation and new ones are set after each update, so a script
    may keep, change or replace them. A subclass may override the book's methods: Python then calls
    them, as slowly as in the book.
    """

    num_layers: int
    sizes: Sequence[int]
    biases: list[Array]
    weights: list[Array]
    # The vector whose views were set last; a copy of the network has matrices of its own instead.
    _theta: Parameters | None = None

    def _set_sizes(self, sizes: Sequence[int]) -> None:
        checked_sizes(sizes)
        self.num_layers = len(sizes)
        self.sizes = sizes

    def _draw_normal(self) -> None:
        """Draw all biases, then all weights, from N(0, 1), with ``np.random``."""
        biases = [np.random.randn(n, 1) for n in self.sizes[1:]]
        weights = [np.random.randn(rows, columns) for columns, rows in pairwise(self.sizes)]
        self._set(weights, biases)

    def _set(self, weights: list[Array], biases: list[Array]) -> None:
        """Copy weights and biases into one vector, and set lists of its views."""
        self._set_views(bridge.pack(bridge.describe(weights, biases, "quadratic"), weights, biases))

    def _set_views(self, theta: Parameters) -> None:
        """Set new lists with the views of a vector."""
        self.weights, self.biases = list(theta.weights), list(theta.biases)
        self._theta = theta

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the vector."""
        return self.__dict__ | {"_theta": None}

    def _describe(self) -> Description:
        """Return the network's description; Python computes a custom cost, so any will do here."""
        return bridge.describe(self.weights, self.biases, self._engine_cost or "quadratic")

    def _vector(self) -> tuple[Description, Array]:
        """Return the description, and the parameters as one vector, for reading."""
        description, theta = self._describe(), self._theta
        views = () if theta is None else (*theta.weights, *theta.biases)
        matrices = (*self.weights, *self.biases)
        if theta is None or len(views) != len(matrices) or not all(map(is_, views, matrices)):
            theta = bridge.pack(description, self.weights, self.biases)
        return description, theta.flat

    def _exported(self) -> Model:
        description, theta = self._vector()
        return Model(description, Parameters.of(theta, description.layout))

    @property
    def _engine_cost(self) -> str | None:
        """The engine's name of the cost, or None for a custom one."""
        raise NotImplementedError

    def _output_error(self, z: Array, a: Array, y: Array) -> Array:
        """(BP1)."""
        raise NotImplementedError

    def _step(self, mini_batch: list[tuple[Any, Any]], eta: float, lmbda: float, n: int) -> None:
        """Call `update_mini_batch` with the arguments that it takes in this program."""
        raise NotImplementedError

    @known_to_the_engine
    def feedforward(self, a: ArrayLike) -> Array:
        """Return the outputs for the inputs `a`.

        Parameters
        ----------
        a : (n_0, 1) array_like
            One input, or m inputs as columns (n_0, m).

        Returns
        -------
        (n_L, 1) or (n_L, m) array
        """
        return prediction.outputs(*self._vector(), a, name="a")

    @known_to_the_engine
    def backprop(self, x: ArrayLike, y: ArrayLike) -> Gradient:
        """Return (nabla_b, nabla_w), the gradient of the cost, by (BP1) to (BP4).

        This solves the problem in chapter 2: for a mini-batch as matrices it returns the sums over
        the samples, in one pass.

        Parameters
        ----------
        x : (n_0, m) array_like
            One sample as a column, or m of them.
        y : (n_L, m) array_like
            The desired outputs.

        Returns
        -------
        nabla_b : list of (n_l, 1) arrays
        nabla_w : list of (n_l, n_{l-1}) arrays
            Sums over the columns, for each layer, like `biases` and `weights`.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError
            If x and y are not such matrices.
        """
        sizes = self._describe().sizes
        X = as_inputs(x, sizes[0], "float64", name="x")
        Y = as_inputs(y, sizes[-1], "float64", name="y")
        if Y.shape[1] != X.shape[1]:
            raise ShapeError(
                "x and y must have one column per sample",
                got=f"{X.shape[1]} columns of x and {Y.shape[1]} of y",
            )
        with _quiet():
            return self._gradient(X, Y, self._output_error)

    def _gradient(self, X: Array, Y: Array, output_error: OutputError) -> Gradient:
        """Return nabla_b and nabla_w, summed over the columns."""
        a, z = [X], np.empty(0)
        for W, b in zip(self.weights, self.biases, strict=True):
            z = np.dot(W, a[-1]) + b
            a.append(1.0 / (1.0 + np.exp(-z)))
        delta = output_error(z, a[-1], Y)  # (BP1)
        nabla_b: list[Array] = []
        nabla_w: list[Array] = []
        for l in range(len(a) - 2, -1, -1):
            nabla_b.insert(0, delta.sum(axis=1, keepdims=True))  # (BP3)
            nabla_w.insert(0, np.dot(delta, a[l].T))  # (BP4): the product sums over the samples
            if l > 0:
                # (BP2); sigma' = sigma (1 - sigma)
                delta = np.dot(self.weights[l].T, delta) * (a[l] * (1.0 - a[l]))
        return nabla_b, nabla_w

    def _output_errors(self, z: Array, a: Array, Y: Array) -> Array:
        """(BP1) column by column: a custom cost may be written for a single one."""
        ones = [slice(j, j + 1) for j in range(a.shape[1])]
        errors = [np.asarray(self._output_error(z[:, j], a[:, j], Y[:, j])) for j in ones]
        wrong = {error.shape for error in errors} - {(len(a), 1)}
        if wrong:
            raise ShapeError(
                "the cost's delta must have one row per output",
                got=f"an array of shape {min(wrong)}",
                expected=str((len(a), 1)),
            )
        return errors[0] if len(errors) == 1 else np.concatenate(errors, axis=1)

    def _is_known(self, *names: str) -> bool:
        """Whether the engine can replace these methods: none is overridden."""
        return all(hasattr(getattr(self, name), "known_to_the_engine") for name in names)

    def _epochs(
        self,
        training_data: Data,
        epochs: int,
        mini_batch_size: int,
        eta: float,
        lmbda: float,
    ) -> Iterator[int]:
        """Train epoch by epoch; yield the number of each after it.

        A list is shuffled in place, as the book does.
        """
        data = bridge.as_list(training_data, "training_data")
        epochs = whole_number(epochs, "epochs", least=0)
        m = whole_number(mini_batch_size, "mini_batch_size", least=1)
        eta, lmbda = real_number(eta, "eta"), real_number(lmbda, "lmbda")
        given, n, matrices = list(data), len(data), None
        if self._is_known("update_mini_batch", "backprop"):
            matrices = self._matrices(bridge.as_pairs(given, "training_data"))
        places = list(range(n))
        for j in range(epochs):
            random.shuffle(places)  # the same draws as random.shuffle(data)
            data[:] = [given[i] for i in places]
            if matrices is not None:
                order = np.arange(n)[places]  # checks the indices, in case `random` is patched
                self._descend(*matrices, order, m, eta, lmbda / n, j + 1)
            else:
                for k in range(0, n, m):
                    self._step(data[k : k + m], eta, lmbda, n)
            yield j

    def _update(
        self, mini_batch: Iterable[tuple[Any, Any]], eta: float, lmbda: float, n: int
    ) -> None:
        """Take one step."""
        eta, lmbda = real_number(eta, "eta"), real_number(lmbda, "lmbda")
        decay = lmbda / real_number(n, "n", "the number of training samples", lambda n: n > 0)
        pairs = bridge.as_pairs(mini_batch, "mini_batch")
        m = len(pairs)
        if self._is_known("backprop"):
            self._descend(*self._matrices(pairs), np.arange(m), m, eta, decay, 1)
            return
        sums = [np.zeros_like(p, np.float64) for p in (*self.biases, *self.weights)]
        with _quiet():
            for x, y in pairs:
                nabla_b, nabla_w = self.backprop(x, y)
                sums = [s + nabla for s, nabla in zip(sums, (*nabla_b, *nabla_w), strict=True)]
            L = len(self.biases)
            if not self._moved(sums[:L], sums[L:], eta / m, 1.0 - eta * decay):
                raise bridge.diverged("a weight", 1, 1, eta)

    def _moved(self, nabla_b: list[Array], nabla_w: list[Array], rate: float, keep: float) -> bool:
        """Take a step, unless a number is not finite; return whether it was taken."""
        weights = [keep * W - rate * n for W, n in zip(self.weights, nabla_w, strict=True)]
        biases = [b - rate * n for b, n in zip(self.biases, nabla_b, strict=True)]
        finite = all(map(_is_finite, (*weights, *biases)))
        if finite:
            self.weights, self.biases = weights, biases
        return finite

    def _matrices(self, pairs: Sequence[tuple[Any, Any]]) -> tuple[Array, Targets]:
        """Return samples (x, y) as matrices, checked for this network and its cost."""
        description = self._describe()
        X = bridge.as_columns([x for x, _ in pairs], description.sizes[0], "x")
        Y = bridge.as_columns([y for _, y in pairs], description.sizes[-1], "y")
        return X, bridge.as_outputs(Y, description)

    def _descend(
        self,
        X: Array,
        Y: Targets,
        order: Integers,
        m: int,
        eta: float,
        decay: float,
        epoch: int,
    ) -> None:
        """Take a step for each mini-batch of `order`; compiled, unless the cost is custom."""
        if self._engine_cost is not None:
            description = self._describe()
            theta = bridge.pack(description, self.weights, self.biases)
            try:
                bridge.descend(description, theta, X, Y, order, m, eta, decay, epoch)
            finally:  # also after Ctrl-C: the weights of the last mini-batch
                self._set_views(theta)
            return
        # Rows are samples. Floats, since a custom cost might negate unsigned bytes.
        rows, wanted = X.T, Y.array.T.astype(np.float64)
        try:
            with _quiet():
                for step, k in enumerate(range(0, order.size, m), start=1):
                    batch = order[k : k + m]
                    nablas = self._gradient(rows[batch].T, wanted[batch].T, self._output_errors)
                    if not self._moved(*nablas, eta / batch.size, 1.0 - eta * decay):
                        raise bridge.diverged("a weight", epoch, step, eta)
        finally:
            self._set(self.weights, self.biases)

    def _inputs(self, pairs: Sequence[tuple[Any, Any]]) -> Array | list[Any]:
        """Return the inputs of pairs as a matrix, or as a list for an overridden `feedforward`."""
        xs = [x for x, _ in pairs]
        if not self._is_known("feedforward"):
            return xs
        return bridge.as_columns(xs, self._describe().sizes[0], "x")

    def _labeled(self, pairs: Sequence[tuple[Any, Any]]) -> tuple[Array | list[Any], Integers]:
        """Return inputs and labels of pairs (x, label)."""
        return self._inputs(pairs), bridge.as_labels([y for _, y in pairs])

    def _outputs(self, inputs: Array | list[Any]) -> Array:
        """Return the outputs (n_L, n) for the result of `_inputs`."""
        if isinstance(inputs, list):
            return np.hstack([self.feedforward(x) for x in inputs])
        return self.feedforward(inputs)

    def _hits(self, inputs: Array | list[Any], labels: Integers) -> int:
        """Count the samples whose largest output is at their label."""
        return int((self._outputs(inputs).argmax(axis=0) == labels).sum())


def _quiet() -> np.errstate:
    """Ignore overflow in e^-z, where sigma is 0; `_is_finite` checks the result of a step."""
    return np.errstate(over="ignore", invalid="ignore")


def _is_finite(numbers: Array) -> bool:
    """Whether all are finite; the sum of squares is a faster check, unless it overflows."""
    return math.isfinite(np.vdot(numbers, numbers)) or bool(np.isfinite(numbers).all())
