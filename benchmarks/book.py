"""The book's call, lists of tuples in: an epoch of `bpmatrix.nielsen` against the book's loop."""

from __future__ import annotations

import contextlib
import io
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
from bpmatrix.nielsen import network
from bpmatrix.nielsen.mnist_loader import vectorized_result

Array = NDArray[Any]
Pairs = list[tuple[Array, Array]]

SIZES, MINI_BATCH_SIZE, ETA = [784, 30, 10], 10, 3.0
LEAST_GAIN = 15.0
# Quads, and which part of the training data: all, or a tenth.
FULL, QUICK_RUN = (8, 1), (3, 10)


def training_data() -> tuple[Pairs, str]:
    """Return the book's list of tuples, a view of a row of float32 for each image, and a source."""
    samples = load_samples("mnist")
    table = samples.X.T.astype(np.float32) / np.float32(256)
    pairs = zip(table, samples.targets, strict=True)
    return [(row.reshape(-1, 1), vectorized_result(label)) for row, label in pairs], samples.source


def loop_epoch(net: network.Network, data: Pairs) -> None:
    """One epoch, sample by sample, in the order in which the data stand."""
    weights, biases = net.weights, net.biases
    functions = ["sigmoid"] * len(weights)
    for k in range(0, len(data), MINI_BATCH_SIZE):
        mini_batch = data[k : k + MINI_BATCH_SIZE]
        sum_b, sum_W = [np.zeros(b.shape) for b in biases], [np.zeros(W.shape) for W in weights]
        for x, y in mini_batch:
            nabla_b, nabla_W = reference.backprop(weights, biases, functions, "quadratic", x, y)
            sum_b = [s + nb for s, nb in zip(sum_b, nabla_b, strict=True)]
            sum_W = [s + nW for s, nW in zip(sum_W, nabla_W, strict=True)]
        rate = ETA / len(mini_batch)
        weights = [W - rate * s for W, s in zip(weights, sum_W, strict=True)]
        biases = [b - rate * s for b, s in zip(biases, sum_b, strict=True)]
    net.weights, net.biases = weights, biases


def engine_epoch(net: network.Network, data: Pairs) -> None:
    """One epoch by the book's call: it shuffles the list and converts it."""
    with contextlib.redirect_stdout(io.StringIO()):
        net.SGD(data, 1, MINI_BATCH_SIZE, ETA)


def largest_difference(data: Pairs) -> float:
    """Return how far the weights of both are apart after an epoch of the same order."""
    nets = [network.Network(SIZES), network.Network(SIZES)]
    nets[1].weights, nets[1].biases = nets[0].weights, nets[0].biases
    engine_epoch(nets[0], data)  # leaves the list in the order that it has trained in
    loop_epoch(nets[1], data)
    pairs = zip(nets[0].weights, nets[1].weights, strict=True)
    return max(float(np.abs(ours - book).max()) for ours, book in pairs)


@click.command()
@QUICK
@JSON
def book(quick: bool, json_file: str | None) -> None:
    """The book's call, SGD on a list of tuples: an epoch, conversion included, against the loop."""
    report = Report("An epoch of the book's network, 784-30-10, mini-batches of 10", json_file)
    rows = report.table("training data", "loop, s", "bpmatrix, s", "gain [95 %]", "target")
    data, source = training_data()
    quads, part = QUICK_RUN if quick else FULL
    data = data[: len(data) // part]
    difference = largest_difference(data)
    loop_net, engine_net = network.Network(SIZES), network.Network(SIZES)
    comparison = compare(
        lambda: loop_epoch(loop_net, data),
        lambda: engine_epoch(engine_net, data),
        quads=quads,
        block_seconds=0.1,
    )
    rows.add_row(
        f"{len(data):,}", f"{comparison.f:.3f}", f"{comparison.g:.3f}",
        str(comparison.ratio).replace("[", r"\["), verdict(comparison.ratio.median, LEAST_GAIN),
    )  # fmt: skip
    report.record(samples=len(data), difference=difference, comparison=asdict(comparison))
    notes = [
        f"data: {source}",
        f"after an epoch in the same order the weights differ by {difference:.1e} at most",
    ]
    report.finish(rows, notes)
