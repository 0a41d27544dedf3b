"""Rows to learn from, and rows to test on: at random, by groups, or by time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sklearn.model_selection import (
    GroupKFold,
    GroupShuffleSplit,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    train_test_split,
)

from bpmatrix.array_types import Array, Floats, Integers
from bpmatrix.errors import DataError
from bpmatrix.tables.values import DATE, kind_of, seconds_of

Pair = tuple[Array, Array]

FEWEST_ROWS = 10


def held_out(
    y: Array, share: float, seed: int, by: pa.ChunkedArray | None = None, name: str = ""
) -> Pair:
    """Return the places of the rows to learn from and of a share held out, each ascending.

    Parameters
    ----------
    y : (n,) array
        Classes, of which each has its share in both parts; or floats.
    share : float
        The share of the rows to hold out.
    seed : int
        Determines which.
    by : array, optional
        A column of dates, of which the newest are held out; or of groups, which stay together.
    name : str
        Its name.

    Raises
    ------
    DataError
        If there are too few rows, groups or moments.
    """
    if by is None:
        return _at_random(y, share, seed)
    if kind_of(by, name) == DATE:
        seconds = _known_seconds(by, name)
        first = np.sort(seconds)[-max(1, round(share * len(seconds)))]
        later = seconds >= first  # rows of the same moment stay together
        parts = np.flatnonzero(~later), np.flatnonzero(later)
        if not parts[0].size:
            raise _too_few(name, "moments", int(np.unique(seconds).size))
        return parts
    groups = _groups(by, name, 2)
    splitter = GroupShuffleSplit(1, test_size=share, random_state=seed % 2**32)
    parts = next(splitter.split(y, groups=groups))
    return np.sort(parts[0]), np.sort(parts[1])


def folds(
    y: Array, k: int, seed: int, by: pa.ChunkedArray | None = None, name: str = ""
) -> Iterator[Pair]:
    """Yield `k` pairs of places, as `held_out`; with dates, each tests on rows after the others.

    Raises
    ------
    DataError
        If there are too few rows, groups, or rows of a class.
    """
    state: Any = {"shuffle": True, "random_state": seed % 2**32}
    if by is not None and kind_of(by, name) == DATE:
        order = np.argsort(_known_seconds(by, name), kind="stable")
        for train, test in TimeSeriesSplit(k).split(order):
            yield np.sort(order[train]), np.sort(order[test])
        return
    if by is not None:
        groups = _groups(by, name, k)
        order = np.random.default_rng(seed).permutation(groups.max() + 1)  # GroupKFold sorts them
        yield from GroupKFold(k).split(y, groups=order[groups])
        return
    of_classes = y.dtype.kind != "f"
    fewest = int(np.unique(y, return_counts=True)[1].min()) if of_classes else len(y)
    if fewest < k:
        raise DataError(
            f"the table is too small for {k} folds",
            got=f"{fewest} rows" + " of the rarest class" * of_classes,
            expected=f"{k} or more",
            cure="Take fewer folds, or merge or drop rare classes.",
        )
    yield from (StratifiedKFold if of_classes else KFold)(k, **state).split(y, y)


def _at_random(y: Array, share: float, seed: int) -> Pair:
    """Return two parts of which each has its share of every class."""
    of_classes = y.dtype.kind != "f"
    counts = np.unique(y, return_counts=True)[1]
    if of_classes and counts.size == 1:
        raise DataError(
            "the target has only one class",
            got=str(y[0]),
            expected="2 or more",
            cure="Name another column as the target.",
        )
    if len(y) < FEWEST_ROWS or (of_classes and counts.min() < 2):
        raise DataError(
            "the table is too small to hold out rows",
            got=f"{len(y)} rows"
            + f", {counts.min()} of the rarest of {counts.size} classes" * of_classes,
            expected=f"{FEWEST_ROWS} rows" + ", and two rows of each class" * of_classes,
            cure="Collect more rows, merge or drop rare classes, or name a file of rows to hold"
            " out.",
        )
    n_held_out = max(round(share * len(y)), counts.size if of_classes else 1)
    train, others = train_test_split(
        np.arange(len(y)), test_size=n_held_out, random_state=seed % 2**32,
        stratify=y if of_classes else None,
    )  # fmt: skip
    return np.sort(train), np.sort(others)


def _known_seconds(by: pa.ChunkedArray, name: str) -> Floats:
    if by.null_count:
        raise DataError(
            f"column {name!r} has no date in {by.null_count:,} rows: it cannot split them by time",
            cure="Fill in the dates, or drop these rows.",
        )
    return seconds_of(by, name)


def _groups(by: pa.ChunkedArray, name: str, fewest: int) -> Integers:
    """Return the number of the group of each row; rows without a value are a group."""
    numbers = pc.fill_null(by.combine_chunks().dictionary_encode().indices, -1)
    groups = np.unique(numbers.to_numpy(zero_copy_only=False), return_inverse=True)[1]
    if (n := int(groups.max()) + 1) < fewest:
        raise _too_few(name, "groups", n, fewest)
    return np.asarray(groups, np.int64)


def _too_few(name: str, what: str, n: int, fewest: int = 2) -> DataError:
    return DataError(
        f"column {name!r} has too few different {what} to split the rows by",
        got=n,
        expected=f"{fewest} or more",
        cure="Name another column, or none.",
    )
