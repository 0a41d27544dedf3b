"""The first pass over blocks: how many samples there are, of which classes, and how well mixed."""

from __future__ import annotations

import hashlib
import math
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.array_types import Array, Floats
from bpmatrix.errors import DataError
from bpmatrix.samples.ahead import Ahead
from bpmatrix.samples.arrays import kernel_type
from bpmatrix.samples.blocks import Blocks
from bpmatrix.samples.sources import Block, empty

# The share of the variance of the targets that may lie between windows. Of two classes of equal
# size, a window then typically has 39 to 61 %.
MOST_BETWEEN_WINDOWS = 0.05

NOTHING = Block(np.empty((0, 0)))


class Seen(NamedTuple):
    """The targets and weights of a block, after the checks.

    Attributes
    ----------
    labels : (k,) array or None
        The class of each sample, if its targets are classes.
    numbers : (k, n_L) array or None
        The targets, if they are numbers.
    weight : (k,) array or None
        The weights of the samples.
    """

    labels: Array | None
    numbers: Array | None
    weight: Array | None


class Tally(NamedTuple):
    """The targets of the samples of a block whose weight is above 0.

    Attributes
    ----------
    size : int
        The number of these samples.
    classes, counts, sums : (c,) arrays or None
        The classes that occur, and for each the number of samples and the sum of their weights.
    mean, variance : (n_L,) arrays or None
        Those of targets that are numbers.
    """

    size: int
    classes: Array | None
    counts: Array
    sums: Array
    mean: Floats | None
    variance: Floats

    @classmethod
    def of(cls, seen: Seen, size: int) -> Tally:
        """Count the targets of a block of this size."""
        empty: Array = np.empty(0)
        positive = None if seen.weight is None else seen.weight > 0
        count = size if positive is None else int(positive.sum())
        classes, counts, sums, mean, variance = None, empty, empty, None, empty
        if seen.labels is not None:
            classes, places = np.unique(seen.labels, return_inverse=True)
            places = places.ravel()
            shown = places if positive is None else places[positive]
            counts = np.bincount(shown, minlength=classes.size)
            sums = np.bincount(places, seen.weight, minlength=classes.size)
        if seen.numbers is not None and count:
            shown = seen.numbers if positive is None else seen.numbers[positive]
            mean, variance = shown.mean(axis=0, dtype=float), shown.var(axis=0, dtype=float)
        return cls(count, classes, counts, sums, mean, variance)


@dataclass
class Survey:
    """What the first pass found.

    Attributes
    ----------
    checksums : list of int
        One per block, of its bytes, shapes and types.
    tallies : list of Tally
        One per block.
    rows : int
        The number of samples, also those of weight 0.
    first : Block or None
        The first sample, as a block.
    least, most : float
        The smallest weight above 0, and the largest.
    """

    checksums: list[int] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    rows: int = 0
    first: Block = NOTHING
    least: float = math.inf
    most: float = 0.0

    def add(self, block: Block, seen: Seen) -> None:
        """Add a block that was checked."""
        if self.rows == 0:
            _, y, weight = (None if part is None else part[:1].copy() for part in block.parts)
            self.first = Block(block.X[:1].copy(), y, weight, block.names)
        self.checksums.append(checksum(block))
        self.tallies.append(Tally.of(seen, len(block.X)))
        self.rows += len(block.X)
        if seen.weight is not None and (positive := seen.weight[seen.weight > 0]).size:
            self.least = min(self.least, float(positive.min()))
            self.most = max(self.most, float(positive.max()))

    @property
    def digest(self) -> str:
        """A digest of all samples, their types, and where each block ends."""
        return hashlib.sha256(repr(self.checksums).encode()).hexdigest()

    def sums_of_classes(self) -> dict[Any, float]:
        """Return the sum of the weights of the samples of each class."""
        sums: dict[Any, float] = {}
        for tally in self.tallies:
            if tally.classes is not None:
                for label, total in zip(tally.classes.tolist(), tally.sums.tolist(), strict=True):
                    sums[label] = sums.get(label, 0.0) + total
        return sums

    def sizes(self, factors: dict[Any, float] | None = None) -> list[int]:
        """Return how many samples of each block have a weight above 0, with factors of classes."""
        if factors is None:
            return [tally.size for tally in self.tallies]
        return [
            sum(
                count
                for label, count in zip(
                    () if tally.classes is None else tally.classes.tolist(),
                    tally.counts.tolist(),
                    strict=True,
                )
                if factors[label] > 0
            )
            for tally in self.tallies
        ]


def survey(blocks: Blocks, look: Callable[[int, Block], Seen], found: Survey) -> None:
    """Read all blocks once.

    Parameters
    ----------
    blocks : Blocks
        The blocks.
    look : function
        Called with the place of each block and the block; checks it, and returns what it saw.
    found : Survey
        An empty one, which is filled.

    Raises
    ------
    DataError
        If there are no samples, or the blocks have different types.
    """
    name = blocks.source.name
    with Ahead(blocks.read()) as ahead:
        for k, block in enumerate(ahead):
            if found.rows and (now := types_of(block)) != (before := types_of(found.first)):
                raise DataError(
                    f"block {k + 1} of {name} has other types than the blocks before it",
                    got=now,
                    expected=before,
                    cure="Convert all blocks to the same types, with y and weights in all of them"
                    " or in none.",
                )
            found.add(block, look(k, block) if len(block.X) else Seen(None, None, None))
    if found.rows == 0:
        raise empty(name)


def types_of(block: Block) -> str:
    """Return the types of inputs, targets and weights, in words."""
    found = []
    for name, part in zip(("X", "y", "weights"), block.parts, strict=True):
        if part is not None:
            is_number = part.dtype.kind in "biuf"
            dtype = str(kernel_type(part.dtype)) if is_number else "text or objects"
            found.append(f"{name} ({', '.join(map(str, ('k', *part.shape[1:])))}) of {dtype}")
    return ", ".join(found)


def checksum(block: Block) -> int:
    """Return a checksum of the bytes of a block, its types and shapes."""
    found = 0
    for name, part in zip(Block._fields, block.parts, strict=False):
        if part is not None:
            found = zlib.crc32(f"{name}{part.dtype.str}{part.shape}".encode(), found)
            if part.dtype.kind in "biuf":
                found = zlib.crc32(
                    np.ascontiguousarray(part).reshape(-1).view(np.uint8).data, found
                )
            else:
                found = zlib.crc32("\0".join(map(str, part.ravel().tolist())).encode(), found)
    return found


def warn_if_sorted(blocks: Blocks, found: Survey, *, stacklevel: int) -> None:
    """Warn if the targets differ so much between windows that training would suffer."""
    k, count = blocks.window, len(found.tallies)
    in_order = blocks.source.sizes is None
    seen = _sorted(found, k, in_order=in_order)
    if seen is None:
        return
    cure = "Shuffle the samples once when you write them"
    if blocks.can_widen:
        wider = (k << i for i in range(1, (count // k).bit_length()))
        mixing = (w for w in wider if _sorted(found, w, in_order=in_order) is None)
        cure += f", or pass Blocks a window of {min(next(mixing, count), count)} blocks"
        cure += "" if in_order else ", best with a smaller block_size"
    warnings.warn(
        f"the samples of {blocks.source.name} are sorted by their targets: {seen}. Shuffling"
        f" {k} of {count} blocks at a time does not mix them, so training may fail. {cure}",
        UserWarning,
        stacklevel=stacklevel,
    )


def _sorted(found: Survey, k: int, *, in_order: bool) -> str | None:
    """Return how targets differ between windows of k blocks, or None if training will not suffer.

    Blocks that are drawn at random differ less in windows of several than one by one.
    """
    tallies, count = found.tallies, len(found.tallies)
    if count <= k:
        return None
    groups = (
        [tallies[i : i + k] for i in range(0, count, k)] if in_order else [[t] for t in tallies]
    )
    factor = 1.0 if in_order else (count - k) / (count - 1) / k
    are_classes = all(tally.classes is not None or not tally.size for tally in tallies)
    share, worst, how = (_classes_between if are_classes else _means_between)(groups)
    chance = 4 * (len(groups) - 1) / found.rows
    if factor * share <= MOST_BETWEEN_WINDOWS + factor * chance:
        return None
    first, last = worst * k + 1, min(count, worst * k + k)
    return how.format(f"blocks {first} to {last}" if in_order else f"block {worst + 1}")


def _classes_between(groups: Sequence[Sequence[Tally]]) -> tuple[float, int, str]:
    """Return the share of variance between groups, the most unusual group, and how it differs."""
    each = [Counter[Any]() for _ in groups]
    for counts, group in zip(each, groups, strict=True):
        for tally in group:
            if tally.classes is not None:
                counts.update(dict(zip(tally.classes.tolist(), tally.counts.tolist(), strict=True)))
    n = sum(counts.total() for counts in each)
    totals: Counter[Any] = sum(each, Counter())
    squares, worst, label, most = 0.0, 0, None, -1.0
    for g, counts in enumerate(each):
        size = max(counts.total(), 1)
        squares += sum(count**2 for count in counts.values()) / size / n
        for this, count in counts.items():
            if count / size - totals[this] / n > most:
                most, worst, label = count / size - totals[this] / n, g, this
    size = max(each[worst].total(), 1)
    how = f"{each[worst][label] / size:.0%} of {{}} are of class {label!r}, of all samples"
    expected = sum((count / n) ** 2 for count in totals.values())
    share = (squares - expected) / (1 - expected) if len(totals) > 1 else 0.0
    return share, worst, f"{how} {totals[label] / n:.0%}"


def _means_between(groups: Sequence[Sequence[Tally]]) -> tuple[float, int, str]:
    """Return the same for the output whose means differ most."""
    shown = [(g, t) for g, group in enumerate(groups) for t in group if t.mean is not None]
    group_of, weights = np.array([g for g, _ in shown]), np.array([float(t.size) for _, t in shown])
    means, variances = (
        np.array([getattr(t, name) for _, t in shown]) for name in ("mean", "variance")
    )
    overall = np.average(means, axis=0, weights=weights)
    total = weights @ (variances + (means - overall) ** 2)
    sizes = np.bincount(group_of, weights, minlength=len(groups))
    sums = [
        np.bincount(group_of, weights * off, minlength=len(groups)) for off in (means - overall).T
    ]
    offs = np.array(sums) / np.maximum(sizes, 1)  # (n_L, groups)
    between = offs**2 @ sizes
    shares = np.divide(between, total, out=np.zeros_like(between), where=total > 0)
    output = int(shares.argmax())
    worst = int(np.abs(offs[output]).argmax())
    what = f"of output {output} " * (len(overall) > 1)
    how = f"the mean target {what}of {{}} is {overall[output] + offs[output, worst]:.4g}, of all"
    return float(shares[output]), worst, f"{how} {overall[output]:.4g}"
