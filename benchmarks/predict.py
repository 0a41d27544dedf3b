"""Prediction: one column, and many, from Python."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import Any

import click
import numpy as np

from benchmarks.cases import CASES
from benchmarks.options import DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix import Network
from bpmatrix.bench.comparing import calibrate, compare_arms
from bpmatrix.bench.report import microseconds
from bpmatrix.bench.task import Task
from bpmatrix.bench.workers import SkippedError, Worker, thread_environment
from bpmatrix.engine.places import count_processors

MANY = 10_000
LEAST_GAIN = 1.2
MOST_MICROSECONDS = 12.0


class OwnPrediction:
    """`Network.feedforward`, its checks included, on inputs in the network's type."""

    def __init__(self, task: Task, columns: int) -> None:
        self._net = Network(
            task.sizes, activation=task.activations, cost=task.cost, dtype=task.dtype
        )
        weights, biases = task.first_weights()
        views = self._net.weights + self._net.biases
        for view, given in zip(views, weights + biases, strict=True):
            view[:] = given
        self._X = task.inputs()[:, :columns]

    def predict(self, times: int) -> None:
        """Feed the columns forward so many times."""
        for _ in range(times):
            self.outputs = self._net.feedforward(self._X)

    def result(self) -> Any:
        """Return the last outputs."""
        return self.outputs


class TorchPrediction:
    """The same network as `linear` and `sigmoid` without gradients."""

    def __init__(self, task: Task, columns: int) -> None:
        self._torch = import_module("torch")
        weights, biases = task.first_weights()
        self._layers = [
            (self._torch.from_numpy(W), self._torch.from_numpy(b.ravel()))
            for W, b in zip(weights, biases, strict=True)
        ]
        self._x = self._torch.from_numpy(np.ascontiguousarray(task.inputs()[:, :columns].T))

    def predict(self, times: int) -> None:
        """Feed the columns forward so many times."""
        linear = self._torch.nn.functional.linear
        with self._torch.inference_mode():
            for _ in range(times):
                a = self._x
                for W, b in self._layers:
                    a = linear(a, W, b).sigmoid_()
                self.outputs = a

    def result(self) -> Any:
        """Return the last outputs."""
        return self.outputs.numpy().T


@click.command()
@DTYPE
@QUICK
@JSON
def predict(dtypes: tuple[str, ...], quick: bool, json_file: str | None) -> None:
    """Prediction through 784-30-10: one column, and 10,000 against PyTorch."""
    report = Report("784-30-10, microseconds a call of feedforward", json_file)
    report.columns("columns", "type", "bpmatrix", "pytorch", "bpmatrix is faster", "target")
    notes: list[str] = []
    for dtype in dtypes:
        for columns in (1, MANY):
            try:
                report.row(*_row(report, dtype, columns, quick=quick))
            except SkippedError as error:
                notes.append(str(error))
                report.row(*_alone(dtype, columns))
    report.finish(notes)


def _row(report: Report, dtype: str, columns: int, *, quick: bool) -> list[str]:
    """Time both; of PyTorch's numbers of threads the better counts."""
    task = CASES[0].task(dtype)
    best = None
    for threads in sorted({1, count_processors()}) if columns > 1 else (1,):
        with Worker("bpmatrix") as own, Worker("pytorch", thread_environment(threads)) as other:
            own.make(OwnPrediction, task, columns)
            other.make(TorchPrediction, task, columns)
            found = compare_arms(
                other.arm("predict"), own.arm("predict"), quads=6 if quick else 40,
                block_seconds=0.02,
            )  # fmt: skip
            if not np.allclose(own.call("result"), other.call("result"), atol=1e-4):
                return [str(columns), dtype, "void: other outputs", "", "", ""]
        best = found if best is None or found.f < best.f else best
    assert best is not None
    report.record(columns=columns, dtype=dtype, comparison=asdict(best))
    target = _target(columns, best.g, best.ratio.median)
    shown = str(best.ratio)
    return [str(columns), dtype, microseconds(best.g), microseconds(best.f), shown, target]


def _alone(dtype: str, columns: int) -> list[str]:
    """Time bpmatrix where PyTorch is not installed."""
    with Worker("bpmatrix") as own:
        own.make(OwnPrediction, CASES[0].task(dtype), columns)
        arm = own.arm("predict")
        calls = calibrate(arm, 0.02)
        seconds = float(np.median([arm(calls) / calls for _ in range(9)]))
    target = _target(columns, seconds, None)
    return [str(columns), dtype, microseconds(seconds), "-", "-", target]


def _target(columns: int, seconds: float, gain: float | None) -> str:
    if columns == 1:
        return verdict(seconds * 1e6, MOST_MICROSECONDS, at_most=True)
    return "" if gain is None else verdict(gain, LEAST_GAIN)
