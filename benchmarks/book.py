"""The book's calls with lists of tuples: `bpmatrix.nielsen` against the book's loop.

An epoch, an epoch with a custom cost object, and the outputs for one column.
"""

import contextlib
import io
import random
from collections.abc import Callable
from functools import partial

import click
import numpy as np

from benchmarks.data import load_samples
from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import reference
from bpmatrix.array_types import Array
from bpmatrix.bench.comparing import compare
from bpmatrix.nielsen import network, network2

SIZES, MINI_BATCH_SIZE, ETA = [784, 30, 10], 10, 3.0
SEED, FEW_IMAGES, FEW_STEPS = 1, 1000, 500
LEAST_GAIN = 15.0
# The quads, and the divisor of the number of training samples.
FULL, QUICK_RUN = (8, 1), (3, 10)


class CustomCost:
    """The cross-entropy as a custom cost, which the engine does not recognize."""

    fn = staticmethod(network2.CrossEntropyCost.fn)
    delta = staticmethod(network2.CrossEntropyCost.delta)


def loop_epoch(
    net: network.Network | network2.Network,
    data: tuple[Array, Array],
    cost: str = "quadratic",
    *,
    backwards: bool = False,
) -> None:
    """One epoch, sample by sample; `backwards` adds a mini-batch's gradients in reverse order."""
    order = list(range(data[0].shape[1]))
    random.shuffle(order)  # as the book shuffles its list
    columns = np.reshape(order, (-1, MINI_BATCH_SIZE))[:, :: -1 if backwards else 1].ravel()
    net.biases, net.weights = reference.train(
        reference.gradient_by_loop, net.weights, net.biases, ["sigmoid"] * 2, cost, *data, columns,
        MINI_BATCH_SIZE, ETA,
    )  # fmt: skip


def loop_outputs(weights: list[Array], biases: list[Array], x: Array) -> Array:
    """Return the outputs for one column, as the book's `feedforward` computes them."""
    for W, b in zip(weights, biases, strict=True):
        x = 1.0 / (1.0 + np.exp(-(np.dot(W, x) + b)))
    return x


def engine_epoch(net: network.Network | network2.Network, data: tuple[Array, Array]) -> None:
    """One epoch with the book's call on a list of tuples."""
    X, Y = data
    pairs = [(x[:, None], y[:, None]) for x, y in zip(X.T, Y.T, strict=True)]
    with contextlib.redirect_stdout(io.StringIO()):
        net.SGD(pairs, 1, MINI_BATCH_SIZE, ETA)


def largest_differences(data: tuple[Array, Array]) -> tuple[float, float]:
    """Return the largest differences from the loop's weights after an epoch with the same seeds.

    The first is the engine's; the second that of the loop which adds the gradients of each
    mini-batch in reverse order. Both are rounding errors, amplified by the training.
    """
    trained = []
    for epoch in (loop_epoch, engine_epoch, partial(loop_epoch, backwards=True)):
        random.seed(SEED)
        np.random.seed(SEED)
        net = network.Network(SIZES)
        epoch(net, data)
        trained.append(np.concatenate([W.ravel() for W in net.weights]))
    ours, itself = (float(np.abs(other - trained[0]).max()) for other in trained[1:])
    return ours, itself


Calls = tuple[str, Callable[[], object], Callable[[], object], float]


def calls(data: tuple[Array, Array]) -> list[Calls]:
    """Return the comparisons: a name, the loop, bpmatrix, and the least speed-up."""
    X, Y = data
    few, x = (X[:, :FEW_IMAGES], Y[:, :FEW_IMAGES]), X[:, :1]
    loop, engine = network.Network(SIZES), network.Network(SIZES)
    own_loop, own = network2.Network(SIZES), network2.Network(SIZES, cost=CustomCost())
    weights, biases = ([p.copy() for p in parts] for parts in (engine.weights, engine.biases))
    return [
        (
            "the outputs for one column",
            lambda: loop_outputs(weights, biases, x),
            lambda: engine.feedforward(x),
            0.9,
        ),
        (
            f"an epoch of {FEW_IMAGES:,} images, a custom cost",
            lambda: loop_epoch(own_loop, few, "cross_entropy"),
            lambda: engine_epoch(own, few),
            1.0,
        ),
        (
            f"an epoch of {X.shape[1]:,} images",
            lambda: loop_epoch(loop, data),
            lambda: engine_epoch(engine, data),
            LEAST_GAIN,
        ),
    ]


@click.command()
@QUICK
def book(quick: bool) -> None:
    """The book's calls on lists of tuples, conversion included, against the loop."""
    report = Report("The book's network, 784-30-10, mini-batches of 10")
    report.columns("call", "loop, ms", "bpmatrix, ms", "gain [95 %]", "target")
    samples = load_samples("mnist")
    quads, share = QUICK_RUN if quick else FULL
    n = samples.X.shape[1] // share
    X = samples.X.T[:n].astype(np.float32).T / np.float32(256)
    data = X, np.eye(10)[samples.targets[:n]].T
    notes = [f"data: {samples.source}"]
    for steps in (FEW_STEPS, n // MINI_BATCH_SIZE):
        few = steps * MINI_BATCH_SIZE
        ours, itself = largest_differences((data[0][:, :few], data[1][:, :few]))
        notes.append(
            f"after {steps:,} mini-batches the weights differ from the loop's by {ours:.1e}; those"
            f" of a loop that adds gradients in reverse order differ by {itself:.1e}"
        )
    for name, loop, engine, least in calls(data):
        found = compare(loop, engine, quads=quads, block_seconds=0.1)
        report.row(
            name, f"{1e3 * found.f:.3g}", f"{1e3 * found.g:.3g}", str(found.ratio),
            verdict(found.ratio.median, least),
        )  # fmt: skip
    report.finish(notes)
