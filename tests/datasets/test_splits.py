"""The split is stratified, disjoint, complete, and never changes."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bpmatrix.datasets.splits import stratified_split


@settings(deadline=None)
@given(st.lists(st.integers(0, 4), max_size=100))
def test_stratified_disjoint_complete(labels: list[int]) -> None:
    y = np.array(labels, dtype=np.int64)
    parts = stratified_split(np.arange(y.size)[:, None], y)
    positions = [part.X[0] for part in parts]
    assert sorted(np.concatenate(positions)) == list(range(y.size))
    for part, where in zip(parts, positions, strict=True):
        np.testing.assert_array_equal(part.labels, y[where])
        assert (np.diff(where) > 0).all()
    for label in range(5):
        count = int((y == label).sum())
        got = [int((part.labels == label).sum()) for part in parts]
        in_validation, in_test = (count + 3) // 6, (count + 1) // 6
        assert got == [count - in_validation - in_test, in_validation, in_test]


def test_places_are_fixed() -> None:
    labels = np.array([0, 1] * 12)
    train, validation, test = stratified_split(np.arange(24)[:, None], labels)
    assert validation.X.tolist() == [[4, 5, 16, 17]]
    assert test.X.tolist() == [[8, 9, 20, 21]]
    assert train.X.shape == (1, 16)


def test_a_sample_is_contiguous_whatever_the_order_of_the_table() -> None:
    table = np.asfortranarray(np.arange(36.0).reshape(12, 3))
    for part in stratified_split(table, np.zeros(12, dtype=np.int64)):
        assert part.X.flags.f_contiguous
        assert part.X.strides[0] == part.X.itemsize
