"""Numbers brought to mean 0 and deviation 1, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from bpmatrix.errors import DataError

__all__ = ["Standardization"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Standardization:
    """A mean and a scale for each column of a table.

    Attributes
    ----------
    mean, scale : (n_columns,) arrays of float64
        A sparse table keeps its zeros: there the mean is 0. The scale of a column that is the same
        number everywhere is 1.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def of(cls, table: Any, weight: Array | None) -> Standardization:
        """Measure the columns of a table, each row counted with its weight."""
        is_sparse = sparse.issparse(table)
        scaler = StandardScaler(with_mean=not is_sparse).fit(table, sample_weight=weight)
        mean = np.zeros(table.shape[1]) if is_sparse else np.asarray(scaler.mean_, np.float64)
        return cls(mean, np.asarray(scaler.scale_, np.float64))

    def apply(self, table: Any, dtype: str) -> Any:
        """Return a standardized copy of a table.

        Raises
        ------
        DataError
            If the table is sparse and has means to be subtracted.
        """
        if sparse.issparse(table):
            if self.mean.any():
                raise DataError(
                    "the model subtracts means, which sparse rows have no room for",
                    cure="Pass X.toarray(), or fit on sparse rows, which keep their zeros.",
                )
            copy = table.astype(dtype)
            copy.data /= self.scale[copy.indices]
            return copy
        return ((table - self.mean) / self.scale).astype(dtype, copy=False)

    def undo(self, table: Array) -> Array:
        """Return the numbers that were standardized, in the type of the table."""
        return (table * self.scale + self.mean).astype(table.dtype, copy=False)
