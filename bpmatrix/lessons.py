"""The lesson's layer-by-layer updates, last layer first, and its two measures of accuracy.

The lesson on networks of one, two and more layers updates one layer at a time: first the last one;
then everything is computed again, so that the gradient of the layer below uses the new weights; and
so on down to the first. Gradient descent as in the book (`Network.train`) computes the gradient
once and updates all layers together. For networks with one layer the two are the same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.checks import NOT_NEGATIVE, real_number, whole_number
from bpmatrix.errors import DivergenceError, ShapeError
from bpmatrix.history import History
from bpmatrix.network import Network

__all__ = [
    "gauss_newton_step",
    "regression_accuracy",
    "share_of_right_answers",
    "train_in_sequence",
    "update_in_sequence",
]


def update_in_sequence(
    net: Network, X: ArrayLike, targets: ArrayLike, learning_rate: float
) -> None:
    """Update layers L, L - 1, ..., 1 in turn, recomputing the gradient after each update.

    Parameters
    ----------
    net : Network
        Changed in place.
    X : (n_0, m) array_like
        Samples as columns: a mini-batch, or all data as in the lesson.
    targets : array_like
        As for `Network.gradient`.
    learning_rate : float
        The step size.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        For wrong arguments, before anything has changed.

    Examples
    --------
    >>> net = Network([1, 1, 1], activation="identity", cost="quadratic", bias=False, seed=1)
    >>> net.weights[0][:], net.weights[1][:] = 1, 1
    >>> update_in_sequence(net, [[1.0]], [3.0], learning_rate=0.5)
    >>> net.weights[1]          # 1 - 0.5 (1 - 3) 1
    array([[2.]])
    >>> net.weights[0]          # 1 - 0.5 (2 - 3) 2: the 2 is the new weight above
    array([[2.]])
    """
    rate = real_number(learning_rate, "learning_rate", *NOT_NEGATIVE)
    for l in range(len(net.weights) - 1, -1, -1):
        gradient = net.gradient(X, targets)  # forward and backward again
        net.weights[l][:] -= rate * gradient.weights[l]
        if net.biases:
            net.biases[l][:] -= rate * gradient.biases[l]


def train_in_sequence(
    net: Network, X: ArrayLike, targets: ArrayLike, *, epochs: int, learning_rate: float
) -> list[float]:
    """Call `update_in_sequence` with all samples, `epochs` times.

    Parameters
    ----------
    net : Network
        Changed in place.
    X, targets
        As for `update_in_sequence`.
    epochs : int
        Number of updates of every layer.
    learning_rate : float
        The step size.

    Returns
    -------
    list of float
        The mean cost after each epoch.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        For wrong arguments, before anything has changed.
    DivergenceError
        If a cost or weight is not finite; the network then has the weights from before that epoch.

    Examples
    --------
    >>> net = Network([1, 3, 1], activation="identity", cost="quadratic", seed=1)
    >>> costs = train_in_sequence(
    ...     net, [[0.0, 1.0, 2.0]], [1.0, 3.0, 5.0], epochs=500, learning_rate=0.05
    ... )
    >>> costs[-1] < 1e-6        # y = 2 x + 1
    True
    """
    costs: list[float] = []
    for epoch in range(whole_number(epochs, "epochs", least=0)):
        before = net.parameters.copy()
        with np.errstate(over="ignore", invalid="ignore"):  # reported below
            update_in_sequence(net, X, targets, learning_rate)
        cost = net.cost(X, targets)
        if not (np.isfinite(cost) and np.isfinite(net.parameters).all()):
            net.parameters[:] = before
            raise DivergenceError(
                f"training diverged in epoch {epoch + 1}: the cost or a weight is not finite",
                epoch=epoch + 1,
                step=1,
                history=History(seed=net.seed),
                cure=f"Lower the learning rate (it is {learning_rate:g}).",
            )
        costs.append(cost)
    return costs


def gauss_newton_step(net: Network, X: ArrayLike, y: ArrayLike) -> None:
    """Take one Gauss-Newton step of a single neuron with the quadratic cost.

    Gradient descent steps along -J^T e, where J contains the derivatives of the errors e = a - y:
    a row sigma'(z) (x, 1) for each sample. Gauss-Newton goes to the minimum of ||e + J h||^2, where
    the errors would be smallest if they were linear: (J^T J) h = -J^T e. For the identity they are
    linear, and one step is enough. `LevenbergMarquardt` adds a damping mu to the diagonal, which
    shortens steps that go too far.

    Parameters
    ----------
    net : Network
        One layer with one unit, changed in place.
    X : (n_0, n) array_like
        Samples as columns.
    y : (n,) array_like
        The targets.

    Raises
    ------
    ShapeError
        If the network is not a single neuron.

    Examples
    --------
    >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
    >>> gauss_newton_step(net, [[0.0, 1.0, 2.0]], [1.0, 3.0, 5.0])
    >>> net.weights[0].round(9), net.biases[0].round(9)     # y = 2 x + 1
    (array([[2.]]), array([[1.]]))
    """
    if len(net.weights) != 1 or len(net.weights[0]) != 1:
        raise ShapeError(
            "the network is not a single neuron",
            got=list(net.description.sizes),
            expected="[n, 1]",
            cure="Train other networks with optimizer=LevenbergMarquardt().",
        )
    samples = list(np.asarray(X, np.float64).T)
    # The gradient of one sample's cost is e times its row of J; e is 1 for the target a - 1.
    a = net.feedforward(X)[0]
    e = a - np.asarray(y, np.float64)
    J = [net.gradient(x[:, np.newaxis], [a_j - 1]).flat for x, a_j in zip(samples, a, strict=True)]
    net.parameters[:] -= np.linalg.lstsq(np.array(J), e, rcond=None)[0]


def regression_accuracy(net: Network, X: ArrayLike, Y: ArrayLike) -> float:
    """Return the lesson's train accuracy of a regression: 100 - sqrt(sum of (a - y)^2) / n * 100.

    100 is a perfect fit; there is no lower bound. For errors of the same size it grows with the
    number of samples n, since the root grows like sqrt(n).

    Parameters
    ----------
    net : Network
        The network.
    X : (n_0, n) array_like
        Samples as columns.
    Y : (n_L, n) or, with one output, (n,) array_like
        The targets.

    Raises
    ------
    ShapeError
        If Y does not have the shape of the outputs.

    Examples
    --------
    >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
    >>> net.weights[0][:], net.biases[0][:] = 2, 0
    >>> regression_accuracy(net, [[1.0, 2.0]], [2.0, 4.5])      # 100 - 0.5 / 2 * 100
    75.0
    """
    a, y = net.feedforward(X), np.asarray(Y, np.float64)
    if y.shape not in (a.shape, a.shape[1:] if len(a) == 1 else a.shape):
        raise ShapeError(f"Y has shape {y.shape}", expected=f"{a.shape}, the shape of the outputs")
    return float(100 - np.sqrt(np.sum((a - y.reshape(a.shape)) ** 2)) / a.shape[1] * 100)


def share_of_right_answers(net: Network, X: ArrayLike, targets: ArrayLike) -> float:
    """Return the lesson's train accuracy of a classification: `Network.accuracy` in per cent.

    Examples
    --------
    >>> net = Network([1, 1], seed=1)
    >>> net.weights[0][:], net.biases[0][:] = 1, 0
    >>> share_of_right_answers(net, [[-1.0, 1.0, 2.0, 3.0]], [0.0, 1.0, 1.0, 0.0])
    75.0
    """
    return 100 * net.accuracy(X, targets)
