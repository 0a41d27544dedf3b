"""The mode that flushes subnormal numbers to 0: in one thread, until it is restored."""

import threading

import numpy as np
import pytest

from bpmatrix.kernels.machine.jit import kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, not_inlined, restore_mode

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@kernel
def _multiply(x, y, out):
    """out <- x * y."""
    not_inlined()
    for i in range(out.size):
        out[i] = x[i] * y[i]


@program
def products(x, y, nested, out):
    """Fill three rows with x * y: before, in the mode, and after it, or still in an outer one."""
    _multiply(x, y, out[0])
    mode = flush_to_zero()
    if nested:
        restore_mode(flush_to_zero())
    _multiply(x, y, out[1])
    if not nested:
        restore_mode(mode)
    _multiply(x, y, out[2])
    restore_mode(mode)


def tiny_products(dtype):
    """Return factors, and for each product whether it is below the normal range or made of it.

    None is within a rounding of the smallest normal number, where processors differ.
    """
    rng, tiny = np.random.default_rng(7), np.finfo(dtype).tiny
    small, large = (rng.uniform(0.01, 0.99, 41), rng.uniform(1.01, 1000, 41))
    x = np.concatenate([small * tiny, large * tiny, np.sqrt(tiny) * small, large]).astype(dtype)
    y = np.concatenate([1e4 + large, 1 / (2 * large), np.sqrt(tiny) * small, small]).astype(dtype)
    x[::3] *= -1
    assert (np.abs(x[:41]) < tiny).all()
    return x, y, np.arange(4).repeat(41) < 3


@DTYPES
def test_operands_and_results_below_the_normal_range_are_zero(dtype):
    """Products that are 0 or round to less than the smallest normal number, and no others."""
    x, y, fades = tiny_products(dtype)
    out = np.full((3, x.size), np.nan, dtype)
    products(x, y, False, out)
    kept = x * y
    assert (kept != 0).all()
    np.testing.assert_array_equal(out[0], kept)
    np.testing.assert_array_equal(out[1], np.where(fades, 0, kept))
    np.testing.assert_array_equal(out[2], kept)


@DTYPES
def test_a_mode_that_was_set_before_is_restored(dtype):
    x, y, fades = tiny_products(dtype)
    out = np.full((3, x.size), np.nan, dtype)
    products(x, y, True, out)
    np.testing.assert_array_equal(out[1], np.where(fades, 0, x * y))
    np.testing.assert_array_equal(out[2], out[1])


def test_python_and_other_threads_keep_tiny_numbers():
    """Also while a thread is in the mode again and again."""
    x, y, _ = tiny_products(np.float64)
    kept, over, differences = x * y, threading.Event(), []

    def look():
        while not over.is_set():
            differences.append((x * y != kept).any() or float(x[0]) / 2 == 0)

    watcher = threading.Thread(target=look)
    watcher.start()
    for _ in range(2000):
        products(x, y, False, np.empty((3, x.size)))
        assert (x * y == kept).all()
    over.set()
    watcher.join()
    assert differences
    assert not any(differences)
