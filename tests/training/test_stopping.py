"""Early stopping as a description, and the count of epochs without improvement."""

from __future__ import annotations

import math
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import EarlyStopping
from bpmatrix.errors import ArgumentError
from bpmatrix.training.stopping import Patience


def waited(figures: list[float], least_change: float = 0.0) -> list[int]:
    """Return the number of epochs without improvement, after each one."""
    patience, counts = Patience(len(figures) + 1, least_change), []
    for figure in figures:
        patience = patience.after(figure)
        assert not patience.is_over
        counts.append(patience.epochs)
    return counts


def test_each_improvement_resets_the_count() -> None:
    assert waited([3, 3, 4, 2, 2.5, 2, 1]) == [0, 1, 2, 0, 1, 2, 0]


def test_a_change_of_exactly_least_change_is_no_improvement() -> None:
    """Smaller changes add up: they are measured from the last improvement."""
    assert waited([3, 2, 1.75, 0.5, 0], least_change=1) == [0, 1, 0, 0, 1]
    assert waited([3, 2.5, 2, 1.5, 1], least_change=1) == [0, 1, 2, 0, 1]


def test_infinity_is_never_an_improvement() -> None:
    assert waited([math.inf, math.inf, 5, math.inf]) == [1, 2, 0, 1]


@given(st.lists(st.integers(-5, 5), min_size=1))
def test_without_least_change_the_count_starts_at_the_first_minimum(
    figures: list[int],
) -> None:
    assert waited(figures)[-1] == len(figures) - 1 - figures.index(min(figures))


@pytest.mark.parametrize(("patience", "ends"), [(1, [2, 3, 5, 6]), (2, [3, 6]), (3, [6]), (4, [])])
def test_patience_runs_out_after_that_many_epochs_in_a_row(patience: int, ends: list[int]) -> None:
    """The count then starts again: a patience of 1 runs out with every such epoch."""
    figures = [3, 4, 3, 2, 2, 2] if patience < 3 else [3, 2, 1, 1, 1, 1]
    counts = [*accumulate(figures, Patience.after, initial=Patience(patience, 0.0))][1:]
    assert [e for e, count in enumerate(counts, 1) if count.is_over] == ends


def test_defaults_and_numpy_numbers() -> None:
    assert EarlyStopping() == EarlyStopping(patience=10, least_change=0.0, metric=None)
    stopping = EarlyStopping(np.int16(3), np.float32(0.5), "cost")
    assert repr(stopping) == "EarlyStopping(patience=3, least_change=0.5, metric='cost')"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("patience", 0), ("patience", 1.5), ("patience", None), ("least_change", -0.1),
        ("least_change", math.nan), ("least_change", "0"), ("metric", "loss"), ("metric", 1),
        ("metric", "seconds"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(name: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=name):
        EarlyStopping(**{name: value})
