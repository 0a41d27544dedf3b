"""``bpmatrix reproduce``: repeat published experiments on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

import bpmatrix
from bpmatrix.cli.destination import check_destination, check_pictures, write_all
from bpmatrix.cli.show import lasting_output, progress_bar, say, table
from bpmatrix.errors import DataNotFoundError, DownloadError

if TYPE_CHECKING:
    from bpmatrix.datasets import DataSet
    from bpmatrix.history import EpochInfo
    from bpmatrix.reproduction.experiments import Experiment
    from bpmatrix.reproduction.running import Outcome


TABLES = ("chapter1", "chapter3", "chapter5", "chapter6", "mlp", "fashion")
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("reproduce", short_help="Repeat published experiments and compare the figures.")
@click.argument("name", metavar="[TABLE]", required=False, type=click.Choice(TABLES))
@click.option("--quick", is_flag=True, help="Run a part of the experiments: some two minutes.")
@click.option(
    "--plot", "folder", type=FOLDER, metavar="FOLDER",
    help="Draw the curves into this folder; needs matplotlib.",
)  # fmt: skip
@click.option("--markdown", type=FILE, metavar="FILE", help="Write the report to this file.")
def command(name: str | None, quick: bool, folder: Path | None, markdown: Path | None) -> int:
    """Repeat published experiments and compare the figures with the published ones.

    TABLE is chapter1, chapter3, chapter5 or chapter6 of Nielsen's book; or fashion or mlp, the MLPs
    of the Fashion-MNIST paper on Fashion-MNIST and on MNIST. The default is all of them. Exit
    status 1 if a figure is outside its band, which was fixed before the first run.

    MNIST and Fashion-MNIST are located as in `bpmatrix train`, and downloaded only if they are
    not on this machine.

    \b
    Examples:
      bpmatrix reproduce --quick
      bpmatrix reproduce chapter5 --plot pictures
      bpmatrix reproduce --markdown report.md
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    from bpmatrix.reproduction import plots, report  # noqa: PLC0415 - loads NumPy
    from bpmatrix.reproduction.experiments import EXPERIMENTS  # noqa: PLC0415 - likewise

    if markdown is not None:
        check_destination(markdown, "--markdown")
    if folder is not None:
        check_pictures(folder, "--plot")
    experiments = [e for e in EXPERIMENTS if name in (None, e.table)]
    if quick:
        experiments = [replace(e, runs=e.quick_runs) for e in experiments if e.quick_runs]
    if not experiments:
        raise click.UsageError(f"--quick runs nothing of {name}: leave one of them out.")
    data, missing = _data(experiments, named=name is not None)
    outcomes = _run([e for e in experiments if e.data in data], data)
    with lasting_output():
        if outcomes:
            table(report.HEADINGS, [row for o in outcomes for row in report.outcome_rows(o)])
            say()
        for line in missing:
            say(line, err=True)
        say(report.conclusion(outcomes))
        arguments = "".join(f" {word}" for word in (name, "--quick" if quick else None) if word)
        files = {}
        if markdown is not None:
            files[markdown] = report.markdown(outcomes, missing, arguments).encode()
        if folder is not None:
            files |= {folder / name: drawn for name, drawn in plots.pictures(outcomes).items()}
        write_all(files)
    return 0 if report.is_good(outcomes) else 1


def _data(
    experiments: Sequence[Experiment], *, named: bool
) -> tuple[dict[str, DataSet], list[str]]:
    """Return the data sets, and notes on those that were not found.

    A missing MNIST raises, since most experiments need it, and so does missing data of a table that
    was asked for by name.
    """
    data, missing = {}, []
    for source in dict.fromkeys(e.data for e in experiments):
        try:
            data[source] = bpmatrix.datasets.load(source)
        except (DataNotFoundError, DownloadError) as error:
            if named or source == "mnist":
                raise
            missing.append(f"Skipped the experiments on {source}: {error}")
    return data, missing


def _run(experiments: Sequence[Experiment], data: Mapping[str, DataSet]) -> list[Outcome]:
    """Run everything, with a progress bar in epochs."""
    from bpmatrix.engine.compilation import warm_up  # noqa: PLC0415 - loads NumPy
    from bpmatrix.reproduction.running import run  # noqa: PLC0415

    if experiments:
        warm_up(("float32",))
    outcomes = []
    done, work = 0, sum(e.runs * e.epochs for e in experiments)
    with progress_bar() as draw:
        for e in experiments:

            def watch(seed: int, entry: EpochInfo, e: Experiment = e, before: int = done) -> None:
                place = f"run {seed + 1}/{e.runs}, epoch {entry.epoch}/{e.epochs}"
                part = (before + seed * e.epochs + entry.epoch) / work
                draw(part, f"{e.table}: {e.name}, {place}")

            outcomes.append(run(e, data[e.data], watch))
            done += e.runs * e.epochs
    return outcomes
