"""The proof that the matrix is the book: the engine's gradient against two independent ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix import reference
from bpmatrix.network import Network

__all__ = ["Agreement", "verify"]

Array = NDArray[Any]

# The step of a central difference. Its error is about STEP^2 from the curve, and the rounding error
# of the cost divided by STEP: together least near the third root of the machine epsilon.
STEP = 1e-5
DIFFERENCES = 50


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the engine's gradient is from two others, relative to the largest element of each.

    Attributes
    ----------
    loop : float
        From the book's loop over single samples, in float64.
    differences : float
        From central differences of the cost, for up to 50 parameters drawn at random.
    """

    loop: float
    differences: float


def verify(network: Network, X: ArrayLike, targets: ArrayLike) -> Agreement:
    """Compare the gradient of a network with the per-sample loop and with central differences.

    Parameters
    ----------
    network : Network
        Of float64. Its weights are moved for a moment and put back.
    X : (n_0, m) array_like
        Samples as columns.
    targets : array_like
        As for `Network.gradient`.

    Returns
    -------
    Agreement
        For a correct gradient about 1e-15 and 1e-9; ReLU may miss the second at its kink.

    Examples
    --------
    >>> net = Network([3, 5, 2], seed=1)
    >>> agreement = verify(net, [[0.0, 1.0], [0.5, 0.2], [0.1, 0.9]], [0, 1])
    >>> agreement.loop < 1e-12 and agreement.differences < 1e-6
    True
    """
    gradient = network.gradient(X, targets).flat
    trace = network.trace(X, targets)
    return Agreement(
        loop=_distance(gradient, _loop(network, trace.X, trace.Y)),
        differences=_distance(*_differences(network, gradient, trace.X, trace.Y)),
    )


def _loop(network: Network, X: Array, Y: Array) -> Array:
    """Return the gradient of the mean cost from the loop over single samples, laid out as theta."""
    d = network.description
    weights, biases = _layers(network)
    nabla_b, nabla_W = reference.gradient_by_loop(weights, biases, d.activations, d.cost, X, Y)
    parts = []
    for W, b in zip(nabla_W, nabla_b, strict=True):
        parts += [W.ravel(), b.ravel()] if d.bias else [W.ravel()]
    return np.asarray(np.concatenate(parts) / X.shape[1])


def _differences(network: Network, gradient: Array, X: Array, Y: Array) -> tuple[Array, Array]:
    """Return some elements of the gradient, and the central differences of the cost there."""
    d, theta = network.description, network.parameters
    rng = np.random.default_rng(0)
    chosen = rng.choice(theta.size, size=min(DIFFERENCES, theta.size), replace=False)
    slopes = np.empty(chosen.size)
    for position, i in enumerate(chosen):
        kept, costs = theta[i], []
        for step in (STEP, -STEP):
            theta[i] = kept + step
            costs.append(reference.mean_cost(*_layers(network), d.activations, d.cost, X, Y))
        theta[i] = kept
        slopes[position] = (costs[0] - costs[1]) / (2 * STEP)
    return gradient[chosen], slopes


def _layers(network: Network) -> tuple[Sequence[Array], Sequence[Array]]:
    """Return weights and biases, zeros in a network without biases."""
    biases = network.biases or tuple(np.zeros((len(W), 1)) for W in network.weights)
    return network.weights, biases


def _distance(ours: Array, theirs: Array) -> float:
    scale = float(np.abs(theirs).max())
    return float(np.abs(ours - theirs).max()) / (scale or 1.0)
