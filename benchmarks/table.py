"""Microseconds per mini-batch of all contenders, and the speed-up of bpmatrix over each."""

from __future__ import annotations

from dataclasses import asdict

import click

from benchmarks.cases import Case
from benchmarks.options import CASE, DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.contest import CHAMPION, TOLERANCE, Contest, Figure, hold
from bpmatrix.bench.report import microseconds

PEERS = ("loop", "numpy", "jax", "pytorch", "sklearn")
CHECKED = (
    "Every contender shown first reached the cost of the reference, to a relative"
    f" {TOLERANCE['float64']:g} in float64 and {TOLERANCE['float32']:g} in float32."
)


@click.command()
@CASE
@DTYPE
@QUICK
@JSON
def table(
    cases: tuple[Case, ...], dtypes: tuple[str, ...], quick: bool, json_file: str | None
) -> None:
    """Training: bpmatrix against the loop, NumPy, JAX, PyTorch and scikit-learn.

    The first line of a cell is microseconds per mini-batch and the number of threads. The second is
    the speed-up of bpmatrix with n_threads="auto", median and 95 % interval. bpmatrix reads bytes
    if the data are bytes; the others get arrays of the case's dtype, converted before the timing.
    """
    report = Report("Training, microseconds per mini-batch", json_file)
    report.columns("case", "type", CHAMPION, "on 1", "on all", *PEERS, "targets")
    notes = [CHECKED]
    for case in cases:
        notes.append(f"{case.name}: {case.samples().source}")
        for dtype in dtypes:
            names = [name for name in PEERS if name not in case.slow]
            contest = hold(
                case.task(dtype),
                names,
                case.effort(quick=quick),
                tell=lambda line, case=case, dtype=dtype: report.tell(  # type: ignore[misc]
                    f"{case.name} {dtype}: {line}"
                ),
            )
            notes += [f"{case.name} {dtype}: {note}" for note in contest.notes]
            report.tell(f"{case.name} {dtype}: {_in_a_line(contest)}")
            report.row(case.name, dtype, *_cells(contest), _targets(case, dtype, contest))
            _record(report, case, dtype, contest)
    report.finish(notes)


def _cells(contest: Contest) -> list[str]:
    """Return a cell for each number of threads of bpmatrix and for each peer."""
    own = [figure for figure in contest.figures.values() if figure.name == CHAMPION]
    by_threads = {figure.threads: figure for figure in own}
    most = max((figure.threads for figure in own if figure.threads != "auto"), default=1)
    peers = {figure.name: figure for figure in contest.figures.values() if figure.name != CHAMPION}
    shown = [by_threads.get(threads) for threads in ("auto", 1, most)]
    return [_cell(figure) for figure in [*shown, *map(peers.get, PEERS)]]


def _in_a_line(contest: Contest) -> str:
    """Return the ratios of a contest, to show them before the table."""
    return ", ".join(
        f"{label} {figure.against}"
        for label, figure in contest.figures.items()
        if figure.against is not None
    )


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    time = microseconds(figure.seconds)
    if figure.against is None:
        return time
    threads = "" if figure.name == CHAMPION else f" ({figure.threads}t)"
    return f"{time}{threads}\n{figure.against}"


def _targets(case: Case, dtype: str, contest: Contest) -> str:
    """Return the verdict on each target, one per line."""
    lines = []
    for figure in contest.figures.values():
        target = case.target(figure.name, dtype)
        if figure.against is not None and target is not None:
            lines.append(f"{figure.name} {verdict(figure.against.median, target)}")
    return "\n".join(lines)


def _record(report: Report, case: Case, dtype: str, contest: Contest) -> None:
    report.record(
        case=case.name,
        dtype=dtype,
        data=case.samples().source,
        costs=contest.costs,
        notes=contest.notes,
        figures={label: asdict(figure) for label, figure in contest.figures.items()},
    )
