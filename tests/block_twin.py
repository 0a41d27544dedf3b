"""The order of samples in blocks, as a list of indices of the joined array; threads that run."""

from __future__ import annotations

import _thread
import time
from collections.abc import Callable, Sequence

import numpy as np

from bpmatrix import SGD, Network
from bpmatrix.samples.arrays import as_inputs, as_targets
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.slices import SliceRunner

Permutation = Callable[[int], np.ndarray]


def order_of_an_epoch(
    sizes: Sequence[int], window: int, permutation: Permutation, *, in_order: bool = False
) -> np.ndarray:
    """Draw blocks, then shuffle the samples of `window` of them at a time."""
    starts = np.cumsum([0, *sizes])
    places = list(range(len(sizes)))
    if len(sizes) > window and not in_order:
        places = permutation(len(sizes)).tolist()
    order: list[int] = []
    for i in range(0, len(places), window):
        rows = [j for k in sorted(places[i : i + window]) for j in range(starts[k], starts[k + 1])]
        order += np.array(rows, np.int64)[permutation(len(rows))].tolist()
    return np.array(order)


def trained_on_the_joined_array(
    net: Network, X: np.ndarray, y: np.ndarray, orders: Sequence[np.ndarray], m: int
) -> list[float]:
    """Train in these orders, with plain gradient descent; return the cost of each epoch."""
    d = net.description
    columns = as_inputs(X.T, d.sizes[0], d.dtype)
    targets = as_targets(y if y.ndim == 1 else y.T, d.sizes[-1], len(X), d.dtype)
    runner = SliceRunner(d, net.parameters, columns, targets, m, 1, recipe=Recipe(SGD(0.5)))
    totals = [runner.run_epochs(order[None], 0.5)[0] for order in orders]
    return [each.cost / each.weight for each in totals]


def shuffler_of(seed: int) -> np.random.Generator:
    """The generator with which `Network(seed=seed)` shuffles."""
    return np.random.default_rng(np.random.SeedSequence(seed).spawn(2)[1])


def running_threads() -> int:
    """Return how many threads run besides the main one."""
    return _thread._count()


def settles(threads: int) -> bool:
    """Whether so many threads run, once those that are ending have ended."""
    ends = time.monotonic() + 5
    while running_threads() != threads and time.monotonic() < ends:
        time.sleep(0.001)
    return running_threads() == threads
