"""The layout of theta and its views."""

from __future__ import annotations

import copy
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix.architecture.parameters import Layout, Parameters
from bpmatrix.errors import AssignmentError

LAYOUTS = st.builds(Layout, st.lists(st.integers(1, 7), min_size=2, max_size=5), st.booleans())


@given(LAYOUTS)
def test_views_cover_the_vector_once_and_in_order(layout: Layout) -> None:
    """W_1, b_1, W_2, b_2, ... read one after the other are theta: no gap and no overlap."""
    flat = np.arange(layout.size)
    parameters = Parameters.of(flat, layout)
    pieces = []
    for l, W in enumerate(parameters.weights):
        pieces.append(W.ravel())
        if layout.bias:
            pieces.append(parameters.biases[l].ravel())
    assert np.concatenate(pieces).tolist() == flat.tolist()
    assert parameters.flat is flat


@given(LAYOUTS)
def test_shapes_are_those_of_the_book(layout: Layout) -> None:
    """W_l is (n_l, n_{l-1}) with contiguous rows, b_l is (n_l, 1); no biases if so asked."""
    parameters = Parameters.of(np.zeros(layout.size), layout)
    n = layout.sizes
    assert [W.shape for W in parameters.weights] == [(n[l], n[l - 1]) for l in range(1, len(n))]
    assert all(W.flags.c_contiguous for W in parameters.weights)
    assert [b.shape for b in parameters.biases] == [(k, 1) for k in n[1:]] * layout.bias


@given(LAYOUTS)
def test_offsets_name_where_each_view_begins(layout: Layout) -> None:
    """Offsets, in elements, are those of the first number of each view; -1 means no bias."""
    flat = np.arange(layout.size)
    parameters = Parameters.of(flat, layout)
    W, b = layout.offsets()
    assert W.dtype == b.dtype == np.int64
    assert W.size == b.size == len(layout.sizes)
    assert [view[0, 0] for view in parameters.weights] == W[1:].tolist()
    expected = [view[0, 0] for view in parameters.biases] or [-1] * (len(layout.sizes) - 1)
    assert expected == b[1:].tolist()
    assert b[0] == -1


def test_size_of_the_network_of_the_book() -> None:
    """784-30-10 has 784 * 30 + 30 + 30 * 10 + 10 parameters."""
    assert Layout([784, 30, 10], bias=True).size == 784 * 30 + 30 + 30 * 10 + 10
    assert Layout([784, 30, 10], bias=False).size == 784 * 30 + 30 * 10


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_writing_into_a_view_changes_theta(dtype: str) -> None:
    """Views share the memory and the type of the vector."""
    flat = np.zeros(11, dtype)
    parameters = Parameters.of(flat, Layout([3, 2, 1], bias=True))
    parameters.weights[1][0, 1] = 5
    parameters.biases[0][1, 0] = 7
    assert flat.tolist() == [0, 0, 0, 0, 0, 0, 0, 7, 0, 5, 0]
    assert parameters.weights[0].dtype == dtype


CHANGES = {
    "flat += 1": lambda p: p.flat,
    "weights[1] += 1": lambda p: p.weights[1],
    "weights[-1] += 1": lambda p: p.weights[-1],
    "biases[0] += 1": lambda p: p.biases[0],
}


@pytest.mark.parametrize("statement", CHANGES)
def test_what_is_changed_in_place_stays_where_it_is(statement: str) -> None:
    """An augmented assignment gives the same array back: it works, and changes its numbers once."""
    parameters = Parameters.of(np.arange(11.0), Layout([3, 2, 1], bias=True))
    flat = parameters.flat
    before = CHANGES[statement](parameters).copy()
    exec(f"parameters.{statement}", {"parameters": parameters})
    assert CHANGES[statement](parameters).tolist() == (before + 1).tolist()
    assert flat.sum() == sum(range(11)) + before.size
    assert parameters.flat is flat


@pytest.mark.parametrize(
    ("statement", "cure"),
    [
        ("flat = array", "flat[:] = array"),
        ("weights = [array]", "weights[i][:] = array"),
        ("weights[0] = array", "weights[0][:] = array"),
        ("weights[-1] = array", "weights[-1][:] = array"),
        ("biases[1] = array", "biases[1][:] = array"),
        ("biases[:] = [array]", "biases[i][:] = array"),
        ("weights += (array,)", "weights[i][:] = array"),
        ("weights[0] = weights[0] + 1", "weights[0][:] = array"),
    ],
)
def test_a_view_cannot_be_replaced(statement: str, cure: str) -> None:
    """It would not be what is computed with. A TypeError and an AttributeError, as Python's own."""
    parameters = Parameters.of(np.arange(11.0), Layout([3, 2, 1], bias=True))
    names = {"parameters": parameters, "array": np.float64(7.0), "weights": parameters.weights}
    with pytest.raises(AssignmentError, match=re.escape(f"Write {cure} to copy")) as caught:
        exec(f"parameters.{statement}", names)
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, AttributeError)
    assert parameters.flat.tolist() == list(range(11))
    exec("parameters." + cure.replace("[i]", "[0]"), names)
    assert 7.0 in parameters.flat


def test_parameters_have_no_other_attributes_and_can_be_copied() -> None:
    parameters = Parameters.of(np.arange(11.0), Layout([3, 2, 1], bias=True))
    with pytest.raises(AttributeError, match="no attribute W"):
        parameters.W = 1
    for copied in (copy.deepcopy(parameters), pickle.loads(pickle.dumps(parameters, 0))):
        copied.biases[0] += 1
        assert copied.biases.name == "biases"
        assert parameters.flat.tolist() == list(range(11))
