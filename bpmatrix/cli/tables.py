"""Train models of tables: ``bpmatrix train FILE --target COLUMN``."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import click
import numpy as np

from bpmatrix import TableModel, progress
from bpmatrix.cli.destination import check_destination, check_pictures
from bpmatrix.cli.options import optimizers
from bpmatrix.cli.reports import Report, conclude
from bpmatrix.cli.scores import warn_of_imbalance
from bpmatrix.cli.show import announced, facts, say, size_in_words, table
from bpmatrix.cli.table_files import IN_BLOCKS, form_of, read
from bpmatrix.cli.table_options import TABLE_NAMES
from bpmatrix.cli.wording import ESTIMATOR_PARAMETERS
from bpmatrix.errors import DataError
from bpmatrix.history import EpochInfo
from bpmatrix.signals import INTERRUPTED
from bpmatrix.storage.checkpoints import identity_in
from bpmatrix.tables.encoder import numbers_rows
from bpmatrix.tables.files import TableFiles, reads_blocks
from bpmatrix.tables.model import RECIPE, VALIDATION_SHARE
from bpmatrix.tables.sampling import Sampled, sampled
from bpmatrix.tables.scores import scores
from bpmatrix.tables.splits import folds, held_out
from bpmatrix.tables.targets import named, target_in, targets_of, task_of
from bpmatrix.tables.values import DATE, kind_of

if TYPE_CHECKING:  # where pyarrow is missing, bpmatrix.tables says so
    import pyarrow as pa

TEST_SHARE = 0.2

# The largest random_state that scikit-learn accepts.
LARGEST_SEED = 2**32 - 1

# The solvers of the estimators, by the names of the optimizers.
SOLVERS: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    "adam": {"solver": "adam"},
}
# The options allowed with --target, besides those for tables and the estimators' parameters.
OTHERS = {
    "data", "target", "hidden", "optimizer", "early_stopping", "weight_decay", "restore_best",
    "save", "checkpoint", "plot",
}  # fmt: skip


@dataclass(frozen=True)
class Rows:
    """The rows of a run, how they were split, and what was assumed while reading them.

    Those of a table larger than memory are a sample of the ones in `source`.
    """

    whole: pa.Table
    train: pa.Table
    validation: pa.Table | None
    test: pa.Table
    task: str
    numbered: list[str]
    by: str | None
    notes: list[str]
    source: Sampled | None = None

    @property
    def n_training(self) -> int:
        """The number of rows to train on, with those for early stopping."""
        return self.train.num_rows if self.source is None else self.source.n_training


class Watch:
    """A callback that prints the columns when a fit begins, and a line per epoch."""

    def __init__(self, model: TableModel) -> None:
        self._model, self._begun, self._lines = model, 0, progress.lines()

    def __enter__(self) -> Self:
        """Print what is done with the columns, once, and which member it is."""
        if not self._begun:
            table(("column", "kind", "what is done"), self._model.encoder_.described())
            say()
        self._begun += 1
        if self._model.n_members > 1:
            say(f"member {self._begun} of {self._model.n_members}")
        return self

    def __call__(self, info: EpochInfo) -> None:
        """Print a line."""
        self._lines(info)

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def train_on_table(given: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """Train a model on a table, test it on held-out rows, and save it.

    Parameters
    ----------
    given : mapping
        The options of `bpmatrix train` that were given.
    options : mapping
        All of them, with their defaults.

    Raises
    ------
    BpmatrixError
        If the table or an option cannot be used.
    """
    model = _model(given, options)
    sources = [options["data"], *(str(options[name]) for name in ("validation", "test"))]
    if options["save"] is not None:
        check_destination(options["save"], "--save", *sources)
    if options["plot"] is not None:
        check_pictures(options["plot"], "--plot")
    rows = (_rows_in_blocks if reads_blocks(options["data"]) else _rows)(model, options)
    n_training = rows.n_training
    if "weight_decay" in given:  # of a mini-batch's mean cost; the estimators' of its sum
        size = min(model.parameters.get("batch_size", RECIPE["batch_size"]), n_training)
        model.parameters["alpha"] = options["weight_decay"] * size
    is_silent = options["json"] or options["quiet"]
    if not is_silent:
        _introduce(options["data"], model, rows)
    learned = targets_of(rows.train, model.target, rows.task)
    if rows.task == "classification":
        warn_of_imbalance(learned)
    start = time.perf_counter()
    with _interruptions() as interrupted, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the solver reached max_iter")
        of_folds = _scores_of_folds(model, rows, options["cv"] or 0, is_silent=is_silent)
        if not interrupted:
            callbacks = [] if is_silent else [Watch(model)]
            _fit(model, rows, rows.train, rows.validation, callbacks, options["checkpoint"])
    if not hasattr(model, "members_"):
        raise KeyboardInterrupt
    for member in model.members_:
        member.set_params(callbacks=None)
    seconds = time.perf_counter() - start
    report = Report(model, n_training, rows.test, learned, of_folds, rows.notes, seconds)
    conclude(report, options)
    if interrupted:
        raise click.exceptions.Exit(INTERRUPTED)


def _model(given: Mapping[str, Any], options: Mapping[str, Any]) -> TableModel:
    """Return the model that the given options describe, with a random seed by default."""
    for name in given:
        if name not in TABLE_NAMES | OTHERS | {*ESTIMATOR_PARAMETERS}:
            option = "--" + name.replace("_", "-")
            known = ", ".join("--" + other.replace("_", "-") for other in ESTIMATOR_PARAMETERS)
            raise click.UsageError(
                f"{option} does not work with --target, which accepts {known}, and others that"
                " --help names."
            )
    parameters = {
        ESTIMATOR_PARAMETERS[name]: value
        for name, value in given.items()
        if name in ESTIMATOR_PARAMETERS
    }
    names = parameters.get("activation", "").split(",")
    if len(names) > 1:
        parameters["activation"] = names
    if "optimizer" in given:
        if given["optimizer"] not in SOLVERS:
            known = ", ".join(SOLVERS)
            raise click.UsageError(f"with --target, --optimizer must be one of {known}.")
        rate = optimizers()[given["optimizer"]].learning_rate
        parameters = {**SOLVERS[given["optimizer"]], "learning_rate_init": rate} | parameters
    if "early_stopping" in given:
        parameters["n_iter_no_change"] = given["early_stopping"]
    seed = parameters.pop("random_state", None)
    if seed is None and options["checkpoint"] is not None:
        folder = options["checkpoint"] / ("member-0" if options["members"] > 1 else "")
        seed = identity_in(folder).get("random_state")
    if seed is not None and seed > LARGEST_SEED:
        raise click.UsageError(f"with --target, --seed must be at most {LARGEST_SEED}.")
    return TableModel(
        options["target"], task=options["task"], n_members=options["members"],
        drop=list(options["drop"]), seed=seed, **parameters,
    )  # fmt: skip


def _rows(model: TableModel, options: Mapping[str, Any]) -> Rows:
    """Read the tables, and split the rows."""
    form, by = form_of(options), options["split_by"]
    whole, notes = read(options["data"], form)
    model.target, by = named(whole, model.target), by and named(whole, by)
    model.drop = [named(whole, name) for name in model.drop]
    others = _others(whole, options)
    task = model.task or task_of(target_in(whole, model.target), model.target)
    y = targets_of(whole, model.target, task)
    numbered = [name for name in whole.column_names if numbers_rows(whole, name)]
    if by is not None:
        column = target_in(whole, by)
        if by == model.target:
            raise DataError(f"column {by!r} is the target", cure="Name another column, or none.")
        if kind_of(column, by) != DATE and by not in model.drop:  # it says which group a row is of
            model.drop = [*model.drop, by]
    train, test = whole, others.get("test")
    if test is None:
        kept, places = held_out(y, TEST_SHARE, model.seed, *_by(whole, by))
        train, test = whole.take(kept), whole.take(places)
    validation = others.get("validation")
    return Rows(whole, train, validation, test, task, numbered, by, notes)


def _rows_in_blocks(model: TableModel, options: Mapping[str, Any]) -> Rows:
    """Read a table larger than memory once, and hold out rows."""
    for name in ("cv", "split_by"):
        if options[name] is not None:
            raise click.UsageError(
                f"--{name.replace('_', '-')} needs the whole table in memory, and"
                f" {options['data']} is read block by block: name rows to test on with --test."
            )
    with announced(f"reading {size_in_words(options['data'])}"):
        dropped = [name for name in model.drop if name != model.target]
        table = TableFiles(options["data"], form_of(options), dropped)
        source = sampled(table, model.seed)
    model.target = named(source.kept, model.target)
    model.drop = [named(source.kept, name) for name in model.drop]
    others = _others(source.kept, options)
    test = others.get("test")
    test = source.hold_out(TEST_SHARE) if test is None else test
    task = model.task or task_of(target_in(source.sample, model.target), model.target)
    note = (
        f"{IN_BLOCKS}; a sample of {source.sample.num_rows:,} rows decides what is done with its"
        " columns"
    )
    return Rows(
        source.sample, source.sample, others.get("validation"), test, task, source.numbered, None,
        [*table.notes, note], source,
    )  # fmt: skip


def _others(whole: pa.Table, options: Mapping[str, Any]) -> dict[str, pa.Table]:
    """Return the tables for validation and test that were named."""
    as_text = [column.name for column in whole.schema if str(column.type) == "string"]
    return {
        name: read(str(options[name]), form_of(options), as_text)[0]
        for name in ("validation", "test")
        if options[name] is not None
    }


def _by(table: pa.Table, by: str | None) -> tuple[Any, ...]:
    return () if by is None else (table[by], by)


def _fit(
    model: TableModel, rows: Rows, train: pa.Table, validation: pa.Table | None,
    callbacks: Any = (), checkpoint: Any = None,
) -> TableModel:  # fmt: skip
    """Fit a model; the rows for early stopping are split as those of the test."""
    if rows.source is not None:
        return model.fit(rows.source, validation, callbacks=callbacks, checkpoint=checkpoint)
    if validation is None and rows.by is not None:
        y = targets_of(train, model.target, rows.task)
        kept, places = held_out(y, VALIDATION_SHARE, model.seed, *_by(train, rows.by))
        train, validation = train.take(kept), train.take(places)
    return model.fit(
        train, validation, callbacks=callbacks, checkpoint=checkpoint, numbered=rows.numbered
    )


def _scores_of_folds(
    model: TableModel, rows: Rows, k: int, *, is_silent: bool
) -> list[dict[str, float]]:
    """Return the scores of models that were each tested on another part of the rows."""
    if not k:
        return []
    y, found = targets_of(rows.whole, model.target, rows.task), []
    for i, (train, test) in enumerate(folds(y, k, model.seed, *_by(rows.whole, rows.by)), start=1):
        part = TableModel(
            model.target, task=rows.task, n_members=model.n_members, drop=model.drop,
            seed=model.seed, **model.parameters,
        )  # fmt: skip
        _fit(part, rows, rows.whole.take(train), rows.validation)
        found.append(scores(part, rows.whole.take(test), y[train]))
        if not is_silent:
            name = "r2" if rows.task == "regression" else "accuracy"
            say(f"fold {i} of {k}: {name.replace('r2', 'R^2')} {found[-1][name]:.4f}")
    if not is_silent:
        say()
    return found


def _introduce(source: str, model: TableModel, rows: Rows) -> None:
    """Print the data, the model and the seed."""
    counts = f"{rows.n_training:,} training and {rows.test.num_rows:,} test rows"
    task, y = rows.task, targets_of(rows.whole, model.target, rows.task)
    if task == "classification":
        task += f" into {np.unique(y).size} classes"
    elif model.task is None and (y == np.floor(y)).all():
        task += ", as there are many numbers (--task classification otherwise)"
    lines: list[tuple[str, object]] = [("data", f"{source}: {counts}")]
    lines += [("assumed", note) for note in rows.notes]
    lines += [("target", f"{model.target}, {task}"), ("seed", model.seed)]
    facts(lines)
    say()


@contextmanager
def _interruptions() -> Iterator[list[str]]:
    """Yield a list that receives the warning of a fit that Ctrl-C ends; it is still shown."""
    heard: list[str] = []
    show = warnings.showwarning

    def listen(message: Warning | str, *rest: Any, **more: Any) -> None:
        if str(message).startswith("training was interrupted"):
            heard.append(str(message))
        show(message, *rest, **more)

    warnings.showwarning = listen
    try:
        yield heard
    finally:
        warnings.showwarning = show
