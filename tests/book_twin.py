"""The book's algorithm again, as plainly as possible: one sample, one layer at a time.

It shares no code with the package.
"""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np


def squash(z):
    return 1 / (1 + np.exp(-z))


def slope(z):
    return np.exp(-z) / (1 + np.exp(-z)) ** 2


def draw(sizes, *, scaled=False):
    """Draw all biases, then all weights, from NumPy's global random numbers."""
    biases = [np.random.randn(n, 1) for n in sizes[1:]]
    weights = []
    for n_in, n_out in pairwise(sizes):
        w = np.random.randn(n_out, n_in)
        weights.append(w / np.sqrt(n_in) if scaled else w)
    return biases, weights


def gradient(biases, weights, x, y, *, cross_entropy=False):
    """Return nabla_b and nabla_w of one sample."""
    seen, z = [x], []
    for b, w in zip(biases, weights, strict=True):
        z.append(w @ seen[-1] + b)
        seen.append(squash(z[-1]))
    error = seen[-1] - y if cross_entropy else (seen[-1] - y) * slope(z[-1])
    nabla_b, nabla_w = [None] * len(z), [None] * len(z)
    for l in reversed(range(len(z))):
        nabla_b[l], nabla_w[l] = error, error @ seen[l].T
        if l:
            error = (weights[l].T @ error) * slope(z[l - 1])
    return nabla_b, nabla_w


def mean_gradient(biases, weights, batch, **cost):
    found = [gradient(biases, weights, x, y, **cost) for x, y in batch]
    layers = range(len(biases))
    return (
        [sum(nabla_b[l] for nabla_b, _ in found) / len(batch) for l in layers],
        [sum(nabla_w[l] for _, nabla_w in found) / len(batch) for l in layers],
    )


def train(biases, weights, data, epochs, size, eta, *, lmbda=0.0, step=None, **cost):
    """Train; shuffle the list in place before each epoch. `step` may replace the plain update."""
    for _ in range(epochs):
        random.shuffle(data)
        for start in range(0, len(data), size):
            nablas = mean_gradient(biases, weights, data[start : start + size], **cost)
            if step is not None:
                biases, weights = step(biases, weights, *nablas)
                continue
            biases = [b - eta * n for b, n in zip(biases, nablas[0], strict=True)]
            keep = 1 - eta * lmbda / len(data)
            weights = [keep * w - eta * n for w, n in zip(weights, nablas[1], strict=True)]
    return biases, weights


def outputs(biases, weights, x):
    for b, w in zip(biases, weights, strict=True):
        x = squash(w @ x + b)
    return x


def mean_cost(biases, weights, data, lmbda, *, cross_entropy=False):
    total = 0.0
    for x, y in data:
        a = outputs(biases, weights, x)
        if cross_entropy:
            total -= float((y * np.log(a) + (1 - y) * np.log(1 - a)).sum())
        else:
            total += 0.5 * float(((a - y) ** 2).sum())
    penalty = 0.5 * lmbda * sum(float((w**2).sum()) for w in weights)
    return (total + penalty) / len(data)


def random_data(n, n_in, n_out, *, seed=0):
    """Return pairs (x, y) with one-hot y, and the same with labels."""
    rng = np.random.default_rng(seed)
    pairs, labeled = [], []
    for _ in range(n):
        x, label = rng.standard_normal((n_in, 1)), int(rng.integers(n_out))
        pairs.append((x, np.eye(n_out)[:, [label]]))
        labeled.append((x, label))
    return pairs, labeled
