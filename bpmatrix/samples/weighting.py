"""Sample weights and class weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.array_types import Array, Floats, Integers
from bpmatrix.checks import NOT_NEGATIVE, real_number
from bpmatrix.errors import ArgumentError, DataError, ShapeError
from bpmatrix.samples.arrays import Targets, as_array, check_finite
from bpmatrix.samples.samples import Samples


def weigh(
    samples: Samples, sample_weight: ArrayLike | None, dtype: str, *, prefix: str = ""
) -> Samples:
    """Return the samples with weights.

    Parameters
    ----------
    samples : Samples
        Samples without weights.
    sample_weight : (n,) array_like or None
        The weight of each column, 0 or more.
    dtype : str
        The network's dtype.
    prefix : str
        What precedes ``sample_weight`` in errors.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError
        If the weights are invalid, or all 0.

    Examples
    --------
    >>> from bpmatrix.samples.arrays import as_targets
    >>> samples = Samples(np.zeros((1, 2)), as_targets([0, 1], 2, 2, "float64"))
    >>> weigh(samples, [1, 3], "float64").weights
    array([1., 3.])
    """
    if sample_weight is None:
        return samples
    name = f"{prefix}sample_weight"
    weights = checked_weights(sample_weight, samples.X.shape[1], name)
    check_range(weights, dtype, name)
    return replace(samples, weights=weights)


def weigh_classes(
    samples: Samples, factors: Floats | None, dtype: str, *, prefix: str = ""
) -> Samples:
    """Return the samples with weights multiplied by the factors of their classes, if any.

    Raises
    ------
    DataError
        If all weights become 0, or one too large or too small for the dtype.
    ArgumentError
        If the targets are not classes.

    Examples
    --------
    >>> from bpmatrix.samples.arrays import as_targets
    >>> samples = Samples(np.zeros((1, 3)), as_targets([0, 1, 1], 2, 3, "float64"))
    >>> weigh_classes(samples, np.array([2.0, 1.0]), "float64").weights
    array([2., 1., 1.])
    """
    if factors is None:
        return samples
    weights = factors[classes_of(samples.targets)]
    if samples.weights is not None:
        weights = weights * samples.weights
    check_range(weights, dtype, f"{prefix}sample_weight times class_weight")
    return replace(samples, weights=weights)


def factors_of_classes(class_weight: object, samples: Samples, n_classes: int) -> Floats | None:
    """Return the factor of every class of the network, from class 0 on.

    Parameters
    ----------
    class_weight : mapping, "balanced" or None
        A factor per class, 1 for classes that are not listed; "balanced" gives every class the same
        total weight.
    samples : Samples
        The training samples, with their weights.
    n_classes : int
        The network's number of classes.

    Raises
    ------
    ArgumentError
        If the targets are not classes, or `class_weight` is invalid.

    Examples
    --------
    >>> from bpmatrix.samples.arrays import as_targets
    >>> samples = Samples(np.zeros((1, 4)), as_targets([0, 0, 0, 1], 2, 4, "float64"))
    >>> factors_of_classes("balanced", samples, 2)
    array([0.66666667, 2.        ])
    """
    if class_weight is None:
        return None
    classes = classes_of(samples.targets)
    sums = np.bincount(classes, samples.weights, minlength=n_classes)
    present = np.flatnonzero(np.bincount(classes)).tolist()
    return checked_factors(class_weight, sums, range(n_classes), present)


def checked_factors(
    class_weight: object, sums: Array, classes: Sequence[Any], present: Sequence[Any]
) -> Floats:
    """Return the factor of each class, for a mapping or "balanced".

    Parameters
    ----------
    class_weight : mapping or "balanced"
        See `factors_of_classes`.
    sums : (n_classes,) array
        The sum of the weights of the samples of each class.
    classes, present : sequence
        All classes, and those that a mapping may contain.

    Raises
    ------
    ArgumentError
        If `class_weight` is neither, or contains other classes or an invalid weight.

    Examples
    --------
    >>> checked_factors({"b": 2}, np.ones(2), ["a", "b"], ["a", "b"])
    array([1., 2.])
    """
    if isinstance(class_weight, str) and class_weight == "balanced":
        return balanced(sums)
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            'class_weight is neither "balanced" nor a mapping',
            got=repr(class_weight),
            expected='"balanced" or {class: weight}',
        )
    unknown = [key for key in class_weight if key not in present]
    if unknown:
        raise ArgumentError(
            "class_weight contains classes that do not occur in the targets",
            got=", ".join(map(repr, unknown[:10])),
            expected=", ".join(map(repr, present[:10])),
        )
    return np.array(
        [
            real_number(class_weight.get(label, 1), f"the weight of class {label!r}", *NOT_NEGATIVE)
            for label in classes
        ]
    )


def balanced(sums: Array) -> Floats:
    """Return factors that give every class the same total weight; 1 for classes without samples.

    Examples
    --------
    >>> balanced(np.array([3.0, 0.0, 1.0]))
    array([0.66666667, 1.        , 2.        ])
    """
    present = sums > 0
    factors = np.ones(sums.size)
    factors[present] = sums.sum() / (present.sum() * sums[present])
    return factors


def shown(samples: Samples) -> Samples:
    """Return the samples with those of weight 0 left out of training.

    A weight of 0 is then the same as removing the sample, down to the order and the mini-batches.

    Examples
    --------
    >>> from bpmatrix.samples.arrays import as_targets
    >>> samples = Samples(np.zeros((1, 3)), as_targets([0, 1, 1], 2, 3, "float64"))
    >>> shown(weigh(samples, [1, 0, 2], "float64")).shown
    array([0, 2])
    """
    if samples.weights is None or samples.weights.all():
        return samples
    columns = np.arange(samples.X.shape[1]) if samples.shown is None else samples.shown
    # At least one is left: `weigh` and `weigh_classes` reject weights that are all 0.
    return replace(samples, shown=columns[samples.weights[columns] > 0])


def checked_weights(sample_weight: ArrayLike, n: int, name: str) -> Floats:
    """Return n sample weights, of which all may be 0; `weigh` lists the errors."""
    weights = as_array(sample_weight, name)
    if weights.shape != (n,):
        raise ShapeError(
            f"{name} has shape {weights.shape}",
            expected=f"({n},)",
            cure="Pass one weight per column of X.",
        )
    weights = np.array(weights, dtype=np.float64)  # a copy, which cannot change after the check
    check_finite(weights[None], "float64", name)
    if weights.min() < 0:
        raise DataError(
            f"{name} has negative numbers",
            got=f"{weights.min():g}, in column {weights.argmin()}",
            expected="0 or more",
        )
    return weights


def check_range(weights: Floats, dtype: str, name: str) -> None:
    """Check that a weight is positive, and that weighted sums can neither overflow nor underflow.

    Raises
    ------
    DataError
        If all weights are 0, or one is too large or too small for the dtype.

    Examples
    --------
    >>> check_range(np.array([0.0, 2.0]), "float32", "sample_weight")
    """
    positive = weights[weights > 0]
    least, most = (positive.min(), positive.max()) if positive.size else (0, 0)
    check_bounds(float(least), float(most), positive.size, dtype, name)


def check_bounds(least: float, most: float, count: int, dtype: str, name: str) -> None:
    """Check `count` weights above 0 as `check_range` does: the smallest and the largest of them."""
    if count == 0:
        raise DataError(
            f"{name} is 0 for all samples", cure="Give at least one sample a weight above 0."
        )
    limits = np.finfo(dtype)
    # Half of the exponent range is left for the numbers to be weighted.
    low, high = float(limits.tiny) ** 0.5, float(limits.max) ** 0.5
    if least < low or most > high / count:
        raise DataError(
            f"{name} is too small or too large for {dtype}",
            got=f"{least:.3g} to {most:.3g}",
            expected=f"0, or from {low:.0e} up to a sum of {high:.0e}",
            cure="Divide the weights by their mean: only their ratios matter.",
        )


def classes_of(targets: Targets) -> Integers:
    """Return the class of each column."""
    check_are_classes(targets.are_classes)
    array = targets.array
    if targets.are_labels:
        return np.asarray(array)
    return np.asarray(array.argmax(axis=0) if len(array) > 1 else (array[0] > 0).astype(np.int64))


def check_are_classes(are_classes: bool) -> None:
    """Raise an ArgumentError for class weights with other targets."""
    if not are_classes:
        raise ArgumentError(
            "class_weight needs targets that are classes",
            cure="Pass labels or one-hot columns, or sample_weight for other targets.",
        )
