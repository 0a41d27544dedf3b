"""Networks that learn one column of a table from the others: `TableModel`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from bpmatrix.checks import find, whole_number
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.estimators import MLPClassifier, MLPRegressor
from bpmatrix.tables import storage
from bpmatrix.tables.arrow import as_arrow
from bpmatrix.tables.encoder import TableEncoder, numbers_rows
from bpmatrix.tables.targets import classes_in, numbers_in, task_of

if TYPE_CHECKING:
    from bpmatrix.history import EpochInfo

Array = NDArray[Any]
Estimator = MLPClassifier | MLPRegressor

# `python -m benchmarks quality` compares it with scikit-learn's defaults. With mini-batches of 200,
# an epoch of a small table would be a single step.
RECIPE = {"batch_size": 32, "early_stopping": True, "max_iter": 1000, "n_iter_no_change": 20}
VALIDATION_SHARE = 0.1
TASKS = {"classification": MLPClassifier, "regression": MLPRegressor}
FEWEST_ROWS = 10


class TableModel:
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
    ) -> Self:
        """Learn from a table.

        Parameters
        ----------
        table : table
            A DataFrame of pandas or polars, an Arrow table, or a dictionary of columns.
        validation : table, optional
            Rows for early stopping, in place of a tenth of `table`.
        callbacks : sequence of callable, optional
            Called with an `EpochInfo` after every epoch of each member.
        checkpoint : path, optional
            A folder for the checkpoints of the members, each in a folder of its own.

        Returns
        -------
        self

        Raises
        ------
        DataError, ArgumentError
            If the table cannot be learned from; the message names the column.
        """
        rows = as_arrow(table)
        task = self.task or task_of(self._target_in(rows), self.target)
        y = self._targets(rows, task)
        numbered = [name for name in rows.column_names if numbers_rows(rows, name)]
        if validation is None:
            train, held_out = self._split(y, task)
            held_rows, held_y = rows.take(held_out), y[held_out]
            rows, y = rows.take(train), y[train]
        else:
            held_rows = as_arrow(validation)
            held_y = self._targets(held_rows, task)
        features = rows.drop_columns([self.target])
        encoder = TableEncoder([name for name in self.drop if name != self.target])
        encoder.fit(features, numbered=numbered)
        if task == "regression":
            self.center_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        self.task_, self.encoder_ = task, encoder
        X, X_val = encoder.transform(features), encoder.transform(held_rows)
        self.members_ = [
            self._member(i, len(y), callbacks).fit(
                X, self._scaled(y), X_val=X_val, y_val=self._scaled(held_y),
                checkpoint=None if checkpoint is None else Path(checkpoint) / f"member-{i}",
            )
            for i in range(self.n_members)
        ]  # fmt: skip
        return self

    def predict(self, table: Any) -> Array:
        """Return the predicted class or number of each row (n,)."""
        if self.task_ == "classification":
            places = self.predict_proba(table).argmax(axis=1)
            return np.asarray(self.classes_[places])
        X = self.encoder_.transform(table)
        found = np.mean([member.predict(X) for member in self.members_], axis=0)
        return np.asarray(found * self.scale_ + self.center_)

    def predict_proba(self, table: Any) -> Array:
        """Return the probability of each class (n, n_classes), the mean over the members."""
        if self.task_ != "classification":
            raise ArgumentError(
                "a regression has no probabilities", cure="Call predict, or set task."
            )
        X = self.encoder_.transform(table)
        return np.asarray(np.mean([member.predict_proba(X) for member in self.members_], axis=0))

    def score(self, table: Any) -> float:
        """Return the accuracy, or R^2, on a table with the target."""
        y = self._targets(as_arrow(table), self.task_)
        found = self.predict(table)
        if self.task_ == "classification":
            return float(np.mean(found == y))
        return float(r2_score(y, found))

    @property
    def classes_(self) -> Array:
        """The classes."""
        classes: Array = self.members_[0].classes_
        return classes

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

    def __repr__(self) -> str:
        members = f", n_members={self.n_members}" * (self.n_members > 1)
        return f"TableModel({self.target!r}{members})"

    def _target_in(self, table: pa.Table) -> pa.ChunkedArray:
        if self.target not in table.column_names:
            raise DataError(
                f"the table has no column {self.target!r}",
                got=", ".join(map(repr, table.column_names[:20])),
                cure="Name one of its columns as the target.",
            )
        return table[self.target]

    def _targets(self, table: pa.Table, task: str) -> Array:
        column = self._target_in(table)
        return (classes_in if task == "classification" else numbers_in)(column, self.target)

    def _split(self, y: Array, task: str) -> tuple[Array, Array]:
        """Return the places of the rows to learn from, and of those for early stopping."""
        counts = np.unique(y, return_counts=True)[1]
        by_class = task == "classification"
        if len(y) < FEWEST_ROWS or (by_class and (counts.size < 2 or counts.min() < 2)):
            raise DataError(
                "the table is too small to hold out validation rows",
                got=f"{len(y)} rows"
                + f", {counts.min()} of the rarest of {counts.size} classes" * by_class,
                expected=f"{FEWEST_ROWS} rows" + ", two classes, and two rows of each" * by_class,
                cure="Collect more rows, drop or merge rare classes, or pass validation rows.",
            )
        held_out = max(round(VALIDATION_SHARE * len(y)), counts.size if by_class else 1)
        train, validation = train_test_split(
            np.arange(len(y)), test_size=held_out, random_state=self.seed % 2**32,
            stratify=y if by_class else None,
        )  # fmt: skip
        return np.sort(train), np.sort(validation)

    def _member(
        self, i: int, n: int, callbacks: Sequence[Callable[[EpochInfo], object]]
    ) -> Estimator:
        parameters = {
            **RECIPE, "batch_size": min(32, n), **self.parameters,
            "random_state": (self.seed + i) % 2**32, "callbacks": list(callbacks) or None,
        }  # fmt: skip
        member: Estimator = TASKS[self.task_](**parameters)
        return member

    def _scaled(self, y: Array) -> Array:
        return y if self.task_ == "classification" else (y - self.center_) / self.scale_
