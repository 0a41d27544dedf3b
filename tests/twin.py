"""Slow twins of the tiles: NumPy programs that round as the kernels promise to, bit for bit.

A weighted input of more than 16 terms is summed in lanes, 4 of float64 or 8 of float32: the k-th
term goes into lane k modulo the number of lanes, by fused multiply-add from zero; then halves of
the lanes are added until one is left; the bias is added last. Fewer terms are added to the bias, in
order. An outer sum adds its terms in order by fused multiply-add from zero.
The twins do not handle overflow and underflow.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numeric import halves

LANES = {np.dtype(np.float64): 4, np.dtype(np.float32): 8}


def fma(x, y, z):
    """x * y + z, rounded once. S. Boldo, G. Melquiond, IEEE Trans. Computers 57 (2008) 462-471."""
    dtype = np.result_type(x, y, z)
    x, y, z = (np.asarray(v, np.float64) for v in (x, y, z))
    if dtype == np.float32:  # the product is exact in float64
        return _sum_to_odd(x * y, z).astype(np.float32)
    high, low = _exact_product(x, y)
    t_high, t_low = _exact_sum(z, low)
    v_high, v_low = _exact_sum(high, t_high)
    return v_high + _sum_to_odd(t_low, v_low)


def _exact_sum(x, y):
    """T. J. Dekker, D. E. Knuth: the rounded sum, and its rounding error."""
    s = x + y
    t = s - x
    return s, (x - (s - t)) + (y - t)


def _exact_product(x, y):
    """T. J. Dekker, Numerische Mathematik 18 (1971) 224-242: the same for a product."""
    (x1, x2), (y1, y2) = halves(x), halves(y)
    p = x * y
    return p, x2 * y2 - (((p - x1 * y1) - x2 * y1) - x1 * y2)


def _sum_to_odd(x, y):
    """x + y, rounded to the neighbor with an odd mantissa if it is not exact."""
    s, lost = _exact_sum(x, y)
    s, lost = np.atleast_1d(s), np.atleast_1d(lost)
    even = s.view(np.int64) % 2 == 0
    odd = np.where((lost != 0) & even, np.nextafter(s, np.copysign(np.inf, lost)), s)
    return odd.reshape(np.broadcast_shapes(np.shape(x), np.shape(y)))


def dot(W, A, b):
    """z[j, i] = b[i] + sum_k W[i, k] A[j, k] in lanes; W, A are (rows, n) and (columns, n)."""
    lanes, n = LANES[W.dtype], W.shape[1]
    padding = [(0, 0), (0, -n % lanes)]
    W, A = np.pad(W, padding), np.pad(A, padding)
    sums = np.zeros((A.shape[0], W.shape[0], lanes), W.dtype)
    for k in range(0, n, lanes):
        sums = fma(W[None, :, k : k + lanes], A[:, None, k : k + lanes], sums)
    while sums.shape[2] > 1:
        half = sums.shape[2] // 2
        sums = sums[:, :, :half] + sums[:, :, half:]
    return sums[:, :, 0] + b


def weighted_input(W, A, b):
    """z[j, i] = b[i] + sum_k W[i, k] A[j, k], in the order for this number of terms."""
    if W.shape[1] > 16:
        return dot(W, A, b)
    return outer(A.T, W.T, np.tile(b, (len(A), 1)))


def outer(d, x, start=None):
    """C[r, k] = start[r, k] + sum_s d[s, r] x[s, k] in the order of s."""
    C = np.zeros((d.shape[1], x.shape[1]), d.dtype) if start is None else start
    for d_s, x_s in zip(d, x, strict=True):
        C = fma(d_s[:, None], x_s[None, :], C)
    return C


def outer_by_groups(d, x, groups):
    """The same, with the terms in groups of nearly equal size, whose sums are added in pairs."""
    ends = [len(d) * g // groups for g in range(groups + 1)]
    sums = [outer(d[i:j], x[i:j]) for i, j in pairwise(ends)]
    while len(sums) > 1:
        sums = [left + right for left, right in zip(sums[::2], sums[1::2], strict=True)]
    return sums[0]


def step(weights, biases, activations, X, Y, eta, weight_decay, groups=1):
    """One step of gradient descent on the quadratic cost; returns biases, weights, costs.

    Only for layers of ReLU and identity, which do not round. X and Y are (samples, units); samples
    are summed in `groups` groups.
    """
    dtype, m = weights[0].dtype, len(X)
    a_s = [X]
    for W, b, name in zip(weights, biases, activations, strict=True):
        z = weighted_input(W, a_s[-1], b[:, 0])
        a_s.append(np.maximum(z, 0) if name == "relu" else z)
    gap = a_s[-1] - Y
    terms = dtype.type(0.5) * gap * gap
    costs = np.zeros(m)  # of float64
    for k in range(terms.shape[1]):
        costs = costs + terms[:, k]
    deltas = [gap if activations[-1] == "identity" else np.where(a_s[-1] > 0, gap, 0)]
    for l in range(len(weights) - 1, 0, -1):
        below = outer(deltas[0].T, weights[l])
        deltas.insert(0, np.where(a_s[l] > 0, below, 0) if activations[l - 1] == "relu" else below)
    keep, scale = dtype.type(1 - eta * weight_decay), dtype.type(-eta * (1 / m))
    ones = np.ones((m, 1), dtype)
    new_b = [
        b + scale * outer_by_groups(d, ones, groups) for b, d in zip(biases, deltas, strict=True)
    ]
    new_W = [
        fma(keep, W, scale * outer_by_groups(d, a, groups))
        for W, d, a in zip(weights, deltas, a_s[:-1], strict=True)
    ]
    return new_b, new_W, costs
