"""Checked rows of inputs and targets, and the same in the engine's form; names of columns.

The index arrays of sparse rows are copied and checked. Compiled code, SciPy's and ours, reads and
writes where they point, and SciPy does not check them again after construction:
``X.indices[5] = 10**8`` raises nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import DataError
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.frames import Frame, frame_of
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.samples.windows import BlockSamples

COMPRESSED = {"csr": sparse.csr_matrix, "csc": sparse.csc_matrix, "bsr": sparse.bsr_matrix}


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Samples as rows, with their targets.

    Attributes
    ----------
    X : (n, n_0) array or CSR matrix
        Samples as rows.
    y : (n,) or (n, n_L) array
        Indices of classes, an indicator matrix, or the numbers of a regression.
    weight : (n,) array or None
        Sample weights; None if all are 1.
    columns : Samples or BlockSamples
        The same in the engine's form.
    """

    X: Any
    y: Array
    weight: Floats | None
    columns: Any

    @classmethod
    def of(
        cls, X: Any, y: Array, weight: Array | None, targets: Callable[[Array], Targets]
    ) -> Rows:
        """Create from checked X and encoded y; `targets` converts y to the engine's form."""
        weight = None if weight is None else np.ascontiguousarray(weight, np.float64)
        y = y.view()  # the user may reshape the array meanwhile
        return cls(X, y, weight, Samples(as_columns(X), targets(y), weights=weight))

    @property
    def n(self) -> int:
        """The number of samples."""
        return int(self.columns.n)

    @classmethod
    def of_blocks(cls, columns: BlockSamples) -> Rows:
        """Create from samples that are read block by block, with no rows in memory."""
        return cls(columns.X.T, np.empty(0), columns.weights, columns)


def as_columns(X: Any) -> Any:
    """Return the transpose, without a copy unless a sparse row has duplicates."""
    if not sparse.issparse(X):
        return X.T
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return SparseColumns((X.shape[1], X.shape[0]), X.indptr, X.indices, X.data)


def table_of(values: Any, name: str, *, are_labels: bool = False) -> Frame | None:
    """Return what `frame_of` does; None for sparse columns of pandas, which stay sparse."""
    return None if hasattr(values, "sparse") else frame_of(values, name, are_labels=are_labels)


def check_names(estimator: Any, names: list[str], name: str, *, first: bool) -> None:
    """Set `feature_names_in_` in the first fit, later check it, as scikit-learn does for pandas.

    Raises
    ------
    DataError
        If the columns have other names, another order or another number.
    """
    if first:
        estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator.n_features_in_ = len(names)
        return
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None and len(names) == estimator.n_features_in_:
        kind = type(estimator).__name__
        text = f"{name} has feature names, but {kind} was fitted without feature names"
        warnings.warn(text, UserWarning, stacklevel=2)
    elif fitted is None:
        raise DataError(
            f"{name} has another number of features than in fit",
            got=len(names),
            expected=estimator.n_features_in_,
        )
    elif names != fitted.tolist():
        raise DataError(
            f"{name}: the feature names should match those that were passed during fit",
            got=", ".join(map(repr, names)),
            expected=", ".join(map(repr, fitted)),
            cure=f"Select the columns in this order: {name}.select(model.feature_names_in_).",
        )


def own_rows(X: Any, name: str) -> Any:
    """Return a sparse matrix (n, n_0) as a CSR matrix with its own index arrays; else X itself.

    They are copied before they are checked, so later changes to X have no effect. The values of a
    CSR matrix are not copied.

    Parameters
    ----------
    X : sparse matrix of any format, or anything else
        The input.
    name : str
        Its name in an error.

    Raises
    ------
    DataError
        If an index is outside of the matrix.

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
        own = _with_own_indices(X)
        if own.format in COMPRESSED:
            _check_indices(own)  # before the conversion, which relies on them
            return own.tocsr()
        rows = own.tocsr()
        _check_indices(rows)
    except ValueError as error:
        raise DataError(
            f"{name} is a sparse matrix with invalid index arrays",
            got=str(error),
            expected=f"indices within {X.shape}",
            cure=f"Rebuild {name} with scipy.sparse.coo_matrix((values, (rows, columns)), shape),"
            " which checks them.",
        ) from None
    return rows


def _with_own_indices(X: Any) -> Any:
    """Return the matrix with copies of its index arrays."""
    if X.format in COMPRESSED:
        parts = X.data, X.indices.copy(), X.indptr.copy()
        return COMPRESSED[X.format](parts, shape=X.shape)
    if X.format == "coo":  # which checks them
        return sparse.coo_matrix((X.data, (X.row.copy(), X.col.copy())), shape=X.shape)
    return X  # lists, a dictionary or a formula: the conversion makes new arrays


def _check_indices(X: Any) -> None:
    """Raise ValueError unless all indices of a compressed matrix are within its shape.

    `X.check_format(full_check=True)` trusts the last number of `indptr`, and skips the check if it
    is 0 or less.
    """
    major, minor = X.shape[::-1] if X.format == "csc" else X.shape
    if X.format == "bsr":  # of blocks
        major, minor = major // X.blocksize[0], minor // X.blocksize[1]
    starts = X.indptr
    if starts.size != major + 1 or starts[0] != 0 or (starts[1:] < starts[:-1]).any():
        raise ValueError(f"indptr is not {major + 1} increasing numbers from 0")
    if starts[-1] > min(len(X.indices), len(X.data)):
        raise ValueError(f"indptr ends with {starts[-1]} for {len(X.indices)} indices")
    used = X.indices[: starts[-1]]
    if used.size and not 0 <= used.min() <= used.max() < minor:
        raise ValueError(f"indices from {used.min()} to {used.max()}, not 0 to {minor - 1}")
