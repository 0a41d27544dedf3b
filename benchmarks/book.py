"""The book's calls with lists of tuples: `bpmatrix.nielsen` against the book's loop.

An epoch, an epoch with a custom cost object, and the outputs for one column.
"""

from __future__ import annotations

import contextlib
import functools
import io
import random
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.data import load_samples
from benchmarks.options import JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix import reference
from bpmatrix.bench.comparing import compare
from bpmatrix.nielsen import network, network2
from bpmatrix.nielsen.mnist_loader import vectorized_result

Array = NDArray[Any]
Pairs = list[tuple[Array, Array]]

SIZES, MINI_BATCH_SIZE, ETA = [784, 30, 10], 10, 3.0
SEED, FEW_STEPS = 1, 500
LEAST_GAIN = 15.0
FEW_IMAGES = 1000
# The quads, and the divisor of the number of training samples.
FULL, QUICK_RUN = (8, 1), (3, 10)


def training_data() -> tuple[Pairs, str]:
    """Return the book's list of tuples, with float32 views as images, and its source."""
    samples = load_samples("mnist")
    table = samples.X.T.astype(np.float32) / np.float32(256)
    pairs = zip(table, samples.targets, strict=True)
    return [(row.reshape(-1, 1), vectorized_result(label)) for row, label in pairs], samples.source


class CustomCost:
    """The cross-entropy as a custom cost, which the engine does not recognize."""

    fn = staticmethod(network2.CrossEntropyCost.fn)
    delta = staticmethod(network2.CrossEntropyCost.delta)


def loop_epoch(
    net: network.Network | network2.Network,
    data: Pairs,
    *,
    cost: str = "quadratic",
    backwards: bool = False,
) -> None:
    """One epoch, sample by sample; `backwards` adds a mini-batch's gradients in reverse order."""
    random.shuffle(data)
    weights, biases = net.weights, net.biases
    functions = ["sigmoid"] * len(weights)
    for k in range(0, len(data), MINI_BATCH_SIZE):
        mini_batch = data[k : k + MINI_BATCH_SIZE]
        sum_b, sum_W = [np.zeros(b.shape) for b in biases], [np.zeros(W.shape) for W in weights]
        for x, y in reversed(mini_batch) if backwards else mini_batch:
            nabla_b, nabla_W = reference.backprop(weights, biases, functions, cost, x, y)
            sum_b = [s + nb for s, nb in zip(sum_b, nabla_b, strict=True)]
            sum_W = [s + nW for s, nW in zip(sum_W, nabla_W, strict=True)]
        rate = ETA / len(mini_batch)
        weights = [W - rate * s for W, s in zip(weights, sum_W, strict=True)]
        biases = [b - rate * s for b, s in zip(biases, sum_b, strict=True)]
    net.weights, net.biases = weights, biases


def loop_outputs(weights: list[Array], biases: list[Array], x: Array) -> Array:
    """Return the outputs for one column, as the book's `feedforward` computes them."""
    for W, b in zip(weights, biases, strict=True):
        x = 1.0 / (1.0 + np.exp(-(np.dot(W, x) + b)))
    return x


def engine_epoch(net: network.Network | network2.Network, data: Pairs) -> None:
    """One epoch with the book's call."""
    with contextlib.redirect_stdout(io.StringIO()):
        net.SGD(data, 1, MINI_BATCH_SIZE, ETA)


def largest_differences(data: Pairs) -> tuple[float, float]:
    """Return the largest differences from the loop's weights after an epoch with the same seeds.

    The first is the engine's; the second that of the loop which adds the gradients of each
    mini-batch in reverse order. Both are rounding errors, amplified by the training.
    """
    trained = []
    backwards = functools.partial(loop_epoch, backwards=True)
    for epoch in (loop_epoch, engine_epoch, backwards):
        random.seed(SEED)
        np.random.seed(SEED)
        net = network.Network(SIZES)
        epoch(net, list(data))
        trained.append(np.concatenate([W.ravel() for W in net.weights]))
    ours, itself = (float(np.abs(other - trained[0]).max()) for other in trained[1:])
    return ours, itself


Calls = tuple[str, Callable[[], object], Callable[[], object], float]


def calls(data: Pairs) -> list[Calls]:
    """Return the comparisons: a name, the loop, bpmatrix, and the least speed-up."""
    few, x = data[:FEW_IMAGES], data[0][0]
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
            f"an epoch of {len(few):,} images, a custom cost",
            lambda: loop_epoch(own_loop, list(few), cost="cross_entropy"),
            lambda: engine_epoch(own, list(few)),
            1.0,
        ),
        (
            f"an epoch of {len(data):,} images",
            lambda: loop_epoch(loop, list(data)),
            lambda: engine_epoch(engine, list(data)),
            LEAST_GAIN,
        ),
    ]


@click.command()
@QUICK
@JSON
def book(quick: bool, json_file: str | None) -> None:
    """The book's calls on lists of tuples, conversion included, against the loop."""
    report = Report("The book's network, 784-30-10, mini-batches of 10", json_file)
    report.columns("call", "loop, ms", "bpmatrix, ms", "gain [95 %]", "target")
    data, source = training_data()
    quads, share = QUICK_RUN if quick else FULL
    data = data[: len(data) // share]
    notes = [f"data: {source}"]
    for part in (data[: FEW_STEPS * MINI_BATCH_SIZE], data):
        ours, itself = largest_differences(part)
        steps = len(part) // MINI_BATCH_SIZE
        notes.append(
            f"after {steps:,} mini-batches the weights differ from the loop's by {ours:.1e}; those"
            f" of a loop that adds gradients in reverse order differ by {itself:.1e}"
        )
        report.record(steps=steps, difference=ours, backwards=itself)
    for name, loop, engine, least in calls(data):
        comparison = compare(loop, engine, quads=quads, block_seconds=0.1)
        report.row(
            name, f"{1e3 * comparison.f:.3g}", f"{1e3 * comparison.g:.3g}",
            str(comparison.ratio), verdict(comparison.ratio.median, least),
        )  # fmt: skip
        report.record(call=name, comparison=asdict(comparison))
    report.finish(notes)
