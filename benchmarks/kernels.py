"""The sigmoid on a vector, against PyTorch and SciPy."""

from __future__ import annotations

from dataclasses import asdict
from importlib import import_module
from typing import Any

import click
import numpy as np

from benchmarks.options import JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.comparing import compare_arms
from bpmatrix.bench.contenders import thread_environment
from bpmatrix.bench.report import microseconds
from bpmatrix.bench.workers import SkippedError, Worker

ELEMENTS = 3200
TARGETS = {"pytorch": 1.5, "scipy": 4.0}


class Sigmoids:
    """sigmoid of normal numbers by a library; the results go into an array that is there."""

    def __init__(self, library: str, dtype: str) -> None:
        self._z = (3 * np.random.default_rng(0).standard_normal(ELEMENTS)).astype(dtype)
        self._a = np.empty_like(self._z)
        self._sigmoid = getattr(self, f"_{library}")()

    def apply(self, times: int) -> None:
        """Compute all elements so many times."""
        for _ in range(times):
            self._sigmoid()

    def result(self) -> Any:
        """Return what was computed."""
        return self._a

    def _bpmatrix(self) -> Any:
        compiled = import_module("benchmarks.compiled")
        return lambda: compiled.sigmoid(self._z, self._a)

    def _pytorch(self) -> Any:
        torch = import_module("torch")
        torch.set_num_threads(1)
        z, a = torch.from_numpy(self._z), torch.from_numpy(self._a)
        return lambda: torch.sigmoid(z, out=a)

    def _scipy(self) -> Any:
        special = import_module("scipy.special")
        return lambda: special.expit(self._z, out=self._a)


@click.command()
@QUICK
@JSON
def kernels(quick: bool, json_file: str | None) -> None:
    """Sigmoid of 3,200 float64 values on one core, called from Python."""
    report = Report(f"sigmoid of {ELEMENTS:,} float64, microseconds a call", json_file)
    rows = report.table("library", "time", "bpmatrix", "bpmatrix is faster [95 %]", "target")
    notes: list[str] = []
    for library, target in TARGETS.items():
        environment = thread_environment(1)
        with Worker("bpmatrix", environment) as own, Worker(library, environment) as other:
            try:
                own.make(Sigmoids, "bpmatrix", "float64")
                other.make(Sigmoids, library, "float64")
            except SkippedError as error:
                notes.append(str(error))
                continue
            comparison = compare_arms(
                other.arm("apply"), own.arm("apply"), quads=8 if quick else 100
            )
            difference = np.abs(own.call("result") - other.call("result")).max()
        ratio = comparison.ratio
        rows.add_row(
            library, microseconds(comparison.f), microseconds(comparison.g),
            str(ratio).replace("[", r"\["), verdict(ratio.median, target),
        )  # fmt: skip
        notes.append(f"{library}: results differ by at most {difference:.1g}")
        report.record(library=library, comparison=asdict(comparison))
    report.finish(rows, notes)
