"""Validation data that are split off the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpmatrix.errors import ArgumentError
from bpmatrix.samples.samples import Samples

__all__ = ["hold_out"]

# The network's seed drives the first weights, the orders, and with this key the splits.
SPLITS = 2


def hold_out(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split samples at random into those to train on, uncopied, and a copy of those to validate on.

    The split is a function of the seed, the number of samples and their classes, so that every run
    on the same data holds out the same ones. Where the targets name classes, each class gives its
    share. Samples that are not shown are on neither side.

    Raises
    ------
    ArgumentError
        If the fraction leaves nothing on one of the two sides.

    Examples
    --------
    >>> from bpmatrix.samples.arrays import as_targets
    >>> X, labels = np.arange(6.0)[None], as_targets([0, 0, 0, 0, 1, 1], 2, 6, "float64")
    >>> train, validation = hold_out(Samples(X, labels), 0.5, seed=1)
    >>> np.bincount(labels.array[train.shown]), np.bincount(validation.targets.array)
    (array([2, 1]), array([2, 1]))
    """
    columns = np.arange(samples.X.shape[1]) if samples.shown is None else samples.shown
    n = columns.size
    count = round(n * fraction)
    if not 0 < count < n:
        raise ArgumentError(
            f"validation_split={fraction} of {n} samples is none of them, or all",
            cure="Take another fraction, more samples, or pass validation=(X, targets).",
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS,)))
    order = columns[rng.permutation(n)]
    if samples.targets.are_classes:
        order = order[np.lexsort(np.atleast_2d(samples.targets.array)[:, order])]
    # Every so many samples of that order one is held out, and so one of so many of each class.
    place = np.arange(n) * count
    held_out = (place + count) // n > place // n
    validation = samples.take(np.sort(order[held_out]))
    return replace(samples, shown=np.sort(order[~held_out])), validation
