"""Long runs: whether memory, threads or open files grow with the number of trainings or epochs."""

import gc
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

import bpmatrix
from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from bpmatrix import Adam, Network
from bpmatrix.history import ROW

MOST_BYTES = 4e6  # the most that the allocator may keep, for any number of rounds
SHARE_OF_A_TRIAL = 400
GROWTH_OF_A_ROW = 9 / 8  # a bytearray that grows allocates an eighth more

X = np.random.default_rng(5).standard_normal((4, 60))
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)


@dataclass(frozen=True)
class Growth:
    """What a case has added to the process: bytes, threads and open files."""

    bytes: int
    threads: int
    files: int


@dataclass(frozen=True)
class Case:
    """A task that is repeated, and the number of bytes that each round may add."""

    name: str
    rounds: int
    task: Callable[[int], object]  # does a number of rounds, and returns the objects it may keep
    bytes_of_a_round: float = 0.0


def _trainings(rounds: int) -> object:
    """Train one network repeatedly, and new ones, on one thread and on two."""
    net = Network([4, 8, 3], seed=1)
    for k in range(rounds):
        trained = net if k % 2 else Network([4, 8, 3], seed=k)
        how = {"optimizer": Adam()} if k % 3 else {}
        trained.train(X, LABELS, epochs=1, n_threads=1 + k // 2 % 2, validation=(X, LABELS), **how)
    return net


def _fits(rounds: int) -> object:
    """Fit one estimator repeatedly, and new ones."""
    model = bpmatrix.MLPClassifier((8,), max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ConvergenceWarning
        for k in range(rounds):
            fitted = model if k % 2 else bpmatrix.MLPClassifier((8,), max_iter=2, random_state=k)
            fitted.set_params(early_stopping=k % 3 == 0, n_threads=1 + k // 2 % 2)
            fitted.fit(X.T, LABELS)
    return model


def _epochs(rounds: int, record_every: int = 1) -> object:
    four = X[:, :4], LABELS[:4]
    return Network([4, 8, 3], seed=1).train(*four, epochs=rounds, record_every=record_every)


CASES = (
    Case("trainings", 10_000, _trainings),
    Case("fits", 3_000, _fits),
    Case("epochs of four samples", 1_000_000, _epochs, ROW.size * GROWTH_OF_A_ROW),
    Case(
        "epochs of four samples, record_every=1000", 1_000_000,
        lambda rounds: _epochs(rounds, 1000), ROW.size / 1000,
    ),
)  # fmt: skip


def _resources() -> Growth:
    """Return the memory, threads and open files of the process."""
    status, files = Path("/proc/self/status"), Path("/proc/self/fd")
    if not status.exists():
        raise click.ClickException("this system has no /proc, where memory and files are counted")
    gc.collect()
    time.sleep(0.1)  # a thread ends a little after its last line
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    bytes_held = 1024 * int(fields["VmRSS"].split()[0])
    return Growth(bytes_held, int(fields["Threads"]), len([*files.iterdir()]))


def grow(case: Case, share: int = 1) -> Growth:
    """Return the growth after a first tenth of the case, which loads programs and fills caches."""
    rounds = max(1, case.rounds // share)
    case.task(max(1, rounds // 10))
    before = _resources()
    kept = case.task(rounds)
    after = _resources()
    del kept
    return Growth(
        after.bytes - before.bytes, after.threads - before.threads, after.files - before.files
    )


@click.command()
@QUICK
def endurance(quick: bool) -> None:
    """Check that memory, threads and open files do not grow in long runs.

    Only a History may grow, by 65 bytes per recorded epoch.
    """
    report = Report("What long runs add to the process")
    report.columns("case", "rounds", "memory, MB", "target", "threads", "open files", "seconds")
    failed = []
    for case in CASES:
        report.tell(case.name)
        share, start = SHARE_OF_A_TRIAL if quick else 1, time.perf_counter()
        found, rounds = grow(case, share), case.rounds // share
        most = (MOST_BYTES + rounds * case.bytes_of_a_round) / 1e6
        if found.bytes / 1e6 > most or found.threads > 0 or found.files > 0:
            failed.append(case.name)
        report.row(
            case.name, f"{rounds:,}", f"{found.bytes / 1e6:.1f}",
            verdict(found.bytes / 1e6, most, at_most=True), str(found.threads), str(found.files),
            f"{time.perf_counter() - start:.0f}",
        )  # fmt: skip
    report.finish()
    if failed:
        raise click.ClickException(f"these grew too much: {', '.join(failed)}")
