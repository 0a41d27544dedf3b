"""The command line: ``python -m benchmarks COMMAND``."""

from pathlib import Path

import click

from benchmarks.avx2 import limit_to_avx2
from benchmarks.blocks import blocks
from benchmarks.book import book
from benchmarks.c_header import c_header
from benchmarks.checkpoints import checkpoints
from benchmarks.digests import digests
from benchmarks.endurance import endurance
from benchmarks.estimators import estimators
from benchmarks.exchange import exchange
from benchmarks.fading import fading
from benchmarks.fuzz import fuzz
from benchmarks.gate.command import accept, gate
from benchmarks.gate.self_test import self_test
from benchmarks.kills import kills
from benchmarks.quality import quality
from benchmarks.ranks import ranks
from benchmarks.reading import reading
from benchmarks.scaling import scaling
from benchmarks.solvers import solvers
from benchmarks.startup import startup
from benchmarks.steps import steps
from benchmarks.table import table


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--avx2", is_flag=True, help="Disable AVX-512: the targets are for AVX2.")
@click.option(
    "--write", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="PAGE",
    help="Also write the output between the command's marks in this page.",
)  # fmt: skip
def main(*, avx2: bool, write: Path | None) -> None:
    """Measure bpmatrix: each command prints a table, its targets, and the machine.

    MNIST is located as in `bpmatrix train`, but not downloaded; without it, random bytes of its
    shape are used. Run nothing else at the same time, and look at the load below the table.
    """
    del write  # read in `report.publish`
    if avx2:
        limit_to_avx2()


for command in (
    table, steps, book, fading, estimators, quality, ranks, scaling, reading, startup, digests,
    checkpoints, blocks, c_header, kills, endurance, fuzz, exchange, solvers, gate, accept,
    self_test,
):  # fmt: skip
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
