"""The share of the attainable peak reached by a whole training step."""

from __future__ import annotations

from dataclasses import asdict

import click

from benchmarks.cases import Case
from benchmarks.options import CASE, DTYPE, JSON, QUICK
from benchmarks.report import Report, verdict
from bpmatrix.bench.contest import share_of_peak
from bpmatrix.bench.report import percent
from bpmatrix.engine.places import count_processors


@click.command()
@CASE
@DTYPE
@QUICK
@JSON
def peak(
    cases: tuple[Case, ...], dtypes: tuple[str, ...], quick: bool, json_file: str | None
) -> None:
    """Training: the share of the speed of a large matrix product.

    The product is NumPy's, with the same dtype and number of threads, measured in turns.
    """
    report = Report("Share of the attainable peak, whole training steps", json_file)
    report.columns("case", "type", "threads", "share [95 %]", "target")
    for case in cases:
        for dtype in dtypes:
            for threads in sorted({1, count_processors()}):
                report.tell(f"{case.name} {dtype} on {threads}")
                share = share_of_peak(case.task(dtype), threads, case.effort(quick=quick))
                target = case.peak.get((dtype, threads))
                shown = percent(share)
                report.row(case.name, dtype, str(threads), shown, verdict(share.median, target))
                report.record(case=case.name, dtype=dtype, threads=threads, share=asdict(share))
    report.finish()
