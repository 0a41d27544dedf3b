"""The order of every sum, bit for bit, against the twins; and that no tile reads beside its lines.

Every shape from 1 to 17 occurs in each dimension: all shapes of a tile, all tails of a vector, all
ways to cut lines into tiles. All operands lie between guard zones of NaN.
"""

import compiled
import numpy as np
import pytest
import twin
from numeric import same_bits

SIZES = range(1, 18)


def drawn(rng, rows, columns, dtype):
    """A matrix of both signs whose sums lose digits, so that their order shows."""
    sizes = 4.0 ** rng.integers(-3, 4, columns)
    return (rng.standard_normal((rows, columns)) * sizes).astype(dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_short_sums_add_terms_to_the_bias_in_order(dtype):
    """Each output has the twin's bits, whatever the number of rows and columns beside it."""
    _compare_weighted_inputs(range(1, 17), twin.weighted_input, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dot_tile_sums_in_lanes_by_fma_and_adds_halves(dtype):
    """Likewise, with every tail of a vector."""
    _compare_weighted_inputs(range(17, 34), twin.dot, dtype)


def _compare_weighted_inputs(lengths, slow_twin, dtype):
    rng = np.random.default_rng(1)
    W, A = (drawn(rng, 17, max(lengths), dtype) for _ in range(2))
    b = drawn(rng, 1, 17, dtype)[0]
    for n in lengths:
        expected = slow_twin(W[:, :n], A[:, :n], b)
        for rows in SIZES:
            for columns in SIZES:
                z = compiled.weighted_input_of(W[:rows, :n], A[:columns, :n], b[:rows])
                assert same_bits(z, expected[:columns, :rows]), (rows, columns, n)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_outer_tile_sums_in_order_by_fma_from_zero(dtype):
    """Likewise for the products whose sums run over units (BP2) and over columns (BP4)."""
    rng = np.random.default_rng(2)
    d, x, start = (drawn(rng, 17, 17, dtype) for _ in range(3))
    for n in SIZES:
        sums, continued = twin.outer(d[:n], x[:n]), twin.outer(d[:n], x[:n], start)
        for rows in SIZES:
            for length in SIZES:
                part = np.s_[:rows, :length]
                below = compiled.pull_back_of(x[:n, :length], d[:n, :rows].T)
                total = compiled.sum_over_columns_of(d[:n, :rows], x[:n, :length])
                longer = compiled.sum_over_columns_of(d[:n, :rows], x[:n, :length], start[part])
                assert same_bits(below, sums[part]), (rows, length, n)
                assert same_bits(total, sums[part]), (rows, length, n)
                assert same_bits(longer, continued[part]), (rows, length, n)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_step_rounds_the_sum_of_weight_and_change_once(dtype):
    """C <- fma(keep, C, scale * sum), in every shape."""
    rng = np.random.default_rng(3)
    d, x, W = (drawn(rng, 17, 17, dtype) for _ in range(3))
    keep, scale = 0.96875, -0.3
    expected = twin.fma(W.dtype.type(keep), W, W.dtype.type(scale) * twin.outer(d, x))
    for rows in SIZES:
        for length in SIZES:
            part = np.s_[:rows, :length]
            got = compiled.descend_of(d[:, :rows], x[:, :length], keep, scale, W[part])
            assert same_bits(got, expected[part]), (rows, length)
