"""Where blocks of samples come from: arrays in files, and what users iterate over.

A source whose blocks can be read in any order says how many rows each has. Blocks of any other
source can only be read from the first to the last, over and over.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.datasets.npz import read_npy_header
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, DataFileError, ShapeError
from bpmatrix.samples.frames import Frame, frame_of
from bpmatrix.samples.refused import check_no_dates

BYTES_OF_A_BLOCK = 8 << 20
WRITE_AGAIN = "Write it with numpy.save(path, table), one sample per row."
WRITE_TOGETHER = "Wait until the file is written, then start again."


class Block(NamedTuple):
    """Some samples as rows: X (k, n_0), y (k,) or (k, n_L) or None, weight (k,) or None.

    `names` are those of the columns of X, if it is a table.
    """

    X: Array
    y: Array | None = None
    weight: Array | None = None
    names: list[Any] | None = None

    @property
    def parts(self) -> tuple[Array, Array | None, Array | None]:
        """X, y and weight."""
        return self[:3]


class Source:
    """Blocks of samples.

    Attributes
    ----------
    name : str
        What errors call it.
    sizes : sequence of int or None
        The rows of each block, which can be read in any order; None if they can only be read from
        the first to the last.
    block_size : int or None
        The rows of all blocks but the last, if they are equal.
    """

    name: str
    sizes: Sequence[int] | None = None
    block_size: int | None = None

    def read(self, places: Iterable[int] | None = None) -> Iterator[Block]:
        """Return the blocks at these places; None, the only value if `sizes` is None, is all."""
        raise NotImplementedError


class ArraySource(Source):
    """Slices of array-likes along their first axis: memory maps, h5py, zarr, `.npy` files.

    Parameters
    ----------
    X, y, weight : array-like
        Anything with `shape`, `dtype` and slices; y and weight may be None.
    block_size : int or None
        Rows per block; None takes as many as 8 MB hold, in whole chunks of a chunked array.
    """

    def __init__(self, X: Any, y: Any, weight: Any, block_size: int | None) -> None:
        self.parts = {"X": X, "y": y, "sample_weight": weight}
        self.parts = {name: part for name, part in self.parts.items() if part is not None}
        n = int(X.shape[0])
        for name, part in self.parts.items():
            if part.shape[0] != n:
                raise ShapeError(
                    f"{name} and X do not have the same number of samples",
                    got=f"{part.shape[0]:,} in {name}",
                    expected=f"{n:,}, one per row of X",
                )
        self.name = getattr(X, "name", None) or type(X).__name__
        self.block_size = _rows_of_a_block(X) if block_size is None else block_size
        whole, rest = divmod(n, self.block_size)
        self.sizes = [self.block_size] * whole + [rest] * bool(rest)

    def read(self, places: Iterable[int] | None = None) -> Iterator[Block]:
        """Return the blocks at these places."""
        assert self.sizes is not None and self.block_size is not None  # noqa: S101, PT018
        for k in range(len(self.sizes)) if places is None else places:
            start, rows = k * self.block_size, self.sizes[k]
            found = {name: self._slice(name, start, rows, k) for name in self.parts}
            yield Block(found["X"], found.get("y"), found.get("sample_weight"))

    def _slice(self, name: str, start: int, rows: int, k: int) -> Array:
        part = self.parts[name]
        _check_is_mapped(part, self.name)
        with reading(f"block {k + 1} of {self.name}"):
            array = np.asarray(part[start : start + rows])
        if len(array) != rows:
            raise truncated(self.name, f"{len(array)} rows in block {k + 1} of {name}", f"{rows}")
        return array


class NpyFile:
    """An array in an `.npy` file, of which slices are read: no memory map, and no pickle.

    A memory map would end the process if the file were truncated.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = str(path)
        with reading(self.name), self.path.open("rb") as file:
            shape, is_fortran, self.dtype = read_npy_header(
                file, self.path, "the array", cure=WRITE_AGAIN
            )
            self._start = file.tell()
        if self.dtype.hasobject or not shape or (is_fortran and len(shape) > 1):
            raise DataFileError(
                f"{self.path} does not hold a table of numbers, row by row",
                got=f"{self.dtype} of shape {shape}{', column by column' * is_fortran}",
                cure="Write it with numpy.save(path, numpy.ascontiguousarray(table)), one sample"
                " per row.",
            )
        self.shape = shape
        self._numbers = int(np.prod(shape[1:], dtype=np.int64))  # of a row
        size = self.path.stat().st_size
        needed = self._start + shape[0] * self._numbers * self.dtype.itemsize
        if size < needed:
            raise truncated(self.name, f"{size:,} bytes", f"{needed:,}")

    def __getitem__(self, rows: slice) -> Array:
        """Read some rows; fewer, if the file has become shorter."""
        start, stop, _ = rows.indices(self.shape[0])
        before = start * self._numbers * self.dtype.itemsize
        count = (stop - start) * self._numbers
        flat = np.fromfile(self.path, self.dtype, count, offset=self._start + before)
        whole = flat.size // max(self._numbers, 1)
        return flat[: whole * self._numbers].reshape(whole, *self.shape[1:])


class IterableSource(Source):
    """Blocks that the user's iterable or function yields, anew for each pass.

    Parameters
    ----------
    blocks : iterable or function
        ``iter(blocks)``, or ``blocks()``, yields X, (X, y) or (X, y, weight).
    """

    def __init__(self, blocks: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        self._blocks = blocks
        self._last: Iterator[Any] | None = None
        self.name = getattr(blocks, "__name__", type(blocks).__name__)
        if not callable(blocks) and iter(blocks) is blocks:
            raise spent(self.name, "each epoch starts with the first block")

    def read(self, places: Iterable[int] | None = None) -> Iterator[Block]:
        """Return all blocks, in their order."""
        del places
        blocks = iter(self._blocks() if callable(self._blocks) else self._blocks)
        if blocks is self._last:
            raise spent(self.name, "it returned the same iterator again")
        self._last = blocks
        for k, given in enumerate(blocks, 1):
            yield _as_block(given, f"block {k} of {self.name}")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Convert the errors of the system and of file formats to a DataFileError."""
    try:
        yield
    except (OSError, EOFError) as error:
        raise DataFileError(
            f"{what} cannot be read",
            got=getattr(error, "strerror", None) or str(error),
            cure="Check that the file exists and is complete.",
        ) from error


def truncated(name: str, got: str, expected: str) -> DataFileError:
    """Return the error for a file that is shorter than it was, or than it says."""
    return DataFileError(f"{name} is truncated", got=got, expected=expected, cure=WRITE_TOGETHER)


def check_is_dense(part: Any, name: str) -> None:
    """Raise an ArrayTypeError for a sparse matrix."""
    if hasattr(part, "toarray"):
        raise ArrayTypeError(
            f"{name} is a sparse matrix, but blocks must be dense",
            cure="Pass a function that yields X[i:j].toarray() for each block.",
        )


def empty(name: str) -> DataError:
    """Return the error for a source without samples."""
    return DataError(f"{name} is empty", expected="at least one sample")


def _rows_of_a_block(X: Any) -> int:
    """Return how many rows 8 MB hold, in whole chunks."""
    of_a_row = int(np.prod(X.shape[1:], dtype=np.int64)) * np.dtype(X.dtype).itemsize
    rows = int(max(1, BYTES_OF_A_BLOCK // max(of_a_row, 1)))
    chunks = getattr(X, "chunks", None)
    if isinstance(chunks, tuple) and chunks and isinstance(chunks[0], int):
        rows = -(-rows // chunks[0]) * chunks[0]
    return rows


def _check_is_mapped(part: Any, name: str) -> None:
    """Raise an error if the file of a memory map is shorter than the map: a read would crash."""
    if not isinstance(part, np.memmap) or part.filename is None:
        return
    mapped = len(part._mmap)  # type: ignore[attr-defined]  # noqa: SLF001 - nothing else tells
    needed = part.offset - part.offset % mmap.ALLOCATIONGRANULARITY + mapped
    with reading(name):
        size = Path(part.filename).stat().st_size
    if size < needed:
        raise truncated(str(part.filename), f"{size:,} bytes", f"{needed:,}")


def _as_block(given: Any, name: str) -> Block:
    """Return what an iterable yielded as a block."""
    parts = given if isinstance(given, tuple) else (given,)
    if not 1 <= len(parts) <= 3:
        raise ArgumentError(
            f"{name} has the wrong number of parts",
            got=len(parts),
            expected="X, (X, y) or (X, y, weight)",
        )
    names = ("X", "y", "the weights")
    frames = [
        None if part is None else _as_frame(part, f"{what} of {name}")
        for what, part in zip(names, parts, strict=False)
    ]
    X, y, weight = (frame and frame.array for frame in (*frames, None, None)[:3])
    return Block(X, y, weight, frames[0] and frames[0].names)  # type: ignore[arg-type]


def _as_frame(part: Any, name: str) -> Frame:
    check_is_dense(part, name)
    check_no_dates(part, name)
    frame = frame_of(part, name, are_labels=name.startswith("y"))
    return frame or Frame(np.asarray(part), None, "array")


def spent(name: str, why: str) -> ArgumentError:
    """Return the error for blocks that cannot be read again."""
    return ArgumentError(
        f"{name} can be iterated over only once: {why}",
        cure="Pass the function that makes the generator, without calling it: Blocks(function); or"
        " an object whose __iter__ returns a new iterator.",
    )
