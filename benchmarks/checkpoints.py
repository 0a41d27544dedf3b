"""Measures the cost of checkpoints, per epoch and per file written."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import Adam, Network

MOST = 0.02  # of the training time
SECONDS_BETWEEN = 60.0  # the default of `Network.train`


@dataclass(frozen=True)
class Case:
    """A training run; the cases range from epochs of microseconds to epochs of many slices."""

    sizes: tuple[int, ...]
    samples: int
    epochs: int
    mini_batch_size: int

    @property
    def name(self) -> str:
        """The layers and the number of samples."""
        return f"{'-'.join(map(str, self.sizes))}, {self.samples:,} samples"

    def seconds(self, epochs: int, clock: Callable[[], float], *, is_kept: bool) -> float:
        """Return the time of a run on one thread, including its first and last checkpoint."""
        X = np.random.default_rng(0).standard_normal((self.sizes[0], self.samples))
        labels = np.arange(self.samples) % self.sizes[-1]
        net = Network(self.sizes, seed=1)
        how: dict[str, Any] = {"mini_batch_size": self.mini_batch_size, "n_threads": 1}
        with tempfile.TemporaryDirectory() as folder:
            kept = {"checkpoint": folder} if is_kept else {}
            start = clock()
            net.train(X, labels, epochs=epochs, optimizer=Adam(), **how, **kept)
            return clock() - start


CASES = (
    Case((4, 8, 2), 4, 20_000, 4),
    Case((64, 30, 10), 1_200, 400, 10),
    Case((784, 100, 10), 5_000, 16, 32),
)


@click.command()
@QUICK
def checkpoints(quick: bool) -> None:
    """Measure the cost of checkpoints: per epoch, and for one file every 60 s.

    The epochs are measured in process time. The file is measured in elapsed time, to include the
    disk, as half of a run without epochs, which writes two files.
    """
    report = Report("The cost of checkpoints, as a share of the training time")
    report.columns("case", "in the epochs", "one file", "in all", "target")
    for case in CASES:
        epochs, rounds = (max(1, case.epochs // 20), 2) if quick else (case.epochs, 9)
        with_, without = _of_epochs(case, epochs, rounds)
        file = case.seconds(0, time.perf_counter, is_kept=True) / 2
        of_epochs = with_ / without - 1
        in_all = of_epochs + file / SECONDS_BETWEEN
        judged = verdict(in_all, MOST, at_most=True)
        report.row(case.name, f"{of_epochs:+.2%}", f"{1e3 * file:.1f} ms", f"{in_all:+.2%}", judged)
    report.finish(["on a busy machine, a difference below one percent is noise"])


def _of_epochs(case: Case, epochs: int, rounds: int) -> tuple[float, float]:
    """Return the shortest times of the epochs with and without checkpoints, alternating."""
    ways = [(count, kept) for count in (0, epochs) for kept in (True, False)]
    times = [
        [case.seconds(count, time.process_time, is_kept=kept) for count, kept in ways]
        for _ in range(rounds)
    ]
    *none, with_, without = map(min, zip(*times, strict=True))
    return with_ - none[0], without - none[1]
