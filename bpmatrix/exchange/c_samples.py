"""The samples of a header's self-test: inputs, outputs, and how far a result may be off."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpmatrix import reference
from bpmatrix.array_types import Array
from bpmatrix.errors import DataError
from bpmatrix.exchange.model import Model

SAMPLES = 5
# Multiples of the golden ratio, modulo 1: spread evenly, and the same with every version of NumPy.
GOLDEN = (5**0.5 - 1) / 2
# The steepest slope of each function by which an error of z grows.
STEEPEST = {
    "sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "leaky_relu": 1.0, "elu": 1.0, "gelu": 1.13,
    "silu": 1.1, "softplus": 1.0, "identity": 1.0,
}  # fmt: skip
# Standard deviations of a sum of roundings that are allowed for. Adding up their largest values
# instead gives bounds that exceed the outputs of wide layers, so that a test would find nothing.
DEVIATIONS = 4
# Roundings of exp, tanh and functions computed from them, at 4 ULP.
ELEMENTARY = 8
# The inputs are shrunk where outputs overflow, as those of exp may.
SHRINK = (1.0, 2.0**-4, 2.0**-8, 2.0**-16, 0.0)


def self_test_samples(model: Model) -> tuple[Array, Array, Array]:
    """Return inputs (n, n_0), outputs and the bounds of their errors (n, n_outputs) in float64.

    A model does not know its training data, so the inputs are made up: spread over two standard
    deviations on either side of the mean of standardized inputs; else from 0 to 1 / `input_scale`.

    Parameters
    ----------
    model : Model
        In the type of the header, whose rounded numbers are exact here.

    Raises
    ------
    DataError
        If the outputs are not finite for any of them.
    """
    n_0, dtype = model.description.sizes[0], model.description.dtype
    spread = ((np.arange(1, SAMPLES * n_0 + 1) * GOLDEN) % 1.0).reshape(SAMPLES, n_0)
    center: Any = 0.0
    if model.inputs is None:
        spread = spread / model.description.input_scale
    else:
        center, spread = model.inputs.mean, model.inputs.scale * (4 * spread - 2)
    for factor in SHRINK:
        with np.errstate(all="ignore"):
            X = (center + factor * spread).astype(dtype).astype(np.float64)
            Y, bound = _outputs_and_bounds(model, X.T)
            if np.isfinite([Y.astype(dtype), bound.astype(dtype)]).all():
                return X, Y.T, bound.T
    raise DataError(
        "the outputs of the model are not finite",
        got=f"{dtype} and inputs near {'0' if model.inputs is None else 'their mean'}",
        cure='Pass dtype="float64", or train again with a lower learning rate.',
    )


def _outputs_and_bounds(model: Model, X: Array) -> tuple[Array, Array]:
    """Return the outputs for columns X, and the bounds of the errors of a header's outputs.

    A first-order analysis in units of u, the unit roundoff. Roundings are taken as independent
    (N. Higham and T. Mary, SIAM J. Sci. Comput. 41, 2019): each of the n + 2 of a sum is at most u
    times the sum of the terms' sizes, and `spread` is the root of the sum of their squares. Errors
    of exp and the like may all have the same sign and are added up in `steady`, as are those of
    results below the normal numbers. The outputs here may be off by the same, hence a factor of 2.
    """
    description = model.description
    limits = np.finfo(description.dtype)
    unit, faded = float(limits.eps) / 2, float(limits.tiny) / (float(limits.eps) / 2)
    steady, spread = np.zeros(X.shape), np.zeros(X.shape)
    if model.inputs is not None:
        X = (X - model.inputs.mean[:, None]) / model.inputs.scale[:, None]
        spread = 2 * np.abs(X)
    layers = [(W.astype(np.float64), b.astype(np.float64)[:, None]) for W, b in model.layers()]
    weights, biases = [W for W, _ in layers], [b for _, b in layers]
    scaled = X * description.input_scale
    spread = spread * abs(description.input_scale)
    zs, a_s = reference.feedforward(weights, biases, model.activations, scaled)
    for W, b, name, z, below, a in zip(
        weights, biases, model.activations, zs, a_s[:-1], a_s[1:], strict=True
    ):
        size = np.abs(W) @ np.abs(below) + np.abs(b)
        count = W.shape[1] + 3
        steady = np.abs(W) @ steady + count * faded
        spread = np.hypot(_root_of_squares(W, spread), np.sqrt(count) * size)
        steady, spread = _off_activation(name, z, a, steady, spread, unit)
        steady = steady + ELEMENTARY * faded
    Y, off = a_s[-1], steady + DEVIATIONS * spread
    if model.targets is not None:
        scale, mean = model.targets.scale[:, None], model.targets.mean[:, None]
        off = scale * off + 2 * (np.abs(scale * Y) + np.abs(mean))
        Y = scale * Y + mean
    if model.kind == "binary":
        Y, off = np.vstack([1 - Y, Y]), np.vstack([off + 1, off])
    return Y, 2 * unit * (off + np.abs(Y))


def _root_of_squares(W: Array, spread: Array) -> Array:
    """Return the roots of W^2 spread^2, although these squares may overflow or underflow."""
    largest, widest = np.abs(W).max() or 1.0, spread.max() or 1.0
    return np.asarray(largest * widest * np.sqrt((W / largest) ** 2 @ (spread / widest) ** 2))


def _off_activation(
    name: str, z: Array, a: Array, steady: Array, spread: Array, unit: float
) -> tuple[Array, Array]:
    """Return the errors of a = sigma(z) for those of z; all in units of `unit`."""
    off = steady + DEVIATIONS * spread
    if name == "exp":
        return a * (np.expm1(unit * off) / unit + ELEMENTARY), np.zeros(a.shape)
    if name == "softmax":  # an error of z moves all outputs; then a shift, n additions, a division
        moved = np.expm1(2 * unit * off.max(axis=0)) / unit
        own = ELEMENTARY + np.abs(z - z.max(axis=0)) + len(z) + 1
        return a * (moved + own), np.zeros(a.shape)
    own = ELEMENTARY + (3 * z**2 if name == "gelu" else 0)  # erfc is steep far from 0
    return STEEPEST[name] * steady + own * np.abs(a), STEEPEST[name] * spread
