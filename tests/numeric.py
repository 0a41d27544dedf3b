"""Exact sums, central differences, and error bounds derived from the arithmetic.

A bound counts roundings. A sum of n products, in any order, with or without fused multiply-add, has
an error of at most (n + 1) u times the sum of the terms' absolute values, to first order in the
unit roundoff u (Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., section 3.1).
`assert_close` takes the number of roundings and the scale.

That is the relative part. A result below the smallest normal number has fewer digits, or is flushed
to 0: then the error of each operation may be as large as that number, whatever the scale (Higham,
section 2.8). Every bound has this absolute part, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from bpmatrix import reference
from bpmatrix.architecture.activations import find_activation
from bpmatrix.architecture.costs import Huber, ParameterCost, Quantile, find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters

# exp, tanh and functions computed from them: ours and NumPy's are within 4 ULP, which is 8 u.
ELEMENTARY = 8


def unit_roundoff(dtype) -> float:
    """The largest relative error of one rounding."""
    return float(np.finfo(dtype).eps) / 2


def smallest_normal(dtype) -> float:
    """The absolute error of an operation whose result underflows."""
    return float(np.finfo(dtype).tiny)


def assert_close(actual, expected, *, roundings, scale, dtype=None) -> None:
    """Assert that two numbers differ by at most `roundings` roundings of numbers of this scale.

    `roundings` counts those of both sides together. 10 % is added for products of errors.
    """
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    dtype = dtype or actual.dtype
    relative = 1.1 * unit_roundoff(dtype) * roundings * np.asarray(scale)
    bound = np.broadcast_to(relative + roundings * smallest_normal(dtype), actual.shape)
    error = np.abs(actual.astype(np.float64) - expected)
    worst = np.unravel_index(np.argmax(error - bound), error.shape) if error.size else ()
    assert (error <= bound).all(), (
        f"{actual[worst]!r} against {expected[worst]!r} at {worst}: off by {error[worst]:.3g},"
        f" allowed {bound[worst]:.3g}"
    )


def same_bits(x, y) -> bool:
    """Whether two arrays have the same bits, regardless of memory order; NaN equals NaN."""
    x, y = np.asarray(x), np.asarray(y)
    return x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()


def flat(biases, weights, description: Description):
    """Return parameters of `reference`, or their gradient, in the order of theta."""
    p = Parameters.of(np.empty(description.layout.size), description.layout)
    for view, value in zip((*p.weights, *p.biases), (*weights, *biases), strict=False):
        view[:] = value
    return p.flat


def central_differences(f: Callable[[np.ndarray], float], theta, eps: float = 1e-5):
    """(f(theta + eps e_i) - f(theta - eps e_i)) / (2 eps) for every i."""
    slopes = np.empty(theta.size)
    for i in range(theta.size):
        ends = []
        for sign in (1, -1):
            moved = theta.copy()
            moved[i] += sign * eps
            ends.append(f(moved))
        slopes[i] = (ends[0] - ends[1]) / (2 * eps)
    return slopes


def exact_sums(left, right):
    """Sums over k of left[i, k] * right[j, k] for every n <= K: (n, i, j), each rounded once.

    Both factors are split into halves of 26 bits, so every product of halves is exact.
    """
    parts = [halves(x.astype(np.float64)) for x in (left, right)]
    terms = np.stack([np.einsum("ik,jk->ijk", x, y) for x in parts[0] for y in parts[1]], axis=-1)
    sums = [
        [[math.fsum(products[:n].ravel()) for products in row] for row in terms]
        for n in range(left.shape[1] + 1)
    ]
    return np.array(sums)


def halves(x):
    """Return two numbers of 26 bits whose sum is x (Veltkamp's splitting)."""
    high = 134217729.0 * x - (134217729.0 * x - x)  # 2^27 + 1
    return high, x - high


class Forward(NamedTuple):
    """Activations from X on and their errors, sigma' of each layer and its error."""

    a_s: list
    off: list
    slopes: list
    off_slopes: list


def forward_bound(weights, biases, activations, X, dtype, *, off_X=0.0, extra=0) -> Forward:
    """Return the numbers of the forward pass with their errors, in units of u of `dtype`.

    `off_X` is the error of X, `extra` the number of roundings of each product beside those of the
    sum, such as that of a weight.
    """
    unit, faded = unit_roundoff(dtype), smallest_normal(dtype) / unit_roundoff(dtype)
    zs, a_s = reference.feedforward(weights, biases, activations, X)
    slopes, off_slopes, off = [], [], [np.zeros(X.shape) + off_X]
    for W, b, name, z, below, a in zip(
        weights, biases, activations, zs, a_s[:-1], a_s[1:], strict=True
    ):
        size = np.abs(W) @ np.abs(below) + np.abs(b)
        off_z = np.abs(W) @ off[-1] + (W.shape[1] + 2 + extra) * (size + faded)
        off_a, slope, off_slope = _off_activation(name, z, a, off_z, unit)
        off.append(off_a + ELEMENTARY * faded)
        slopes.append(slope)
        off_slopes.append(off_slope + ELEMENTARY * faded)
    return Forward(a_s, off, slopes, off_slopes)


def gradient_bound(weights, biases, activations, cost, X, Y, dtype):
    """The error of the mean gradient, (nabla_b, nabla_W), by a first-order error analysis.

    Errors are propagated through the network with the numbers, in units of u of `dtype`; the bound
    holds for sums in any order. A ReLU whose z is within its own error of the kink may have either
    derivative.
    """
    unit, m = unit_roundoff(dtype), X.shape[1]
    faded = smallest_normal(dtype) / unit
    a_s, off, slopes, off_slopes = forward_bound(weights, biases, activations, X, dtype)
    delta, off_delta = _off_error(cost, a_s[-1], Y, off[-1], unit)
    if find_cost(cost).partner is None:
        delta, off_delta = delta * slopes[-1], off_delta * slopes[-1] + delta * off_slopes[-1]
        off_delta = off_delta + delta
    off_delta = off_delta + 2 * faded
    nabla_b, nabla_W = [], []
    for l in range(len(weights) - 1, -1, -1):
        a, off_a, own = np.abs(a_s[l]), off[l], (m + 3) * faded
        nabla_b.insert(0, (off_delta + (m + 3) * delta).sum(axis=1, keepdims=True) / m + own)
        nabla_W.insert(0, (off_delta @ a.T + delta @ off_a.T + (m + 3) * delta @ a.T) / m + own)
        if l > 0:
            W = np.abs(weights[l])
            pulled = W.T @ delta
            off_pulled = W.T @ (off_delta + (W.shape[0] + 2) * delta) + (W.shape[0] + 2) * faded
            off_delta = off_pulled * slopes[l - 1] + pulled * off_slopes[l - 1]
            delta = pulled * slopes[l - 1]
            off_delta = off_delta + delta + faded
    return [unit * nb for nb in nabla_b], [unit * nW for nW in nabla_W]


def _off_error(cost, a, Y, off_a, unit):
    """|dC/da|, or all of delta if sigma' cancels, and its error."""
    gap = np.abs(a - Y)
    if cost in {"absolute", "quantile"} or isinstance(cost, Quantile):
        slope = np.abs(reference.COST_PRIME["quantile"](a, Y, getattr(cost, "q", 0.5)))
        slope = 2 * slope if cost == "absolute" else slope
        at_the_kink = gap <= 2 * unit * (off_a + gap)
        return slope, np.where(at_the_kink, 1 / unit, 2 * slope)
    if isinstance(cost, Huber):
        return np.minimum(gap, cost.delta), off_a + gap
    assert cost == "quadratic" or find_cost(cost).partner, (
        f"the error of the slope of {cost} is unknown"
    )
    return gap, off_a + gap


def _off_activation(name, z, a, off_z, unit):
    """The error of a = sigma(z), |sigma'|, and the error of sigma', if z is off by off_z.

    `curve` bounds the second-order term: no second derivative exceeds 1, or a for exp.
    """
    if name == "softmax":
        # A shift by max z, exp, n additions, a division; an error of z moves all outputs.
        own = ELEMENTARY + np.abs(z - z.max(axis=0)) + len(z) + 1
        return a * (2 * off_z.max(axis=0) + 2 * own), np.ones_like(a), np.zeros_like(a)
    slope = reference.SIGMA_PRIME[name](z)
    curve = unit * off_z**2
    if name == "sigmoid":
        off_a = slope * off_z + ELEMENTARY * a
        return off_a, slope, np.abs(1 - 2 * a) * off_a + unit * off_a**2 + 3 * a
    if name == "tanh":
        off_a = slope * off_z + ELEMENTARY * np.abs(a)
        return off_a, slope, 2 * np.abs(a) * off_a + unit * off_a**2 + 4
    if name in {"relu", "leaky_relu"}:
        at_the_kink = np.abs(z) <= 2 * unit * off_z
        off_slope = 2.0 * (name == "leaky_relu")  # 0.01 is rounded
        return (
            off_z + 2 * np.abs(a),
            np.where(at_the_kink, 1.0, slope),
            np.where(at_the_kink, 1 / unit, off_slope),
        )
    if name == "elu":
        off_a = slope * off_z + curve + ELEMENTARY * np.abs(a)
        return off_a, slope, off_z * slope + curve + ELEMENTARY * np.minimum(np.abs(a), 1) + 2
    if name == "gelu":  # phi within 3 ULP, Phi within 5, one more product; NumPy rounds z^2
        off_a = np.abs(slope) * off_z + curve + (12 + 3 * z**2) * np.abs(a)
        terms = reference.Phi(z) + np.abs(z) * reference.phi(z)
        return off_a, np.abs(slope), off_z + curve + (12 + 3 * z**2) * terms
    if name == "silu":
        s = reference.sigmoid(z)
        off_a = np.abs(slope) * off_z + curve + (ELEMENTARY + 1) * np.abs(a)
        terms = s + np.abs(z) * s * reference.sigmoid(-z)
        return off_a, np.abs(slope), off_z + curve + 2 * ELEMENTARY * terms
    if name == "softplus":
        off_a = slope * off_z + curve + ELEMENTARY * a
        return off_a, slope, (1 - slope) * off_a + curve + ELEMENTARY * slope
    if name == "exp":
        off_a = a * (off_z + curve + ELEMENTARY)
        return off_a, a, off_a
    assert name == "identity", f"the error of {name} and its slope is unknown"
    return off_z, slope, np.zeros_like(a)


def far_from_kinks(activations, cost, zs, a, Y) -> bool:
    """Whether no number is within 1e-3 of a jump of the first or second derivative."""
    near = [
        np.abs(z - kink)
        for z, name in zip(zs, activations, strict=True)
        for kink in find_activation(name).kinks
    ]
    kinks = cost.kinks if isinstance(cost, ParameterCost) else find_cost(cost).kinks
    near.extend(np.abs(a - Y - kink) for kink in kinks)
    return all(distance.min(initial=1.0) > 1e-3 for distance in near)
