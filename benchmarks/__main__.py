"""The command line: ``python -m benchmarks COMMAND``."""

import click

from benchmarks.book import book
from benchmarks.checkpoints import checkpoints
from benchmarks.digests import digests
from benchmarks.estimators import estimators
from benchmarks.fading import fading
from benchmarks.gate.command import accept, gate
from benchmarks.gate.self_test import self_test
from benchmarks.kills import kills
from benchmarks.quality import quality
from benchmarks.startup import startup
from benchmarks.steps import steps
from benchmarks.table import table


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure bpmatrix: each command prints a table, its targets, and the machine.

    MNIST is found as by `bpmatrix train`, but not downloaded; without it random bytes of its shape
    are used. Run nothing else at the same time, and look at the load below the table.
    The targets were set on processors with AVX2.
    """


for command in (
    table, steps, book, fading, estimators, quality, startup, digests, checkpoints, kills, gate,
    accept, self_test,
):  # fmt: skip
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
