"""`verify`: the engine's gradient against the book's loop and central differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix import reference
from bpmatrix.architecture.activations import find_activation
from bpmatrix.architecture.costs import ParameterCost, find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.array_types import Array
from bpmatrix.network import Network

# The step of a central difference. The truncation error is about STEP^2, the rounding error about
# eps / STEP; the sum is smallest near STEP = eps^(1/3).
STEP = 1e-5
DIFFERENCES = 50
COLUMNS = 100
# Columns times parameters: large networks are checked on fewer columns, to take only seconds.
MOST_WORK = 100_000_000

# Rounding of sums of some thousand products.
LOOP_LIMIT_IN_EPS = 4096
DIFFERENCES_LIMIT = 1e-6
# The error a - y includes the rounding error of a: in a network that is confident and correct,
# little else is left. So differences are divided by at least this fraction of the gradient that
# outputs off by 1 would give.
LEAST_ERROR = 1 / 1024


@dataclass(frozen=True, slots=True)
class Agreement:
    """The engine's gradient compared with two others: the largest relative differences.

    They are relative to the largest element of the other gradient or, if all outputs are within
    1/1024 of their targets, to that of a gradient with errors of 1/1024.

    Attributes
    ----------
    loop : float
        Difference from the book's loop over single samples, in float64.
    differences : float
        Difference from central differences of the cost, in float64, for some parameters.
    n_columns, n_parameters : int
        The number of samples and, for the central differences, parameters used.
    loop_limit, differences_limit : float
        The largest differences that rounding can cause in the network's dtype.
    """

    loop: float
    differences: float
    n_columns: int
    n_parameters: int
    loop_limit: float
    differences_limit: float

    @property
    def is_good(self) -> bool:
        """Whether both differences are within their limits; NaN is not."""
        return self.loop <= self.loop_limit and self.differences <= self.differences_limit


def verify(net: Network, X: ArrayLike, targets: ArrayLike) -> Agreement:
    """Compare the gradient of a network with the per-sample loop and with central differences.

    Uses at most 100 samples, fewer if the network has over a million parameters, and central
    differences for 50 parameters, the same ones in every call. Parameters whose step crosses a kink
    of the cost or of an activation function such as ReLU are left out.

    Parameters
    ----------
    net : Network
        Not changed.
    X : (n_0, m) array_like
        Samples as columns.
    targets : array_like
        As for `Network.gradient`.

    Returns
    -------
    Agreement
        About 1e-15 and 1e-9 for a correct gradient in float64; `is_good` tells whether both are
        within their limits.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError
        If X or the targets do not fit the network.

    Examples
    --------
    >>> net = Network([3, 5, 2], seed=1)
    >>> agreement = verify(net, [[0.0, 1.0], [0.5, 0.2], [0.1, 0.9]], [0, 1])
    >>> agreement.is_good, agreement.loop < 1e-12, agreement.n_columns, agreement.n_parameters
    (True, True, 2, 32)
    """
    net.cost(X, targets)  # checks X and targets before columns are drawn
    X, targets = np.asarray(X), np.asarray(targets)
    d, rng = net.description, np.random.default_rng(0)
    most = min(COLUMNS, max(1, MOST_WORK // net.parameters.size))
    columns = np.sort(rng.choice(X.shape[1], min(most, X.shape[1]), replace=False))
    X, targets = X[:, columns], targets[..., columns]
    trace = net.trace(X, targets)
    inputs, Y = trace.X.astype(np.float64), trace.Y.astype(np.float64)
    ours = net.gradient(X, targets).flat.astype(np.float64)
    parameters = Parameters.of(net.parameters.astype(np.float64), d.layout)
    loop_limit = LOOP_LIMIT_IN_EPS * float(np.finfo(d.dtype).eps)
    with np.errstate(over="ignore"):  # e^-z in the book's sigmoid may overflow; the result is 0
        chosen, slopes = _differences(d, parameters, inputs, Y, rng)
        network = parameters.weights, _biases(parameters), d.activations
        loop = _mean(d, reference.gradient_by_loop(*network, d.cost, inputs, Y), columns.size)
        # The gradient if each output of each sample were off by 1: with a cost where sigma'
        # cancels, (BP1) is a - y for any activation function.
        a = reference.feedforward(*network, inputs)[1][-1]
        sums = reference.gradient_by_matrix(*network, "cross_entropy", inputs, a - 1)
        least = LEAST_ERROR * float(np.abs(_mean(d, sums, columns.size)).max())
    return Agreement(
        loop=_distance(ours, loop, least),
        differences=_distance(ours[chosen], slopes, least),
        n_columns=columns.size,
        n_parameters=chosen.size,
        loop_limit=loop_limit,
        differences_limit=DIFFERENCES_LIMIT + loop_limit,
    )


def _mean(d: Description, sums: tuple[list[Array], list[Array]], n: int) -> Array:
    """Return the sums (nabla_b, nabla_W) divided by n, in the order of theta."""
    parts = []
    for b, W in zip(*sums, strict=True):
        parts += [W.ravel(), b.ravel()] if d.bias else [W.ravel()]
    return np.asarray(np.concatenate(parts) / n)


def _differences(
    d: Description, parameters: Parameters, X: Array, Y: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Return indices of some parameters, and central differences of the cost for them."""
    theta = parameters.flat
    chosen, slopes = [], []
    for i in rng.choice(theta.size, size=min(DIFFERENCES, theta.size), replace=False):
        kept = theta[i]
        theta[i] = kept + STEP
        cost_above, bent_above = _cost(d, parameters, X, Y)
        theta[i] = kept - STEP
        cost_below, bent_below = _cost(d, parameters, X, Y)
        theta[i] = kept
        if all(map(np.array_equal, bent_above, bent_below)):
            chosen.append(i)
            slopes.append((cost_above - cost_below) / (2 * STEP))
    return np.array(chosen, np.intp), np.array(slopes)


def _cost(d: Description, parameters: Parameters, X: Array, Y: Array) -> tuple[float, list[Array]]:
    """Return the mean cost, and on which side of each kink (jump of C' or C'') the numbers are."""
    zs, a_s = reference.feedforward(parameters.weights, _biases(parameters), d.activations, X)
    bent = [
        np.digitize(z, find_activation(name).kinks, right=True)
        for z, name in zip(zs, d.activations, strict=True)
    ]
    cost = d.cost if isinstance(d.cost, ParameterCost) else find_cost(d.cost)
    bent.append(np.digitize(a_s[-1] - Y, cost.kinks))
    costs = reference.cost_terms(d.cost, zs[-1], a_s[-1], Y)
    return float(costs.sum() / X.shape[1]), bent


def _biases(parameters: Parameters) -> tuple[Array, ...]:
    """Return the biases, or zeros if the network has none."""
    return tuple(parameters.biases) or tuple(np.zeros((len(W), 1)) for W in parameters.weights)


def _distance(ours: Array, theirs: Array, least: float) -> float:
    scale = float(np.abs(theirs).max(initial=least))
    return float(np.abs(ours - theirs).max(initial=0.0)) / (scale or 1.0)
