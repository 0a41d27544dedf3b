"""How much each sample counts: weights of samples, and weights of their classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.arrays import Targets, check_finite
from bpmatrix.checks import real_number
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, ShapeError
from bpmatrix.training import Samples

__all__ = ["shown", "weigh"]

Floats = NDArray[np.float64]


def weigh(
    samples: Samples, sample_weight: ArrayLike | None, class_weight: object = None
) -> Samples:
    """Return samples that count as often as they are told to.

    Parameters
    ----------
    samples : Samples
        What has no weights yet.
    sample_weight : (n,) array_like or None
        A number for each column, 0 or more.
    class_weight : mapping, "balanced" or None
        A factor for each class, 1 for one that is not named; "balanced" gives all classes the same
        sum of weights: n / (classes * columns of the class).

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        If the weights are no such numbers, or all of them 0, or the targets name no classes.

    Examples
    --------
    >>> from bpmatrix.arrays import as_targets
    >>> samples = Samples(np.zeros((1, 4)), as_targets([0, 0, 0, 1], 2, 4, "float64"))
    >>> weigh(samples, None, "balanced").weights
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    if sample_weight is None and class_weight is None:
        return samples
    n = samples.X.shape[1]
    weights = np.ones(n) if sample_weight is None else _checked(sample_weight, n)
    if class_weight is not None:
        weights = weights * _of_classes(class_weight, samples.targets)
    if not weights.any():
        raise DataError("no sample counts: all weights are 0")
    return replace(samples, weights=weights)


def shown(samples: Samples) -> Samples:
    """Return the samples without those that count nothing, which are never shown.

    So a weight of 0 is the same as a sample that is not there, order and mini-batches included.

    Examples
    --------
    >>> from bpmatrix.arrays import as_targets
    >>> samples = Samples(np.zeros((1, 3)), as_targets([0, 1, 1], 2, 3, "float64"))
    >>> shown(weigh(samples, [1, 0, 2])).shown
    array([0, 2])
    """
    if samples.weights is None or samples.weights.all():
        return samples
    columns = np.arange(samples.X.shape[1]) if samples.shown is None else samples.shown
    counting = columns[samples.weights[columns] > 0]
    if counting.size == 0:
        raise DataError("no sample that is trained on counts: their weights are 0")
    return replace(samples, shown=counting)


def _checked(sample_weight: ArrayLike, n: int) -> Floats:
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "buif":
        raise ArrayTypeError(
            "sample_weight does not hold real numbers", got=f"an array of {weights.dtype}"
        )
    if weights.shape != (n,):
        raise ShapeError(
            f"sample_weight has shape {weights.shape}",
            expected=f"({n},)",
            cure="Pass a number for each column of X.",
        )
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    check_finite(weights[None], "float64", "sample_weight")
    if weights.min() < 0:
        raise DataError(
            "sample_weight has numbers below 0",
            got=f"{weights.min():g}, in column {weights.argmin()}",
            expected="0 or more",
        )
    return weights


def _of_classes(class_weight: object, targets: Targets) -> Floats:
    """Return the factor of each column's class."""
    if not targets.are_classes:
        raise ArgumentError(
            "class_weight needs targets that name classes",
            cure="Pass labels or one-hot columns, or sample_weight for other targets.",
        )
    array = targets.array
    if targets.are_labels:
        classes = array
    else:
        classes = array.argmax(axis=0) if len(array) > 1 else (array[0] > 0).astype(np.int64)
    found, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if isinstance(class_weight, str) and class_weight == "balanced":
        return np.asarray((classes.size / (found.size * counts))[place])
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            "class_weight is none", got=repr(class_weight), expected='"balanced" or {class: weight}'
        )
    unknown = [key for key in class_weight if key not in found]
    if unknown:
        raise ArgumentError(
            "class_weight names classes that no target has",
            got=", ".join(map(repr, unknown)),
            expected=", ".join(map(str, found)),
        )
    factors = [
        real_number(
            class_weight.get(int(label), 1), f"the weight of class {label}",
            "a finite number, 0 or more", lambda weight: weight >= 0,
        )
        for label in found
    ]  # fmt: skip
    return np.array(factors)[place]
