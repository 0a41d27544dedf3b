"""Work memory of a call, and the addresses that the compiled programs read."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import descriptions

from bpmatrix.engine.workspace import input_columns, target_columns, workspace
from bpmatrix.kernels import codes
from bpmatrix.kernels.arguments import Columns
from bpmatrix.samples.arrays import Targets


@given(descriptions(), st.integers(1, 9))
def test_a_workspace_has_its_constants_and_is_new(description, columns: int) -> None:
    """`ones` is 1, all else 0, and two workspaces share no memory: trainings may run at once."""
    table, work = workspace(description, columns)
    same_table, other = workspace(description, columns)
    plan, _ = description.plan(columns)
    expected = np.zeros_like(work)
    expected[plan.ones : plan.ones + columns] = 1
    assert work.tolist() == expected.tolist()
    assert work.dtype == description.dtype
    assert same_table is table
    assert table.tolist() == plan.table().tolist()
    assert not np.shares_memory(work, other)


KINDS = {"u1": codes.UINT8, "f4": codes.FLOAT32, "f8": codes.FLOAT64}


@pytest.mark.parametrize("dtype", KINDS)
def test_data_pointers_find_each_number(dtype: str) -> None:
    """Address + column * stride + row * itemsize is where the number of that row and column is."""
    large = np.asfortranarray(np.arange(24).reshape(4, 6), dtype=dtype)
    for X in (large, large[:3], large[:, ::-1], large[:, ::2]):
        columns = Columns(*input_columns(X, 0.5))
        assert (columns.kind, columns.scale) == (KINDS[dtype], 0.5)
        for (row, column), value in np.ndenumerate(X):
            place = columns.address + column * columns.stride + row * X.itemsize
            assert np.frombuffer(ctypes.string_at(place, X.itemsize), dtype)[0] == value


def test_targets_are_labels_or_columns_without_a_scale() -> None:
    """Labels are one int64 a sample; Y is columns of numbers as they are."""
    labels = np.array([0, 2, 1])
    columns = Columns(*target_columns(Targets(labels, are_labels=True, are_classes=True)))
    assert columns == (labels.ctypes.data, 8, codes.LABELS, 1.0)
    Y = np.ones((2, 3), order="F")
    columns = Columns(*target_columns(Targets(Y, are_labels=False, are_classes=False)))
    assert columns == (Y.ctypes.data, 16, codes.FLOAT64, 1.0)
