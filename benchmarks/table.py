"""Microseconds per mini-batch of all contenders, and the speed-up of bpmatrix over each."""

import click

from benchmarks.cases import Case
from benchmarks.options import CASE, DTYPE, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.contest import CHAMPION, Figure, hold
from bpmatrix.bench.report import CHECKED, microseconds

PEERS = ("loop", "numpy", "jax", "pytorch", "sklearn")


@click.command()
@CASE
@DTYPE
@QUICK
def table(cases: tuple[Case, ...], dtypes: tuple[str, ...], quick: bool) -> None:
    """Training: bpmatrix against the loop, NumPy, JAX, PyTorch and scikit-learn.

    A cell holds microseconds per mini-batch, the number of threads, and the speed-up of bpmatrix,
    median and 95 % interval. bpmatrix reads bytes if the data are bytes; the others get arrays of
    the case's dtype, converted before the timing.
    """
    report = Report("Training, microseconds per mini-batch")
    report.columns("case", "type", CHAMPION, *PEERS, "targets")
    notes = [CHECKED]
    for case in cases:
        notes.append(f"{case.name}: {case.samples().source}")
        names = [name for name in PEERS if name not in case.slow]
        for dtype in dtypes:
            contest = hold(case.task(dtype), names, case.effort(quick=quick))
            notes += [f"{case.name} {dtype}: {note}" for note in contest.notes]
            figures = [contest.figures.get(name) for name in (CHAMPION, *PEERS)]
            targets = filter(None, (_target(case, dtype, figure) for figure in figures))
            report.row(case.name, dtype, *map(_cell, figures), ", ".join(targets))
    report.finish(notes)


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    time = microseconds(figure.seconds)
    return time if figure.against is None else f"{time} ({figure.threads}t) {figure.against}"


def _target(case: Case, dtype: str, figure: Figure | None) -> str:
    """Return the verdict on the speed-up over a contender, if it has a target."""
    if figure is None or figure.against is None or figure.name not in case.targets:
        return ""
    return f"{figure.name} {verdict(figure.against.median, case.target(figure.name, dtype))}"
