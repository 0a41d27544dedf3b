"""Levenberg-Marquardt in NumPy, column by column: slow, and shares no code with the program.

J is computed with `reference.feedforward` and one backward pass per output and sample.
"""

from __future__ import annotations

import numpy as np

from bpmatrix import Network, reference


def errors_and_jacobian(net: Network, X, Y) -> tuple[np.ndarray, np.ndarray]:
    """Return e = a - y and its derivatives, sample by sample: (n * K,) and (n * K, size)."""
    d = net.description
    weights = [np.array(W, np.float64) for W in net.weights]
    biases = [np.array(b, np.float64) for b in net.biases]
    if not biases:
        biases = [np.zeros((n, 1)) for n in d.sizes[1:]]
    e, rows = [], []
    for j in range(X.shape[1]):
        x = np.array(X[:, [j]], np.float64) * d.input_scale
        a, z = [x], []
        for W, b, sigma in zip(weights, biases, d.activations, strict=True):
            z.append(W @ a[-1] + b)
            a.append(reference.sigma(sigma, z[-1]))
        for k in range(d.sizes[-1]):
            delta = reference.jacobian_row(d.activations[-1], k, z[-1])
            row: list[np.ndarray] = []
            for l in reversed(range(len(weights))):
                row = [(delta @ a[l].T).ravel(), *([delta.ravel()] if d.bias else []), *row]
                if l:
                    slope = reference.sigma_prime(d.activations[l - 1], z[l - 1])
                    delta = (weights[l].T @ delta) * slope
            rows.append(np.concatenate(row))
            e.append(a[-1][k, 0] - Y[k, j])
    return np.array(e), np.array(rows)


def normal_equations(net: Network, X, Y, weight=None) -> tuple[np.ndarray, np.ndarray]:
    """Return J^T J and J^T e of the weighted mean cost."""
    e, J = errors_and_jacobian(net, X, Y)
    v = np.ones(X.shape[1]) if weight is None else np.asarray(weight)
    w = np.repeat(v / v.sum(), net.description.sizes[-1])
    return J.T @ (w[:, None] * J), J.T @ (w * e)


def steps(net: Network, X, Y, count: int, damping: float, weight_decay: float = 0.0):
    """Take some steps in place; return the mean cost after each of them."""
    is_weight = np.zeros(net.parameters.size)
    start = 0
    for W in net.weights:
        is_weight[start : start + W.size] = 1
        start += W.size + len(W) * bool(net.biases)
    decay, costs = weight_decay * is_weight, []
    mu, growth = None, 2.0

    def penalized() -> float:
        return net.cost(X, Y) + float(decay @ net.parameters**2) / 2

    F = penalized()
    while len(costs) < count:
        A, g = normal_equations(net, X, Y)
        A, g = A + np.diag(decay), g + decay * net.parameters
        mu = damping * A.diagonal().max() if mu is None else mu
        before = net.parameters.copy()
        while True:
            h = -np.linalg.solve(A + mu * np.eye(len(g)), g)
            net.parameters[:] = before + h
            gain = F - penalized()
            if gain > 0:
                break
            mu, growth = mu * growth, growth * 2
        ratio = min(1.0, gain / (h @ (mu * h - g) / 2))
        mu, growth = mu * max(1 / 3, 1 - (2 * ratio - 1) ** 3), 2.0
        F -= gain
        costs.append(net.cost(X, Y))
    return costs
