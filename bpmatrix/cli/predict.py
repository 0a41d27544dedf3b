"""``bpmatrix predict``: print the class of each sample, one per line."""

from __future__ import annotations

from pathlib import Path

import click

import bpmatrix
from bpmatrix.cli.destination import check_destination, deliver
from bpmatrix.cli.options import (
    FOLDER,
    LABEL_COLUMN,
    TRUE_COLUMN,
    check_finds_target,
    refuse_label_column,
)
from bpmatrix.cli.show import announced, say, size_in_words
from bpmatrix.cli.table_options import reading_options


@click.command("predict", short_help="Predict the class or the target of each sample.")
@click.argument("model", metavar="MODEL")
@click.argument("data", metavar="DATA")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to this file, replacing an older one, instead of standard output.",
)
@LABEL_COLUMN
@TRUE_COLUMN
@FOLDER
@click.option(
    "--probabilities",
    is_flag=True,
    help="For a model trained with --target: write the probability of each class, too.",
)
@reading_options
def command(
    model: str,
    data: str,
    output: Path | None,
    target: str | None,
    label_column_: str | None,
    folder: str | None,
    *,
    probabilities: bool,
    **reading: str | None,
) -> None:
    """Print the class that MODEL predicts for each sample of DATA, one per line.

    MODEL is a file written by `bpmatrix train --save`. If it was trained with --target, DATA is a
    table, or - for standard input, and the output is a column with a header. Otherwise DATA is a
    .csv, .npz or IDX file, all of whose samples are predicted; or digits, mnist, fashion-mnist or a
    folder with four IDX files, whose test part is predicted. If DATA contains labels, the accuracy
    is printed on standard error.

    \b
    Examples:
      bpmatrix predict model.safetensors digits
      bpmatrix predict model.safetensors table.csv --output classes.txt
      bpmatrix predict model.safetensors - --probabilities < table.csv > predictions.csv
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    from bpmatrix.cli.samples import read_samples  # noqa: PLC0415 - loads NumPy
    from bpmatrix.cli.scores import accuracy_in_words  # noqa: PLC0415

    refuse_label_column(label_column_, "predict", model, data)
    output = None if output == Path("-") else output
    if output is not None:
        check_destination(output, "--output", model, data)
    net = bpmatrix.load(model)
    if not isinstance(net, bpmatrix.Network):
        from bpmatrix.cli.table_files import form_of, predict_table  # noqa: PLC0415

        check_finds_target(target, folder)
        predict_table(net, data, form_of(reading), output, with_probabilities=probabilities)
        return
    for name, value in {"probabilities": probabilities or None, **reading}.items():
        if value is not None:
            raise click.UsageError(f"--{name} needs a model trained with --target.")
    with announced(f"reading {size_in_words(data)}"):
        samples = read_samples(data, net, folder=folder, label_column=target)
    with announced(f"predicting {samples.X.shape[1]:,} samples"):
        classes = net.predict(samples.X)
    deliver("".join(f"{number}\n" for number in classes), output)
    if samples.labels is not None:
        hits = int((classes == samples.labels).sum())
        accuracy = accuracy_in_words(hits, samples.labels, samples.title)
        say(f"accuracy {accuracy}", err=True)
    elif samples.note is not None:
        say(f"not scored: {samples.note}", err=True)
