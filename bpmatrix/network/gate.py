"""Checks of the samples that a user passes to `Network`, before anything changes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.architecture.activations import find_activation
from bpmatrix.architecture.costs import find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import ArgumentError
from bpmatrix.samples.arrays import as_columns, as_inputs, as_targets, check_interval
from bpmatrix.samples.refused import check_is_fetched
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.weighting import factors_of_classes, shown, weigh, weigh_classes

OUT_OF_RANGE = (
    'For targets of any size use output="identity" with cost="quadratic", best with standardized '
    "targets, (y - y.mean()) / y.std(). Or scale them into these bounds."
)
# Targets scaled to the ends of an interval may exceed them by rounding.
ROUNDING = 1e-6
# Small integers in bytes may be counts; larger ones are pixels.
LARGEST_COUNT = 16


def inputs(d: Description, X: ArrayLike, name: str = "X", *, check: bool = True) -> Array:
    """Return inputs as columns; without `check`, the compiled program finds NaN and infinity."""
    if check:
        return as_inputs(X, d.sizes[0], d.dtype, name=name)
    return as_columns(X, d.sizes[0], name=name)


def samples(
    d: Description, X: ArrayLike, targets: ArrayLike, prefix: str = "", *, check: bool = True
) -> Samples:
    """Return checked inputs and targets; `prefix` precedes their names in errors."""
    array = inputs(d, X, prefix + "X", check=check)
    cost = find_cost(d.cost)
    checked = as_targets(
        targets,
        d.sizes[-1],
        array.shape[1],
        d.dtype,
        interval=(cost.lowest_target, cost.highest_target),
        sum_to_one=cost.partner == "softmax",
        name=prefix + "targets",
        cure=OUT_OF_RANGE,
    )
    if not _predicts_classes(d):
        checked = replace(checked, are_classes=False)
    return Samples(array, checked)


def weighted_samples(
    d: Description, X: ArrayLike, targets: Any, sample_weight: ArrayLike | None
) -> Samples:
    """Return samples to evaluate, with their weights."""
    check_given(X, targets)
    return weigh(samples(d, X, targets, check=False), sample_weight, d.dtype)


def check_given(X: object, targets: object) -> None:
    """Raise an error if there are no targets, or X contains them: a path or an iterator."""
    check_is_fetched(X, "X")
    if targets is None:
        raise ArgumentError(
            "targets is missing", cure="Pass the targets of X, or Blocks(X, targets) as X."
        )


def training_samples(
    d: Description,
    X: ArrayLike,
    targets: Any,
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
) -> tuple[Samples, Floats | None]:
    """Return the training samples, and the factors of `class_weight`."""
    check_given(X, targets)
    given = samples(d, X, targets)
    check_target_range(d, given)
    given = weigh(given, sample_weight, d.dtype)
    factors = factors_of_classes(class_weight, given, max(2, d.sizes[-1]))
    return shown(weigh_classes(given, factors, d.dtype)), factors


def validation_samples(d: Description, validation: object, factors: Floats | None) -> Samples:
    """Return the validation samples, given as (X, targets) or (X, targets, sample_weight)."""
    if not isinstance(validation, tuple | list) or len(validation) not in {2, 3}:
        raise ArgumentError(
            "validation must be a pair",
            got=type(validation).__name__,
            expected="(X, targets) or (X, targets, sample_weight)",
        )
    X, targets, weights = (*validation, None)[:3]
    prefix = "validation "
    checked = weigh(samples(d, X, targets, prefix), weights, d.dtype, prefix=prefix)
    return weigh_classes(checked, factors, d.dtype, prefix=prefix)


def check_target_range(d: Description, given: Samples) -> None:
    """Reject targets outside the range of the output layer."""
    output = find_activation(d.activations[-1])
    if not given.targets.are_labels:
        check_interval(
            given.targets.array,
            (output.lowest, output.highest),
            "targets",
            f"outside the range of the {output.name} output",
            OUT_OF_RANGE,
            slack=ROUNDING,
        )


def _predicts_classes(d: Description) -> bool:
    """Return whether the outputs of a network stand for classes."""
    return d.sizes[-1] > 1 or d.activations[-1] == "sigmoid"


def check_predicts_classes(d: Description) -> None:
    """Reject a single output other than a sigmoid, which does not predict a class."""
    if not _predicts_classes(d):
        raise ArgumentError(
            f"a single {d.activations[-1]} output does not predict a class",
            cure="Use feedforward(X) for its values, or cost(X, targets) to judge them.",
        )


def check_writeable(theta: Array) -> None:
    """Raise an error if the parameters are read-only."""
    if not theta.flags.writeable:
        raise ArgumentError(
            "the parameters are read-only", cure="Set network.parameters.flags.writeable = True."
        )


def warn_about_unscaled_bytes(X: Array, input_scale: float, stacklevel: int = 4) -> None:
    """Warn of pixels as bytes without input_scale: integers are used unscaled."""
    if X.dtype == np.uint8 and input_scale == 1 and X.max(initial=0) > LARGEST_COUNT:
        warnings.warn(
            f"X contains bytes up to {X.max()} and the network has no input_scale, so its units"
            " saturate; for pixels, create it with Network(..., input_scale=1/255)",
            UserWarning,
            stacklevel=stacklevel,
        )
