"""The data that a user passes to `Network.train`: arrays, or `Blocks`, whose rows are samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Floats
from bpmatrix.checks import BELOW_ONE, real_number
from bpmatrix.errors import ArgumentError, ShapeError
from bpmatrix.network import gate
from bpmatrix.samples.ahead import Ahead
from bpmatrix.samples.blocks import Blocks, check_alone, with_targets
from bpmatrix.samples.holdout import hold_out
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sources import Block
from bpmatrix.samples.survey import Seen, Survey, survey, warn_if_sorted
from bpmatrix.samples.weighting import (
    check_are_classes,
    check_bounds,
    checked_factors,
    checked_weights,
    classes_of,
)
from bpmatrix.samples.windows import AnySamples, BlockSamples


def training_and_validation(
    d: Description,
    seed: int,
    X: Any,
    targets: ArrayLike | None,
    sample_weight: ArrayLike | None,
    class_weight: Mapping[int, float] | str | None,
    validation: object,
    validation_split: float,
) -> tuple[AnySamples, AnySamples | None]:
    """Return the training samples and the validation samples, passed or split off."""
    given: AnySamples
    fraction = real_number(validation_split, "validation_split", *BELOW_ONE)
    if isinstance(X, Blocks):
        if fraction:
            raise ArgumentError(
                "validation_split does not apply to Blocks",
                cure="Pass validation=(X, targets), or other Blocks.",
            )
        check_alone(targets, "targets")
        check_alone(sample_weight, "sample_weight")
        given, factors = block_samples(d, X, class_weight)
    else:
        arrays, factors = gate.training_samples(d, X, targets, sample_weight, class_weight)
        if validation is None and fraction:
            return hold_out(arrays, fraction, seed)
        given = arrays
    if validation is None:
        return given, None
    if fraction:
        raise ArgumentError(
            "validation and validation_split cannot be combined", cure="Pass one of the two."
        )
    if isinstance(validation, Blocks):
        return given, block_samples(d, validation, factors=factors, prefix="validation ")[0]
    return given, gate.validation_samples(d, validation, factors)


def block_samples(
    d: Description,
    blocks: Blocks,
    class_weight: Mapping[int, float] | str | None = None,
    *,
    factors: Floats | None = None,
    prefix: str = "",
) -> tuple[BlockSamples, Floats | None]:
    """Read all blocks once, and check them.

    Parameters
    ----------
    d, blocks : Description, Blocks
        The network, and the samples.
    class_weight : mapping or "balanced", optional
        As for `Network.train`.
    factors : array, optional
        The factors of the training samples, for those to validate on, instead of `class_weight`.
    prefix : str
        "" for training samples, "validation " for those to validate on.

    Returns
    -------
    samples, factors
        The samples, and the factor of each class, or None.
    """
    are_classes: list[bool] = []
    largest = [0]

    def look(k: int, block: Block) -> Seen:
        found = converted(d, prefix, None, k, block)
        if not prefix:
            gate.check_target_range(d, found)
        if found.X.dtype == np.uint8:
            largest[0] = max(largest[0], int(found.X.max()))
        targets = found.targets
        are_classes.append(targets.are_classes)
        labels = classes_of(targets) if targets.are_classes else None
        return Seen(labels, None if targets.are_labels else targets.array.T, found.weights)

    found = Survey()
    survey(blocks, look, found)
    if class_weight is not None:
        factors = _factors(class_weight, found, max(2, d.sizes[-1]), are_classes=all(are_classes))
    sizes = found.sizes(None if factors is None else dict(enumerate(factors)))
    weighted = found.first.weight is not None
    if weighted or factors is not None:
        least, most = (found.least, found.most) if weighted else (1.0, 1.0)
        if factors is not None and (factors > 0).any():
            least, most = least * factors[factors > 0].min(), most * factors.max()
        name = f"{prefix}sample_weight" + " times class_weight" * (factors is not None)
        check_bounds(least, most, sum(sizes), d.dtype, name)
    if not prefix:
        warn_if_sorted(blocks, found, stacklevel=6)
        gate.warn_about_unscaled_bytes(np.array(largest, np.uint8), d.input_scale, stacklevel=6)
    convert = partial(converted, d, prefix, factors)
    samples = BlockSamples.of(blocks, convert, found, sizes, are_classes=all(are_classes))
    return samples, factors


def scored(
    d: Description, X: Any, targets: ArrayLike | None, sample_weight: ArrayLike | None
) -> Iterator[Samples]:
    """Return the checked samples to score, with their weights: one array, or block by block."""
    if not isinstance(X, Blocks):
        yield gate.weighted_samples(d, X, targets, sample_weight)
        return
    check_alone(targets, "targets")
    check_alone(sample_weight, "sample_weight")
    with Ahead(X.with_samples()) as ahead:
        for k, block in ahead:
            yield converted(d, "", None, k, block)


def converted(d: Description, prefix: str, factors: Floats | None, k: int, block: Block) -> Samples:
    """Return the checked samples of a block, with their weights, of which all may be 0."""
    (X, y, weight), where = block.parts, f"block {k + 1} of {prefix}"
    if X.shape[1] != d.sizes[0]:
        raise ShapeError(
            f"{where}X has the wrong width",
            got=f"{X.shape[1]} columns",
            expected=f"{d.sizes[0]}, one per input of the network",
            cure="Rows are samples in blocks; give each of them as many numbers as sizes[0].",
        )
    y = with_targets(y, f"{where}X")
    if y.ndim > 1 and y.shape[1:] != (d.sizes[-1],):
        raise ShapeError(
            f"{where}targets has shape {y.shape}",
            expected=f"labels ({len(X)},), or ({len(X)}, {d.sizes[-1]})",
            cure="Rows are samples in blocks: give each one label, or one number per output.",
        )
    found = gate.samples(d, X.T, y if y.ndim == 1 else y.T, where)
    weights = None
    if weight is not None:
        weights = checked_weights(weight, len(X), f"{where}sample_weight")
    if factors is not None:
        of_class = factors[classes_of(found.targets)]
        weights = of_class if weights is None else of_class * weights
    return replace(found, weights=weights)


def _factors(class_weight: object, found: Survey, n_classes: int, *, are_classes: bool) -> Floats:
    """Return the factor of every class of the network."""
    check_are_classes(are_classes)
    sums = np.zeros(n_classes)
    of_classes = found.sums_of_classes()
    for label, total in of_classes.items():
        sums[label] = total
    return checked_factors(class_weight, sums, range(n_classes), sorted(of_classes))
