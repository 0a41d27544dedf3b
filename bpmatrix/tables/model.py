"""Networks that learn one column of a table from the others: `TableModel`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.metrics import r2_score

from bpmatrix.array_types import Array
from bpmatrix.checks import find, whole_number
from bpmatrix.errors import ArgumentError
from bpmatrix.estimators import MLPClassifier, MLPRegressor
from bpmatrix.exchange.exports import ToOnnx
from bpmatrix.exchange.model import Ensemble, Scaling
from bpmatrix.foreign import TABLE_MODEL, knowing
from bpmatrix.samples.blocks import Blocks
from bpmatrix.tables import storage
from bpmatrix.tables.arrow import as_arrow
from bpmatrix.tables.columns import LINEAR, Category, Number, Plain
from bpmatrix.tables.encoder import TableEncoder, numbers_rows
from bpmatrix.tables.files import TableFiles
from bpmatrix.tables.sampling import Sampled, sampled
from bpmatrix.tables.splits import held_out
from bpmatrix.tables.targets import target_in, targets_of, task_of

if TYPE_CHECKING:
    from bpmatrix.history import EpochInfo

Estimator = MLPClassifier | MLPRegressor

# `python -m benchmarks quality` compares it with scikit-learn's defaults. With mini-batches of 200,
# an epoch of a small table would be a single step.
RECIPE = {"batch_size": 32, "early_stopping": True, "max_iter": 1000, "n_iter_no_change": 20}
VALIDATION_SHARE = 0.1
TASKS = {"classification": MLPClassifier, "regression": MLPRegressor}
# Of the numbers that networks learn from; two times eight blocks are in memory.
BYTES_OF_A_BLOCK = 2 << 20
# Rows that are predicted at a time.
BLOCK = 1 << 16


class TableModel(ToOnnx):
    """One or several networks that predict a column of a table from its other columns.

    The columns are turned into numbers by a `TableEncoder`. A tenth of the rows is held out to
    stop training early; encoder and networks learn from the others alone.

    Parameters
    ----------
    target : str
        The column to predict.
    task : {"classification", "regression"}, optional
        By default, text, truth values and up to 20 different whole numbers are classes.
    n_members : int, default 1
        The number of networks, whose predictions are averaged: each has initial weights and an
        order of the samples of its own.
    drop : sequence of str, default ()
        Columns to leave out.
    seed : int, optional
        Determines validation rows and weights; by default it is drawn, and kept as `seed`.
    **parameters
        Parameters of `MLPClassifier` or `MLPRegressor`, such as ``hidden_layer_sizes=(100, 50)``.

    Attributes
    ----------
    encoder_ : TableEncoder
        What was learned of the columns.
    members_ : list of MLPClassifier or MLPRegressor
        The networks. A regressor predicts the target minus `center_`, divided by `scale_`.
    task_ : str
        The task.
    classes_ : (n_classes,) array
        The classes of a classification.

    Examples
    --------
    >>> from bpmatrix import TableModel
    >>> table = {"weather": ["sun", "rain"] * 40, "sold": [9, 2] * 40}
    >>> model = TableModel("sold", task="regression", seed=1).fit(table)
    >>> model.predict({"weather": ["rain"]}).round().tolist()
    [2.0]
    """

    encoder_: TableEncoder
    members_: list[Estimator]
    task_: str
    center_: float = 0.0
    scale_: float = 1.0

    @knowing(TABLE_MODEL)
    def __init__(
        self,
        target: str,
        *,
        task: str | None = None,
        n_members: int = 1,
        drop: Sequence[str] = (),
        seed: int | None = None,
        **parameters: Any,
    ) -> None:
        if task is not None:
            find(TASKS, task, "task")
        self.target, self.task, self.drop = target, task, drop
        self.n_members = whole_number(n_members, "n_members", least=1)
        drawn = int(np.random.SeedSequence().generate_state(1)[0])
        self.seed = drawn if seed is None else whole_number(seed, "seed", least=0)
        self.parameters = parameters

    def fit(
        self,
        table: Any,
        validation: Any = None,
        *,
        callbacks: Sequence[Callable[[EpochInfo], object]] = (),
        checkpoint: str | os.PathLike[str] | None = None,
        numbered: Sequence[str] | None = None,
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        table : table, path, list of paths, TableFiles or Sampled
            A DataFrame of pandas or polars, an Arrow table, or a dictionary of columns. Files are
            read block by block, for tables larger than memory: columns are learned from a random
            sample of up to 100,000 rows.
        validation : table, optional
            Rows for early stopping, in place of a tenth of `table`.
        callbacks : sequence of callable, optional
            Called with an `EpochInfo` after every epoch of each member.
        checkpoint : path, optional
            A folder for checkpoints, of several members each in a folder of its own.
        numbered : sequence of str, optional
            The columns that number the rows, for a table that is a part of another.

        Returns
        -------
        self

        Raises
        ------
        DataError, ArgumentError
            If the table cannot be learned from; the message names the column.
        """
        source = _in_blocks(table, self.seed, [name for name in self.drop if name != self.target])
        if source is not None:
            held_rows = source.hold_out(VALIDATION_SHARE) if validation is None else validation
            table, validation, numbered = source.sample, held_rows, source.numbered
        rows = as_arrow(table)
        task = self.task or task_of(target_in(rows, self.target), self.target)
        y = targets_of(rows, self.target, task)
        if numbered is None:
            numbered = [name for name in rows.column_names if numbers_rows(rows, name)]
        if validation is None:
            train, others = held_out(y, VALIDATION_SHARE, self.seed)
            held_rows, held_y = rows.take(others), y[others]
            rows, y = rows.take(train), y[train]
        else:
            held_rows = as_arrow(validation)
            held_y = targets_of(held_rows, self.target, task)
        known = np.isin(held_y, y)
        if task == "classification" and known.any():  # groups may have classes of their own
            held_rows, held_y = held_rows.take(np.flatnonzero(known)), held_y[known]
        features = rows.drop_columns([self.target])
        encoder = TableEncoder([name for name in self.drop if name != self.target])
        encoder.fit(features, numbered=numbered)
        if task == "regression":
            self.center_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        self.task_, self.encoder_ = task, encoder
        X_val, n = encoder.transform(held_rows), len(y)
        X: Any
        targets: Any
        if source is None:
            X, targets = encoder.transform(features), self._scaled(y)
        else:
            X, targets, n = Blocks(self._blocks_of(source)), None, source.n_training
            X.can_widen = False
        held = {"X_val": X_val, "y_val": self._scaled(held_y)}
        self._fit_members(X, targets, held, n, callbacks, checkpoint)
        return self

    def _fit_members(
        self, X: Any, y: Any, held: dict[str, Array], n: int,
        callbacks: Sequence[Callable[[EpochInfo], object]],
        checkpoint: str | os.PathLike[str] | None,
    ) -> None:  # fmt: skip
        """Fit the networks to n rows, with others held out; an interruption ends them."""
        self.members_ = []
        for i in range(self.n_members):
            member = self._member(i, n, callbacks).fit(
                X, y, **held, checkpoint=self.folder_of(i, checkpoint)
            )
            is_interrupted = getattr(member, "_is_interrupted", False)
            if not (is_interrupted and self.members_):  # the others are whole
                self.members_.append(member)
            if is_interrupted:
                break

    @classmethod
    def of_estimator(cls, estimator: Estimator) -> Self:
        """Return the model of a table for an estimator that was fitted to its columns.

        Raises
        ------
        ArgumentError
            If the estimator was fitted to an array without names.
        """
        names = getattr(estimator, "feature_names_in_", None)
        if names is None:
            raise ArgumentError(
                "the model has no feature names", cure="Fit it with a DataFrame, or a TableModel."
            )
        model = cls(getattr(estimator, "target_name_", "prediction"))
        model.task_ = next(task for task, kind in TASKS.items() if isinstance(estimator, kind))
        model.encoder_ = TableEncoder.of_columns([Plain(name) for name in names])
        model.members_ = [estimator]
        return model

    def _blocks_of(self, source: Sampled) -> Callable[[], Iterator[tuple[Array, Array]]]:
        """Return the function that returns the blocks that the networks learn from."""
        size = max(1, BYTES_OF_A_BLOCK // (8 * len(self.encoder_.get_feature_names_out())))

        def blocks() -> Iterator[tuple[Array, Array]]:
            for table in source.training_rows():
                for first in range(0, table.num_rows, size):
                    rows = table.slice(first, size)
                    y = targets_of(rows, self.target, self.task_)
                    yield self.encoder_.transform(rows), self._scaled(y)

        blocks.__name__ = source.files.name  # for errors and warnings
        return blocks

    def predict(self, table: Any) -> Array:
        """Return the predicted class or number of each row (n,)."""
        return self._decoded(self._outputs(table))

    def predict_proba(self, table: Any) -> Array:
        """Return the probability of each class (n, n_classes), the mean over the members."""
        if self.task_ != "classification":
            raise ArgumentError(
                "a regression has no probabilities", cure="Call predict, or set task."
            )
        return self._outputs(table)

    def score(self, table: Any) -> float:
        """Return the accuracy, or R^2, on a table with the target."""
        y = targets_of(as_arrow(table), self.target, self.task_)
        return self._score(self.predict(table), y)

    def samples(self, table: Any) -> tuple[Array, Array]:
        """Return a table with the target as the networks see it: X (n, n_0), and y (n,) or (1, n).

        The classes are numbered, numbers are scaled.
        """
        rows = as_arrow(table)
        y = targets_of(rows, self.target, self.task_)
        if self.task_ == "regression":
            return self.encoder_.transform(rows), self._scaled(y)[np.newaxis]
        known = np.isin(y, self.classes_)
        return (
            self.encoder_.transform(rows.filter(known)),
            np.searchsorted(self.classes_, y[known]),
        )

    @property
    def classes_(self) -> Array:
        """The classes."""
        classes: Array = self.members_[0].classes_
        return classes

    def folder_of(self, i: int, checkpoint: str | os.PathLike[str] | None) -> Path | None:
        """Return the folder for the checkpoints of a member."""
        if checkpoint is None:
            return None
        return Path(checkpoint) / f"member-{i}" if self.n_members > 1 else Path(checkpoint)

    @property
    def columns_of_text(self) -> list[str]:
        """The columns, with the target, that a file's reader has to leave text: ``"01"``."""
        columns = [c for c in self.encoder_.columns_ if isinstance(c, Category)]
        found = {column.name: column.levels for column in columns}
        if self.task_ == "classification" and self.classes_.dtype.kind in "OU":
            found[self.target] = self.classes_.tolist()
        # Truth values are read as such; of a column that is not used, any cell will do.
        texts = [name for name, levels in found.items() if {*levels} - {"true", "false"}]
        return [*texts, *self.encoder_.left_out_]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write encoder and networks to one .safetensors file, for `bpmatrix.load`.

        Raises
        ------
        DataError
            If a weight is not finite.
        OSError
            If the file cannot be written.
        """
        storage.save(self, path)

    def _for_onnx(self) -> Ensemble:
        numbers = [column for column in self.encoder_.columns_ if isinstance(column, Number)]
        others = {column.name for column in self.encoder_.columns_} - {c.name for c in numbers}
        if others:
            raise ArgumentError(
                "only a model of scaled numbers can be written to an ONNX file as a whole",
                got=f"the columns {', '.join(map(repr, sorted(others)))}",
                cure="Write its networks, for the numbers that encoder_.transform returns:"
                " model.members_[0].to_onnx(path).",
            )
        center, scale = (
            np.array([getattr(c.scale, part) for c in numbers]) for part in ("center", "scale")
        )
        is_scaled = self.task_ == "regression"
        return Ensemble(
            tuple(member._exported() for member in self.members_),  # noqa: SLF001
            tuple(column.name for column in numbers),
            Scaling(center, scale),
            LINEAR,
            np.array([column.scale.missing for column in numbers]),
            Scaling(np.array([self.center_]), np.array([self.scale_])) if is_scaled else None,
        )

    def __repr__(self) -> str:
        members = f", n_members={self.n_members}" * (self.n_members > 1)
        return f"TableModel({self.target!r}{members})"

    def _outputs(self, table: Any) -> Array:
        """Return the members' mean for a table: probabilities (n, n_classes), or numbers (n,)."""
        rows = as_arrow(table)
        parts = [  # in blocks, since a matrix takes more memory than its table
            self._outputs_of(self.encoder_.transform(rows.slice(first, BLOCK)))
            for first in range(0, max(1, rows.num_rows), BLOCK)
        ]
        return np.concatenate(parts)

    def _outputs_of(self, X: Array) -> Array:
        """Return the members' mean for a matrix."""
        name = "predict_proba" if self.task_ == "classification" else "predict"
        with warnings.catch_warnings():  # columns were matched by name
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            outputs = [getattr(member, name)(X) for member in self.members_]
        return np.asarray(np.mean(outputs, axis=0))

    def _decoded(self, outputs: Array) -> Array:
        """Return the classes of probabilities, or numbers in the units of the target."""
        if self.task_ == "classification":
            return np.asarray(self.classes_[outputs.argmax(axis=1)])
        return outputs * self.scale_ + self.center_

    def _score(self, found: Array, y: Array) -> float:
        if self.task_ == "classification":
            return float(np.mean(found == y))
        return float(r2_score(y, found))

    def _member(
        self, i: int, n: int, callbacks: Sequence[Callable[[EpochInfo], object]]
    ) -> Estimator:
        parameters = {
            **RECIPE, "batch_size": min(RECIPE["batch_size"], n), **self.parameters,
            "random_state": (self.seed + i) % 2**32,
            "callbacks": [*(self.parameters.get("callbacks") or ()), *callbacks] or None,
        }  # fmt: skip
        member: Estimator = TASKS[self.task_](**parameters)
        return member

    def _scaled(self, y: Array) -> Array:
        return y if self.task_ == "classification" else (y - self.center_) / self.scale_


def _in_blocks(table: Any, seed: int, dropped: Sequence[str]) -> Sampled | None:
    """Return what one pass over files found; None for a table in memory."""
    if isinstance(table, Sampled):
        return table
    if isinstance(table, str | os.PathLike | list):
        table = TableFiles(table, as_text=dropped)
    return sampled(table, seed) if isinstance(table, TableFiles) else None
