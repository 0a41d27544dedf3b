"""Tables larger than memory: files that are read block by block, in their order."""

from __future__ import annotations

import csv
import glob
import io
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from bpmatrix.errors import DataFileError
from bpmatrix.tables.parsing import WRONG_TYPE, How, options_of, understood, without_missing
from bpmatrix.tables.reading import STANDARD_INPUT, Format, check_names, opened, reading, text_in
from bpmatrix.tables.text import with_plain_text

# The kinds of columns of text are decided by so many bytes, the first ones.
HEAD = 1 << 22
# A block is so many bytes of a text file, or so many rows of another.
BLOCK, BLOCK_OF_ROWS = 1 << 20, 1 << 14
# Larger parts of the memory are read block by block: columns of numbers become several matrices.
SHARE = 8
GZIP = 6  # how much smaller text usually becomes
ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".gz", ".parquet", ".feather", ".arrow")
BINARY = (b"PAR1", b"ARROW1")


class TableFiles:
    """The rows of one or several files, as Arrow tables; every ``iter()`` starts again.

    Parameters
    ----------
    source : path or sequence of paths
        Files; a folder means all tables in it, and a name with ``*`` all that fit, both sorted.
    form : Format, optional
        What is known about text files.
    as_text, features : sequence of str, optional
        As for `read_table`.

    Attributes
    ----------
    name : str
        What errors call it.
    notes : list of str
        What was assumed to read it.

    Raises
    ------
    DataFileError
        If there is no such file, or the first one cannot be read as a table.
    """

    def __init__(
        self, source: Any, form: Format | None = None, as_text: Sequence[str] = (),
        features: Sequence[str] = (),
    ) -> None:  # fmt: skip
        form = form or Format()
        self.paths = paths_of(source)
        self.name = self.paths[0] + f" and {len(self.paths) - 1} more" * (len(self.paths) > 1)
        first = self.paths[0]
        with reading(first), opened(first, None) as file:
            start = file.read(6)
            file.seek(0)
            self._is_binary = start.startswith(BINARY)
            if self._is_binary:
                table = next(_batches(first, start), pa.table({}))
                check_names(table.column_names, first)
                self._how = How(first, table.column_names, ",", "utf-8", 0, {*as_text}, False)
                _, self.notes = understood(table, self._how, form.decimal)
            else:
                head = file.read(HEAD)
                head = head[: head.rfind(b"\n") + 1] if len(head) == HEAD else head
                table, self.notes, self._how = text_in(
                    pa.BufferReader(head), first, form, as_text, features
                )
                kinds = {name: self._kind(table.schema.field(name).type, name)
                         for name in table.column_names}  # fmt: skip
                self._how.types = kinds
        self.column_names: list[str] = table.column_names

    def __iter__(self) -> Iterator[pa.Table]:
        """Return the blocks."""
        rows = 0
        for path in self.paths:
            with reading(path):
                for raw in self._raw(path):
                    if raw.num_rows:
                        rows += raw.num_rows
                        yield self._converted(raw, path)
        if not rows:
            raise DataFileError(f"{self.name} contains no rows", expected="rows below the header")

    def _kind(self, kind: pa.DataType, name: str) -> str:
        """Return the type of the cells of a column, before they are converted."""
        if name in self._how.converters or pa.types.is_null(kind):
            return "string"
        return "float64" if pa.types.is_integer(kind) else str(kind)  # others may follow

    def _raw(self, path: str) -> Iterator[pa.Table]:
        """Return the blocks of a file with the columns of text as they are."""
        with opened(path, None) as file:
            start = file.read(6)
            file.seek(0)
            if start.startswith(BINARY) != self._is_binary:
                raise DataFileError(
                    f"{path} has another format than {self.paths[0]}",
                    expected="files of one format",
                )
            if self._is_binary:
                yield from _batches(path, start)
                return
            if self._how.skipped:
                self._check_columns(self._header(file), path)
            try:
                for batch in arrow_csv.open_csv(
                    file, *options_of(self._how, BLOCK, use_threads=False)
                ):
                    yield pa.Table.from_batches([batch])
            except pa.ArrowInvalid as error:
                wrong = WRONG_TYPE.search(str(error))
                if wrong is None:
                    raise
                raise _changed(path, self._how.names[int(wrong[1])], str(error)) from None

    def _header(self, file: BinaryIO) -> list[str]:
        """Return the names in the header of a text file."""
        text = io.TextIOWrapper(io.BytesIO(file.read(HEAD)), self._how.encoding, "replace")
        file.seek(0)
        lines = islice(text, self._how.skipped - 1, None)
        names = next(csv.reader(lines, delimiter=self._how.separator), [])
        return [name.strip() or f"column {i}" for i, name in enumerate(names, start=1)]

    def _check_columns(self, names: list[str], path: str) -> None:
        """Check that a file has the columns of the first one, in their order."""
        if names != self.column_names:
            raise DataFileError(
                f"{path} has other columns than {self.paths[0]}",
                got=", ".join(map(repr, names[:20])),
                expected=", ".join(map(repr, self.column_names[:20])),
            )

    def _converted(self, raw: pa.Table, path: str) -> pa.Table:
        """Return a block with numbers and moments for the columns of text that hold them."""
        self._check_columns([*raw.column_names], path)
        for i, name in enumerate(raw.column_names):
            if not pa.types.is_string(raw[i].type):
                continue
            column = without_missing(raw[i])
            if name in self._how.converters:
                text, missing = column, column.null_count
                try:
                    column = self._how.converters[name](text)
                except pa.ArrowInvalid as error:
                    raise _changed(path, name, str(error)) from None
                if pa.types.is_temporal(column.type) and column.null_count > missing:
                    other = text.filter(column.is_null()).drop_null()[0].as_py()
                    raise _changed(path, name, repr(other))
            raw = raw.set_column(i, name, column)
        return raw


def reads_blocks(source: str) -> bool:
    """Whether a command reads a table block by block.

    It does so if the files are several, or larger than an eighth of the memory that this process
    may use.
    """
    if source == STANDARD_INPUT:
        return False
    paths = paths_of(source)
    return paths != [source] or _size(source) > _memory() // SHARE


def _size(path: str) -> int:
    """Return the number of bytes in a file without its compression, or about so many."""
    if not Path(path).is_file():  # a pipe cannot be read twice
        return 0
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        start = file.read(4)
    if start == b"PAR1":
        with reading(path):
            metadata = parquet.ParquetFile(path).metadata
        groups = range(metadata.num_row_groups)
        size = max(size, sum(metadata.row_group(k).total_byte_size for k in groups))
    return size * GZIP if start.startswith(b"\x1f\x8b") else size


def _memory() -> int:
    """Return how many bytes this process may use, by the machine and its limits."""
    found = [1 << 62]
    with suppress(AttributeError, ValueError, OSError):  # not on Windows
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ImportError):  # likewise
        import resource  # noqa: PLC0415

        limits = (
            resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)
        )
        found += [limit for limit in limits if limit != resource.RLIM_INFINITY]
    with suppress(OSError, ValueError):  # of a container
        found.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    return min(found)


def paths_of(source: Any) -> list[str]:
    """Return the files that a path, a folder, a pattern or a list of them names.

    Raises
    ------
    DataFileError
        If there are none.
    """
    if not isinstance(source, str | os.PathLike):
        return [path for part in source for path in paths_of(part)]
    found = [os.fspath(source)]
    if Path(source).is_dir():
        found = sorted(str(p) for p in Path(source).iterdir() if p.suffix.lower() in ENDINGS)
    elif not Path(source).exists() and glob.has_magic(found[0]):
        found = sorted(glob.glob(found[0]))  # noqa: PTH207 - of a pattern that may be absolute
    if not found:
        raise DataFileError(
            f"{os.fspath(source)} names no table", expected=f"files ending with {ENDINGS}"
        )
    return found


def _batches(path: str, start: bytes) -> Iterator[pa.Table]:
    """Return the blocks of a Parquet or Arrow file."""
    if start.startswith(b"PAR1"):
        file = parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        batches = file.iter_batches(BLOCK_OF_ROWS)
    else:
        arrow = pa.ipc.open_file(pa.memory_map(path))
        batches = (arrow.get_batch(i) for i in range(arrow.num_record_batches))
    for batch in batches:
        yield with_plain_text(pa.Table.from_batches([batch]))


def _changed(path: str, name: str, got: str) -> DataFileError:
    got = got.partition("CSV column #")[2].partition(": ")[2] or got
    return DataFileError(
        f"column {name!r} of {path} changes its kind behind the first {HEAD >> 20} MB",
        got=got.partition("\n")[0][:300],
        expected="cells as in the first rows",
        cure=f"Correct the cells, leave the column out (drop=[{name!r}]), or write the table as"
        " Parquet, which keeps the types of columns.",
    )
