"""The size and speed of a C header: 64-30-10 on the digits, against `feedforward` on one core."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.options import DTYPE, QUICK
from benchmarks.report import Report
from bpmatrix import Network, datasets
from bpmatrix.bench.comparing import Arm, compare_arms, in_process
from bpmatrix.engine.processors import threads_worth_starting

AT_ONCE = 100
TOLERANCE = {"float32": 1e-5, "float64": 1e-13}
# `predict_many` is timed without Python between its calls; it takes the samples in turn.
SOURCE = """
#include "net.h"
void predict_many(const {real} *x, {real} *y, size_t n, size_t calls)
{{
    static {real} scratch[net_SCRATCH];
    size_t i, k = 0;
    for (i = 0; i < calls; ++i) {{
        net_predict(x + k * net_INPUTS, y + k * net_OUTPUTS, scratch);
        k = k + 1 < n ? k + 1 : 0;
    }}
}}
"""


@click.command("c")
@DTYPE
@QUICK
def c_header(dtypes: tuple[str, ...], quick: bool) -> None:
    """Measure the C header of 64-30-10: bytes of code and constants, and the time of a sample.

    Compiled with -Os for its size and with -O2 for its speed. `feedforward` takes samples one by
    one, as the header does, or a hundred at once, on one thread. The outputs are compared first.
    """
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        raise click.ClickException("there is no C compiler: install cc, gcc or clang")
    report = Report("The C header of 64-30-10 on the digits")
    report.columns(
        "type", "code, bytes", "constants, bytes", "a sample in C, us", "`feedforward`, us",
        "ratio [95 %]", f"{AT_ONCE} at once, us", "ratio [95 %]",
    )  # fmt: skip
    for dtype in dtypes:
        with tempfile.TemporaryDirectory() as folder:
            compiled = Compiled.of(compiler, Path(folder), dtype)
            compiled.check()
            report.row(dtype, *compiled.sizes(), *compiled.times(quads=6 if quick else 40))
    report.finish([f"{AT_ONCE} at once: the time of each of so many samples in one `feedforward`"])


@dataclass
class Compiled:
    """The header of a network, the network, and samples."""

    compiler: str
    source: Path
    library: Any
    net: Network
    X: Any
    outputs: Any

    @classmethod
    def of(cls, compiler: str, folder: Path, dtype: str) -> Compiled:
        """Write the header, and compile it as a library."""
        digits = datasets.load("digits")
        net = Network([64, 30, 10], input_scale=digits.scale, dtype=dtype, seed=1)
        net.to_c(folder / "net.h", dtype=dtype)
        source = folder / "net.c"
        source.write_text(SOURCE.format(real={"float32": "float", "float64": "double"}[dtype]))
        target = folder / "net.so"
        run([compiler, "-O2", "-fPIC", "-shared", str(source), "-o", str(target), "-lm"])
        X = np.asarray(digits.test.X[:, :AT_ONCE], dtype, order="F")
        return cls(
            compiler, source, ctypes.CDLL(str(target)), net, X, np.empty((AT_ONCE, 10), dtype)
        )

    def sizes(self) -> tuple[str, str]:
        """Return the bytes of code and of constants in the object file."""
        target = self.source.with_suffix(".o")
        run([self.compiler, "-Os", "-c", str(self.source), "-o", str(target)])
        size = shutil.which("size")
        if size is None:
            return "no `size` here", "no `size` here"
        sections = re.findall(r"^(\.\S+)\s+(\d+)", run([size, "-A", str(target)]), re.MULTILINE)
        code, constants = (
            sum(int(count) for name, count in sections if name.startswith(kind))
            for kind in (".text", ".rodata")
        )
        return f"{code:,}", f"{constants:,}"

    def check(self) -> None:
        """Check that the header computes what the network does."""
        self.in_c(AT_ONCE)
        error = np.abs(self.outputs - self.net.feedforward(self.X).T).max()
        if error > TOLERANCE[self.outputs.dtype.name]:
            raise click.ClickException(f"the outputs differ by {error}")
        if threads_worth_starting(AT_ONCE * self.net.parameters.size) > 1:
            raise click.ClickException(f"{AT_ONCE} samples at once are computed by several threads")

    def in_c(self, calls: int) -> float:
        """Predict samples in turn; return the seconds."""
        start = time.perf_counter()
        self.library.predict_many(
            ctypes.c_void_p(self.X.ctypes.data), ctypes.c_void_p(self.outputs.ctypes.data),
            ctypes.c_size_t(AT_ONCE), ctypes.c_size_t(calls),
        )  # fmt: skip
        return time.perf_counter() - start

    def times(self, *, quads: int) -> list[str]:
        """Return the microseconds in C, and those of `feedforward` with their ratios to C."""
        column = self.X[:, :1]
        single = in_process(lambda: self.net.feedforward(column))
        several = in_process(lambda: self.net.feedforward(self.X))
        one = compare_arms(single, self.in_c, quads=quads)
        many = compare_arms(_of_each(several), self.in_c, quads=quads)
        cells = [f"{1e6 * one.g:.2f}"]
        for found in (one, many):
            cells += [f"{1e6 * found.f:.2f}", str(found.ratio)]
        return cells


def _of_each(arm: Arm) -> Arm:
    """Return the arm that counts samples instead of calls with `AT_ONCE` samples."""

    def run_samples(samples: int) -> float:
        calls = max(1, samples // AT_ONCE)
        return arm(calls) * samples / (calls * AT_ONCE)

    return run_samples


def run(command: list[str]) -> str:
    """Return what a command prints."""
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout  # noqa: S603 - a compiler, on our own files
