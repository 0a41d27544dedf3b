"""Samples to train on: MNIST where it is found, else the digits that the package ships."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bpmatrix import datasets
from bpmatrix.bench.task import Task
from bpmatrix.datasets import DataSet
from bpmatrix.errors import DataNotFoundError

__all__ = ["Samples", "classifier", "real_samples"]

Array = NDArray[Any]

# Enough that no cache holds them as real numbers; all of MNIST in each worker would take gigabytes.
MOST_SAMPLES = 10_000
N_CLASSES = 10
# Up to mini-batches of 10 in proportion to them. A larger one with a single sample drives the
# network so far that deltas become subnormal numbers of float32, which many processors take slowly
# for the other contenders: the time of a step would depend on how long the run has lasted.
LEARNING_RATE, LEARNING_RATE_PER_SAMPLE = 0.5, 0.05


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs ``scale * X`` as columns, targets as labels or as columns, and where they are from."""

    X: Array
    scale: float
    targets: Array
    source: str


def real_samples() -> Samples:
    """Return the first training samples of MNIST, or those of the digits; nothing is downloaded.

    Raises
    ------
    DataFileError
        If there is MNIST, and it is damaged.
    """
    try:
        found, name = datasets.load("mnist", download=False), "MNIST"
    except DataNotFoundError:
        found, name = datasets.load("digits"), "the digits of the package"
    return _first_of(found, name)


def _first_of(found: DataSet, name: str) -> Samples:
    X, labels = found.train.X[:, :MOST_SAMPLES], found.train.labels[:MOST_SAMPLES]
    return Samples(X, found.scale, labels, f"{name}, {labels.size:,} training samples")


def classifier(samples: Samples, width: int, mini_batch_size: int, dtype: str) -> Task:
    """Return a task that every contender can do: one hidden layer, softmax, log-likelihood."""
    return Task(
        sizes=(samples.X.shape[0], width, N_CLASSES),
        activations=("sigmoid", "softmax"),
        cost="log_likelihood",
        dtype=dtype,
        mini_batch_size=mini_batch_size,
        learning_rate=min(LEARNING_RATE, LEARNING_RATE_PER_SAMPLE * mini_batch_size),
        X=samples.X,
        scale=samples.scale,
        targets=samples.targets,
    )
