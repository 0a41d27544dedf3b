"""The samples of a header's self-test: inputs, outputs, and how far a result may be off."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix import reference
from bpmatrix.errors import DataError
from bpmatrix.exchange.model import Model

Array = NDArray[Any]

SAMPLES = 5
# Multiples of the golden ratio, modulo 1: spread evenly, and the same with every version of NumPy.
GOLDEN = (5**0.5 - 1) / 2
# The steepest slope of each function by which an error of z grows.
STEEPEST = {
    "sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "leaky_relu": 1.0, "elu": 1.0, "gelu": 1.13,
    "silu": 1.1, "softplus": 1.0, "identity": 1.0,
}  # fmt: skip
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

    A first-order analysis in units of u, the unit roundoff: a sum of n products is off by at most
    (n + 2) u times the sum of their sizes, in any order; results below the normal numbers are off
    by at most one of these. The outputs here may be off by the same, hence a factor of 2.
    """
    description = model.description
    limits = np.finfo(description.dtype)
    unit, faded = float(limits.eps) / 2, float(limits.tiny) / (float(limits.eps) / 2)
    off = np.zeros(X.shape)
    if model.inputs is not None:
        X = (X - model.inputs.mean[:, None]) / model.inputs.scale[:, None]
        off = 2 * np.abs(X)
    layers = [(W.astype(np.float64), b.astype(np.float64)[:, None]) for W, b in model.layers()]
    weights, biases = [W for W, _ in layers], [b for _, b in layers]
    scaled = X * description.input_scale
    off = off * abs(description.input_scale)
    zs, a_s = reference.feedforward(weights, biases, model.activations, scaled)
    for W, b, name, z, below, a in zip(
        weights, biases, model.activations, zs, a_s[:-1], a_s[1:], strict=True
    ):
        size = np.abs(W) @ np.abs(below) + np.abs(b)
        off = np.abs(W) @ off + (W.shape[1] + 3) * (size + faded)
        off = _off_activation(name, z, a, off, unit) + ELEMENTARY * faded
    Y = a_s[-1]
    if model.targets is not None:
        scale, mean = model.targets.scale[:, None], model.targets.mean[:, None]
        off = scale * off + 2 * (np.abs(scale * Y) + np.abs(mean))
        Y = scale * Y + mean
    if model.kind == "binary":
        Y, off = np.vstack([1 - Y, Y]), np.vstack([off + 1, off])
    return Y, 2 * unit * (off + np.abs(Y))


def _off_activation(name: str, z: Array, a: Array, off: Array, unit: float) -> Array:
    """Return the error of a = sigma(z) for z that are off by `off`; all in units of `unit`."""
    if name == "exp":
        return np.asarray(a * (np.expm1(unit * off) / unit + ELEMENTARY))
    if name == "softmax":  # an error of z moves all outputs; then a shift, n additions, a division
        moved = np.expm1(2 * unit * off.max(axis=0)) / unit
        return np.asarray(a * (moved + ELEMENTARY + np.abs(z - z.max(axis=0)) + len(z) + 1))
    own = ELEMENTARY + (3 * z**2 if name == "gelu" else 0)  # erfc is steep far from 0
    return np.asarray(STEEPEST[name] * off + own * np.abs(a))
