"""Copying the columns of a mini-batch from the user's arrays into the work matrices.

Data keep their dtype; each column is converted and scaled as it is copied. The dtype is a number
that is read at run time, so that one program serves every array.
"""

from numba import types

from bpmatrix.kernels import codes
from bpmatrix.kernels.machine.instructions import (
    CACHE_LINE_BYTES,
    convert,
    pointer_from,
    pointer_like,
    prefetch,
    shift,
    size_of,
)
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.views import Lines


@kernel
def gather_column(data, sample, out, length):
    """out[k] <- scale * data[k, sample] for k < length; a label becomes a one-hot column."""
    address = data.address + sample * data.stride
    if data.kind == codes.UINT8:
        _copy_scaled(pointer_from(address, types.uint8), data.scale, out, length)
    elif data.kind == codes.FLOAT32:
        _copy_scaled(pointer_from(address, types.float32), data.scale, out, length)
    elif data.kind == codes.FLOAT64:
        _copy_scaled(pointer_from(address, types.float64), data.scale, out, length)
    elif data.kind == codes.LABELS:
        for k in range(length):
            out[k] = convert(0, out)
        out[pointer_from(address, types.int64)[0]] = convert(1, out)
    else:
        _fill_sparse(data, sample, out, length)


@kernel
def _fill_sparse(data, sample, out, length):
    """out[k] <- scale * data[k, sample], from sparse columns.

    `data.address` points to three addresses: those of the column starts, the row indices and the
    values, as in scipy.sparse.csc_array.
    """
    for k in range(length):
        out[k] = convert(0, out)
    parts = pointer_from(data.address, types.int64)
    starts = pointer_from(parts[0], types.int64)
    first, last = starts[sample], starts[sample + 1]
    rows = pointer_from(parts[1], types.int32)
    if data.kind == codes.SPARSE_FLOAT32:
        _scatter(pointer_from(parts[2], types.float32), rows, first, last, data.scale, out)
    elif data.kind == codes.SPARSE_FLOAT64:
        _scatter(pointer_from(parts[2], types.float64), rows, first, last, data.scale, out)


@kernel
def _scatter(values, rows, first, last, scale, out):
    """out[rows[p]] <- values[p] * scale for first <= p < last."""
    factor = convert(scale, out)
    for p in range(first, last):
        out[rows[p]] = convert(values[p], out) * factor


@kernel
def _copy_scaled(source, scale, out, length):
    """out[k] <- source[k] * scale, in the dtype of `out`."""
    long_vectors()
    factor = convert(scale, out)
    for k in range(length):
        out[k] = convert(source[k], out) * factor


@kernel
def can_be_read_in_place(data, like):
    """Return whether columns of data need no copy: same dtype as `like`, aligned, scale 1."""
    kind = codes.FLOAT32 if size_of(like) == 4 else codes.FLOAT64
    return data.kind == kind and data.scale == 1 and data.stride % size_of(like) == 0


@kernel
def in_place(data, first, count, length, like):
    """Return the samples first <= i < first + count in the user's array as lines."""
    start = pointer_like(data.address + first * data.stride, like)
    return Lines(start, count, length, data.stride // size_of(like))


@kernel
def _prefetch_column(data, sample, length):
    """Prefetch a column of data, one cache line at a time."""
    itemsize = 8
    if data.kind == codes.UINT8:
        itemsize = 1
    elif data.kind == codes.FLOAT32:
        itemsize = 4
    address = data.address + sample * data.stride
    for offset in range(
        0, itemsize if data.kind == codes.LABELS else itemsize * length, CACHE_LINE_BYTES
    ):
        prefetch(pointer_from(address + offset, types.uint8))


@kernel
def gather(data, order, first, last, out, ahead):
    """Line j - first of `out` <- the column of sample order[j], for first <= j < last.

    Meanwhile the column that is copied `ahead` columns later is prefetched.
    """
    for j in range(first, last):
        line = shift(out.start, (j - first) * out.step)
        if data.kind < codes.SPARSE_FLOAT32 and j + ahead < order.size:
            _prefetch_column(data, order[j + ahead], out.length)
        gather_column(data, order[j], line, out.length)


@kernel
def weight_of(data, sample, like):
    """Return the weight of a sample, rounded as in `gather`; 1 if samples have no weights."""
    if data.address == 0:
        return 1.0
    weight = pointer_from(data.address + sample * data.stride, types.float64)[0]
    return float(convert(weight, like))


@kernel
def gather_range(data, start, out):
    """Line j of `out` <- the column of sample start + j."""
    for j in range(out.count):
        gather_column(data, start + j, shift(out.start, j * out.step), out.length)
