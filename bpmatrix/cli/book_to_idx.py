"""``bpmatrix book-to-idx``: convert the book's data file to IDX files."""

from __future__ import annotations

from pathlib import Path

import click

from bpmatrix.cli.show import facts, say

SOURCE = click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
FOLDER = click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))


@click.command("book-to-idx", short_help="Convert the book's mnist.pkl.gz to IDX files.")
@SOURCE
@FOLDER
def command(source: Path, folder: Path) -> None:
    """Convert FILE, the mnist.pkl.gz of Nielsen's book, to four IDX files in a new FOLDER.

    Only this file needs converting: the other commands read .csv, .npz and IDX files, and no
    pickles, since loading a pickle can run any program. This command accepts only a pickle of
    arrays of numbers and executes nothing in it.

    \b
    Example:
      bpmatrix book-to-idx mnist.pkl.gz mnist
      bpmatrix train mnist --folder mnist
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    from bpmatrix.nielsen.convert import convert  # noqa: PLC0415 - loads NumPy

    counts = convert(source, folder)
    facts([("folder", folder), *((name, f"{count:,} images") for name, count in counts.items())])


@click.command("convert", hidden=True)
@SOURCE
@FOLDER
@click.pass_context
def old_command(context: click.Context, source: Path, folder: Path) -> None:
    """Do the same under the name of 0.1, until 0.3."""
    say(
        "bpmatrix: warning: convert is deprecated and will be removed in 0.3;"
        " write bpmatrix book-to-idx instead.",
        err=True,
    )
    context.invoke(command, source=source, folder=folder)
