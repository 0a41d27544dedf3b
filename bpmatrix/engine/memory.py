"""Arrays that begin on a cache line, so that no vector of a row straddles two of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpmatrix.array_types import Array

ALIGNMENT = 64  # bytes: a cache line


def aligned_zeros(elements: int, dtype: str | np.dtype[Any]) -> Array:
    """Return a vector of zeros that begins on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    memory = np.zeros(elements + ALIGNMENT // itemsize, dtype)
    start = -memory.ctypes.data % ALIGNMENT // itemsize
    return memory[start : start + elements]


def aligned_copy(vector: Array) -> Array:
    """Return a copy of a vector that begins on a cache line."""
    copy = aligned_zeros(vector.size, vector.dtype)
    copy[:] = vector
    return copy
