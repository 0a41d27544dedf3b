"""Samples that are read in windows of blocks: what `Samples` is for arrays in memory."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np

from bpmatrix.array_types import Array, Floats, Integers
from bpmatrix.errors import DataFileError
from bpmatrix.samples.ahead import Ahead
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.blocks import Blocks
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sources import Block
from bpmatrix.samples.survey import Survey, checksum

Orders = Integers
Permutation = Callable[[int], Integers]


class Portion(NamedTuple):
    """Mini-batches of an epoch: consecutive samples in the order of `orders` (1, k).

    `first_step` is the number of mini-batches of the epoch before them.
    """

    samples: Samples
    orders: Orders
    first_step: int


@dataclass(frozen=True, eq=False)
class BlockSamples:
    """Checked samples that are read again in every epoch.

    Attributes
    ----------
    blocks : Blocks
        Where they are read.
    convert : function
        Returns the checked samples of a block, given its place and the block.
    checksums : list of int
        One per block, of the first pass.
    digest : str
        A digest of all samples.
    sizes : list of int
        The number of samples of each block whose weight is above 0; the others are left out.
    X, targets, weights : array, Targets, array or None
        No samples, in the types of all.
    """

    blocks: Blocks
    convert: Callable[[int, Block], Samples]
    checksums: list[int]
    digest: str
    sizes: list[int]
    X: Array
    targets: Targets
    weights: Floats | None
    shown: None = None

    @classmethod
    def of(
        cls,
        blocks: Blocks,
        convert: Callable[[int, Block], Samples],
        found: Survey,
        sizes: list[int],
        *,
        are_classes: bool | None = None,
    ) -> BlockSamples:
        """Return the samples that the first pass found; whether they are classes, if it said."""
        one = convert(0, found.first)
        Y, are = one.targets.array, one.targets.are_classes if are_classes is None else are_classes
        targets = replace(one.targets, array=Y[..., :0].copy("K"), are_classes=are)
        weights = None if one.weights is None else np.empty(0)
        X = one.X[:, :0].copy("K")
        return cls(blocks, convert, found.checksums, found.digest, sizes, X, targets, weights)

    @property
    def n(self) -> int:
        """The number of samples used for training."""
        return sum(self.sizes)

    @property
    def record(self) -> dict[str, int | None]:
        """What the order of the samples depends on, besides the seed."""
        return {"block_size": self.blocks.block_size, "window": self.blocks.window}

    @property
    def is_one_window(self) -> bool:
        """Whether all blocks are shuffled together, like an array in memory."""
        return len(self.sizes) <= self.blocks.window

    def order(self, permutation: Permutation | None) -> Pass:
        """Return the next epoch; see `Samples.order`."""
        return Pass(self, permutation)

    def skip(self, permutation: Permutation) -> None:
        """Draw the order of an epoch, without reading it."""
        each = Pass(self, permutation)
        for window in each.windows():
            permutation(sum(self.sizes[k] for k in window))

    def parts(self) -> Iterator[Samples]:
        """Read all samples, block by block, also those of weight 0."""
        with Ahead(self.read(None)) as ahead:
            yield from (part for part in ahead if part.X.shape[1])

    def read(self, places: list[int] | None) -> Iterator[Samples]:
        """Return the checked samples of some blocks, which must be those of the first pass."""
        count, name = len(self.sizes), self.blocks.source.name
        can_vary, k = self.blocks.source.sizes is None, -1  # an iterable may add noise
        for i, block in enumerate(self.blocks.read(places)):
            k = i if places is None else places[i]
            if k >= count:
                raise _changed(name, "more blocks", f"{count}")
            if not can_vary and checksum(block) != self.checksums[k]:
                raise _changed(name, f"other bytes in block {k + 1}", "those of the first pass")
            found = self.convert(k, block) if len(block.X) else self._like
            if (now := types_of(found)) != (before := types_of(self._like)):
                raise _changed(name, f"{now} in block {k + 1}", before)
            targets = replace(found.targets, are_classes=self.targets.are_classes)
            yield replace(found, targets=targets)
        if places is None and k + 1 < count:
            raise _changed(name, f"{k + 1} blocks", f"{count}")

    @property
    def _like(self) -> Samples:
        return Samples(self.X, self.targets, weights=self.weights)


AnySamples = Samples | BlockSamples


class Pass:
    """One epoch over the windows.

    Parameters
    ----------
    samples : BlockSamples
        The samples.
    permutation : function or None
        Returns a random order of so many samples; None keeps the order of the blocks.

    Attributes
    ----------
    notice : function
        Called with each portion, before it is returned.
    """

    notice: Callable[[Portion], object] = staticmethod(lambda _: None)

    def __init__(self, samples: BlockSamples, permutation: Permutation | None) -> None:
        self.samples, self._permutation = samples, permutation
        self.shape = 1, samples.n

    def __len__(self) -> int:
        """The number of epochs."""
        return 1

    def windows(self) -> list[list[int]]:
        """Draw the blocks of each window, in the order in which they are read."""
        count, k = len(self.samples.sizes), self.samples.blocks.window
        places = np.arange(count)
        in_order = self.samples.blocks.source.sizes is None or self.samples.is_one_window
        if self._permutation is not None and not in_order:
            places = self._permutation(count)
            # The samples are shuffled anyway, and reading in the order of the file is faster.
            return [sorted(places[i : i + k].tolist()) for i in range(0, count, k)]
        return [places[i : i + k].tolist() for i in range(0, count, k)]

    def portions(self, m: int) -> Generator[Portion]:
        """Read one window after the other; return its mini-batches of m samples.

        Samples that are left over begin the first mini-batch of the next window, so only the last
        mini-batch of the epoch may be smaller.
        """
        windows, sizes = self.windows(), self.samples.sizes
        counts = [sum(sizes[k] for k in window) for window in windows]
        lead = min(m - 1, self.samples.n) if len(windows) > 1 else 0
        buffers = [Buffer(self.samples, lead + max(counts)) for _ in windows[:2]]
        left, before, first_step = np.empty(0, np.int64), buffers[-1], 0
        with Ahead(self._filled(windows, counts, buffers, lead)) as ahead:
            for i, count in enumerate(counts):
                now = ahead.take()
                assert now is not None  # noqa: S101 - `_filled` yields one for each window
                now.copy(lead - left.size, before, left)
                ahead.release()
                order = np.arange(count) if self._permutation is None else self._permutation(count)
                order = np.concatenate([np.arange(lead - left.size, lead), lead + order])
                taken = order.size if i == len(counts) - 1 else order.size // m * m
                portion = Portion(now.samples, order[None, :taken], first_step)
                self.notice(portion)
                yield portion
                first_step += -(-taken // m)
                left, before = order[taken:], now

    def _filled(
        self, windows: list[list[int]], counts: list[int], buffers: list[Buffer], lead: int
    ) -> Iterator[Buffer]:
        """Fill the buffers in turns, in the thread that reads, with `lead` samples left free."""
        is_sized = self.samples.blocks.source.sizes is not None
        parts = self.samples.read(list(chain(*windows)) if is_sized else None)
        for i, (window, count) in enumerate(zip(windows, counts, strict=True)):
            buffer, place = buffers[i % 2], lead
            for _ in window:
                place = buffer.put(place, _shown(next(parts)))
                if place - lead > count:
                    break
            if place - lead != count:
                name, got = self.samples.blocks.source.name, f"{place - lead:,} samples"
                raise _changed(name, f"{got} in blocks {window[0] + 1} to {window[-1] + 1}", count)
            if i == len(windows) - 1:
                next(parts, None)  # raises an error if there are more
            yield buffer


class Buffer:
    """Memory for the samples of a window, as rows.

    Attributes
    ----------
    samples : Samples
        All of it, as columns.
    """

    def __init__(self, like: BlockSamples, rows: int) -> None:
        self._room = rows
        self._arrays = [
            np.empty((rows, *array.T.shape[1:]), array.dtype)
            for array in (like.X, like.targets.array, like.weights)
            if array is not None
        ]
        X, y, *weights = self._arrays
        targets = replace(like.targets, array=y.T)
        self.samples = Samples(X.T, targets, weights=weights[0] if weights else None)

    def put(self, place: int, part: Samples) -> int:
        """Copy samples to this place; return the place after them, which may be too large."""
        end = place + int(part.X.shape[1])
        if end <= self._room:
            parts = (part.X, part.targets.array, part.weights)
            for own, array in zip(self._arrays, parts, strict=False):
                if array is not None:
                    own[place:end] = array.T
        return end

    def copy(self, place: int, other: Buffer, rows: Integers) -> None:
        """Copy some rows of another buffer to this place."""
        if rows.size:
            for own, array in zip(self._arrays, other._arrays, strict=True):
                own[place : place + rows.size] = array[rows]


def types_of(samples: Samples) -> str:
    """Return the types of inputs, targets and weights, and the numbers of their rows."""
    Y, weights = samples.targets.array, samples.weights
    text = f"X {samples.X.dtype} ({len(samples.X)} features)"
    text += f", labels {Y.dtype}" if Y.ndim == 1 else f", targets {Y.dtype} ({len(Y)} outputs)"
    return text + ("" if weights is None else ", weights")


def _shown(samples: Samples) -> Samples:
    """Leave out the samples of weight 0."""
    if samples.weights is None or samples.weights.all():
        return samples
    return samples.take(np.flatnonzero(samples.weights))


def _changed(name: str, got: str, expected: object) -> DataFileError:
    return DataFileError(
        f"{name} has changed since the first pass",
        got=got,
        expected=expected,
        cure="Do not write to the data during the training; an iterable must yield as many blocks,"
        " of the same sizes and types, in every epoch.",
    )
