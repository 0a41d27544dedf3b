"""Measures how long the engine waits for a file that is read in blocks."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import Blocks, Network
from bpmatrix.history import EpochInfo
from bpmatrix.samples.ahead import Ahead

MOST = 0.10  # of the time of an epoch


@dataclass(frozen=True)
class Case:
    """A network, and a file that is in the cache of the system."""

    sizes: tuple[int, ...]
    samples: int
    dtype: str
    mini_batch_size: int

    @property
    def name(self) -> str:
        """The layers, the number of samples and their type."""
        return f"{'-'.join(map(str, self.sizes))}, {self.samples:,} samples of {self.dtype}"

    def times(self, epochs: int, folder: Path) -> tuple[float, float, int]:
        """Return the share of waiting and the duration of the best epoch, and the file's bytes."""
        draw = np.random.default_rng(0).integers(0, 255, (self.samples, self.sizes[0]))
        table, labels = draw.astype(self.dtype), np.arange(self.samples) % self.sizes[-1]
        np.save(folder / "X.npy", table)
        net, found = Network(self.sizes, seed=1, input_scale=1 / 255), []
        blocks = Blocks(folder / "X.npy", labels, window=1)
        how: dict[str, Any] = {"mini_batch_size": self.mini_batch_size, "n_threads": 1}

        def note(entry: EpochInfo) -> None:
            found.append((waited.seconds / entry.seconds, entry.seconds))
            waited.seconds = 0.0

        with waiting() as waited:
            net.train(blocks, epochs=epochs + 1, callbacks=[note], **how)
        return *min(found[1:]), table.nbytes  # the first includes the first pass


@dataclass
class Waited:
    """The time for which the engine has waited for the thread that reads."""

    seconds: float = 0.0


@contextmanager
def waiting() -> Iterator[Waited]:
    """Measure how long the engine waits."""
    take, waited = Ahead.take, Waited()

    def timed(self: Ahead[Any]) -> Any:
        start = time.perf_counter()
        try:
            return take(self)
        finally:
            waited.seconds += time.perf_counter() - start

    with mock.patch.object(Ahead, "take", timed):
        yield waited


CASES = (
    Case((784, 30, 10), 120_000, "uint8", 10),
    Case((784, 100, 10), 120_000, "uint8", 32),
    Case((64, 30, 10), 400_000, "float32", 32),
    Case((20, 64, 2), 400_000, "float64", 100),
)


@click.command()
@QUICK
def blocks(quick: bool) -> None:
    """Measure for which part of an epoch the engine waits for a file that is read in blocks.

    The engine runs on one thread, the thread that reads on another. The file is in the cache of the
    system, and a window is one block of 8 MB.
    """
    report = Report("Waiting for a file in blocks, in the best epoch")
    report.columns("case", "file", "epoch", "waiting", "target")
    for case in CASES[:1] if quick else CASES:
        with tempfile.TemporaryDirectory() as folder:
            share, seconds, size = case.times(2 if quick else 6, Path(folder))
        judged = verdict(share, MOST, at_most=True)
        report.row(case.name, f"{size / 1e6:.0f} MB", f"{seconds:.2f} s", f"{share:.1%}", judged)
    report.finish(["on a busy machine, the thread that reads may have to wait for a processor"])
