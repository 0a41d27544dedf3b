"""`diagnose`: measure why a network does not learn, or not well enough."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.architecture.activations import OwnActivation, find_activation
from bpmatrix.array_types import Array
from bpmatrix.engine.evaluation import scores
from bpmatrix.engine.trace import LayerTrace
from bpmatrix.errors import DivergenceError
from bpmatrix.inspection import symptoms
from bpmatrix.inspection.symptoms import Finding, LayerHealth
from bpmatrix.markup import escaped, table
from bpmatrix.network import Network, gate
from bpmatrix.samples.arrays import are_classes
from bpmatrix.training.arguments import checked_mini_batch_size
from bpmatrix.training.optimizers import Optimizer

# Enough to estimate a share of the samples to a few percent.
COLUMNS = 1000
STEPS = 10
# The usual range of z. Activation functions are steepest here, unless their slope is unbounded.
USUAL_Z = np.linspace(-3.0, 3.0, 601)
SEARCH_STEPS = 200


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of `diagnose`, to be printed.

    Attributes
    ----------
    findings : tuple of Finding
        The worst first: the one furthest beyond its limit. Findings that follow from another one
        are omitted (short steps below flat units) or come last (nothing was learned).
    layers : tuple of LayerHealth
        The measurements of each layer. Empty if activations are not finite, which is then the only
        finding.
    cost, chance : float
        The mean cost of the samples, and the mean cost of the best constant output.
    n_columns : int
        The number of samples used.
    """

    findings: tuple[Finding, ...]
    layers: tuple[LayerHealth, ...]
    cost: float
    chance: float
    n_columns: int

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def _repr_html_(self) -> str:
        """Return the findings and the measurements of each layer, for notebooks."""
        found = "".join(f"<li>{escaped(line)}</li>" for line in str(self).splitlines())
        headings = ["layer", "units", "activation", "dead", "saturated", "update / weights"]
        rows = [
            [each.l, each.n_units, each.activation, f"{each.dead:.1%}", f"{each.saturated:.1%}",
             f"{each.update:.3g}"]
            for each in self.layers
        ]  # fmt: skip
        title = f"Cost {self.cost:.4g}; of the best constant output {self.chance:.4g}"
        return f"<ul>{found}</ul>" + table(title, headings, rows)

    def __str__(self) -> str:
        """Return one line per finding."""
        if self.is_good:
            return "Nothing found: inputs, units, updates and cost are as they should be."
        return "\n".join(map(str, self.findings))


def diagnose(
    net: Network,
    X: ArrayLike,
    targets: ArrayLike,
    *,
    optimizer: Optimizer | None = None,
    mini_batch_size: int | None = None,
) -> Diagnosis:
    """Find out what keeps a network from learning, without changing it.

    Looks for dead and saturated units, steps too large or too small for the weights, unscaled
    inputs, and a cost no better than chance. Uses at most 1,000 samples, the same ones in every
    call, and takes ten steps on them with a copy of the network.

    Parameters
    ----------
    net : Network
        Trained or not.
    X : (n_0, m) array_like
        Samples as columns, as for training.
    targets : array_like
        As for `Network.train`.
    optimizer : SGD, Adam or another Optimizer, optional
        The optimizer for the steps; None as for `Network.train`.
    mini_batch_size : int, optional
        Samples per step; None means 10, or m if m is smaller.

    Returns
    -------
    Diagnosis
        Prints as plain sentences, the worst first; their advice never conflicts.

    Raises
    ------
    ShapeError, ArrayTypeError, DataError, ArgumentError
        As for `Network.train`.

    Examples
    --------
    >>> from bpmatrix import datasets
    >>> digits = datasets.load("digits")
    >>> net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
    >>> print(diagnose(net, digits.train.X, digits.train.labels))
    Nothing found: inputs, units, updates and cost are as they should be.
    >>> net = Network([64, 30, 10], seed=1)
    >>> diagnose(net, digits.train.X, digits.train.labels).findings[0].kind
    'large_inputs'
    """
    _cost(net, X, targets)  # checks X and targets before columns are drawn
    m = checked_mini_batch_size(mini_batch_size, np.shape(X)[1])
    X, targets = np.asarray(X), np.asarray(targets)
    rng = np.random.default_rng(0)
    columns = rng.choice(X.shape[1], min(COLUMNS, X.shape[1]), replace=False)
    # As floats: `train` would warn about unscaled bytes, which are a finding here.
    X, targets = X[:, columns].astype(np.float64), targets[..., columns]
    trace, cost = net.trace(X, targets), _cost(net, X, targets)
    chance, nothing = _chance(net, trace.Y)
    not_finite = tuple(symptoms.of_numbers(trace.layers))
    if not_finite:
        return Diagnosis(not_finite, (), cost, chance, columns.size)
    functions = net.description.activations
    slopes = [_relative_slopes(*pair) for pair in zip(functions, trace.layers, strict=True)]
    layers = tuple(
        LayerHealth(layer.l, len(layer.z), layer.activation, *_flat_units(slope), *update)
        for layer, slope, update in zip(
            trace.layers,
            [*slopes[:-1], None],
            _updates(net, X, targets, optimizer, m),
            strict=True,
        )
    )
    output, poor = trace.layers[-1], cost > symptoms.POOR * chance
    how = {"poor": poor, "trained": net.epochs > 0}
    found = list(symptoms.of_inputs(trace.X))
    found += [finding for layer in layers for finding in symptoms.of_units(layer, found, **how)]
    found += symptoms.of_outputs(output.l, slopes[-1], output.a - trace.Y, output.delta)
    found += symptoms.of_updates(layers, found, **how)
    found += symptoms.of_cost(
        cost, chance, nothing, found, epochs=net.epochs, classes=are_classes(trace.Y)
    )
    # Last: "nothing learned" follows from the other findings.
    found.sort(key=lambda finding: (finding.kind == "nothing_learned", -finding.excess))
    return Diagnosis(tuple(found), layers, cost, chance, columns.size)


def _cost(net: Network, X: ArrayLike, targets: ArrayLike) -> float:
    """Return `net.cost`, or NaN, for which that raises an error."""
    samples = gate.samples(net.description, X, targets)
    return scores(net.description, net.parameters, samples).cost


def _relative_slopes(activation: str | OwnActivation, layer: LayerTrace) -> Array:
    """Return |sigma'(z)| / max |sigma'| for each unit and sample.

    sigma' is computed as the gradient of a one-unit network with weight 1 with respect to its
    input, so any activation function will do. Softmax has no sigma' and counts as nowhere flat.
    """
    if not find_activation(activation).elementwise:
        return np.ones(layer.z.shape)
    unit = Network([1, 1], output=activation, cost="quadratic", bias=False, seed=0)
    unit.weights[0][:] = 1
    usual = np.abs(unit.input_gradient(USUAL_Z[None, :], output=0))
    # A custom function may be undefined on a part of the range, or flat.
    steepest = usual[np.isfinite(usual)].max(initial=0) or 1.0
    slopes = np.abs(unit.input_gradient(layer.z.reshape(1, -1).astype(np.float64), output=0))
    return np.asarray(slopes.reshape(layer.z.shape) / steepest)


def _flat_units(slopes: Array | None) -> tuple[float, float]:
    """Return the shares of dead units and of saturated units."""
    if slopes is None:
        return 0.0, 0.0
    dead = (slopes < symptoms.FLAT).all(axis=1)
    saturated = ~dead & (slopes.mean(axis=1) < symptoms.SATURATED)
    return float(dead.mean()), float(saturated.mean())


def _updates(
    net: Network, X: Array, targets: Array, optimizer: Optimizer | None, m: int
) -> list[tuple[float, float]]:
    """Return the median and the largest of |step| / |weights| for each layer."""
    n, ratios, twin = X.shape[1], [], copy.deepcopy(net)
    # Steps cannot be compared with weights that start at zero.
    nonzero = [bool(W.any()) for W in twin.weights]
    m = min(n, m)
    for k in range(STEPS):
        batch = np.arange(k * m, (k + 1) * m) % n
        before = [W.astype(np.float64) for W in twin.weights]
        try:
            twin.train(
                X[:, batch], targets[..., batch], epochs=1, mini_batch_size=m, optimizer=optimizer
            )
        except DivergenceError:
            return [(math.inf, math.inf)] * len(before)
        layers = zip(nonzero, twin.weights, before, strict=True)
        sizes = ((_size(W - old), _size(old) if some else 0.0) for some, W, old in layers)
        ratios.append([step / size if size else 0.0 for step, size in sizes])
    return [(float(np.median(layer)), max(layer)) for layer in zip(*ratios, strict=True)]


def _size(W: Array) -> float:
    """Return the root mean square, even if squares overflow or underflow."""
    largest = float(np.abs(W).max())
    return largest * float(np.sqrt(((W / largest) ** 2).mean())) if largest else 0.0


def _chance(net: Network, Y: Array) -> tuple[float, float]:
    """Return the cost of the best constant output, and the cost at z = 0.

    A network with only biases is trained by Rprop: each step length grows while the sign of the
    slope stays the same, and shrinks when it changes (Riedmiller & Braun 1993).
    """
    d = net.description
    biases = Network([1, len(Y)], output=d.activations[-1], cost=d.cost, seed=0)
    biases.parameters[:] = 0
    b, X = biases.biases[0], np.zeros((1, Y.shape[1]))
    nothing = best = biases.cost(X, Y)
    b[:] = 0.5  # ReLU is flat at 0
    length, last = np.full(b.shape, 0.1), np.zeros(b.shape)
    for _ in range(SEARCH_STEPS):
        sign = np.sign(biases.gradient(X, Y).biases[0])
        length *= np.where(sign * last < 0, 0.5, 1.2)
        b -= sign * length
        best, last = min(best, biases.cost(X, Y)), sign
    return best, nothing
