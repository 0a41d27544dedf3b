"""Checked samples as the estimators hand them to the engine, and as they split them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.sparse import SparseColumns

__all__ = ["Samples", "as_columns"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Samples:
    """Rows of inputs with what they should give.

    Attributes
    ----------
    X : (n, n_0) array or CSR matrix
        Samples as rows.
    y : (n,) or (n, n_L) array
        Classes as numbers or as an indicator matrix; or the numbers of a regression.
    weight : (n,) array or None
        What each counts; None where all count alike.
    targets : Targets
        `y` for the engine.
    columns : (n_0, n) array or SparseColumns
        `X` for the engine.
    """

    X: Any
    y: Array
    weight: NDArray[np.float64] | None
    targets: Targets
    columns: Any

    @classmethod
    def of(
        cls, X: Any, y: Array, weight: Array | None, targets: Callable[[Array], Targets]
    ) -> Samples:
        """Take inputs that the kernels can read, and targets in the engine's form."""
        weight = None if weight is None else np.ascontiguousarray(weight, np.float64)
        y = y.view()  # a user's array, which may get another shape while it is read here
        return cls(X, y, weight, targets(y), as_columns(X))

    @property
    def n(self) -> int:
        """How many they are."""
        return int(self.X.shape[0])


def as_columns(X: Any) -> Any:
    """Return rows as columns; nothing is copied but duplicates in a sparse row."""
    if not sparse.issparse(X):
        return X.T
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return SparseColumns((X.shape[1], X.shape[0]), X.indptr, X.indices, X.data)
