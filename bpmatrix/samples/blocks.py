"""`Blocks`: data larger than memory, as blocks of samples that are read when they are needed."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.array_types import Array
from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, ShapeError
from bpmatrix.samples import arrow
from bpmatrix.samples.sources import (
    ArraySource,
    Block,
    IterableSource,
    NpyFile,
    Source,
    check_is_dense,
    empty,
)

DEFAULT_WINDOW = 8


class Blocks:
    """Samples that are read block by block, for data larger than memory; samples are rows.

    Pass it as X, without targets, to `Network.train`, `feedforward`, `predict`, `cost` and
    `accuracy`, to ``fit``, ``partial_fit``, ``predict`` and ``score`` of an estimator, or as
    validation data.

    An epoch draws the blocks in a random order, and shuffles the samples of `window` blocks at a
    time, while a thread reads the next window. So results depend on the blocks and on `window`; if
    all blocks fit into one window, they are those of the same arrays in memory, bit for bit. Blocks
    of an iterable keep their order, and only the windows are shuffled.

    Parameters
    ----------
    X : array-like, path, list of paths, Arrow table, iterable or function
        - An array with `shape`, `dtype` and slices, (n, n_0): `numpy.memmap`, h5py, zarr. Further
          axes are flattened.
        - The path of an ``.npy`` file, or of several with the rows of one table.
        - A table with named columns: the path of a ``.parquet`` or ``.csv`` file or of several, or
          an object with ``__arrow_c_stream__`` that can be read again (pyarrow, Polars, DuckDB).
          Row groups or batches are the blocks. It needs pyarrow.
        - An iterable of blocks, each X, (X, y) or (X, y, weight), that starts again with every
          ``iter()``; or a function that returns such an iterator.
    y : array-like, path or list of paths, name or names, optional
        Labels (n,) or targets (n,) or (n, n_L), beside an array. For a table, the name of its
        column, or a list of names; all others are features.
    sample_weight : array-like, path or list of paths, name, optional
        The weight of each sample (n,), 0 or more, beside an array; or the name of its column.
    block_size : int, optional
        Rows per block of an array. None takes as many as 8 MB hold.
    window : int, default 8
        How many blocks are shuffled together. Memory holds two windows, each with up to one
        mini-batch more, and two blocks.

    Raises
    ------
    ArgumentError, ShapeError, ArrayTypeError
        If the arguments do not fit together, or a generator is passed, which could be read only
        once.
    DataFileError
        If a file cannot be read.
    DataError
        If there are no samples.

    Examples
    --------
    >>> import numpy as np
    >>> from bpmatrix import Blocks, Network
    >>> rng = np.random.default_rng(1)
    >>> X = rng.standard_normal((1000, 2))          # or numpy.load(path, mmap_mode="r")
    >>> blocks = Blocks(X, X.sum(axis=1) > 0, block_size=100)
    >>> net = Network([2, 4, 1], seed=1)
    >>> history = net.train(blocks, epochs=20)
    >>> net.accuracy(blocks) > 0.95
    True
    >>> sum(len(X) for X, y in blocks)
    1000
    """

    # Whether the user chose the window: a warning then names a larger one.
    can_widen = True

    def __init__(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        block_size: int | None = None,
        window: int = DEFAULT_WINDOW,
    ) -> None:
        if block_size is not None:
            block_size = whole_number(block_size, "block_size", least=1)
        self.window = whole_number(window, "window", least=1)
        self.source = _source(X, y, sample_weight, block_size)
        if self.source.sizes is not None and not any(self.source.sizes):
            raise empty(self.source.name)

    @property
    def block_size(self) -> int | None:
        """The rows of all blocks but the last, given or chosen; None if they differ."""
        return self.source.block_size

    def read(self, places: Iterable[int] | None = None) -> Iterator[Block]:
        """Return some blocks, or all of them in their order, with X as a table.

        Raises
        ------
        ShapeError
            If the arrays of a block do not have as many rows, or X is no table.
        """
        numbered = None if places is None else list(places)
        for k, block in enumerate(self.source.read(numbered)):
            number = 1 + (k if numbered is None else numbered[k])
            yield _checked(block, f"block {number} of {self.source.name}")

    def with_samples(self) -> Iterator[tuple[int, Block]]:
        """Return the blocks that are not empty, each with its place.

        Raises
        ------
        DataError
            If all are empty.
        """
        found = False
        for k, block in enumerate(self.read()):
            if len(block.X):
                found = True
                yield k, block
        if not found:
            raise empty(self.source.name)

    def __iter__(self) -> Iterator[tuple[Array, ...]]:
        """Return the blocks in their order: (X,), (X, y) or (X, y, weight)."""
        for block in self.read():
            yield tuple(part for part in block.parts if part is not None)

    def __repr__(self) -> str:
        """Describe the blocks in one line."""
        sizes, source = self.source.sizes, self.source
        count = "" if sizes is None else f"{sum(sizes):,} samples in {len(sizes)} blocks, "
        return f"Blocks({source.name}, {count}window={self.window})"


# Samples: as an array whose columns they are, or as rows in blocks.
Data = ArrayLike | Blocks


def check_alone(part: object, name: str) -> None:
    """Raise an ArgumentError if targets or weights are passed beside `Blocks`."""
    if part is not None:
        raise ArgumentError(
            f"{name} cannot be combined with Blocks",
            cure="Pass targets and weights to Blocks: Blocks(X, y, sample_weight).",
        )


def with_targets(y: Array | None, name: str) -> Array:
    """Return the targets of a block, or raise a DataError if it has none."""
    if y is None:
        raise DataError(
            f"{name} has no targets", cure="Pass Blocks(X, y), or yield (X, y) for each block."
        )
    return y


def _source(X: Any, y: Any, weight: Any, block_size: int | None) -> Source:
    """Return the source for what the user passed."""
    if _are_paths(X):
        paths = [X] if isinstance(X, str | os.PathLike) else list(X)
        endings = {Path(path).suffix for path in paths}
        if len(endings) == 1 and endings <= set(arrow.ENDINGS):
            return _of_table(paths, y, weight, block_size)
        X = _files(paths)
    if hasattr(X, "__arrow_c_stream__"):
        return _of_table(X, y, weight, block_size)
    if hasattr(X, "shape") and hasattr(X, "dtype") and hasattr(X, "__getitem__"):
        check_is_dense(X, "X")
        y, weight = (_array_like(part) for part in (y, weight))
        return ArraySource(X, y, weight, block_size)
    if y is not None or weight is not None or block_size is not None:
        name = "y" if y is not None else "sample_weight" if weight is not None else "block_size"
        raise ArgumentError(
            f"{name} does not apply to a {type(X).__name__}, which must yield whole blocks",
            cure="Yield (X, y) or (X, y, weight) for each block, of the size that you want.",
        )
    if callable(X) or hasattr(X, "__iter__"):
        return IterableSource(X)
    raise ArrayTypeError(
        "X is not a source of blocks",
        got=type(X).__name__,
        expected="an array-like, a path, an iterable of blocks, or a function that returns one",
    )


def _of_table(X: Any, y: Any, weight: Any, block_size: int | None) -> Source:
    if block_size is not None:
        raise ArgumentError(
            "block_size does not apply to a table, whose blocks are its row groups or batches",
            cure="Leave it out; pyarrow.parquet.write_table(row_group_size=...) sets it in a file.",
        )
    return arrow.source_of(X, y, weight)


def _are_paths(X: Any) -> bool:
    if isinstance(X, list | tuple) and X:
        return all(isinstance(part, str | os.PathLike) for part in X)
    return isinstance(X, str | os.PathLike)


def _array_like(part: Any) -> Any:
    """Return y or the weights as something with a shape that can be sliced."""
    if _are_paths(part):
        return _files([part] if isinstance(part, str | os.PathLike) else list(part))
    has_rows = part is None or (hasattr(part, "shape") and not hasattr(part, "to_numpy"))
    return part if has_rows else np.asarray(part)


def _files(names: list[Any]) -> NpyFile | Joined:
    """Return the array in an `.npy` file, or in several."""
    for name in names:
        if Path(name).suffix != ".npy":
            raise ArgumentError(
                f"{name} has an unknown ending",
                got=repr(Path(name).suffix),
                expected="'.npy', or for all files '.parquet' or '.csv'",
                cure="Open the file yourself, and pass an array-like, or a function that yields"
                " blocks.",
            )
    files = [NpyFile(name) for name in names]
    return files[0] if len(files) == 1 else Joined(files)


class Joined:
    """The rows of several arrays, one after the other."""

    def __init__(self, parts: list[NpyFile]) -> None:
        self._parts, first = parts, parts[0]
        for part in parts:
            if (part.shape[1:], part.dtype) != (first.shape[1:], first.dtype):
                raise ShapeError(
                    f"{part.name} does not fit {first.name}",
                    got=f"{part.dtype} of shape {part.shape}",
                    expected=f"{first.dtype} of shape {('n', *first.shape[1:])}",
                )
        self._starts = np.cumsum([0, *(part.shape[0] for part in parts)]).tolist()
        self.shape, self.dtype = (self._starts[-1], *first.shape[1:]), first.dtype
        self.name = f"{first.name} and {len(parts) - 1} more"

    def __getitem__(self, rows: slice) -> Array:
        """Read some rows, perhaps of several files."""
        first, last, _ = rows.indices(self.shape[0])
        found = [
            part[max(first - start, 0) : last - start]
            for part, start, stop in zip(self._parts, self._starts, self._starts[1:], strict=False)
            if start < last and first < stop
        ]
        return found[0] if len(found) == 1 else np.concatenate(found)


def _checked(block: Block, name: str) -> Block:
    """Return a block whose X is a table with as many rows as y and weights."""
    X, y, weight = block.parts
    if X.ndim < 2:
        raise ShapeError(
            f"X of {name} must be a table with one sample per row",
            got=f"shape {X.shape}",
            expected="(k, n_0)",
            cure="Yield X[None, :] for a single sample, X[:, None] for a single feature.",
        )
    for part, array in (("y", y), ("the weights", weight)):
        if array is not None and array.shape[:1] != X.shape[:1]:
            raise ShapeError(
                f"{part} of {name} does not have as many rows as X",
                got=f"shape {array.shape}",
                expected=f"{len(X)} rows",
            )
    return Block(X.reshape(len(X), math.prod(X.shape[1:])), y, weight, block.names)
