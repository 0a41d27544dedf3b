"""The gate of `Network`: what a user passes, checked and turned into samples of a description.

Everything is checked here, before anything changes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.architecture.activations import find_activation
from bpmatrix.architecture.costs import find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.checks import real_number
from bpmatrix.errors import ArgumentError
from bpmatrix.samples.arrays import as_columns, as_inputs, as_targets, check_interval
from bpmatrix.samples.holdout import hold_out
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.weighting import factors_of_classes, shown, weigh, weigh_classes

__all__ = [
    "check_names_classes",
    "inputs",
    "samples",
    "to_train_on",
    "warn_of_unscaled_bytes",
    "weighed",
]

Array = NDArray[Any]

ANY_NUMBERS = (
    'For any numbers take output="identity" with cost="quadratic"; they are learned best with mean '
    "0 and deviation 1, (y - y.mean()) / y.std(). Or scale them into these bounds."
)
# Targets that were scaled to the very ends of an interval may miss them.
ROUNDING = 1e-6
# Small whole numbers in bytes may be counts; larger ones are pixels.
BYTES_LIKE_NUMBERS = 16


def inputs(d: Description, X: ArrayLike, name: str = "X", *, check: bool = True) -> Array:
    """Return inputs as columns; without `check`, a program finds those that are not finite."""
    if check:
        return as_inputs(X, d.sizes[0], d.dtype, name=name)
    return as_columns(X, d.sizes[0], name=name)


def samples(
    d: Description, X: ArrayLike, targets: ArrayLike, prefix: str = "", *, check: bool = True
) -> Samples:
    """Return inputs and targets together; `prefix` stands before their names in an error."""
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
        cure=ANY_NUMBERS,
    )
    if not names_classes(d):
        checked = replace(checked, are_classes=False)
    return Samples(array, checked)


def weighed(
    d: Description, X: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None
) -> Samples:
    """Return samples to be looked at, with their weights."""
    return weigh(samples(d, X, targets, check=False), sample_weight, d.dtype)


def to_train_on(
    d: Description,
    seed: int,
    X: ArrayLike,
    targets: ArrayLike,
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
    validation: object,
    validation_split: float,
) -> tuple[Samples, Samples | None]:
    """Return what is trained on and what is validated on: split off, or as it was given."""
    given = samples(d, X, targets)
    check_reach(d, given)
    given = weigh(given, sample_weight, d.dtype)
    factors = factors_of_classes(class_weight, given, max(2, d.sizes[-1]))
    given = shown(weigh_classes(given, factors, d.dtype))
    fraction = real_number(
        validation_split, "validation_split", "a number from 0 to 1", lambda part: 0 <= part < 1
    )
    if validation is None:
        return hold_out(given, fraction, seed) if fraction else (given, None)
    if fraction:
        raise ArgumentError(
            "validation and validation_split exclude each other", cure="Pass one of the two."
        )
    if not isinstance(validation, tuple | list) or len(validation) not in {2, 3}:
        raise ArgumentError(
            "validation is no pair",
            got=type(validation).__name__,
            expected="(X, targets) or (X, targets, sample_weight)",
        )
    X, targets, weights = (*validation, None)[:3]
    prefix = "validation "
    checked = weigh(samples(d, X, targets, prefix), weights, d.dtype, prefix=prefix)
    return given, weigh_classes(checked, factors, d.dtype, prefix=prefix)


def check_reach(d: Description, given: Samples) -> None:
    """Refuse to train for targets that no weights can bring the output to."""
    output = find_activation(d.activations[-1])
    if not given.targets.are_labels:
        check_interval(
            given.targets.array,
            (output.lowest, output.highest),
            "targets",
            f"that the output {output.name} cannot reach",
            ANY_NUMBERS,
            slack=ROUNDING,
        )


def names_classes(d: Description) -> bool:
    """Return whether the outputs of a network name a class."""
    return d.sizes[-1] > 1 or d.activations[-1] == "sigmoid"


def check_names_classes(d: Description) -> None:
    """Refuse to name a class by a single output that is no sigmoid."""
    if not names_classes(d):
        raise ArgumentError(
            f"a single {d.activations[-1]} output names no class",
            cure="Use feedforward(X) for its values, or cost(X, targets) for its quality.",
        )


def warn_of_unscaled_bytes(X: Array, input_scale: float) -> None:
    """Integers are taken as the numbers that they are; for pixels that is seldom meant."""
    if X.dtype == np.uint8 and input_scale == 1 and X.max() > BYTES_LIKE_NUMBERS:
        warnings.warn(
            f"X holds bytes up to {X.max()} and the network has no input_scale, so that its units"
            " saturate; for pixels construct it with Network(..., input_scale=1/255)",
            UserWarning,
            stacklevel=4,
        )
