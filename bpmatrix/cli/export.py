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
FORMATS = {".onnx": Format("to_onnx", ("dtype", "opset"))}


@click.command("export", short_help="Write a model in another format.")
@click.argument("model", metavar="MODEL")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float64"]),
    help="The type of the numbers.  [default: that of the model]",
)
@click.option(
    "--opset",
    type=int,
    metavar="N",
    help="The version of ONNX's operators.  [default: 13, which the most programs read]",
)
def command(model: str, file: Path, **options: object) -> None:
    """Write the model in the file MODEL to FILE, in the format that its ending says.

    .onnx: for onnxruntime and other programs that read ONNX. The rows of inputs and outputs are
    samples. A model trained with --target has the outputs label and probabilities, or variable;
    any other has output.

    \b
    Example:
      bpmatrix export model.safetensors model.onnx
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
    getattr(bpmatrix.load(model), method)(file, **given)
    facts([("wrote", file), ("size", f"{file.stat().st_size:,} bytes")])
