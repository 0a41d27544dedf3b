"""Sparse samples: only the elements that are not 0 are stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class SparseColumns:
    """A sparse matrix (n_0, n) whose columns are samples.

    The layout is that of SciPy's CSC matrix, or of the transpose of a CSR matrix, in dtypes that
    the kernels read. A column must not contain a row twice. The kernels use `rows` as indices to
    write to: the creator must check them, and must not share `starts` and `rows`.

    Attributes
    ----------
    shape : pair of int
        n_0 and n.
    starts : (n + 1,) array of int64
        The index of the first element of each column, and the number of elements (indptr).
    rows : array of int32
        The row of each element (indices).
    values : array of float32 or float64
        The elements (data).

    Examples
    --------
    >>> starts, rows = np.array([0, 1, 3]), np.array([2, 0, 1])
    >>> X = SparseColumns((3, 2), starts, rows, np.array([5.0, 6.0, 7.0]))
    >>> X.largest(np.array([0]))
    5.0
    """

    shape: tuple[int, int]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    values: NDArray[Any]
    table: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Convert the arrays to dtypes that the kernels read; copy only if needed."""
        wide = self.values.dtype if self.values.dtype == np.float32 else np.dtype(np.float64)
        for name, dtype in (("starts", np.int64), ("rows", np.int32), ("values", wide)):
            array = np.ascontiguousarray(getattr(self, name), dtype)
            object.__setattr__(self, name, array)
        parts = self.starts, self.rows, self.values
        addresses = np.array([part.ctypes.data for part in parts], np.int64)
        object.__setattr__(self, "table", addresses)

    def largest(self, samples: NDArray[np.int64]) -> float:
        """Return the largest absolute value in some columns."""
        spans = (np.arange(self.starts[i], self.starts[i + 1]) for i in samples)
        return float(np.abs(self.values[np.concatenate(list(spans))]).max(initial=0.0))
