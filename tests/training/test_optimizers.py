"""Optimizers as frozen descriptions."""

from __future__ import annotations

import pickle
from dataclasses import FrozenInstanceError
from fractions import Fraction

import numpy as np
import pytest

from bpmatrix import SGD
from bpmatrix.errors import ArgumentError


def test_equal_descriptions_are_equal() -> None:
    """Two optimizers with the same numbers are equal, hash alike and read like their call."""
    assert SGD(learning_rate=3.0) == SGD(3.0) != SGD(2.0)
    assert hash(SGD(3.0)) == hash(SGD(3.0))
    assert repr(SGD(3.0)) == "SGD(learning_rate=3.0)"
    assert pickle.loads(pickle.dumps(SGD(3.0))) == SGD(3.0)


def test_frozen() -> None:
    """An optimizer cannot be changed: a network may still be using it."""
    with pytest.raises(FrozenInstanceError):
        SGD(1.0).learning_rate = 2.0


@pytest.mark.parametrize("rate", [1, np.float32(0.5), np.int64(2), Fraction(1, 2), 0, 0.0])
def test_the_learning_rate_is_kept_as_a_float(rate: object) -> None:
    """Any real number is taken, and is a float from then on, as the compiled programs want it."""
    optimizer = SGD(rate)
    assert type(optimizer.learning_rate) is float
    assert optimizer.learning_rate == rate
    assert repr(optimizer) == f"SGD(learning_rate={float(rate)})"


@pytest.mark.parametrize(
    "rate",
    [-1.0, -1e-300, np.nan, np.inf, -np.inf, "0.5", None, 1j, [0.5], 10**400, True],
    ids=lambda rate: repr(rate)[:9],
)
def test_what_is_no_learning_rate_is_refused(rate: object) -> None:
    """Negative numbers, NaN, infinity and what is no number end in an error that names the rate."""
    with pytest.raises(ArgumentError, match=r"learning_rate .*got .*expected a finite number"):
        SGD(rate)
