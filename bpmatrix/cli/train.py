"""``bpmatrix train``: train a network and test it."""

from __future__ import annotations

import math
import secrets
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from types import SimpleNamespace as Options
from typing import TYPE_CHECKING, Any

import click

import bpmatrix
from bpmatrix import progress
from bpmatrix.cli.destination import check_destination, check_pictures, save_or_rescue, write_all
from bpmatrix.cli.options import (
    FULL_BATCH,
    HIDDEN,
    MINI_BATCH_SIZE,
    optimizers,
    refuse_label_column,
    with_options,
)
from bpmatrix.cli.ranks import first_alone, one_voice, world
from bpmatrix.cli.scores import (
    accuracy_in_words,
    origin_of_weights,
    time_in_words,
    warn_of_imbalance,
)
from bpmatrix.cli.show import announced, facts, lasting_output, percent, quoted, say, size_in_words
from bpmatrix.cli.table_options import TABLE_NAMES, last_column
from bpmatrix.errors import ArgumentError, BpmatrixError
from bpmatrix.signals import INTERRUPTED

if TYPE_CHECKING:
    from pathlib import Path

    from bpmatrix import History, Network
    from bpmatrix.datasets import DataSet
    from bpmatrix.history import EpochInfo
    from bpmatrix.training.optimizers import Optimizer
    from bpmatrix.training.schedules import Schedule


# Files that are read only with --target.
TABLES = (".csv", ".tsv", ".tab", ".csv.gz", ".tsv.gz", ".parquet", ".feather", ".arrow")


@click.command(
    "train",
    short_help="Train a network on data, test it, and save it.",
    context_settings={"show_default": True},
)
@with_options
def command(**arguments: Any) -> None:
    """Train a network on DATA and test it.

    DATA is digits (1,797 images of 8 x 8 pixels in the package, the default), mnist or
    fashion-mnist (from the folder $BPMATRIX_DATA, the system, or by download), a .npz file with one
    sample per row of X and classes y numbered 0, 1, 2, ..., or a folder with four IDX files. Inputs
    are scaled to [0, 1]; the scale is part of the network. The defaults work well on the digits and
    on MNIST.

    With --target COLUMN, DATA is a table: text (.csv, .tsv, also .gz), Parquet, Feather, or - for
    standard input. Its columns may be numbers, text or dates, with gaps; the model keeps what was
    done with them, and `bpmatrix predict` does the same. Without a header, columns are numbered.
    A folder, a pattern such as 'parts/*.parquet', or a file too large for the memory is read block
    by block.

    Ctrl-C ends the training; the network is still tested, and saved with --save. With --checkpoint,
    the same command resumes an interrupted training.

    \b
    Examples:
      bpmatrix train
      bpmatrix train mnist --layers 784,100,10 --optimizer adam --save model.safetensors
      bpmatrix train --plot pictures
      bpmatrix train table.csv --target price --save model.safetensors
    The first network in Nielsen's book:
      bpmatrix train mnist --layers 784,30,10 --cost quadratic --initializer standard_normal \\
          --learning-rate 3.0 --mini-batch-size 10 --epochs 30 --monitor test
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    options = Options(**arguments)
    # The saved model matters more than the lines about it.
    with nullcontext() if options.save is None else lasting_output():
        comm = world() if options.mpi else None
        with one_voice(comm):
            _run(options, comm)


def _run(options: Options, comm: Any) -> None:
    """Train, test and save."""
    from bpmatrix.engine.ranks import all_ranks  # noqa: PLC0415 - loads NumPy

    source = options.data if "data" in given_options() else "TABLE.csv"
    refuse_label_column(options.label_column_, "train", source)
    if options.target is not None:
        _train_on_table(options, options.target)
        return
    with all_ranks(comm) as ranks:
        _check(options)
        data = first_alone(ranks, partial(_data, options))
        options.seed = _seed(options)
        if ranks is not None:
            ranks.agree()
            options.seed = ranks.share(
                secrets.randbits(32) if options.seed is None else options.seed
            )
        net = _network(options, data)
        _introduce(options, data, net)
        warn_of_imbalance(data.train.labels)
    history, epochs, seconds = _train(options, data, net, comm)
    with all_ranks(comm) as ranks:
        if ranks is None or ranks.rank == 0:
            _conclude(options, data, net, history, time_in_words(history, epochs, seconds))
            if options.plot is not None:
                from bpmatrix.cli.pictures import pictures  # noqa: PLC0415 - loads NumPy

                drawn = pictures(net, data, history)
                write_all({options.plot / name: content for name, content in drawn.items()})
    if history.stopped_by == "interrupt":
        raise click.exceptions.Exit(INTERRUPTED)


def _data(options: Options) -> DataSet:
    """Return the data."""
    with announced(f"reading {size_in_words(options.data)}"):
        return bpmatrix.datasets.load(options.data, folder=options.folder)


def _train_on_table(options: Options, target: str) -> None:
    """Train a model of a table with the options that were given."""
    given = given_options()
    if "data" not in given:
        raise click.UsageError(f"--target {target} needs a table: bpmatrix train TABLE.csv ...")
    from bpmatrix.cli.tables import train_on_table  # noqa: PLC0415 - loads NumPy

    train_on_table(given, vars(options))


def given_options() -> dict[str, Any]:
    """Return the options that were given, by name."""
    context = click.get_current_context()
    return {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT
    }


def _check(options: Options) -> None:
    """Reject at once what would otherwise fail after reading the data or after training."""
    for name in {"hidden", *TABLE_NAMES} & given_options().keys():
        raise click.UsageError(f"--{name.replace('_', '-')} works only with --target COLUMN.")
    if options.data == "-" or options.data.lower().endswith(TABLES):
        last = last_column(options.data)
        raise click.ClickException(
            f"{options.data} is a table: name the column to learn"
            f"{', for example the last' * (last != 'COLUMN')}:"
            f" bpmatrix train {quoted(options.data)} --target {quoted(last)}"
        )
    deciding = {
        "--restore-best": options.restore_best,
        "--early-stopping": options.early_stopping is not None,
        "--schedule plateau": options.schedule == "plateau",
    }
    for option, is_used in deciding.items():
        if is_used and options.monitor == "test":
            raise click.UsageError(
                f"{option} does not work with --monitor test: training would adapt to the test "
                "samples, and the test accuracy would be too good."
            )
    if options.max_seconds is not None and not 0 < options.max_seconds < math.inf:
        raise click.UsageError(
            f"--max-seconds must be finite and above 0, got {options.max_seconds:g}."
        )
    _optimizer(options)
    if options.save is not None:
        check_destination(options.save, "--save", options.data)
    if options.plot is not None:
        check_pictures(options.plot, "--plot")


def _network(options: Options, data: DataSet) -> Network:
    """Return the untrained network."""
    n_inputs, n_classes = data.train.X.shape[0], data.n_classes
    sizes = options.layers or (n_inputs, HIDDEN, n_classes)
    # Two classes need only one output.
    outputs = (1, 2) if n_classes == 2 else (n_classes,)
    if sizes[0] != n_inputs or sizes[-1] not in outputs:
        raise ArgumentError(
            f"--layers does not fit the data set {data.name}",
            got=",".join(map(str, sizes)),
            expected=f"{n_inputs} inputs first and {n_classes} classes last, "
            f"such as {n_inputs},{HIDDEN},{n_classes}",
        )
    names = options.activation.split(",")
    return bpmatrix.Network(
        sizes,
        activation=names[0] if len(names) == 1 else names,
        output=options.output,
        cost=options.cost,
        initializer=options.initializer,
        input_scale=data.scale,
        dtype=options.dtype,
        seed=options.seed,
    )


def _seed(options: Options) -> int | None:
    """Return the seed option, or the seed of the run to resume."""
    seed: int | None = options.seed
    if seed is not None or options.checkpoint is None:
        return seed
    from bpmatrix.storage.checkpoints import identity_in  # noqa: PLC0415 - loads NumPy

    return identity_in(options.checkpoint).get("seed of the network")


def _introduce(options: Options, data: DataSet, net: Network) -> None:
    """Print the network, the data and how it is trained."""
    d = net.description
    n, *others = (part.labels.size for part in (data.train, data.validation, data.test))
    size = options.mini_batch_size or min(MINI_BATCH_SIZE, n)
    samples = "{:,} training, {:,} validation and {:,} test samples".format(n, *others)
    steps, batches = options.optimizer, f"mini-batches of {size:,}"
    if options.optimizer in FULL_BATCH:
        batches = "all samples in each step"
    else:
        steps += f", learning rate {_optimizer(options).learning_rate:g}"
    steps += f", weight decay {options.weight_decay:g}"
    if options.dropout:
        steps += f", dropout {options.dropout:g}"
    if options.schedule is not None:
        steps += f", {options.schedule} schedule"
    sizes, functions = ("-".join(map(str, names)) for names in (d.sizes, d.activations))
    facts(
        [
            ("network", f"{sizes}, {functions}, {d.cost}, {d.dtype}"),
            ("parameters", f"{net.parameters.size:,}"),
            ("data", f"{data.name}: {samples}, {data.n_classes} classes"),
            ("input scale", f"{data.scale:.6g}"),
            ("training", f"{options.epochs} epochs, {batches}, {steps}"),
            ("seed", net.seed),
        ]
    )
    say()


def _train(options: Options, data: DataSet, net: Network, comm: Any) -> tuple[History, int, float]:
    """Train, printing a line per epoch; return the history, the epochs of this call, and seconds.

    The seconds exclude compilation. The history of a resumed run includes its earlier epochs.
    """
    from bpmatrix.engine.compilation import warm_up  # noqa: PLC0415 - loads NumPy

    warm_up((options.dtype,))
    monitored = data.test if options.monitor == "test" else data.validation
    patience = options.early_stopping
    seen: list[EpochInfo] = []
    start = time.perf_counter()
    history = net.train(
        data.train.X,
        data.train.labels,
        epochs=options.epochs,
        mini_batch_size=options.mini_batch_size,
        optimizer=_optimizer(options),
        weight_decay=options.weight_decay,
        dropout=options.dropout,
        validation=(monitored.X, monitored.labels),
        shuffle=options.shuffle,
        n_threads=options.threads,
        callbacks=[progress.lines(monitored=options.monitor), seen.append],
        restore_best=options.restore_best,
        schedule=_schedule(options),
        early_stopping=None if patience is None else bpmatrix.EarlyStopping(patience),
        max_seconds=options.max_seconds,
        checkpoint=options.checkpoint,
        groups=options.groups,
        comm=comm,
    )
    seconds = time.perf_counter() - start
    net.trained[-1].update(data=data.name, monitored=options.monitor)
    return history, len(seen), seconds


def _optimizer(options: Options) -> Optimizer:
    optimizer, rate = optimizers()[options.optimizer], options.learning_rate
    if rate is not None and options.optimizer in FULL_BATCH:
        raise click.UsageError(f"--optimizer {options.optimizer} has no --learning-rate.")
    return optimizer if rate is None else replace(optimizer, learning_rate=rate)


def _schedule(options: Options) -> Schedule | None:
    from bpmatrix.training.schedules import Cosine, ReduceOnPlateau  # noqa: PLC0415 - loads NumPy

    if options.schedule == "cosine":
        return Cosine(options.epochs)
    return ReduceOnPlateau() if options.schedule == "plateau" else None


def _conclude(
    options: Options, data: DataSet, net: Network, history: History, duration: str
) -> None:
    """Save the network if asked to, test it, and print the results."""
    where: Path | None = None
    failure: BaseException | None = None
    if options.save is not None:  # first, since the test may fail or be interrupted
        where, failure = save_or_rescue(net.save, options.save)
    rows = []
    best = next((e for e in history.epochs if e.epoch == history.best_epoch), None)
    is_kept = options.restore_best or options.early_stopping is not None
    if best is not None and best.validation_accuracy is not None:
        kept = ", weights kept" if is_kept else ""
        accuracy = percent(best.validation_accuracy)
        rows.append(("best epoch", f"{best.epoch}: {accuracy} {options.monitor} accuracy{kept}"))
    weights = origin_of_weights(net, history, is_kept=is_kept)
    could_be_kept = not is_kept and options.monitor == "validation"
    is_other = best is not None and best.epoch != net.epochs
    hint = "; --restore-best keeps those of the best" if could_be_kept and is_other else ""
    rows.append(("weights", weights + hint))
    labels = data.test.labels
    try:
        hits = round(net.accuracy(data.test.X, labels) * labels.size)
        rows.append(("test accuracy", accuracy_in_words(hits, labels)))
    except (BpmatrixError, KeyboardInterrupt) as error:
        failure = failure or error
    rows.append(("time", duration))
    if where is None:
        rows.append(("saved", "no; --save FILE saves the network"))
    else:
        saved = f"{where}, with the weights {weights}"
        rows.append(("saved", f"{saved}; try: bpmatrix info {quoted(where)}"))
    say()
    facts(rows)
    if failure is not None:
        raise failure
