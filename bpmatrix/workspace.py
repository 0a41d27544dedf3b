"""What a call of a compiled program needs besides theta: plan, work matrices, data pointers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.arrays import Targets
from bpmatrix.description import Description
from bpmatrix.kernels import codes
from bpmatrix.kernels.plan import Columns, Plan

__all__ = ["aligned_zeros", "input_columns", "target_columns", "workspace"]

Array = NDArray[Any]

ALIGNMENT = 64  # bytes: a cache line
KINDS = {
    np.dtype(np.uint8): codes.UINT8,
    np.dtype(np.float32): codes.FLOAT32,
    np.dtype(np.float64): codes.FLOAT64,
}


def workspace(description: Description, columns: int, threads: int = 1) -> tuple[Plan, Array]:
    """Return the plan for so many columns at a time, and a work array of its own for this call."""
    plan, elements = _plan(description, columns, threads)
    work = aligned_zeros(elements, description.dtype)
    work[plan.ones : plan.ones + columns] = 1
    return plan, work


@lru_cache(maxsize=64)
def _plan(description: Description, columns: int, threads: int) -> tuple[Plan, int]:
    return description.plan(columns, threads=threads)


def aligned_zeros(elements: int, dtype: str) -> Array:
    """Return a vector of zeros that begins on a cache line."""
    itemsize = np.dtype(dtype).itemsize
    memory = np.zeros(elements + ALIGNMENT // itemsize, dtype)
    start = -memory.ctypes.data % ALIGNMENT // itemsize
    return memory[start : start + elements]


def input_columns(X: Array, scale: float) -> Columns:
    """Return where the columns of an array that passed `arrays.as_inputs` lie.

    The caller keeps the array alive for as long as a program reads it.
    """
    return Columns(X.ctypes.data, X.strides[1], KINDS[X.dtype], scale)


def target_columns(targets: Targets) -> Columns:
    """Return where the targets that passed `arrays.as_targets` lie."""
    array = targets.array
    if targets.are_labels:
        return Columns(array.ctypes.data, array.itemsize, codes.LABELS, 1.0)
    return input_columns(array, 1.0)
