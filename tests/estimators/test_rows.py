"""Sparse matrices passed to the estimators: indices are copied, and rejected if out of range.

What a crash would end is run in processes of its own: `tests/test_processes.py`.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from bpmatrix import MLPClassifier, MLPRegressor
from bpmatrix.errors import BpmatrixError, DataError
from bpmatrix.estimators.rows import own_rows

FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
KINDS = [sparse.csr_matrix, sparse.csr_array]

# Rows of six features, in blocks of two by three.
TABLE = np.array([[1.0, 0, 0, 0, 0, 2], [0, 3, 0, 0, 0, 0], [0, 0, 0, 4, 0, 0], [0, 0, 5, 0, 6, 0]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_rows(name: str, kind) -> None:
    """Values and positions are the same for every format."""
    rows = own_rows(kind(TABLE).asformat(name), "X")
    assert rows.format == "csr"
    assert np.array_equal(rows.toarray(), TABLE)


@pytest.mark.parametrize("other", [TABLE, [[1.0, 2.0]], "text", None])
def test_other_input_is_returned_unchanged(other) -> None:
    """It is checked later."""
    assert own_rows(other, "X") is other


def test_indices_are_copied_and_values_are_not() -> None:
    """A later change of an index has no effect; the values share memory."""
    X = sparse.csr_matrix(TABLE)
    rows = own_rows(X, "X")
    assert np.shares_memory(rows.data, X.data)
    for name in ("indices", "indptr"):
        assert not np.shares_memory(getattr(rows, name), getattr(X, name))
        getattr(X, name)[:] = 1
    assert np.array_equal(rows.toarray(), TABLE)


def test_checking_a_matrix_does_not_change_it() -> None:
    """Unsorted and duplicate indices stay."""
    places, starts = [5, 0, 2, 2, 1], [0, 2, 4, 5, 5]
    X = sparse.csr_matrix((np.arange(1.0, 6), places, starts), shape=(4, 6))
    rows = own_rows(X, "X")
    assert X.indices.tolist() == places
    assert X.indptr.tolist() == starts
    assert np.array_equal(rows.toarray(), X.toarray())


def spoiled(name: str, part: str, place: int, value: int):
    """Return the table with one number of an index array changed."""
    X = sparse.csr_matrix(TABLE).asformat(name)
    X.has_canonical_format = True  # as SciPy caches it after a check
    getattr(X, part)[place] = value
    return X


OUTSIDE = [
    *((name, "indices", 2, value) for name in ("csr", "csc", "bsr") for value in (6, 10**8, -1)),
    *((name, "indptr", place, value) for name in ("csr", "csc", "bsr")
      for place, value in ((0, 1), (1, 10**8), (1, -1), (-1, 10**8), (-1, 0), (-1, -5))),
    *(("coo", part, 0, value) for part in ("row", "col") for value in (6, 10**8, -1)),
    ("lil", "rows", 0, [0, 6]),
    ("lil", "rows", 0, [0, 10**8]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "part", "place", "value"), OUTSIDE)
def test_indices_out_of_range_are_rejected(name: str, part: str, place: int, value: int) -> None:
    """Just outside and far away, in every index array of a format; the error says which."""
    with pytest.raises(DataError, match=r"^validation X is a sparse matrix") as caught:
        own_rows(spoiled(name, part, place, value), "validation X")
    assert "indices within (4, 6)" in str(caught.value)


def test_the_cure_rejects_indices_out_of_range() -> None:
    """The function that the message names checks them."""
    with pytest.raises(ValueError, match="exceeds"):
        sparse.coo_matrix(([1.0], ([0], [6])), shape=(4, 6))


def test_arrays_of_other_lengths_are_rejected() -> None:
    """Fewer values than indices, and fewer rows than in the shape."""
    X = sparse.csr_matrix(TABLE)
    X.data = X.data[:3]
    with pytest.raises(DataError):
        own_rows(X, "X")
    X = sparse.csr_matrix(TABLE)
    X.indptr = X.indptr[:3]
    with pytest.raises(DataError):
        own_rows(X, "X")


def wide_rows(n: int = 40):
    """Return rows of twelve features and a target."""
    rng = np.random.default_rng(3)
    numbers = rng.random((n, 12))
    return sparse.csr_matrix(np.where(numbers < 0.3, numbers, 0)), np.arange(n) % 2


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("how", [{}, {"standardize": True}, {"solver": "lbfgs"}], ids=str)
def test_an_estimator_checks_before_it_computes(kind, how) -> None:
    """In fit, partial_fit, predict, score and validation data; the model is unchanged."""
    X, y = wide_rows()
    model = kind(hidden_layer_sizes=(3,), max_iter=2, random_state=0, **how)
    with pytest.warns(match="converged"):
        model.fit(X, y)
    weights, outside = [W.copy() for W in model.coefs_], X.copy()
    outside.indices[7] = 12
    calls = [
        lambda: model.fit(outside, y),
        lambda: model.predict(outside),
        lambda: model.score(outside, y),
    ]
    if not how:
        calls.append(lambda: model.partial_fit(outside, y))
    for call in calls:
        with pytest.raises(DataError, match=r"^X is a sparse matrix"):
            call()
        assert all(np.array_equal(W, old) for W, old in zip(model.coefs_, weights, strict=True))


def test_validation_rows_and_indicator_matrices_are_checked() -> None:
    """X_val, and a sparse indicator matrix y."""
    X, y = wide_rows()
    outside = X.copy()
    outside.indices[0] = 10**8
    with pytest.raises(DataError):
        MLPClassifier(3).fit(X, y, X_val=outside, y_val=y)
    several = sparse.csr_matrix(np.eye(3, dtype=int)[np.arange(40) % 3])
    several.indices[4] = 3
    with pytest.raises(DataError, match=r"^y is a sparse matrix"):
        MLPClassifier(3).fit(X, several)


def test_other_sparse_input_is_rejected_by_scikit_learn() -> None:
    """Text, complex numbers, and one axis too few."""
    _, y = wide_rows()
    with pytest.raises((ValueError, TypeError)) as caught:
        MLPClassifier(3).fit(sparse.csr_matrix(np.ones((40, 3)) * 1j), y)
    assert not isinstance(caught.value, BpmatrixError)
