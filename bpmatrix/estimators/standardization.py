"""Scaling of columns to mean 0 and standard deviation 1, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import DataError


@dataclass(frozen=True, eq=False, slots=True)
class Standardization:
    """A mean and a scale for each column of a table.

    Attributes
    ----------
    mean, scale : (n_columns,) arrays of float64
        The mean is set to 0 for a sparse table, which stays sparse. The scale of a constant column
        is 1.
    """

    mean: Floats
    scale: Floats

    @classmethod
    def of(cls, table: Any, weight: Array | None) -> Standardization:
        """Compute mean and scale of the columns, with row weights."""
        scaling = Scaling()
        scaling.add(table, weight)
        return scaling.result()

    def apply(self, table: Any, dtype: str) -> Any:
        """Return a standardized copy of a table.

        Raises
        ------
        DataError
            If the table is sparse and the means are not 0.
        """
        if sparse.issparse(table):
            if self.mean.any():
                raise DataError(
                    "the model subtracts means, which would make sparse rows dense",
                    cure="Pass X.toarray(), or fit on sparse rows, which are not centered.",
                )
            copy = table.astype(dtype)
            copy.data /= self.scale[copy.indices]
            return copy
        return ((table - self.mean) / self.scale).astype(dtype, copy=False)

    def undo(self, table: Array) -> Array:
        """Return the original numbers, in the type of the table."""
        return (table * self.scale + self.mean).astype(table.dtype, copy=False)


class Scaling:
    """Computes a `Standardization` from one table after the other."""

    def __init__(self) -> None:
        self._scaler: Any = None
        self._is_sparse = False

    def add(self, table: Any, weight: Array | None) -> None:
        """Add the rows of a table, with row weights."""
        if self._scaler is None:
            self._is_sparse = sparse.issparse(table)
            self._scaler = StandardScaler(with_mean=not self._is_sparse)
        if table.shape[0]:
            self._scaler.partial_fit(table, sample_weight=weight)

    def result(self) -> Standardization:
        """Return mean and scale of the columns of all tables."""
        scale = np.asarray(self._scaler.scale_, np.float64)
        mean = np.zeros(scale.size) if self._is_sparse else np.asarray(self._scaler.mean_)
        return Standardization(mean.astype(np.float64, copy=False), scale)
