"""The options of ``bpmatrix train`` and their defaults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bpmatrix.cli.show import quoted
from bpmatrix.cli.table_options import TABLE

if TYPE_CHECKING:
    from bpmatrix.training.optimizers import Optimizer

# Units of the default network's one hidden layer: enough for the digits and MNIST.
HIDDEN = 30
# The default of `Network.train`; a test compares them.
MINI_BATCH_SIZE = 10
MOMENTUM = 0.9  # of --optimizer momentum
FULL_BATCH = ("levenberg-marquardt", "lbfgs")  # optimizers without a learning rate


def optimizers() -> dict[str, Optimizer]:
    """Return the optimizers of the command line by name, with their default learning rates."""
    from bpmatrix.training.optimizers import OPTIMIZERS, SGD  # noqa: PLC0415 - loads NumPy

    kinds: dict[str, Any] = {name.lower(): kind for name, kind in OPTIMIZERS.items()}
    kinds["levenberg-marquardt"] = kinds.pop("levenbergmarquardt")
    del kinds["sgd"]  # the only one without a default learning rate
    others = {name: kind() for name, kind in kinds.items()}
    return {"sgd": SGD(0.5), "momentum": SGD(0.05, momentum=MOMENTUM), **others}


class Listing(click.Option):
    """An option whose help lists names, which are looked up when the help is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's lines of the help, with the names."""
        from bpmatrix.architecture.activations import ACTIVATIONS  # noqa: PLC0415 - loads NumPy
        from bpmatrix.architecture.costs import COSTS  # noqa: PLC0415 - likewise
        from bpmatrix.architecture.initializers import INITIALIZERS  # noqa: PLC0415 - likewise

        by_rate: dict[float, list[str]] = {}
        for name, optimizer in optimizers().items():
            if name in FULL_BATCH:
                continue
            by_rate.setdefault(optimizer.learning_rate, []).append(name)
        self.help = str(self.help).format(
            activations=_or(name for name, record in ACTIVATIONS.items() if record.elementwise),
            costs=_or(COSTS),
            initializers=_or(INITIALIZERS),
            optimizers=_or(optimizers()),
            rates=", ".join(f"{rate:g} for {_or(names)}" for rate, names in by_rate.items()),
        )
        return super().get_help_record(ctx)


def _or(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


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
        raise click.BadParameter(f"{value!r} is not a list of positive integers such as 784,30,10.")
    return sizes


def _threads(context: click.Context, parameter: click.Parameter, value: str) -> int | str:
    """Read ``auto`` or a positive integer."""
    if value != "auto" and not (value.isdecimal() and int(value) > 0):
        raise click.BadParameter(f"{value!r} is neither auto nor a positive integer.")
    return value if value == "auto" else int(value)


def _optimizer(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Read the name of an optimizer."""
    return str(click.Choice(list(optimizers())).convert(value, parameter, context))


FOLDER = click.option(
    "--folder", metavar="FOLDER", help="For mnist and fashion-mnist: where the four files are."
)
LABEL_COLUMN = click.option("--label-column", "--label", "label_column_", hidden=True)
TRUE_COLUMN = click.option(
    "--target",
    metavar="COLUMN",
    help="For a network and a .csv file: the name or number of the column of classes, numbered 0,"
    " 1, 2, ...  [default: that of the training; without names, the last if there is one more than"
    " the model has inputs]",
)
OPTIONS: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
    click.argument("data", default="digits", metavar="[DATA]"),
    click.option(
        "--layers",
        callback=_sizes,
        metavar="N,...",
        help=f"Units per layer, inputs first.  [default: inputs,{HIDDEN},classes]",
    ),
    click.option(
        "--activation",
        cls=Listing,
        default="sigmoid",
        metavar="NAME[,...]",
        help="{activations}; or one per layer, separated by commas.",
    ),
    click.option(
        "--output",
        metavar="NAME",
        help="Activation of the last layer, which may be softmax.  [default: the one that suits "
        "the cost]",
    ),
    click.option(
        "--cost",
        cls=Listing,
        default="cross_entropy",
        metavar="NAME",
        help="{costs}.",
    ),
    click.option(
        "--initializer",
        cls=Listing,
        metavar="NAME",
        help="{initializers}.  [default: he for relu and similar functions, else scaled_normal]",
    ),
    click.option(
        "--epochs",
        type=click.IntRange(min=1),
        default=30,
        metavar="N",
        help="Passes over the training samples.",
    ),
    click.option(
        "--mini-batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        help=f"Samples per step.  [default: {MINI_BATCH_SIZE}, or all if there are fewer]",
    ),
    click.option(
        "--optimizer",
        cls=Listing,
        callback=_optimizer,
        default="sgd",
        metavar="NAME",
        help=f"The update rule: {{optimizers}}; momentum is sgd with a momentum of {MOMENTUM}.",
    ),
    click.option(
        "--learning-rate",
        cls=Listing,
        type=float,
        metavar="ETA",
        help="The step size; sgd multiplies the mean gradient of the mini-batch by it.  "
        "[default: {rates}]",
    ),
    click.option(
        "--schedule",
        type=click.Choice(["cosine", "plateau"]),
        help="How the learning rate decreases: along half a cosine wave over all epochs, or to a "
        "tenth after 10 epochs in a row without improvement on the validation samples.  "
        "[default: constant]",
    ),
    click.option(
        "--weight-decay",
        type=float,
        default=0.0,
        metavar="FACTOR",
        help="L2 penalty: the book's lambda divided by the number of training samples.",
    ),
    click.option(
        "--dropout",
        type=float,
        default=0.0,
        metavar="P",
        help="The probability that a hidden unit is dropped for a sample during training.",
    ),
    click.option(
        "--monitor",
        type=click.Choice(["validation", "test"]),
        default="validation",
        help="The samples to score after each epoch; the book's programs score the test samples.",
    ),
    click.option(
        "--restore-best",
        is_flag=True,
        help="Keep the weights of the best epoch on the validation samples.",
    ),
    click.option(
        "--early-stopping",
        type=click.IntRange(min=1),
        metavar="PATIENCE",
        help="Stop after PATIENCE epochs in a row without improvement on the validation samples, "
        "and keep the weights of the best.",
    ),
    click.option(
        "--max-seconds",
        type=float,
        metavar="SECONDS",
        help="Stop after this time, not counting compilation.",
    ),
    click.option(
        "--shuffle/--no-shuffle",
        default=True,
        help="Whether to reorder the training samples before each epoch.",
    ),
    click.option("--dtype", default="float64", metavar="NAME", help="float64 or float32."),
    click.option(
        "--seed",
        type=click.IntRange(min=0),
        metavar="N",
        help="Seed of the initial weights and of the order of the samples; the same seed gives the "
        "same network.  [default: random, and shown]",
    ),
    click.option(
        "--threads",
        default="auto",
        callback=_threads,
        metavar="N",
        help="Threads that share each mini-batch; the result does not depend on them.",
    ),
    click.option(
        "--groups",
        type=click.IntRange(min=1),
        metavar="N",
        help="Groups of columns of each mini-batch, a power of two: the most threads or processes "
        "that can share it.  [default: 16 with --mpi, else by the sizes]",
    ),
    click.option(
        "--mpi",
        is_flag=True,
        help="Share each mini-batch between processes: mpiexec -n 4 bpmatrix train ... --mpi; "
        "needs the extra mpi (mpi4py).",
    ),
    FOLDER,
    LABEL_COLUMN,
    click.option(
        "--target",
        metavar="COLUMN",
        help="For a table: learn this column, classes or numbers, from all others. A name, or a "
        "number from 1 on; needs the extra tables (scikit-learn, pyarrow).",
    ),
    *TABLE,
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
        help="Save the trained model to this file, replacing an older one.",
    ),
    click.option(
        "--checkpoint",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Write a checkpoint to this folder every minute and at the end, also after Ctrl-C; "
        "the same command resumes the training.",
    ),
    click.option(
        "--plot",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Draw learning curves, the confusion matrix and, for images, hidden weights and "
        "misclassified samples into this folder; needs matplotlib.",
    ),
]


def refuse_label_column(value: str | None, *command: str) -> None:
    """Reject the option that --target replaced, with the line to write.

    Raises
    ------
    click.ClickException
        If the option was given.
    """
    if value is not None:
        line = " ".join(quoted(word) for word in ("bpmatrix", *command, "--target", value))
        rest = "" if command[0] == "train" else " (a model trained with --target needs neither)"
        raise click.ClickException(f"--label-column was replaced by --target{rest}: {line}")


def check_finds_target(target: str | None, folder: str | None) -> None:
    """Reject options that do not apply to a model of a table.

    Raises
    ------
    click.UsageError
        If one of them was given.
    """
    if target is not None or folder is not None:
        raise click.UsageError(
            "--target and --folder do not apply to a model that was trained with --target."
        )


def with_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command all options, whose values it gets as keyword arguments.

    They are named as the arguments of `datasets.load`, `Network` and `Network.train`.
    """
    for option in reversed(OPTIONS):
        function = option(function)
    return function
