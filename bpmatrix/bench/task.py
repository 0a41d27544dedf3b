"""The training task of all contenders: network, initial weights, data, and order of samples."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bpmatrix import datasets, reference
from bpmatrix.array_types import Array, Integers
from bpmatrix.errors import DataNotFoundError

COLUMNS_AT_A_TIME = 1000
MOMENTUM = 0.9
BETA_1, BETA_2 = 0.9, 0.999
# Libraries add epsilon to different roots; with a small one all give the same result.
EPSILON = 1e-12

# As floats these do not fit into a cache; all of MNIST in each worker would take gigabytes.
MOST_SAMPLES = 10_000
N_CLASSES = 10
# Proportional to the mini-batch size up to 10. With a larger rate, single samples drive the network
# so far that deltas become subnormal in float32, which slows the other contenders on many
# processors: the time of a step would depend on the length of the run.
LEARNING_RATE, LEARNING_RATE_PER_SAMPLE = 0.5, 0.05


@dataclass(frozen=True)
class Task:
    """Training by SGD or Adam, defined so that all contenders do the same arithmetic.

    Attributes
    ----------
    sizes, activations, cost, dtype
        The network, with one activation function per layer after the inputs.
    mini_batch_size, learning_rate
        For "sgd" a step is the mean gradient of the mini-batch times the learning rate.
    X : (n_0, n) array
        Samples as columns, in the dtype of the file; inputs are ``scale * X``.
    targets : (n,) labels or (n_L, n) array
        Labels stand for one-hot columns.
    seed : int
        Seed of the initial weights, drawn in float64 and then cast, and of the order.
    optimizer : {"sgd", "momentum", "adam"}
        Plain gradient descent; with momentum 0.9; Adam with its paper's betas.
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    cost: str
    dtype: str
    mini_batch_size: int
    learning_rate: float
    X: Array
    scale: float
    targets: Array
    seed: int = 0
    optimizer: str = "sgd"

    def first_weights(self) -> tuple[list[Array], list[Array]]:
        """Return W_l (n_l, n_{l-1}), normal with deviation 1 / sqrt(n_{l-1}), and b_l (n_l, 1)."""
        rng = np.random.default_rng((self.seed, 0))
        weights, biases = [], []
        for n_in, n_out in pairwise(self.sizes):
            weights.append((rng.standard_normal((n_out, n_in)) / np.sqrt(n_in)).astype(self.dtype))
            biases.append(rng.standard_normal((n_out, 1)).astype(self.dtype))
        return weights, biases

    def mini_batches(self) -> MiniBatches:
        """Return the mini-batches: one random order of the samples, repeated."""
        n, m = self.X.shape[1], self.mini_batch_size
        order = np.random.default_rng((self.seed, 1)).permutation(n)
        return MiniBatches(order[: n // m * m].reshape(-1, m))

    def inputs(self) -> Array:
        """Return the inputs (n_0, n) in the task's dtype, columns contiguous."""
        rows = self.X.T.astype(self.dtype)
        rows *= self.scale
        return rows.T

    def outputs(self) -> Array:
        """Return the targets (n_L, n) in the task's dtype, columns contiguous."""
        if self.targets.ndim == 2:
            return np.ascontiguousarray(self.targets.T, self.dtype).T
        one_hot: Array = np.eye(self.sizes[-1], dtype=self.dtype)[self.targets]
        return one_hot.T

    def flops(self) -> int:
        """Return the additions and multiplications of the matrix products of one step.

        Forward pass, gradient and backward pass take 2 n_l n_{l-1} m each in every layer; layer 1
        needs no backward pass.
        """
        products = [n_in * n_out for n_in, n_out in pairwise(self.sizes)]
        return 2 * self.mini_batch_size * (3 * sum(products) - products[0])

    def judged_cost(self, weights: list[Array], biases: list[Array]) -> float:
        """Return the mean cost of these weights over all samples, by the reference in float64."""
        W = [w.astype(np.float64) for w in weights]
        b = [column.astype(np.float64) for column in biases]
        n, total = self.X.shape[1], 0.0
        Y = self.outputs()
        for start in range(0, n, COLUMNS_AT_A_TIME):
            part = slice(start, start + COLUMNS_AT_A_TIME)
            x, y = self.X[:, part] * np.float64(self.scale), Y[:, part].astype(np.float64)
            total += x.shape[1] * reference.mean_cost(W, b, self.activations, self.cost, x, y)
        return float(total / n)

    def expected_cost(self, steps: int) -> float:
        """Return the mean cost after this many steps of the reference in float64."""
        weights, biases = self.first_weights()
        theta = [part.astype(np.float64) for part in weights + biases]
        L = len(weights)
        moments = [(np.zeros_like(part), np.zeros_like(part)) for part in theta]
        Y = self.outputs()
        for k, batch in enumerate(self.mini_batches().take(steps), start=1):
            x = self.X.T[batch].T * np.float64(self.scale)
            nabla_b, nabla_W = reference.gradient_by_matrix(
                theta[:L], theta[L:], self.activations, self.cost, x, Y.T[batch].T.astype("f8")
            )
            for i, nabla in enumerate([*nabla_W, *nabla_b]):
                step, moments[i] = self._step(nabla / len(batch), *moments[i], k)
                theta[i] = theta[i] - step
        return self.judged_cost(theta[:L], theta[L:])

    def _step(self, g: Array, v: Array, s: Array, k: int) -> tuple[Array, tuple[Array, Array]]:
        """Return what the k-th step subtracts, and the updated moments."""
        if self.optimizer == "adam":
            v, s = BETA_1 * v + (1 - BETA_1) * g, BETA_2 * s + (1 - BETA_2) * g**2
            mean, square = v / (1 - BETA_1**k), s / (1 - BETA_2**k)
            return self.learning_rate * mean / (np.sqrt(square) + EPSILON), (v, s)
        mu = MOMENTUM if self.optimizer == "momentum" else 0.0
        v = mu * v + self.learning_rate * g
        return v, (v, s)


class MiniBatches:
    """Mini-batches in a fixed order, repeated.

    Parameters
    ----------
    one_round : (k, m) array of int
        The columns of each mini-batch.

    Examples
    --------
    >>> mini_batches = MiniBatches(np.array([[0, 1], [2, 3], [4, 5]]))
    >>> mini_batches.take(2).tolist(), mini_batches.take(2).tolist()
    ([[0, 1], [2, 3]], [[4, 5], [0, 1]])
    """

    def __init__(self, one_round: Integers) -> None:
        self._one_round = self._rounds = one_round
        self._next = 0

    def take(self, steps: int) -> Integers:
        """Return the next mini-batches (steps, m), usually a view."""
        k, m = self._one_round.shape
        if k + steps > len(self._rounds):
            self._rounds = np.resize(self._one_round, (k + steps, m))
        rows = self._rounds[self._next : self._next + steps]
        self._next = (self._next + steps) % k
        return rows


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Inputs ``scale * X`` as columns, targets as labels or as columns, and their origin."""

    X: Array
    scale: float
    targets: Array
    source: str


def real_data() -> TrainingData:
    """Return the first training samples of MNIST, or those of the digits; nothing is downloaded.

    Raises
    ------
    DataFileError
        If MNIST is found, but damaged.
    """
    try:
        found, name = datasets.load("mnist", download=False), "MNIST"
    except DataNotFoundError:
        found, name = datasets.load("digits"), "the digits in the package"
    X, labels = found.train.X[:, :MOST_SAMPLES], found.train.labels[:MOST_SAMPLES]
    return TrainingData(X, found.scale, labels, f"{name}, {labels.size:,} training samples")


def classifier(data: TrainingData, width: int, mini_batch_size: int, dtype: str) -> Task:
    """Return a task for all contenders: one hidden layer, softmax, log-likelihood."""
    return Task(
        sizes=(data.X.shape[0], width, N_CLASSES),
        activations=("sigmoid", "softmax"),
        cost="log_likelihood",
        dtype=dtype,
        mini_batch_size=mini_batch_size,
        learning_rate=min(LEARNING_RATE, LEARNING_RATE_PER_SAMPLE * mini_batch_size),
        X=data.X,
        scale=data.scale,
        targets=data.targets,
    )
