"""``bpmatrix export``: write a model in the format of another program."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import click

import bpmatrix
from bpmatrix.cli.destination import check_destination
from bpmatrix.cli.show import facts


class Format(NamedTuple):
    """A format: the method that writes it, and the options that it takes."""

    method: str
    options: tuple[str, ...]


# By the ending of the file.
FORMATS = {
    ".onnx": Format("to_onnx", ("dtype", "opset")),
    ".h": Format("to_c", ("dtype", "name")),
}


@click.command("export", short_help="Write a model in another format.")
@click.argument("model", metavar="MODEL")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="The type of the numbers.  [default: that of the model; for .h float32]",
)
@click.option(
    "--opset",
    type=int,
    metavar="N",
    help="For .onnx: the version of the operators.  [default: 13, which the most programs read]",
)
@click.option(
    "--name",
    help="For .h: the beginning of all names in the header.  [default: the name of FILE]",
)
def command(model: str, file: Path, **options: object) -> None:
    """Write the model in the file MODEL to FILE, in the format that its ending says.

    .onnx: for onnxruntime and other programs that read ONNX. The rows of inputs and outputs are
    samples. A model trained with --target has the outputs label and probabilities, or variable, and
    its columns must be numbers; any other has output.

    .h: one header for C99 or C++ without a library but math.h. What it needs is printed.

    \b
    Examples:
      bpmatrix export model.safetensors model.onnx
      bpmatrix export model.safetensors model.h --name digits
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    ending = file.suffix.lower()
    if ending not in FORMATS:
        raise click.UsageError(f"the name of FILE must end with {' or '.join(FORMATS)}.")
    method, allowed = FORMATS[ending]
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in allowed:
            raise click.UsageError(f"--{name} does not apply to {ending} files.")
    check_destination(file, "FILE", model)
    loaded = bpmatrix.load(model)
    if not hasattr(loaded, method):
        raise click.UsageError(
            f"{model} is a model of a table, whose encoding of columns cannot be written in C."
            " Write an .onnx file; or in Python its networks, for the numbers that"
            " encoder_.transform returns: bpmatrix.load(path).members_[0].to_c(file)."
        )
    getattr(loaded, method)(file, **given)
    facts([("wrote", file), ("size", f"{file.stat().st_size:,} bytes")])
    if ending == ".h":
        from bpmatrix.exchange.c_header import footprint  # noqa: PLC0415 - loads NumPy

        exported = loaded._exported()  # type: ignore[union-attr]  # noqa: SLF001 - what all formats are written from
        facts([("needs", footprint(exported, str(given.get("dtype", "float32"))))])
