"""Blocks of tables with named columns: Parquet and CSV files and Arrow streams, by pyarrow."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError, DataError, DataFileError, MissingPackageError
from bpmatrix.samples.frames import joined, values_of
from bpmatrix.samples.sources import BYTES_OF_A_BLOCK, Block, Source, spent

ENDINGS = (".parquet", ".csv")


def is_index_of_pandas(name: str) -> bool:
    """Whether a column is row labels without a name, which pandas writes beside its columns."""
    return name.startswith("__index_level_") and name.endswith("__")


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
            self._features = [
                column
                for column in table.column_names
                if column not in others and not is_index_of_pandas(column)
            ]
        for column in (*self._features, *others):
            if (count := table.column_names.count(column)) != 1:
                raise DataError(
                    f"{name} has {count or 'no'} columns named {column!r}",
                    got=f"the columns {', '.join(map(repr, table.column_names[:10]))}",
                    expected="one of that name, in all files",
                )
        X = joined(
            self._features,
            [table[column] for column in self._features],
            f"X of {name}",
            rows=table.num_rows,
        )
        weight = None
        if self.weight:
            where = f"column {self.weight!r}"
            weight = values_of(table[self.weight], f"sample_weight of {name}", where)
        if isinstance(self.y, str):
            return Block(X, _labels(table, self.y, f"y of {name}"), weight, self._features)
        targets = [table[column] for column in self._targets]
        y = joined(self._targets, targets, f"y of {name}") if targets else None
        return Block(X, y, weight, self._features)


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
            name = f"row group {group} of {path}"
            with _reading(name) as arrow:
                table = arrow.parquet.ParquetFile(path).read_row_group(group)
            yield self._columns.block(table, name)


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
            for number in itertools.count(1):
                with _reading(name):
                    batch = next(batches, None)
                if batch is None:
                    break
                table = arrow.Table.from_batches([batch])
                yield self._columns.block(table, f"block {number} of {name}")


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


def _labels(table: Any, column: str, name: str) -> Array:
    """Return a column of targets: numbers or text, complete."""
    types, kind = _pyarrow().types, table[column].type
    if types.is_dictionary(kind):
        kind = kind.value_type
    is_text = any(ask(kind) for ask in (types.is_string, types.is_large_string))
    found = values_of(table[column], name, f"column {column!r}", are_labels=is_text)
    return np.asarray(found, str) if is_text else found


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
