"""``bpmatrix bench``: how fast the matrix form is on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bpmatrix.cli.destination import check_destination, check_pictures, write_all
from bpmatrix.cli.show import facts, lasting_output, progress_bar, say, table

if TYPE_CHECKING:
    from bpmatrix.bench.report import ReportTable
    from bpmatrix.bench.survey import Survey


FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command("bench", short_help="Time the loop, the matrix form and other libraries.")
@click.option("--quick", is_flag=True, help="Measure for some 15 seconds, without other libraries.")
@click.option("--full", is_flag=True, help="Measure a grid of network sizes for about an hour.")
@click.option(
    "--json", "json_file", type=FILE, metavar="FILE",
    help="Write the figures to this file, for --from.",
)  # fmt: skip
@click.option(
    "--markdown", "markdown_file", type=FILE, metavar="FILE", help="Write the report to this file."
)
@click.option(
    "--plot", "folder", type=FOLDER, metavar="FOLDER",
    help="Draw plots into this folder; needs matplotlib.",
)  # fmt: skip
@click.option(
    "--from", "source", type=click.Path(path_type=Path), metavar="FILE",
    help="Show the figures of an earlier run's --json FILE instead of measuring.",
)  # fmt: skip
def command(
    quick: bool,
    full: bool,
    json_file: Path | None,
    markdown_file: Path | None,
    folder: Path | None,
    source: Path | None,
) -> int:
    """Measure how many times as fast as the book's loop the matrix form is on this machine.

    The per-sample loop, the matrix form in NumPy, bpmatrix in float64 and float32, and, if
    installed, JAX, PyTorch and scikit-learn train the same network from the same weights: on MNIST
    if it is found ($BPMATRIX_DATA, the system, the user's cache), else on the digits in the
    package. Each has its own process, they take turns, and one that does not reach the same cost is
    not timed. A run takes some 60 seconds after the compilation; other running programs make it
    longer and its figures less precise. Exit status 1 if a figure is missing.

    \b
    Examples:
      bpmatrix bench
      bpmatrix bench --quick
      bpmatrix bench --json figures.json --markdown report.md --plot pictures
      bpmatrix bench --from figures.json
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    if quick + full + (source is not None) > 1:
        raise click.UsageError("--quick, --full and --from are mutually exclusive.")
    read = [] if source is None else [str(source)]
    if json_file is not None:
        check_destination(json_file, "--json", *read)
    if markdown_file is not None:
        check_destination(markdown_file, "--markdown", *read)
        if json_file is not None and os.path.realpath(json_file) == os.path.realpath(markdown_file):
            raise click.UsageError("--json and --markdown name the same file.")
    if folder is not None:
        check_pictures(folder, "--plot")
    run = "quick" if quick else "full" if full else "default"
    found = _measured(run) if source is None else _read(source)
    with lasting_output():
        _show(found)
        write_all(_files(found, json_file, markdown_file, folder))
    return 0 if all(point.figures for point in found.points) else 1


def _measured(run: str) -> Survey:
    """Measure, with a progress bar on a terminal."""
    from bpmatrix.bench.surveying import GRIDS, survey  # noqa: PLC0415

    with progress_bar() as watch:
        return survey(GRIDS[run], watch)


def _read(source: Path) -> Survey:
    from bpmatrix.bench.survey import from_json  # noqa: PLC0415
    from bpmatrix.datasets.streams import open_file  # noqa: PLC0415 - loads NumPy

    with open_file(source) as file:
        return from_json(file.read().decode("utf-8", "replace"), str(source))


def _show(found: Survey) -> None:
    """Print the tables, the notes, the machine, and at the end the headline."""
    from bpmatrix.bench import report  # noqa: PLC0415

    for made in report.tables(found):
        _print(made)
    for line in report.explanations(found):
        say(f"- {line}")
    say()
    facts([*found.machine.items(), ("measured", f"{found.date}, {found.run} run")])
    say()
    say(report.headline(found) or "No headline: the loop or bpmatrix was not timed; see above.")


def _print(made: ReportTable) -> None:
    """Print a table; the lines below figures become a row."""
    rows = []
    for name, cells in made.rows:
        rows.append((name, *(cell.value for cell in cells)))
        if any(cell.below for cell in cells):
            rows.append(("", *(cell.below for cell in cells)))
    say(f"{made.title}:")
    say()
    table(made.headings, rows)
    say()


def _files(
    found: Survey, json_file: Path | None, markdown_file: Path | None, folder: Path | None
) -> Mapping[Path, bytes]:
    """Return all files' contents, so that all are complete before one is written."""
    from bpmatrix.bench.report import markdown  # noqa: PLC0415
    from bpmatrix.bench.survey import to_json  # noqa: PLC0415

    files: dict[Path | None, bytes] = {
        json_file: to_json(found).encode(),
        markdown_file: markdown(found).encode(),
    }
    if folder is not None:
        from bpmatrix.bench.plots import pictures  # noqa: PLC0415

        files |= {folder / name: drawn for name, drawn in pictures(found).items()}
    return {path: content for path, content in files.items() if path is not None}
