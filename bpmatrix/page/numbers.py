"""All numbers of one mini-batch, as the page needs them: matrices as base64, names as text."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from bpmatrix import reference
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.engine import evaluation
from bpmatrix.engine.trace import Trace, trace
from bpmatrix.errors import ArgumentError
from bpmatrix.samples.samples import Samples

MOST_SAMPLES = 32
# Of all weights: a page of more would be too large to send, and its cells too small to see.
MOST_WEIGHTS = 100_000
# Up to here a page of float64 is below 1.5 MB; seven digits are more than it shows.
MOST_WEIGHTS_IN_FLOAT64 = 10_000
# A unit is marked as saturated if its slope is below this part of the largest one (ch. 2).
SATURATED = 0.1
LARGEST_SLOPE = {"sigmoid": 0.25}
WITHOUT_SATURATION = {"identity", "exp", "softmax"}


def check_size(d: Description, m: int) -> None:
    """Raise an ArgumentError if the page would be too large."""
    if not 1 <= m <= MOST_SAMPLES:
        raise ArgumentError(
            "the page shows one mini-batch",
            got=f"{m} samples",
            expected=f"1 to {MOST_SAMPLES}",
            cure="Pass fewer columns: X[:, :10], targets[:10].",
        )
    weights = sum(d.sizes[l] * d.sizes[l - 1] for l in range(1, len(d.sizes)))
    if weights > MOST_WEIGHTS:
        raise ArgumentError(
            "the network is too large for a page",
            got=f"{weights:,} weights",
            expected=f"{MOST_WEIGHTS:,} at most",
            cure="Show a network with smaller layers.",
        )


def numbers(
    d: Description, parameters: Parameters, samples: Samples, learning_rate: float
) -> dict[str, Any]:
    """Return the numbers of a pass and of the step of gradient descent after it.

    The matrices are the engine's (`trace`); those of the book's loop, and the two factors of each
    delta, are computed by `reference`.
    """
    flat = parameters.flat
    found = trace(d, parameters, samples.X, samples.targets)
    m = found.X.shape[1]
    biases = [_bias(parameters, l, layer.W.dtype, d) for l, layer in enumerate(found.layers)]
    weights = [layer.W for layer in found.layers]
    of_loop = reference.gradient_by_loop(weights, biases, d.activations, d.cost, found.X, found.Y)[
        1
    ]
    costs = evaluation.costs_and_hits(d, flat, samples)[0]
    gradient = evaluation.gradient(d, flat, samples)
    after = evaluation.scores(d, flat - flat.dtype.type(learning_rate) * gradient, samples)
    form = "<f8" if sum(W.size for W in weights) <= MOST_WEIGHTS_IN_FLOAT64 else "<f4"
    layers = [
        _layer(d, found, k, biases[k], of_loop[k] / m, form) for k in range(len(found.layers))
    ]
    classes = len(found.Y) > 1 and samples.targets.are_classes
    return {
        "sizes": list(d.sizes),
        "cost": str(d.cost),
        "m": m,
        "form": form,
        "bias": d.bias,
        "rate": learning_rate,
        "mean_cost": float(evaluation.mean(costs, None)),
        "cost_after": after.cost,
        "X": packed(found.X, form),
        "Y": packed(found.Y, form),
        "C": packed(np.asarray(costs)[None, :], form),
        "labels": [int(c) for c in found.Y.argmax(axis=0)] if classes else None,
        "side": side_of_images(d.sizes[0]),
        "layers": layers,
    }


def packed(matrix: Array, form: str) -> dict[str, Any]:
    """Return a matrix as its shape and the base64 of its numbers, row by row."""
    content = np.ascontiguousarray(matrix, dtype=form).tobytes()
    return {"shape": list(matrix.shape), "data": base64.b64encode(content).decode()}


def side_of_images(n_inputs: int) -> int:
    """Return the side of the square images of a data set, or 0 if its samples are none."""
    side = math.isqrt(n_inputs)
    return side if side * side == n_inputs and side > 3 else 0


def _layer(
    d: Description, found: Trace, k: int, bias: Array, of_loop: Array, form: str
) -> dict[str, Any]:
    """Return the matrices of a layer, by the names that the page gives them."""
    layer = found.layers[k]
    above, slope = _factors(d, found, k)
    matrices = {
        "W": layer.W, "b": bias if d.bias else None, "z": layer.z, "a": layer.a,
        "d": layer.delta, "up": above, "s": slope, "gb": layer.nabla_b if d.bias else None,
        "gW": layer.nabla_W, "loop": of_loop,
    }  # fmt: skip
    present = {name: matrix for name, matrix in matrices.items() if matrix is not None}
    return {
        "activation": layer.activation,
        "flat": _flat_slope(layer.activation),
        "matrices": {name: packed(matrix, form) for name, matrix in present.items()},
    }


def _bias(parameters: Parameters, l: int, dtype: Any, d: Description) -> Array:
    return parameters.biases[l].copy() if d.bias else np.zeros((d.sizes[l + 1], 1), dtype)


def _factors(d: Description, found: Trace, k: int) -> tuple[Array | None, Array | None]:
    """Return the factors of delta: the error from above, and the slope; None where it cancels."""
    layer, activation = found.layers[k], d.activations[k]
    if k + 1 < len(found.layers):
        above: Array = found.layers[k + 1].W.T @ found.layers[k + 1].delta
        return above, np.asarray(reference.sigma_prime(activation, layer.z), layer.z.dtype)
    if not reference.has_slope(d.cost):
        return None, None
    slope = reference.cost_slope(d.cost, layer.a, found.Y)
    return slope, np.asarray(reference.sigma_prime(activation, layer.z), layer.z.dtype)


def _flat_slope(activation: str) -> float:
    """Return the slope below which a unit counts as saturated."""
    if activation in WITHOUT_SATURATION:
        return 0.0
    return SATURATED * LARGEST_SLOPE.get(activation, 1.0)
