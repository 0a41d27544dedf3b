"""The arguments of compiled programs besides theta: plan, work array, data pointers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.array_types import Array
from bpmatrix.engine.memory import aligned_zeros
from bpmatrix.engine.ranks import Exchange, Ranks
from bpmatrix.kernels import codes, plan
from bpmatrix.kernels.arguments import DataPointer
from bpmatrix.kernels.plan import Integers, Plan
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.sparse import SparseColumns

KINDS = {
    np.dtype(np.uint8): codes.UINT8,
    np.dtype(np.float32): codes.FLOAT32,
    np.dtype(np.float64): codes.FLOAT64,
}
SPARSE_KINDS = {
    np.dtype(np.float32): codes.SPARSE_FLOAT32,
    np.dtype(np.float64): codes.SPARSE_FLOAT64,
}


def workspace(
    description: Description,
    columns: int,
    threads: int = 1,
    dropout: tuple[int, ...] = (),
    *,
    apart: bool = False,
) -> tuple[Integers, Array]:
    """Return the table of the plan for `columns` columns at a time, and a new work array.

    With `apart`, each thread has `columns` columns of its own, and its own part of the array.
    """
    layout, table, elements = _plan(description, columns, 1 if apart else threads, dropout)
    work = aligned_zeros(elements * (threads if apart else 1), description.dtype)
    work.reshape(-1, elements)[:, layout.ones : layout.ones + columns] = 1
    return table, work


@lru_cache(maxsize=64)
def _plan(
    description: Description, columns: int, threads: int, dropout: tuple[int, ...]
) -> tuple[Plan, Integers, int]:
    layout, elements = description.plan(columns, threads=threads, dropout=dropout)
    return layout, layout.table(), elements


@lru_cache(maxsize=64)
def groups_of_columns(
    description: Description, mini_batch_size: int, groups: int | None
) -> tuple[int, int]:
    """Return how many groups a mini-batch forms, and how many columns the work matrices hold."""
    sizes, itemsize = np.array(description.sizes), np.dtype(description.dtype).itemsize
    return plan.groups_of_columns(sizes, description.layout.size, itemsize, mini_batch_size, groups)


def room_of_steps(
    description: Description,
    theta: Array,
    mini_batch_size: int,
    groups: int | None,
    threads: int,
    dropout: tuple[int, ...],
    ranks: Ranks | None,
    *,
    is_clipped: bool,
) -> tuple[dict[str, Any], int, Exchange | None]:
    """Return the fields of `TrainSlice` that depend on the groups of columns, and who shares them.

    These are the threads that have work, and the exchange with other ranks if there are any.
    """
    groups, columns = groups_of_columns(description, mini_batch_size, groups)
    exchange, first, last = None, 0, groups
    if ranks is not None and ranks.size > 1:
        exchange = Exchange(ranks, groups, theta)
        first, last = exchange.first, exchange.last
    grouped = groups > 1
    threads = min(threads, last - first) if grouped else threads
    table, work = workspace(description, columns, threads, dropout, apart=grouped)
    rows = last - first if grouped else int(is_clipped)
    fields = {
        "table": table, "sums": np.empty((rows, theta.size), theta.dtype), "groups": groups,
        "first_group": first, "exchange": exchange.address if exchange else 0, "work": work,
    }  # fmt: skip
    return fields, threads, exchange


class GradientSum(NamedTuple):
    """The sums of a gradient in the program `evaluate`: its `gradient` (a group) and `total`."""

    group: Array
    total: Array

    @classmethod
    def over(cls, samples: int, theta: Array) -> GradientSum:
        """Return the arrays for the gradient over this many samples."""
        whole_groups = samples // plan.COLUMNS_OF_A_SUM
        return cls(np.empty_like(theta), np.zeros(theta.size if whole_groups else 0))

    def mean(self, samples: int, weight: float) -> Array:
        """Return the sum over all samples divided by `weight`, the sum of their weights."""
        if self.total.size == 0:
            return np.divide(self.group, weight, out=self.group)
        if samples % plan.COLUMNS_OF_A_SUM:
            self.total[:] += self.group
        return np.divide(self.total, weight, out=self.group, casting="same_kind")


def input_columns(X: Array | SparseColumns, scale: float) -> DataPointer:
    """Return the data pointer of inputs that passed `arrays.as_inputs`.

    The caller must keep the array alive while a program reads it.
    """
    if isinstance(X, SparseColumns):
        return X.table.ctypes.data, 0, SPARSE_KINDS[X.values.dtype], scale
    return X.ctypes.data, X.strides[1], KINDS[X.dtype], scale


def target_columns(targets: Targets) -> DataPointer:
    """Return the data pointer of targets that passed `arrays.as_targets`."""
    array = targets.array
    if targets.are_labels:
        return array.ctypes.data, array.itemsize, codes.LABELS, 1.0
    return input_columns(array, 1.0)


def sample_weight_columns(weights: Array | None) -> DataPointer:
    """Return the data pointer of sample weights (n,) in float64, with address 0 for None."""
    if weights is None:
        return 0, 0, codes.FLOAT64, 1.0
    return weights.ctypes.data, weights.itemsize, codes.FLOAT64, 1.0
