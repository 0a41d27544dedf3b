"""What ``bpmatrix train`` can be told, with the defaults."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from bpmatrix.cli.names import MOMENTUM, Listing, optimizers

__all__ = [
    "HIDDEN",
    "INTERRUPTED",
    "MINI_BATCH_SIZE",
    "Options",
    "with_options",
]

# The exit status after Ctrl-C.
INTERRUPTED = 130

# Units of the one hidden layer that a network has by default: enough for the digits and MNIST.
HIDDEN = 30
# Those of `Network.train`, which a test compares.
MINI_BATCH_SIZE = 10


@dataclass(frozen=True)
class Options:
    """What was said, in the words of `datasets.load`, `Network` and `Network.train`."""

    data: str
    layers: tuple[int, ...] | None
    activation: str
    output: str | None
    cost: str
    initializer: str | None
    dtype: str
    seed: int | None
    epochs: int
    mini_batch_size: int | None
    optimizer: str
    learning_rate: float | None
    schedule: str | None
    weight_decay: float
    dropout: float
    shuffle: bool
    monitor: str
    restore_best: bool
    early_stopping: int | None
    max_seconds: float | None
    threads: int | str
    folder: str | None
    label_column: str | None
    target: str | None
    task: str | None
    hidden: tuple[int, ...] | None
    save: Path | None
    plot: Path | None


def _sizes(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[int, ...] | None:
    """Read ``784,30,10``."""
    if value is None:
        return None
    try:
        sizes = tuple(int(size) for size in value.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise click.BadParameter(
            f"{value!r} is no list of sizes such as 784,30,10, each of them 1 or more."
        )
    return sizes


def _threads(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """Read ``auto`` or a number from 1."""
    if value != "auto" and not (value.isdecimal() and int(value) > 0):
        raise click.BadParameter(f"{value!r} is neither auto nor a number from 1.")
    return value if value == "auto" else int(value)


def _optimizer(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Read the name of an optimizer."""
    return str(click.Choice(list(optimizers())).convert(value, parameter, context))


OPTIONS: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
    click.argument("data", default="digits", metavar="[DATA]"),
    click.option(
        "--layers",
        callback=_sizes,
        metavar="N,...",
        help=f"Units per layer, inputs first.  [default: inputs of the data,{HIDDEN},classes]",
    ),
    click.option(
        "--activation",
        cls=Listing,
        default="sigmoid",
        show_default=True,
        metavar="NAME[,...]",
        help="{activations}; or one for each layer, separated by commas.",
    ),
    click.option(
        "--output",
        metavar="NAME",
        help="Activation of the last layer; also softmax.  [default: what suits the cost]",
    ),
    click.option(
        "--cost",
        cls=Listing,
        default="cross_entropy",
        show_default=True,
        metavar="NAME",
        help="{costs}.",
    ),
    click.option(
        "--initializer",
        cls=Listing,
        metavar="NAME",
        help="{initializers}.  [default: he for relu and its relatives, else scaled_normal]",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        default=30,
        show_default="30",
        metavar="N",
        help="How often every training sample is shown.",
    ),
    click.option(
        "--mini-batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Samples in a step.  [default: {MINI_BATCH_SIZE}, or all where there are fewer]",
    ),
    click.option(
        "--optimizer",
        cls=Listing,
        callback=_optimizer,
        default="sgd",
        show_default=True,
        metavar="NAME",
        help="How a gradient becomes a step: {optimizers}; "
        f"momentum is sgd with a momentum of {MOMENTUM}.",
    ),
    click.option(
        "--learning-rate",
        cls=Listing,
        type=float,
        metavar="ETA",
        help="The length of a step; for sgd as a factor on the mean gradient of a mini-batch.  "
        "[default: {rates}]",
    ),
    click.option(
        "--schedule",
        type=click.Choice(["cosine", "plateau"]),
        help="How the learning rate falls: in half a wave of the cosine over all epochs, or to a "
        "tenth whenever 10 epochs in a row have not improved on the validation samples.  "
        "[default: it does not]",
    ),
    click.option(
        "--weight-decay",
        type=float,
        default=0.0,
        show_default=True,
        metavar="FACTOR",
        help="The book's lambda divided by the number of training samples.",
    ),
    click.option(
        "--dropout",
        type=float,
        default=0.0,
        show_default=True,
        metavar="P",
        help="The probability of each hidden unit to be left out of a sample's pass in training.",
    ),
    click.option(
        "--monitor",
        type=click.Choice(["validation", "test"]),
        default="validation",
        show_default=True,
        help="The samples that are scored after each epoch; the book's programs take the test's.",
    ),
    click.option(
        "--restore-best",
        is_flag=True,
        help="End with the weights of the best epoch on the validation samples.",
    ),
    click.option(
        "--early-stopping",
        type=click.IntRange(min=1),
        metavar="PATIENCE",
        help="End when so many epochs in a row have not improved on the validation samples, with "
        "the weights of the best.",
    ),
    click.option(
        "--max-seconds",
        type=float,
        metavar="SECONDS",
        help="End after this time, compilation apart.",
    ),
    click.option(
        "--shuffle/--no-shuffle",
        default=True,
        show_default=True,
        help="Whether each epoch has an order of its own.",
    ),
    click.option(
        "--dtype", default="float64", show_default=True, metavar="NAME", help="float64 or float32."
    ),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help="For the first weights and the order; the same seed gives the same network.  "
        "[default: drawn, and shown]",
    ),
    click.option(
        "--threads",
        default="auto",
        show_default=True,
        callback=_threads,
        metavar="N",
        help="Threads that share each mini-batch; the result does not depend on it.",
    ),
    click.option(
        "--folder", metavar="FOLDER", help="For mnist and fashion-mnist: where the four files are."
    ),
    click.option(
        "--label-column",
        "--label",
        metavar="NAME",
        help="For a .csv file: the column with the labels, classes numbered 0, 1, 2, ...  "
        "[default: the last]",
    ),
    click.option(
        "--target",
        metavar="COLUMN",
        help="For a .csv file with a header: predict this column, whatever it holds, from all "
        "others, with an estimator that standardizes them and keeps its best weights; needs "
        "scikit-learn.",
    ),
    click.option(
        "--task",
        type=click.Choice(["classification", "regression"]),
        help="With --target: what the column holds.  [default: classes if it is text or has at "
        "most 20 whole numbers]",
    ),
    click.option(
        "--hidden",
        callback=_sizes,
        metavar="N,...",
        help="With --target: units of each hidden layer.  [default: 100]",
    ),
    click.option(
        "--save",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Save the trained network, replacing an older file.  [default: nothing is written]",
    ),
    click.option(
        "--plot",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Draw learning curves, confusion matrix and, of images, weights and misclassified "
        "samples into this folder; needs matplotlib.",
    ),
]


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command all of them; it gets each as a keyword, as `Options` names them."""
    for option in reversed(OPTIONS):
        function = option(function)
    return function
