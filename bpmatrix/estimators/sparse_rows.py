"""Sparse rows at the gate: the places of their elements are copied, and lie inside of the matrix.

Compiled code, SciPy's as well as ours, writes where the index arrays of a sparse matrix point to,
and nobody looks at them again once a matrix is made: ``X.indices[5] = 10**8`` is heard by no one.
"""

from __future__ import annotations

from typing import Any

from scipy import sparse

from bpmatrix.errors import DataError

__all__ = ["own_rows"]

COMPRESSED = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "bsr": sparse.bsr_matrix}


def own_rows(X: Any, name: str) -> Any:
    """Return a sparse matrix (n, n_0) as a CSR matrix with index arrays of its own; else X itself.

    They are copied first and checked then, so that what is changed later changes nothing here. The
    values of the elements are not copied where X is a CSR matrix.

    Parameters
    ----------
    X : sparse matrix of any format, or anything else
        What a user passed.
    name : str
        What to call it in an error.

    Raises
    ------
    DataError
        If an element lies outside of the matrix.

    Examples
    --------
    >>> import numpy as np
    >>> X = sparse.csr_matrix(np.eye(2))
    >>> rows = own_rows(X, "X")
    >>> X.indices[0] = 1
    >>> rows.toarray()
    array([[1., 0.],
           [0., 1.]])
    """
    if not sparse.issparse(X) or X.ndim != 2:
        return X
    try:
        own = _with_own_places(X)
        if own.format in COMPRESSED:
            _check_places(own)  # before a conversion, which would rely on them
            return own.tocsr()
        rows = own.tocsr()
        _check_places(rows)
    except ValueError as error:
        raise DataError(
            f"{name} is a sparse matrix whose index arrays do not fit its shape",
            got=str(error),
            expected=f"elements inside of {X.shape}",
            cure=f"Make {name} anew: scipy.sparse.coo_matrix((values, (rows, columns)), shape)"
            " refuses places outside.",
        ) from None
    return rows


def _with_own_places(X: Any) -> Any:
    """Return the matrix with copies of its index arrays."""
    if X.format in COMPRESSED:
        parts = X.data, X.indices.copy(), X.indptr.copy()
        return COMPRESSED[X.format](parts, shape=X.shape)
    if X.format == "coo":  # which looks at them itself
        return sparse.coo_matrix((X.data, (X.row.copy(), X.col.copy())), shape=X.shape)
    return X  # the places are in lists, a dictionary or a formula: to convert them makes arrays


def _check_places(X: Any) -> None:
    """Raise ValueError unless all elements of a compressed matrix lie inside.

    `X.check_format(full_check=True)` believes the last number of `indptr`, and looks no further
    where that is 0 or less.
    """
    lines, places = X.shape[::-1] if X.format == "csc" else X.shape
    if X.format == "bsr":  # of blocks
        lines, places = lines // X.blocksize[0], places // X.blocksize[1]
    starts = X.indptr
    if starts.size != lines + 1 or starts[0] != 0 or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"indptr does not rise from 0 in {lines + 1} numbers")
    if starts[-1] > min(len(X.indices), len(X.data)):
        raise ValueError(f"indptr ends with {starts[-1]} for {len(X.indices)} indices")
    used = X.indices[: starts[-1]]
    if used.size and not 0 <= used.min() <= used.max() < places:
        raise ValueError(f"indices from {used.min()} to {used.max()}, not 0 to {places - 1}")
