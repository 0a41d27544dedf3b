"""One pass over a table larger than memory: its rows held out, and a sample to learn columns from.

Every row draws a key. The rows with the smallest keys are kept: some are held out, and the others
are a sample of the training rows. The keys are drawn again in every pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import DataError
from bpmatrix.tables.encoder import INDEX_NAMES
from bpmatrix.tables.files import TableFiles
from bpmatrix.tables.splits import FEWEST_ROWS

# The most rows that are kept, and the most bytes.
MOST_ROWS, MOST_BYTES = 100_000, 8 << 20
# The most of these that are held out for one purpose: a share of the kept ones.
MOST_HELD_OUT = 0.25


@dataclass
class Sampled:
    """A table in files, and what one pass over it kept.

    Attributes
    ----------
    files : TableFiles
        The table.
    seed : int
        Determines the keys.
    n : int
        The number of rows.
    kept : pyarrow.Table
        The rows with the smallest keys, in the order of their keys.
    keys : (k,) array
        These keys.
    numbered : list of str
        The columns that count up by one from row to row.
    n_held_out : int
        How many of the kept rows are held out.
    """

    files: TableFiles
    seed: int
    n: int = 0
    kept: pa.Table = None
    keys: Floats = field(default_factory=lambda: np.empty(0))
    numbered: list[str] = field(default_factory=list)
    n_held_out: int = 0

    def hold_out(self, share: float) -> pa.Table:
        """Return a share of all rows, but at most a quarter of those that were kept."""
        count = max(1, round(min(share * self.n, MOST_HELD_OUT * len(self.keys))))
        if len(self.keys) - self.n_held_out - count < FEWEST_ROWS // 2:
            raise DataError(
                "the table is too small to hold out rows",
                got=f"{self.n} rows",
                expected=f"{FEWEST_ROWS} rows",
                cure="Collect more rows, or name a file of rows to hold out.",
            )
        found = self.kept.slice(self.n_held_out, count)
        self.n_held_out += count
        return found

    @property
    def sample(self) -> pa.Table:
        """The kept rows that are not held out."""
        return self.kept.slice(self.n_held_out)

    @property
    def n_training(self) -> int:
        """The number of rows to train on."""
        return self.n - self.n_held_out

    def training_rows(self) -> Iterator[pa.Table]:
        """Return the blocks of the table without the rows held out."""
        bound = self.keys[self.n_held_out - 1] if self.n_held_out else -1.0
        for k, table in enumerate(self.files):
            yield table.filter(pa.array(_keys(self.seed, k, table) > bound))


def sampled(files: TableFiles, seed: int) -> Sampled:
    """Read a table once."""
    found, counting = Sampled(files, seed), _Counting(files.column_names)
    most, bound = MOST_ROWS, 1.0
    parts: list[pa.Table] = []
    drawn: list[Floats] = []
    for k, table in enumerate(files):
        counting.add(table, found.n)
        found.n += table.num_rows
        if not k:
            most = min(most, max(1000, MOST_BYTES * table.num_rows // max(1, table.nbytes)))
        keys = _keys(seed, k, table)
        places = np.flatnonzero(keys < bound)
        parts.append(table.take(places))
        drawn.append(keys[places])
        if sum(map(len, drawn)) >= 2 * most:
            parts, drawn = _smallest(parts, drawn, most)
            bound = drawn[0][-1]
    (found.kept,), (found.keys,) = _smallest(parts, drawn, most)
    found.numbered = counting.names
    return found


def _smallest(
    parts: list[pa.Table], drawn: list[Floats], most: int
) -> tuple[list[pa.Table], list[Floats]]:
    """Return the rows with the smallest keys, in their order, as one part."""
    keys = np.concatenate(drawn)
    order = np.argsort(keys, kind="stable")[:most]
    table = pa.concat_tables(parts).unify_dictionaries().take(order)
    return [table.combine_chunks()], [keys[order]]


class _Counting:
    """Which columns count up by one from row to row: the first, or one with the name of an index.

    It is `numbers_rows` for a table that is read in blocks.
    """

    def __init__(self, names: list[str]) -> None:
        self.names = [
            name for i, name in enumerate(names) if not i or name.strip().lower() in INDEX_NAMES
        ]
        self._first: dict[str, float] = {}

    def add(self, table: pa.Table, rows_before: int) -> None:
        """Look at a block."""
        self.names = [name for name in self.names if self._goes_on(table[name], name, rows_before)]

    def _goes_on(self, column: pa.ChunkedArray, name: str, rows_before: int) -> bool:
        kind = column.type
        if column.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            return False
        numbers: Array = pc.cast(column, pa.float64()).to_numpy()
        first = self._first.setdefault(name, float(numbers[0]))
        return bool((numbers == first + rows_before + np.arange(len(numbers))).all())


def _keys(seed: int, k: int, table: pa.Table) -> Floats:
    """Return the keys of the rows of a block."""
    return np.asarray(np.random.default_rng([seed, k]).random(table.num_rows))
