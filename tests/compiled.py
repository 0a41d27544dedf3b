"""Calls of compiled code for which the package has no function: single products, fma, the barrier.

They are cached with the digest of the kernels, so they are compiled once per version.
"""

from __future__ import annotations

import numpy as np

from bpmatrix.kernels.machine.instructions import at, convert, fma
from bpmatrix.kernels.machine.jit import kernel, program
from bpmatrix.kernels.plan import lay_out_work
from bpmatrix.kernels.products.products import descend, pull_back, sum_over_columns, weighted_input
from bpmatrix.kernels.threads import atomic_add, barrier, share
from bpmatrix.kernels.views import Lines, Scratch

WEIGHTED_INPUT, PULL_BACK, SUM_OVER_COLUMNS, DESCEND = range(4)
MARGIN = 24  # elements of a guard zone: larger than any vector or tile


@kernel
def lines(array):
    """A C-ordered matrix as lines."""
    return Lines(at(array, 0, array.size), array.shape[0], array.shape[1], array.shape[1])


@program
def product(what, left, right, b, carry_on, keep, scale, out, scratch, panel_size):
    """Fill `out` with one of the products of a layer; all matrices are C-ordered lines."""
    x, y, C = lines(left), lines(right), lines(out)
    panel = at(scratch, 0, panel_size)
    memory = Scratch(panel, at(scratch, panel_size, scratch.size - panel_size))
    if what == WEIGHTED_INPUT:
        weighted_input(x, y, lines(b), C, memory)
    elif what == PULL_BACK:
        pull_back(x, y, C, memory)
    elif what == SUM_OVER_COLUMNS:
        sum_over_columns(x, y, carry_on, C, memory)
    elif what == DESCEND:
        descend(x, y, convert(keep, C.start), convert(scale, C.start), C, memory)


@program
def weighted_input_alone(W, a, b, z, scratch):
    """z = W a + b, as machine code that holds no other product."""
    panel = at(scratch, 0, scratch.size)
    weighted_input(lines(W), lines(a), lines(b), lines(z), Scratch(panel, panel))


@program
def fuse(x, y, z, out):
    """out <- x * y + z, element by element."""
    for i in range(out.size):
        out[i] = fma(x[i], y[i], z[i])


@program
def meet(t, threads, control, rounds, places, counter):
    """Pass `rounds` barriers with the other threads; return how often one was found behind.

    Before each barrier a thread stores its round; after it, all must have stored the same.
    """
    behind = 0
    for r in range(1, rounds + 1):
        places[8 * t] = r
        atomic_add(at(counter, 0, 1), 1)
        if not barrier(control, threads):
            return -1
        for other in range(threads):
            behind += places[8 * other] != r
        if not barrier(control, threads):
            return -1
    return behind


def guarded(array):
    """Return a copy of a C-ordered array with guard zones of NaN before and after it."""
    memory = np.full(array.size + 2 * MARGIN, np.nan, array.dtype)
    inside = memory[MARGIN:-MARGIN].reshape(array.shape)
    inside[...] = array
    return inside


def is_intact(inside) -> bool:
    """Whether the guard zones around an array of `guarded` are unchanged."""
    return bool(np.isnan(inside.base[:MARGIN]).all() and np.isnan(inside.base[-MARGIN:]).all())


def _multiply(what, left, right, out, b=None, *, carry_on=False, keep=1.0, scale=1.0):
    """Call `product` with all operands, and the scratch of one thread, between guard zones."""
    left, right, out = map(guarded, (left, right, out))
    b = guarded(left[:1, :1] if b is None else b[None, :])
    widest = np.array([max(*left.shape, *right.shape, *out.shape)])
    layout, _ = lay_out_work(widest, *[np.zeros(1, dtype=bool)] * 2, 1, 1)
    scratch = guarded(np.full(layout["scratch_size"], np.nan, out.dtype))
    product(what, left, right, b, carry_on, keep, scale, out, scratch, layout["panel_size"])
    assert is_intact(out)
    assert is_intact(scratch)
    return out


def weighted_input_of(W, a, b):
    """z = W a + b, one line per column."""
    return _multiply(WEIGHTED_INPUT, W, a, np.full((len(a), len(W)), np.nan, W.dtype), b)


def pull_back_of(W, delta):
    """W^T delta, one line per column."""
    return _multiply(PULL_BACK, W, delta, np.full((len(delta), W.shape[1]), np.nan, W.dtype))


def sum_over_columns_of(delta, a, start=None):
    """delta a^T, added to zero or to `start`."""
    nothing = np.full((delta.shape[1], a.shape[1]), np.nan, a.dtype)
    C = nothing if start is None else start
    return _multiply(SUM_OVER_COLUMNS, delta, a, C, carry_on=start is not None)


def descend_of(delta, a, keep, scale, W):
    """W <- keep W + scale delta a^T."""
    return _multiply(DESCEND, delta, a, W, keep=keep, scale=scale)


@program
def share_of(n, t, threads, grain):
    """The share of thread t of n lines."""
    return share(n, t, threads, grain)
