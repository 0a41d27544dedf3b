"""The three products of a layer: their rounding errors, and that cutting them changes no bit."""

import compiled
import numpy as np
import pytest
import twin
from numeric import assert_close, exact_sums, same_bits

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
# (rows, columns, inner): below a vector, beside blocks of 32, 64 and 128 lines, long and thin, more
# rows than a second cache holds, lines far apart.
LARGER = [
    (10, 130, 3), (33, 65, 97), (64, 127, 31), (100, 129, 66), (5, 300, 785), (70, 1, 260),
    (90, 7, 610), (40, 260, 270), (129, 70, 16), (200, 33, 3), (65, 9, 1),
]  # fmt: skip


def drawn(seed, *shape, dtype):
    """Ordinary numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@DTYPES
def test_products_are_as_exact_as_their_sums_allow(dtype):
    """z = W a + b, W^T delta and delta a^T are within n + 1 roundings of the exact sums."""
    W, A = drawn(1, 17, 17, dtype=dtype), drawn(2, 17, 17, dtype=dtype)
    exact = exact_sums(A, W)
    zeros = np.zeros(17, dtype)
    for n in range(1, 18):
        within = {"roundings": n + 1, "scale": np.abs(A[:, :n]) @ np.abs(W[:, :n]).T}
        assert_close(compiled.weighted_input_of(W[:, :n], A[:, :n], zeros), exact[n], **within)
        assert_close(compiled.pull_back_of(W[:, :n].T, A[:, :n]), exact[n], **within)
        assert_close(compiled.sum_over_columns_of(A[:, :n].T, W[:, :n].T), exact[n], **within)


@DTYPES
@pytest.mark.parametrize(("rows", "columns", "inner"), LARGER)
def test_larger_products_keep_the_order_of_their_sums(rows, columns, inner, dtype):
    """Blocks for the caches change no bit: the twins have none."""
    W, A = drawn(1, rows, inner, dtype=dtype), drawn(2, columns, inner, dtype=dtype)
    b, delta = drawn(3, rows, dtype=dtype), drawn(4, columns, rows, dtype=dtype)
    assert same_bits(compiled.weighted_input_of(W, A, b), twin.weighted_input(W, A, b))
    assert same_bits(compiled.pull_back_of(W, delta), twin.outer(delta.T, W))
    sums = twin.outer(delta, A)
    assert same_bits(compiled.sum_over_columns_of(delta, A), sums)
    keep, scale = W.dtype.type(0.999), W.dtype.type(-0.01)
    step = twin.fma(keep, W, scale * sums)
    assert same_bits(compiled.descend_of(delta, A, keep, scale, W), step)


@DTYPES
@pytest.mark.parametrize(("rows", "columns", "inner"), LARGER)
def test_a_part_computed_alone_equals_that_part_of_the_whole(rows, columns, inner, dtype):
    """Any columns of z and below, any rows of W: no part depends on the rest."""
    W, A = drawn(1, rows, inner, dtype=dtype), drawn(2, columns, inner, dtype=dtype)
    b, delta = drawn(3, rows, dtype=dtype), drawn(4, columns, rows, dtype=dtype)
    z, below = compiled.weighted_input_of(W, A, b), compiled.pull_back_of(W, delta)
    nabla = compiled.sum_over_columns_of(delta, A)
    for j in {0, columns // 2, columns - 1}:
        for part in (np.s_[j : j + 1], np.s_[j:], np.s_[: j + 1]):
            assert same_bits(compiled.weighted_input_of(W, A[part], b), z[part])
            assert same_bits(compiled.pull_back_of(W, delta[part]), below[part])
    for i in {0, rows // 2, rows - 1}:
        for part in (np.s_[i : i + 1], np.s_[i:], np.s_[: i + 1]):
            assert same_bits(compiled.sum_over_columns_of(delta[:, part], A), nabla[part])


@DTYPES
def test_a_sum_over_columns_can_be_continued(dtype):
    """Cut anywhere, the sum has the same bits as in one go."""
    delta, A = drawn(1, 140, 9, dtype=dtype), drawn(2, 140, 13, dtype=dtype)
    whole = compiled.sum_over_columns_of(delta, A)
    for cut in (1, 7, 64, 127, 128, 129, 139):
        first = compiled.sum_over_columns_of(delta[:cut], A[:cut])
        assert same_bits(compiled.sum_over_columns_of(delta[cut:], A[cut:], first), whole)


@DTYPES
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_nan_and_infinity_stay_in_their_row_and_column(poison, dtype):
    """One bad weight reaches its own unit, one bad sample its own column, and no other output."""
    W, A = drawn(1, 14, 11, dtype=dtype), drawn(2, 10, 11, dtype=dtype)
    b = drawn(3, 14, dtype=dtype)
    clean = compiled.weighted_input_of(W, A, b)
    for line in range(10):
        bad_W, bad_A = W.copy(), A.copy()
        bad_W[line, line], bad_A[line, line] = poison, poison
        z, others = compiled.weighted_input_of(bad_W, A, b), np.arange(14) != line
        assert not np.isfinite(z[:, line]).any()
        assert same_bits(z[:, others], clean[:, others])
        z, others = compiled.weighted_input_of(W, bad_A, b), np.arange(10) != line
        assert not np.isfinite(z[line]).any()
        assert same_bits(z[others], clean[others])
