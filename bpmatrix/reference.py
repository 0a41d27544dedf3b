"""The book in plain NumPy: the loop over single samples, and the same equations for a matrix.

This file is written for reading. It shares no code with the engine, whose gradients are checked
against it and whose speed is compared with it. Layer l = 1..L of the book is element l - 1 of every
list.

Source: M. A. Nielsen, *Neural Networks and Deep Learning*, chapters 1 to 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "backprop",
    "feedforward",
    "gradient_by_loop",
    "gradient_by_matrix",
    "input_gradient",
    "jacobian_row",
    "mean_cost",
    "sigma",
    "sigma_prime",
    "train",
]

Matrix = NDArray[Any]
Matrices = Sequence[Matrix]
Gradient = tuple[list[Matrix], list[Matrix]]


def sigmoid(z: Matrix) -> Matrix:
    """1 / (1 + e^-z)."""
    return 1.0 / (1.0 + np.exp(-z))


def softmax(z: Matrix) -> Matrix:
    """e^z / sum of e^z over the outputs."""
    e: Matrix = np.exp(z - z.max(axis=0))
    total: Matrix = e.sum(axis=0)
    return e / total


def phi(z: Matrix) -> Matrix:
    """Density of the normal distribution."""
    density: Matrix = np.exp(-(z**2) / 2)
    return density / math.sqrt(2 * math.pi)


def Phi(z: Matrix) -> Matrix:
    """Cumulative distribution function of the normal distribution."""
    return np.asarray(np.vectorize(math.erfc, otypes=[float])(-z / math.sqrt(2)) / 2, z.dtype)


SIGMA: dict[str, Callable[[Matrix], Matrix]] = {
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * Phi(z),
    "silu": lambda z: z * sigmoid(z),
    "softplus": lambda z: np.logaddexp(0, z),
    "exp": np.exp,
    "identity": lambda z: z,
    "softmax": softmax,
}

SIGMA_PRIME: dict[str, Callable[[Matrix], Matrix]] = {
    "sigmoid": lambda z: sigmoid(z) * (1 - sigmoid(z)),
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "relu": lambda z: (z > 0).astype(z.dtype),
    "leaky_relu": lambda z: np.where(z > 0, 1, 0.01),
    "elu": lambda z: np.exp(np.minimum(z, 0)),
    "gelu": lambda z: Phi(z) + z * phi(z),
    "silu": lambda z: sigmoid(z) * (1 + z * sigmoid(-z)),
    "softplus": sigmoid,
    "exp": np.exp,
    "identity": np.ones_like,
}


def distance_from_log(z: Matrix) -> Matrix:
    """-ln a for a = softmax(z): max z - z + ln(1 + sum of e^(z - max z) over the other outputs).

    Nothing cancels, so -ln a is exact for a near 1, where a itself is rounded.
    """
    below: Matrix = z.max(axis=0) - z
    others = np.exp(-below)
    np.put_along_axis(others, z.argmax(axis=0, keepdims=True), 0, axis=0)
    return np.asarray(below + np.log1p(others.sum(axis=0)))


def half_deviance(z: Matrix, y: Matrix) -> Matrix:
    """Half the deviance a - y + y ln(y / a) with a = e^z: y (e^-w - 1 + w), where w = ln(y) - z.

    For small w, e^-w - 1 + w = w^2 (1/2! - w/3! + w^2/4! - ...). Only ln(y) - z loses digits.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        w = np.log(y) - z
        x = -np.clip(w, -1, 1)
        near = y * w**2 * sum(x**k / math.factorial(k + 2) for k in range(17))
        far = np.exp(z) - y + y * w
    return np.where(y == 0, np.exp(z), np.where(np.abs(w) < 1, near, far))


# Functions of the weighted input z, the output a, its target y and the cost's parameter, if any.
# Some use z because a is rounded: 1 - sigmoid(z) = sigmoid(-z).
COST: dict[str, Callable[[Matrix, Matrix, Matrix, float], Matrix]] = {
    "quadratic": lambda z, a, y, _: (a - y) ** 2 / 2,
    "cross_entropy": lambda z, a, y, _: y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z),
    "log_likelihood": lambda z, a, y, _: y * distance_from_log(z),
    "absolute": lambda z, a, y, _: np.abs(a - y),
    "huber": lambda z, a, y, delta: np.where(
        np.abs(a - y) <= delta, (a - y) ** 2 / 2, delta * (np.abs(a - y) - delta / 2)
    ),
    "quantile": lambda z, a, y, q: np.where(a < y, q * (y - a), (1 - q) * (a - y)),
    "poisson": lambda z, a, y, _: half_deviance(z, y),
}

# dC/da, except for costs with a matching output, where sigma' cancels; 0 at a kink.
COST_PRIME: dict[str, Callable[[Matrix, Matrix, float], Matrix]] = {
    "quadratic": lambda a, y, _: a - y,
    "absolute": lambda a, y, _: np.sign(a - y),
    "huber": lambda a, y, delta: np.clip(a - y, -delta, delta),
    "quantile": lambda a, y, q: np.where(a < y, -q, np.where(a > y, 1 - q, 0)),
}


def sigma(activation: Any, z: Matrix) -> Matrix:
    """sigma(z) of an activation function by name, or of an `OwnActivation`."""
    if isinstance(activation, str):
        return SIGMA[activation](z)
    return np.asarray(np.vectorize(activation.sigma, otypes=[z.dtype])(z))


def sigma_prime(activation: Any, z: Matrix) -> Matrix:
    """sigma'(z) of the same."""
    if isinstance(activation, str):
        return SIGMA_PRIME[activation](z)
    return np.asarray(np.vectorize(activation.sigma_prime, otypes=[z.dtype])(z))


def cost_terms(cost: Any, z: Matrix, a: Matrix, y: Matrix) -> Matrix:
    """C of each output, for a cost by name, with a parameter, or an `OwnCost`."""
    if isinstance(cost, str) or hasattr(cost, "parameter"):
        return COST[getattr(cost, "name", cost)](z, a, y, getattr(cost, "parameter", 0.0))
    return np.asarray(np.vectorize(cost.cost, otypes=[a.dtype])(a, y))


def has_slope(cost: Any) -> bool:
    """Return whether (BP1) has the two factors dC/da and sigma'; else they cancel (ch. 3)."""
    is_named = isinstance(cost, str) or hasattr(cost, "parameter")
    return not is_named or getattr(cost, "name", cost) in COST_PRIME


def cost_slope(cost: Any, a: Matrix, y: Matrix) -> Matrix:
    """dC/da, for costs that have this factor."""
    if isinstance(cost, str) or hasattr(cost, "parameter"):
        name = getattr(cost, "name", cost)
        return np.asarray(COST_PRIME[name](a, y, getattr(cost, "parameter", 0.0)))
    return np.asarray(np.vectorize(cost.derivative, otypes=[a.dtype])(a, y))


def output_error(cost: Any, output: Any, z: Matrix, a: Matrix, y: Matrix) -> Matrix:
    """(BP1): delta_L."""
    if not has_slope(cost):
        return a - y
    return cost_slope(cost, a, y) * sigma_prime(output, z)


def feedforward(
    weights: Matrices, biases: Matrices, activations: Sequence[Any], a: Matrix
) -> tuple[list[Matrix], list[Matrix]]:
    """Return z and a of every layer, for one column or many; the first a is the input."""
    zs, a_s = [], [a]
    for W, b, name in zip(weights, biases, activations, strict=True):
        z = np.dot(W, a) + b
        a = sigma(name, z)
        zs.append(z)
        a_s.append(a)
    return zs, a_s


def backprop(
    weights: Matrices,
    biases: Matrices,
    activations: Sequence[Any],
    cost: Any,
    x: Matrix,
    y: Matrix,
) -> Gradient:
    """Return (nabla_b, nabla_W) of one sample: x (n_0, 1), y (n_L, 1)."""
    nabla_b = [np.zeros(b.shape, b.dtype) for b in biases]
    nabla_W = [np.zeros(W.shape, W.dtype) for W in weights]
    zs, a_s = feedforward(weights, biases, activations, x)
    delta = output_error(cost, activations[-1], zs[-1], a_s[-1], y)  # (BP1)
    nabla_b[-1] = delta  # (BP3)
    nabla_W[-1] = np.dot(delta, a_s[-2].T)  # (BP4)
    for l in range(len(weights) - 2, -1, -1):
        delta = np.dot(weights[l + 1].T, delta) * sigma_prime(activations[l], zs[l])  # (BP2)
        nabla_b[l] = delta  # (BP3)
        nabla_W[l] = np.dot(delta, a_s[l].T)  # (BP4)
    return nabla_b, nabla_W


def gradient_by_loop(
    weights: Matrices,
    biases: Matrices,
    activations: Sequence[Any],
    cost: Any,
    X: Matrix,
    Y: Matrix,
) -> Gradient:
    """Return the sums of (nabla_b, nabla_W) over the columns of X and Y, one sample at a time."""
    sum_b = [np.zeros(b.shape, b.dtype) for b in biases]
    sum_W = [np.zeros(W.shape, W.dtype) for W in weights]
    for j in range(X.shape[1]):
        nabla_b, nabla_W = backprop(
            weights, biases, activations, cost, X[:, j : j + 1], Y[:, j : j + 1]
        )
        sum_b = [total + nb for total, nb in zip(sum_b, nabla_b, strict=True)]
        sum_W = [total + nW for total, nW in zip(sum_W, nabla_W, strict=True)]
    return sum_b, sum_W


def gradient_by_matrix(
    weights: Matrices,
    biases: Matrices,
    activations: Sequence[Any],
    cost: Any,
    X: Matrix,
    Y: Matrix,
) -> Gradient:
    """Return the same sums from the equations in matrix form: all columns in one step."""
    zs, a_s = feedforward(weights, biases, activations, X)
    delta = output_error(cost, activations[-1], zs[-1], a_s[-1], Y)  # (BP1)
    nabla_b = [delta.sum(axis=1, keepdims=True)]  # (BP3)
    nabla_W = [np.dot(delta, a_s[-2].T)]  # (BP4)
    for l in range(len(weights) - 2, -1, -1):
        delta = np.dot(weights[l + 1].T, delta) * sigma_prime(activations[l], zs[l])  # (BP2)
        nabla_b.insert(0, delta.sum(axis=1, keepdims=True))  # (BP3)
        nabla_W.insert(0, np.dot(delta, a_s[l].T))  # (BP4)
    return nabla_b, nabla_W


def input_gradient(
    weights: Matrices, activations: Sequence[Any], zs: Matrices, delta: Matrix
) -> Matrix:
    """Return dC/dX, one column per sample, from delta_L: (BP2) down to the inputs, without sigma'.

    For the gradient of an output instead of the cost, pass `jacobian_row` as delta_L.
    """
    for l in range(len(weights) - 2, -1, -1):
        delta = np.dot(weights[l + 1].T, delta) * sigma_prime(activations[l], zs[l])  # (BP2)
    below: Matrix = np.dot(weights[0].T, delta)
    return below


def jacobian_row(output: Any, k: int, z: Matrix) -> Matrix:
    """Return da_k/dz of the output layer: sigma'(z_k) in row k, zero elsewhere; softmax has all."""
    delta = np.zeros(z.shape, z.dtype)
    if output == "softmax":
        a = softmax(z)
        delta[k] = a[k]
        row: Matrix = delta - a[k] * a
        return row
    delta[k] = sigma_prime(output, z[k])
    return delta


def mean_cost(
    weights: Matrices,
    biases: Matrices,
    activations: Sequence[Any],
    cost: Any,
    X: Matrix,
    Y: Matrix,
) -> float:
    """Return the mean cost over the columns."""
    zs, a_s = feedforward(weights, biases, activations, X)
    return float(np.sum(cost_terms(cost, zs[-1], a_s[-1], Y)) / X.shape[1])


def train(
    gradient: Callable[..., Gradient],
    weights: Matrices,
    biases: Matrices,
    activations: Sequence[Any],
    cost: Any,
    X: Matrix,
    Y: Matrix,
    order: NDArray[np.int64],
    mini_batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
) -> Gradient:
    """Return (biases, weights) after one step per mini-batch of the samples in `order`.

    `gradient` is `gradient_by_loop` or `gradient_by_matrix`. Nielsen, ch. 1, (20) and (21), with
    the weight decay of ch. 3, (93).
    """
    for start in range(0, len(order), mini_batch_size):
        batch = order[start : start + mini_batch_size]
        # Indexing the transpose keeps each column of the mini-batch contiguous, as in the book.
        x, y = X.T[batch].T, Y.T[batch].T
        nabla_b, nabla_W = gradient(weights, biases, activations, cost, x, y)
        eta, m = learning_rate, len(batch)
        weights = [
            (1 - eta * weight_decay) * W - (eta / m) * nW
            for W, nW in zip(weights, nabla_W, strict=True)
        ]
        biases = [b - (eta / m) * nb for b, nb in zip(biases, nabla_b, strict=True)]
    return list(biases), list(weights)
