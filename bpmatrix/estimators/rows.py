"""Checked rows of inputs and targets, and the same in the engine's form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.typing import Array, Floats


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
    columns : Samples
        The same in the engine's form.
    """

    X: Any
    y: Array
    weight: Floats | None
    columns: Samples

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
        return int(self.X.shape[0])


def as_columns(X: Any) -> Any:
    """Return the transpose, without a copy unless a sparse row has duplicates."""
    if not sparse.issparse(X):
        return X.T
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return SparseColumns((X.shape[1], X.shape[0]), X.indptr, X.indices, X.data)
