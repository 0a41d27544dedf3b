"""Blocks of tables with named columns: Parquet and CSV files and Arrow streams, by pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import (
    ArgumentError,
    ArrayTypeError,
    DataError,
    DataFileError,
    MissingPackageError,
)
from bpmatrix.samples.sources import BYTES_OF_A_BLOCK, Block, Source, spent

ENDINGS = (".parquet", ".csv")


class Columns:
    """Which columns of a table are targets, weights and features.

    Parameters
    ----------
    y, weight : str, sequence of str or None
        The names of the targets and of the weights; all other columns are features.
    """

    def __init__(self, y: Any, weight: Any) -> None:
        self.y, self.weight = y, weight
        self._targets = [] if y is None else [y] if isinstance(y, str) else y
        are_names = isinstance(self._targets, Sequence) and all(
            isinstance(name, str) for name in self._targets
        )
        if not are_names or not isinstance(weight, str | None):
            raise ArgumentError(
                "y and sample_weight of a table must be names of its columns",
                got=f"{type(y).__name__} and {type(weight).__name__}",
                cure='Pass Blocks(table, "price"), or a list of names for several outputs.',
            )
        self._features: list[str] | None = None

    def block(self, table: Any, name: str) -> Block:
        """Return a table of Arrow as a block; its features are those of the first one, by name."""
        others = [*self._targets, *([self.weight] if self.weight else [])]
        if self._features is None:
            self._features = [column for column in table.column_names if column not in others]
        for column in (*self._features, *others):
            if (count := table.column_names.count(column)) != 1:
                raise DataError(
                    f"{name} has {count or 'no'} columns named {column!r}",
                    got=f"the columns {', '.join(map(repr, table.column_names[:10]))}",
                    expected="one of that name, in all files",
                )
        arrays = {column: _numbers(table, column, name) for column in self._features}
        dtype = np.result_type(*arrays.values()) if arrays else np.float64
        X = np.empty((table.num_rows, len(arrays)), dtype)
        for k, array in enumerate(arrays.values()):
            X[:, k] = array
        weight = _numbers(table, self.weight, name) if self.weight else None
        if isinstance(self.y, str):
            return Block(X, _labels(table, self.y, name), weight)
        parts = [_numbers(table, column, name) for column in self._targets]
        return Block(X, np.stack(parts, axis=1) if parts else None, weight)


class ParquetSource(Source):
    """The row groups of Parquet files, which can be read in any order."""

    def __init__(self, paths: Sequence[Any], columns: Columns) -> None:
        self._columns, self.name = columns, _name_of(paths)
        self._groups: list[tuple[Path, int]] = []
        sizes = []
        for path in map(Path, paths):
            with _reading(str(path)) as arrow:
                metadata = arrow.parquet.ParquetFile(path).metadata
            self._groups += [(path, k) for k in range(metadata.num_row_groups)]
            sizes += [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
        self.sizes = sizes

    def read(self, places: Iterable[int] | None = None) -> Iterator[Block]:
        """Return the row groups at these places."""
        for k in range(len(self._groups)) if places is None else places:
            path, group = self._groups[k]
            with _reading(f"row group {group} of {path}") as arrow:
                table = arrow.parquet.ParquetFile(path).read_row_group(group)
            yield self._columns.block(table, str(path))


class StreamSource(Source):
    """The batches of CSV files, or of an object with ``__arrow_c_stream__``, in their order."""

    def __init__(self, streams: Sequence[Any], columns: Columns) -> None:
        self._streams, self._columns = streams, columns
        self.name = _name_of(streams) if isinstance(streams[0], Path) else type(streams[0]).__name__
        with _reading(self.name) as arrow:
            if isinstance(streams[0], arrow.RecordBatchReader):
                raise spent(self.name, "it is the result of one query")

    def read(self, places: Iterable[int] | None = None) -> Iterator[Block]:
        """Return all batches."""
        del places
        for stream in self._streams:
            name = str(stream) if isinstance(stream, Path) else self.name
            with _reading(name) as arrow:
                batches = _opened(arrow, stream)
            while True:
                with _reading(name):
                    batch = next(batches, None)
                if batch is None:
                    break
                yield self._columns.block(batch, name)


def source_of(X: Any, y: Any, weight: Any) -> Source:
    """Return the source for paths of tables, all with the same ending, or an Arrow stream."""
    columns = Columns(y, weight)
    if not isinstance(X, list):
        return StreamSource([X], columns)
    paths = list(map(Path, X))
    return (ParquetSource if paths[0].suffix == ".parquet" else StreamSource)(paths, columns)


def _opened(arrow: Any, stream: Any) -> Iterator[Any]:
    if not isinstance(stream, Path):
        return iter(arrow.RecordBatchReader.from_stream(stream))
    options = arrow.csv.ReadOptions(block_size=BYTES_OF_A_BLOCK)
    return iter(arrow.csv.open_csv(stream, read_options=options))


def _numbers(table: Any, column: str, name: str) -> Array:
    """Return a column of numbers, complete."""
    found = table[column]
    types = _pyarrow().types
    kind = found.type
    if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
        raise ArrayTypeError(
            f"column {column!r} of {name} does not hold numbers",
            got=f"the type {kind}",
            cure="Leave the column out, or write it as numbers: a category as one column of 0 and 1"
            " for each value, a date as days since the first.",
        )
    return np.asarray(_complete(found, column, name))


def _labels(table: Any, column: str, name: str) -> Array:
    """Return a column of targets: numbers or text, complete."""
    found, arrow = table[column], _pyarrow()
    if arrow.types.is_dictionary(found.type):
        found = found.cast(found.type.value_type)
    if arrow.types.is_string(found.type) or arrow.types.is_large_string(found.type):
        return np.asarray(_complete(found, column, name), str)
    return _numbers(table, column, name)


def _complete(found: Any, column: str, name: str) -> Any:
    if found.null_count:
        raise DataError(
            f"column {column!r} of {name} has missing values",
            got=f"{found.null_count} in a block of {len(found)} rows",
            cure="Fill them in, or leave out these rows, when you write the file.",
        )
    return found.to_numpy(zero_copy_only=False)


def _name_of(paths: Sequence[Any]) -> str:
    return str(paths[0]) + (f" and {len(paths) - 1} more" if len(paths) > 1 else "")


def _pyarrow() -> Any:
    try:
        import pyarrow.csv  # noqa: PLC0415 - an optional package
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise MissingPackageError.of_extra("Blocks of a table", "pyarrow", "tables") from None
    return pyarrow


@contextmanager
def _reading(what: str) -> Iterator[Any]:
    """Return pyarrow, and convert its errors to a DataFileError."""
    arrow = _pyarrow()
    try:
        yield arrow
    except (OSError, arrow.ArrowException) as error:
        raise DataFileError(
            f"{what} cannot be read as a table",
            got=str(error),
            cure="Check that the file exists and is complete, and that each column has one type.",
        ) from error
