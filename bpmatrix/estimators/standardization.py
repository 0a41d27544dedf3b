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
        is_sparse = sparse.issparse(table)
        scaler = StandardScaler(with_mean=not is_sparse).fit(table, sample_weight=weight)
        mean = np.zeros(table.shape[1]) if is_sparse else np.asarray(scaler.mean_, np.float64)
        return cls(mean, np.asarray(scaler.scale_, np.float64))

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
