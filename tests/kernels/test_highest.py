"""The place of the largest number, against NumPy's."""

from __future__ import annotations

import compiled
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
INF = float("inf")


def place(numbers, dtype: str) -> int:
    """Ask for the place, with NaN around the numbers."""
    return compiled.top(compiled.guarded(np.array(numbers, dtype)))


@DTYPES
@given(st.lists(st.sampled_from([-INF, -2.0, -0.0, 0.0, 0.5, 3.0, INF]), min_size=1, max_size=70))
def test_it_is_the_first_of_the_largest(dtype: str, numbers: list[float]) -> None:
    """Few values, so that there are ties, within a register and across several."""
    assert place(numbers, dtype) == int(np.argmax(numbers))


@DTYPES
@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 10, 15, 16, 17, 31, 33, 100])
def test_it_is_found_at_every_place(dtype: str, n: int) -> None:
    for k in range(n):
        assert place(np.arange(n) == k, dtype) == k
        assert place(-1.0 * (np.arange(n) != k), dtype) == k


@DTYPES
def test_what_is_no_number_is_not_the_largest(dtype: str) -> None:
    assert place([np.nan, -INF, 1.0, np.nan, 2.0, np.nan], dtype) == 4
    assert place([np.nan] * 20, dtype) == 0
    assert place([-INF] * 20, dtype) == 0
