"""Hypothesis strategies: networks of every kind, and mini-batches for them.

Hypothesis draws a seed, from which parameters and samples are computed: so these are ordinary
numbers, and a failing example shrinks to a small network.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import numpy as np
from hypothesis import strategies as st

from bpmatrix.architecture.activations import ACTIVATIONS, find_activation
from bpmatrix.architecture.costs import COSTS, Huber, Quantile, find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.samples.arrays import Targets, as_inputs, as_targets
from bpmatrix.samples.samples import Samples

# exp is used only for outputs: two of them in a row would overflow.
HIDDEN = [name for name, f in ACTIVATIONS.items() if f.elementwise and name != "exp"]
PARAMETERS = {"huber": Huber(0.7), "quantile": Quantile(0.8)}
# Cost and output; costs without a partner work with any element-wise output.
PAIRS = (
    *((name, cost.partner) for name, cost in COSTS.items() if cost.partner),
    *product(
        (PARAMETERS.get(name, name) for name, cost in COSTS.items() if not cost.partner),
        (*HIDDEN, "exp"),
    ),
)

depths = st.integers(1, 4)
dtypes = st.sampled_from(("float64", "float32"))
# Every vector tail and every tile split occurs below 18; larger widths test blocking.
widths = st.one_of(*[st.integers(1, 17)] * 5, st.sampled_from((30, 64, 100, 256)))
batch_sizes = st.one_of(*[st.integers(1, 20)] * 5, st.sampled_from((33, 64, 130)))
seeds = st.integers(0, 2**32 - 1)


@dataclass(frozen=True)
class Case:
    """A network with its parameters, and a mini-batch with its targets as Y and, if any, labels."""

    description: Description
    theta: np.ndarray = field(repr=False)
    X: np.ndarray = field(repr=False)
    Y: np.ndarray = field(repr=False)
    labels: np.ndarray | None

    def _repr_pretty_(self, printer, cycle) -> None:
        """Print a failing example without its numbers: they come from a seed."""
        printer.text(repr(self))

    @property
    def inputs(self) -> np.ndarray:
        """X after the check."""
        return as_inputs(self.X, self.description.sizes[0], self.description.dtype)

    @property
    def targets(self) -> Targets:
        """The labels, or Y if there are none, after the check."""
        return gate(self.description, self.Y if self.labels is None else self.labels)

    @property
    def samples(self) -> Samples:
        """Inputs and targets after the check."""
        return Samples(self.inputs, self.targets)

    @property
    def reachable(self) -> np.ndarray:
        """Y, scaled into the range of the output layer, as Network.train requires."""
        output = find_activation(self.description.activations[-1])
        if output.lowest is None or find_cost(self.description.cost).partner:
            return self.Y
        if output.highest is None:
            return np.abs(self.Y)
        return output.lowest + (output.highest - output.lowest) * (self.Y - self.Y.min()) / (
            np.ptp(self.Y) or 1
        )

    def in_float64(self):
        """Return the arguments of functions of `reference`: weights, biases, ..., X, Y."""
        d = self.description
        parameters = Parameters.of(self.theta.astype(np.float64), d.layout)
        biases = parameters.biases or [np.zeros((n, 1)) for n in d.sizes[1:]]
        X, Y = self.X.astype(np.float64) * d.input_scale, self.Y.astype(np.float64)
        return parameters.weights, biases, d.activations, d.cost, X, Y


def gate(description: Description, targets: np.ndarray) -> Targets:
    """Return checked targets."""
    return as_targets(targets, description.sizes[-1], targets.shape[-1], description.dtype)


def make_case(description: Description, m: int, seed: int, *, labeled: bool = False) -> Case:
    """Return a case with random numbers from a seed.

    Weights are scaled to keep z near 1, where activation functions are not linear.
    """
    rng = np.random.default_rng(seed)
    n_in, n_out, cost = description.sizes[0], description.sizes[-1], description.cost
    theta = rng.standard_normal(description.layout.size)
    for W in Parameters.of(theta, description.layout).weights:
        W[:] *= 1.5 / np.sqrt(W.shape[1])
    X = rng.standard_normal((m, n_in)).T
    Y = rng.random((m, n_out)).T if cost == "cross_entropy" else rng.standard_normal((m, n_out)).T
    if cost == "poisson":
        Y = np.abs(np.round(Y))
    if cost == "log_likelihood":
        Y = np.exp(Y) / np.exp(Y).sum(axis=0)
    labels = None
    if labeled and n_out > 1:
        labels = rng.integers(0, n_out, m)
        Y = np.zeros((m, n_out)).T
        Y[labels, np.arange(m)] = 1
    theta, X, Y = (v.astype(description.dtype) for v in (theta, X, Y))
    return Case(description, theta, X, Y, labels)


@st.composite
def descriptions(draw, widths=widths, depths=depths, dtypes=dtypes) -> Description:
    """Draw a network of any depth, widths, functions, cost and dtype, with or without biases."""
    layers = draw(depths)
    cost, output = draw(st.sampled_from(PAIRS))
    hidden = [draw(st.sampled_from(HIDDEN)) for _ in range(layers - 1)]
    sizes = tuple(draw(widths) for _ in range(layers + 1))
    return Description(sizes, (*hidden, output), cost, bias=draw(st.booleans()), dtype=draw(dtypes))


any_description = descriptions()


@st.composite
def cases(draw, descriptions=any_description, batch_sizes=batch_sizes) -> Case:
    """Draw a network and a mini-batch for it."""
    labeled = draw(st.booleans())
    return make_case(draw(descriptions), draw(batch_sizes), draw(seeds), labeled=labeled)
