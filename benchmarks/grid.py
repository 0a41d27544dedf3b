"""Cost grows as the work: mini-batch size times width."""

from __future__ import annotations

from dataclasses import asdict

import click

from benchmarks.cases import GRID_BATCHES, GRID_WIDTHS, grid_case
from benchmarks.options import DTYPE, JSON, QUICK
from benchmarks.report import Report, microseconds, percent
from bpmatrix.bench.contest import CHAMPION, Contest, hold
from bpmatrix.bench.peak import share_of_peak

PEERS = ("numpy", "jax", "pytorch")


@click.command()
@click.option("--batch", "batches", type=int, multiple=True, help="Only this mini-batch size.")
@click.option("--width", "widths", type=int, multiple=True, help="Only this width.")
@DTYPE
@QUICK
@JSON
def grid(
    batches: tuple[int, ...],
    widths: tuple[int, ...],
    dtypes: tuple[str, ...],
    quick: bool,
    json_file: str | None,
) -> None:
    """Training 784-width-10: microseconds per mini-batch and share of the peak on one thread."""
    report = Report("784-width-10, microseconds per mini-batch", json_file)
    rows = report.table(
        "batch x width", "type", CHAMPION, "per sample and 1,000 weights", "peak", *PEERS
    )
    notes: list[str] = []
    for dtype in dtypes:
        for batch in batches or GRID_BATCHES:
            for width in widths or GRID_WIDTHS:
                report.tell(f"{batch} x {width} {dtype}")
                case = grid_case(batch, width)
                task, effort = case.task(dtype), case.effort(quick=quick)
                contest = hold(task, PEERS, effort)
                share = share_of_peak(task, 1, effort)
                name = f"{batch} x {width}"
                work = batch * width * (784 + 10) / 1000
                rows.add_row(
                    name, dtype, *_own(contest, work), percent(share).replace("[", r"\["),
                    *(_peer(contest, peer) for peer in PEERS),
                )  # fmt: skip
                notes += [f"{name} {dtype}: {note}" for note in contest.notes]
                results = {label: asdict(result) for label, result in contest.results.items()}
                report.record(
                    batch=batch, width=width, dtype=dtype, share=asdict(share), results=results
                )
    report.finish(rows, notes)


def _own(contest: Contest, work: float) -> tuple[str, str]:
    """Return the time of bpmatrix, and that time over the work."""
    result = contest.results.get(CHAMPION)
    if result is None:
        return "-", "-"
    return microseconds(result.seconds), microseconds(result.seconds / work)


def _peer(contest: Contest, name: str) -> str:
    """Return a peer's time and how many times as fast bpmatrix is."""
    for result in contest.results.values():
        if result.name == name and result.against is not None:
            return f"{microseconds(result.seconds)} ({result.against.ratio.median:.3g}x)"
    return "-"
