"""Measures the cost of checkpoints, per epoch and per file written."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from unittest import mock

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import Adam, Network
from bpmatrix.storage.checkpoints import Checkpoints

MOST = 0.02  # of the training time
SECONDS_BETWEEN = 60.0  # the default of `Network.train`


class Times(NamedTuple):
    """The process time of a run without its last checkpoint, and the elapsed time of that one."""

    run: float
    file: float


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

    def times(self, epochs: int, *, is_kept: bool) -> Times:
        """Train on one thread, with checkpoints or without."""
        X = np.random.default_rng(0).standard_normal((self.sizes[0], self.samples))
        labels = np.arange(self.samples) % self.sizes[-1]
        net = Network(self.sizes, seed=1)
        how: dict[str, Any] = {"mini_batch_size": self.mini_batch_size, "n_threads": 1}
        with tempfile.TemporaryDirectory() as folder, _last_files() as files:
            kept = {"checkpoint": folder} if is_kept else {}
            start = time.process_time()
            net.train(X, labels, epochs=epochs, optimizer=Adam(), **how, **kept)
            run = time.process_time() - start
        return Times(run - sum(file.run for file in files), sum(file.file for file in files))


CASES = (
    Case((4, 8, 2), 4, 4_000, 4),
    Case((64, 30, 10), 1_200, 100, 10),
    Case((784, 100, 10), 5_000, 3, 32),
)


@click.command()
@QUICK
def checkpoints(quick: bool) -> None:
    """Measure the cost of checkpoints: per epoch, and for one file every 60 s.

    The epochs are measured in process time. The file is the last one of the run, with the History
    of its epochs and the best network; it is measured in elapsed time, to include the disk.
    """
    report = Report("The cost of checkpoints, as a share of the training time")
    report.columns("case", "an epoch", "more with checkpoints", "one file", "in all", "target")
    for case in CASES:
        epochs, rounds = (max(1, case.epochs // 4), 2) if quick else (case.epochs, 60)
        with_, without, file = _of_epochs(case, epochs, rounds)
        of_epochs = with_ / without - 1
        in_all = of_epochs + file / SECONDS_BETWEEN
        report.row(
            case.name, f"{1e6 * without / epochs:.1f} us", f"{of_epochs:+.2%}",
            f"{1e3 * file:.1f} ms", f"{in_all:+.2%}", verdict(in_all, MOST, at_most=True),
        )  # fmt: skip
    report.finish(["on a busy machine, a difference below one percent is noise"])


def _of_epochs(case: Case, epochs: int, rounds: int) -> tuple[float, float, float]:
    """Return the times of the epochs with and without checkpoints, and of a file.

    Each is the shortest of some, taken in turns.
    """
    ways = [(count, kept) for count in (0, epochs) for kept in (True, False)]
    found = [[case.times(count, is_kept=kept) for count, kept in ways] for _ in range(rounds)]
    none, none_without, with_, without = zip(*found, strict=True)

    def shortest(times: tuple[Times, ...]) -> float:
        return min(each.run for each in times)

    file = min(each.file for each in with_)
    return shortest(with_) - shortest(none), shortest(without) - shortest(none_without), file


@contextmanager
def _last_files() -> Iterator[list[Times]]:
    """Measure the last checkpoint of each run."""
    found, end = [], Checkpoints.end

    def measured(self: Checkpoints) -> None:
        run, file = time.process_time(), time.perf_counter()
        end(self)
        found.append(Times(time.process_time() - run, time.perf_counter() - file))

    with mock.patch.object(Checkpoints, "end", measured):
        yield found
