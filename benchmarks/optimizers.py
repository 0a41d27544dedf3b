"""The time of optimizers with a state, relative to plain gradient descent."""

from __future__ import annotations

from dataclasses import asdict, replace

import click

from benchmarks.cases import CASES, Case, find_case
from benchmarks.options import CASE, DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.comparing import Comparison, compare_arms
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.workers import Worker

JUDGED = find_case("784-100-10/32")
MOST_COST = 1.35
LEARNING_RATES = {"momentum": 0.3, "adam": 0.001}


@click.command()
@CASE
@DTYPE
@QUICK
@JSON
def optimizers(
    cases: tuple[Case, ...], dtypes: tuple[str, ...], quick: bool, json_file: str | None
) -> None:
    """Training: momentum and Adam against plain SGD, on one thread."""
    report = Report("The time of a step over that of plain SGD", json_file)
    report.columns("case", "type", "optimizer", "times [95 %]", "target")
    for case in (JUDGED,) if cases is CASES else cases:
        for dtype in dtypes:
            for name in LEARNING_RATES:
                report.tell(f"{case.name} {dtype}, {name}")
                comparison = _against_sgd(case, dtype, name, quick=quick)
                shown = str(comparison.ratio)
                target = MOST_COST if case is JUDGED else None
                judged = verdict(comparison.ratio.median, target, at_most=True)
                report.row(case.name, dtype, name, shown, judged)
                report.record(
                    case=case.name, dtype=dtype, optimizer=name, comparison=asdict(comparison)
                )
    report.finish()


def _against_sgd(case: Case, dtype: str, optimizer: str, *, quick: bool) -> Comparison:
    """Return the time of a step with the optimizer over that of plain SGD."""
    plain, effort, make = case.task(dtype), case.effort(quick=quick), ROSTER[CHAMPION].make
    plain = replace(plain, optimizer="sgd")
    keeping = replace(plain, optimizer=optimizer, learning_rate=LEARNING_RATES[optimizer])
    with Worker(optimizer) as other, Worker("sgd") as sgd:
        other.make(make, keeping, 1)
        sgd.make(make, plain, 1)
        return compare_arms(
            other.arm("train"),
            sgd.arm("train"),
            quads=effort.quads,
            block_seconds=effort.block_seconds,
        )
