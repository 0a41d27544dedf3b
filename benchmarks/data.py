"""Data for the cases: MNIST if it is found, the digits in the package, or random data."""

from functools import cache

import numpy as np

from bpmatrix import datasets
from bpmatrix.bench.task import TrainingData
from bpmatrix.errors import DataNotFoundError

MNIST_SHAPE = (50_000, 784)
N_CLASSES = 10
N_REGRESSION = 10_000


@cache
def load_samples(name: str, n_in: int = 0, n_out: int = 0) -> TrainingData:
    """Return the samples "mnist", "digits" or, with the given sizes, "regression"."""
    if name == "regression":
        return _regression(n_in, n_out)
    try:
        found = datasets.load(name, download=False)
    except DataNotFoundError:
        return _bytes()
    return TrainingData(found.train.X, found.scale, found.train.labels, name)


def _bytes() -> TrainingData:
    """Return random bytes of the shape of MNIST, a fifth of them not 0, to measure speed only."""
    rng = np.random.default_rng(0)
    table = rng.integers(256, size=MNIST_SHAPE, dtype=np.uint8)
    table[rng.random(MNIST_SHAPE, np.float32) > 0.2] = 0
    labels = rng.integers(N_CLASSES, size=len(table))
    return TrainingData(table.T, 1 / 255, labels, "random bytes of the shape of MNIST")


def _regression(n_in: int, n_out: int) -> TrainingData:
    """Return a smooth function of normal inputs, with values in the range of tanh."""
    rng = np.random.default_rng(0)
    table = rng.standard_normal((N_REGRESSION, n_in))
    directions = rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)
    values = 0.8 * np.sin(table @ directions)
    return TrainingData(table.T, 1.0, values.T, "a smooth function of normal inputs")
