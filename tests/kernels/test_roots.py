"""The root that Adam takes: within 1 ULP of the exact one, which NumPy's is by half a ULP."""

import numpy as np
import pytest
from numba import njit

from bpmatrix.kernels.roots import root
from bpmatrix.kernels.views import line


@njit(error_model="numpy")
def roots_of(x, out):
    for i in range(x.size):
        out[i] = root(x[i], line(out, 0, out.size).start)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_normal_numbers(dtype):
    """Over all exponents, the ends of the range, squares and their neighbors."""
    info, rng = np.finfo(dtype), np.random.default_rng(1)
    exponents = rng.uniform(np.log2(info.tiny), np.log2(info.max) - 1, 200_000)
    x = np.concatenate([
        np.exp2(exponents).astype(dtype), [info.tiny, info.max, 1, 2, 4],
        np.nextafter(dtype(4), dtype(5), dtype=dtype)[None],
        np.nextafter(dtype(4), dtype(0), dtype=dtype)[None],
    ]).astype(dtype)  # fmt: skip
    got = np.empty_like(x)
    roots_of(x, got)
    exact = np.sqrt(x.astype(np.longdouble))
    error = np.abs(got - exact) / np.spacing(np.sqrt(x))
    assert error.max() <= 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_zero_and_next_to_nothing(dtype):
    info = np.finfo(dtype)
    x = np.array([0, info.smallest_subnormal, info.tiny / 3, info.tiny / 2], dtype)
    got = np.empty_like(x)
    roots_of(x, got)
    assert got[0] == 0
    assert (got >= 0).all()
    assert (got[1:] < 2 * np.sqrt(x[1:])).all()
