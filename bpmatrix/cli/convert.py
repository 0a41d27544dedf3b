"""``bpmatrix convert``: the book's data file becomes IDX files."""

from __future__ import annotations

from pathlib import Path

import click

from bpmatrix.cli.show import facts

__all__ = ["command"]


@click.command("convert", short_help="Turn the book's mnist.pkl.gz into IDX files.")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path))
@click.argument("folder", metavar="FOLDER", type=click.Path(path_type=Path))
def command(source: Path, folder: Path) -> None:
    """Turn FILE, the mnist.pkl.gz of Nielsen's book, into a new FOLDER of four IDX files.

    A pickle can run any program when it is read. This command takes nothing from it but NumPy
    arrays of numbers, refuses all else, and runs nothing. All other commands read no pickle.

    \b
    Example:
      bpmatrix convert mnist.pkl.gz mnist
      bpmatrix train mnist --folder mnist
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    from bpmatrix.nielsen.convert import convert  # noqa: PLC0415 - loads NumPy

    counts = convert(source, folder)
    facts([("folder", folder), *((name, f"{count:,} images") for name, count in counts.items())])
