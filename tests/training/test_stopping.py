"""Early stopping as a description, and the count of epochs without improvement."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import EarlyStopping
from bpmatrix.errors import ArgumentError
from bpmatrix.training.stopping import Waiting


def waited(figures: list[float], least_change: float = 0.0) -> list[int]:
    """Return how many epochs in a row were in vain, after each one."""
    waiting, counts = Waiting(len(figures) + 1, least_change), []
    for figure in figures:
        assert not waiting.in_vain(figure)
        counts.append(waiting.epochs)
    return counts


def test_the_count_begins_anew_with_each_improvement() -> None:
    assert waited([3, 3, 4, 2, 2.5, 2, 1]) == [0, 1, 2, 0, 1, 2, 0]


def test_the_least_change_itself_is_no_improvement() -> None:
    """The next one is, also where it came in steps that were none of their own."""
    assert waited([3, 2, 1.75, 0.5, 0], least_change=1) == [0, 1, 0, 0, 1]
    assert waited([3, 2.5, 2, 1.5, 1], least_change=1) == [0, 1, 2, 0, 1]


def test_what_is_infinite_never_improves() -> None:
    assert waited([math.inf, math.inf, 5, math.inf]) == [1, 2, 0, 1]


@given(st.lists(st.integers(-5, 5), min_size=1))
def test_without_a_least_change_it_is_the_distance_to_the_first_of_the_best(
    figures: list[int],
) -> None:
    assert waited(figures)[-1] == len(figures) - 1 - figures.index(min(figures))


@pytest.mark.parametrize(("patience", "ends"), [(1, [2, 3, 5, 6]), (2, [3, 6]), (3, [6]), (4, [])])
def test_patience_ends_after_so_many_in_a_row(patience: int, ends: list[int]) -> None:
    """The count then begins anew: of one, every epoch that is in vain is an end."""
    waiting = Waiting(patience, 0.0)
    figures = [3, 4, 3, 2, 2, 2] if patience < 3 else [3, 2, 1, 1, 1, 1]
    assert [e for e, figure in enumerate(figures, 1) if waiting.in_vain(figure)] == ends


def test_defaults_and_numbers_of_numpy() -> None:
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
