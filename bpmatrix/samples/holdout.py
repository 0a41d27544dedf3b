"""Splitting validation data off the samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bpmatrix.errors import ArgumentError
from bpmatrix.samples.samples import Samples

# The spawn key of splits; initial weights and shuffling use other keys of the network's seed.
SPLITS = 2


def hold_out(samples: Samples, fraction: float, seed: int) -> tuple[Samples, Samples]:
    """Split samples at random into training samples, not copied, and a copy to validate on.

    The split is a function of the seed, the number of samples and their classes, so every run on
    the same data holds out the same samples. It is stratified if the targets are classes. Samples
    left out of `samples.shown` are on neither side.

    Raises
    ------
    ArgumentError
        If the fraction leaves one side empty.

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
            f"validation_split={fraction} of {n} samples leaves one side of the split empty",
            cure="Use another fraction or more samples, or pass validation=(X, targets).",
        )
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SPLITS,)))
    order = columns[rng.permutation(n)]
    if samples.targets.are_classes:
        order = order[np.lexsort(np.atleast_2d(samples.targets.array)[:, order])]
    # Hold out samples at regular intervals of this order, which is sorted by class.
    position = np.arange(n) * count
    held_out = (position + count) // n > position // n
    validation = samples.take(np.sort(order[held_out]))
    return replace(samples, shown=np.sort(order[~held_out])), validation
