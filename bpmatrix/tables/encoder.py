"""A table as a matrix: `TableEncoder`, a transformer for scikit-learn's pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from bpmatrix.array_types import Floats
from bpmatrix.errors import ArgumentError, DataError
from bpmatrix.samples.arrow import is_index_of_pandas
from bpmatrix.tables.arrow import as_arrow
from bpmatrix.tables.columns import Column, column_of, learn
from bpmatrix.tables.values import numbers_of

# Names of columns that number the rows; one without a name is "Unnamed: 0" in pandas, and here
# "column 1".
INDEX_NAMES = ("", "id", "index", "rowid", "row", "row_id", "unnamed: 0", "column 1", "no", "nr")


Encoder = TypeVar("Encoder", bound="TableEncoder")


class TableEncoder(TransformerMixin, BaseEstimator):
    """Turn the columns of a table into numbers for a network.

    Numbers are scaled by median and interquartile range, large ones by a logarithm. Text and
    truth values become one output per category, rare ones together. Dates become the moment, the
    day of the year, the weekday and the time. Missing values become the median or a category, with
    an indicator. Columns that say nothing are left out: constants, and a column that numbers the
    rows.

    Parameters
    ----------
    drop : sequence of str, default ()
        Columns to leave out.

    Attributes
    ----------
    columns_ : list of Column
        What was learned of each column that is used.
    left_out_ : dict of str to str
        The other columns, and why.
    feature_names_in_ : (n_features,) array of str
        The columns of the table.

    Examples
    --------
    >>> from bpmatrix import TableEncoder
    >>> table = {"size": [50.0, 80.0, None, 65.0], "kind": ["flat", "house", "flat", "flat"]}
    >>> encoder = TableEncoder().fit(table)
    >>> encoder.get_feature_names_out().tolist()
    ['size', 'size is missing', 'kind=flat', 'kind=house']
    >>> encoder.transform({"kind": ["house"], "size": [65]}).tolist()
    [[0.0, 0.0, 0.0, 1.0]]
    """

    columns_: list[Column]
    left_out_: dict[str, str]

    def __init__(self, drop: Sequence[str] = ()) -> None:
        self.drop = drop

    def fit(self, X: Any, y: Any = None, *, numbered: Sequence[str] | None = None) -> Self:
        """Learn from a table how its columns become numbers.

        Parameters
        ----------
        X : table
            A DataFrame of pandas or polars, an Arrow table, or a dictionary of columns.
        y : object
            Ignored.
        numbered : sequence of str, optional
            The columns that number the rows, for a table that is a part of another.

        Returns
        -------
        self

        Raises
        ------
        ArgumentError
            If `drop` names a column that does not exist.
        DataError
            If a column cannot be learned from, or none is left; the message names it.
        """
        del y
        table = as_arrow(X)
        unknown = [name for name in self.drop if name not in table.column_names]
        if isinstance(self.drop, str) or unknown:
            raise ArgumentError(
                "drop must name columns of the table",
                got=repr(self.drop),
                expected=", ".join(map(repr, table.column_names[:20])),
            )
        if numbered is None:
            numbered = [name for name in table.column_names if numbers_rows(table, name)]
        columns: list[Column] = []
        left_out = dict.fromkeys(self.drop, "asked for")
        if {*table.column_names} <= {*left_out, *numbered}:
            numbered = ()  # there is nothing else
        for name in table.column_names:
            if name in left_out:
                continue
            found: Column | str
            if is_index_of_pandas(name):
                found = "it is the index of a DataFrame"
            else:
                found = "it numbers the rows" if name in numbered else learn(name, table[name])
            if isinstance(found, str):
                left_out[name] = found
            else:
                columns.append(found)
        if not columns:
            reasons = ", ".join(f"{name}: {reason}" for name, reason in left_out.items())
            raise DataError("the table has no column to learn from", got=reasons)
        return _learned(self, columns, left_out, table.column_names)

    def transform(self, X: Any) -> Floats:
        """Return a table as a matrix (n, n_outputs).

        Columns are found by name, in any order; others are ignored.

        Raises
        ------
        DataError
            If a column is missing, or holds something else than in training.
        """
        check_is_fitted(self)
        table = as_arrow(X)
        missing = [column.name for column in self.columns_ if column.name not in table.column_names]
        if missing:
            raise DataError(
                f"the table lacks {len(missing)} of the model's {len(self.columns_)} columns",
                got=", ".join(map(repr, table.column_names[:20])),
                expected=", ".join(map(repr, missing[:20])),
                cure="Name the columns as in the table that the model was trained on.",
            )
        outputs = [
            output for column in self.columns_ for output in column.encode(table[column.name])
        ]
        return np.stack(outputs, axis=1)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the outputs."""
        del input_features
        check_is_fitted(self)
        return np.array([name for column in self.columns_ for name in column.outputs], dtype=object)

    def described(self) -> list[tuple[str, str, str]]:
        """Return name, kind and what is done, for each column in the order of the table."""
        check_is_fitted(self)
        used = {column.name: (column.kind, column.done) for column in self.columns_}
        return [
            (name, *used.get(name, ("left out", self.left_out_.get(name, ""))))
            for name in self.feature_names_in_
        ]

    def to_json(self) -> dict[str, Any]:
        """Return what was learned as values of JSON."""
        check_is_fitted(self)
        return {
            "names": self.feature_names_in_.tolist(),
            "columns": [column.to_json() for column in self.columns_],
            "left_out": self.left_out_,
        }

    @classmethod
    def of_json(cls, stored: dict[str, Any]) -> Self:
        """Return the encoder for values of JSON.

        Raises
        ------
        ValueError, TypeError, KeyError
            If they do not describe one.
        """
        columns = [column_of(column) for column in stored["columns"]]
        left_out, names = dict(stored["left_out"]), stored["names"]
        texts = [*names, *left_out, *left_out.values()]
        used = {column.name for column in columns}
        if not all(isinstance(text, str) for text in texts) or not used <= {*names}:
            raise ValueError("the names of the columns do not fit")
        return _learned(cls(), columns, left_out, names)

    @classmethod
    def of_columns(cls, columns: list[Column]) -> Self:
        """Return an encoder that has learned these columns, of a table without others."""
        return _learned(cls(), columns, {}, [column.name for column in columns])


def _learned(
    encoder: Encoder, columns: list[Column], left_out: dict[str, str], names: Sequence[str]
) -> Encoder:
    """Set what an encoder has learned of a table with columns of these names, and return it."""
    encoder.columns_, encoder.left_out_ = columns, left_out
    encoder.feature_names_in_ = np.array(names, dtype=object)
    encoder.n_features_in_ = len(names)
    return encoder


def numbers_rows(table: pa.Table, name: str) -> bool:
    """Whether a column numbers the rows of a table, as the index that programs write does.

    It counts up by one from row to row; or it has the name of an index, and each number of a range
    once.
    """
    column = table[name]
    if not pa.types.is_integer(column.type) or column.null_count or len(column) <= 2:
        return False
    numbers = numbers_of(column, name)
    if (np.diff(numbers) == 1).all() and name == table.column_names[0]:
        return True
    is_range = np.unique(numbers).size == numbers.size == np.ptp(numbers) + 1
    return bool(is_range and name.strip().lower() in INDEX_NAMES)
