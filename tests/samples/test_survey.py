"""The first pass: checksums, tallies of targets, and blocks that are sorted."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from bpmatrix import Blocks, Network
from bpmatrix.errors import DataError
from bpmatrix.samples.sources import Block
from bpmatrix.samples.survey import Seen, Survey, checksum, survey

RNG = np.random.default_rng(5)
X = RNG.standard_normal((1200, 2))
LABELS = RNG.integers(0, 3, 1200)


def surveyed(blocks: Blocks, *, labels: bool = True) -> Survey:
    found = Survey()

    def look(_: int, block: Block) -> Seen:
        y, table = block.y, block.y.reshape(len(block.y), -1)
        return Seen(y if labels else None, None if labels else table, block.weight)

    survey(blocks, look, found)
    return found


def test_a_checksum_covers_every_byte_and_type() -> None:
    block = Block(X, LABELS)
    for other in (
        Block(X.astype("f4"), LABELS), Block(X.reshape(-1, 1), LABELS), Block(X, LABELS[::-1]),
        Block(X, None, LABELS), Block(np.where(np.arange(2) == 0, X, X + 1), LABELS),
        Block(X, LABELS.astype(str)), Block(X, LABELS.astype(object)),
    ):  # fmt: skip
        assert checksum(other) != checksum(block)
    assert checksum(Block(np.asfortranarray(X), LABELS.copy())) == checksum(block)
    words = np.array(["a", "bc"])
    assert checksum(Block(X, words)) != checksum(Block(X, np.array(["ab", "c"])))


def test_tallies_are_those_of_the_whole() -> None:
    weight = RNG.integers(0, 3, 1200).astype(float)
    found = surveyed(Blocks(X, LABELS, weight, block_size=100))
    sums = found.sums_of_classes()
    assert [sums[k] for k in range(3)] == pytest.approx(np.bincount(LABELS, weight))
    assert sum(found.sizes()) == (weight > 0).sum()
    assert sum(found.sizes({0: 1, 1: 0, 2: 3})) == ((weight > 0) & (LABELS != 1)).sum()
    assert (found.rows, found.least, found.most) == (1200, 1, 2)


def test_blocks_of_other_types_are_refused() -> None:
    blocks = Blocks([(X, LABELS), (X.astype("f4"), LABELS)])
    with pytest.raises(DataError, match="block 2 of list has other types than the blocks before"):
        surveyed(blocks)
    with pytest.raises(DataError, match="weights"):
        surveyed(Blocks([(X, LABELS), (X, LABELS, X[:, 0])]))
    surveyed(Blocks([(X, LABELS.astype("U3")), (X, LABELS.astype("U7"))]))
    surveyed(
        Blocks([(X, LABELS), (X[:0].astype("f4"), LABELS[:0]), (X.astype(">f8"), LABELS)][::2])
    )


def test_no_samples_at_all() -> None:
    with pytest.raises(DataError, match="is empty"):
        surveyed(Blocks([(X[:0], LABELS[:0])]))


def trained(blocks: Blocks, **changed: object) -> Network:
    return Network(**({"sizes": [2, 3], "seed": 1} | changed)).train(blocks, epochs=1)


SORTED = np.argsort(LABELS, kind="stable")


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        (
            Blocks(X[SORTED], LABELS[SORTED], block_size=50, window=3),
            r"100% of block \d+ are of class",
        ),
        (Blocks(X[SORTED], np.eye(3)[LABELS[SORTED]], block_size=50, window=3), "of class"),
        (
            Blocks([(X[i], LABELS[i]) for i in np.split(SORTED, 12)], window=3),
            r"\d\d% of blocks \d+ to \d+ are of class",
        ),
    ],
    ids=["array", "one-hot", "iterable"],
)
def test_sorted_classes_are_noticed(blocks: Blocks, says: str) -> None:
    with pytest.warns(UserWarning, match=says) as caught:
        trained(blocks)
    assert caught[0].filename == __file__
    named = re.search(
        r"Shuffle the samples once .* a window of (\d+) blocks", str(caught[0].message)
    )
    assert named is not None
    blocks.window = int(named[1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(blocks)


def test_sorted_numbers_are_noticed() -> None:
    order = np.argsort(X[:, 0])
    blocks = Blocks(X[order], np.c_[X[:, 1], X[:, 0] + 1e6][order], block_size=50, window=3)
    with pytest.warns(UserWarning, match=r"the mean target of output 1 of block \d+ is 1e\+06"):
        trained(blocks, sizes=[2, 2], output="identity", cost="quadratic")


@pytest.mark.parametrize("count", [1, 2, 5, 24, 1200])
def test_mixed_blocks_raise_no_warning(count: int) -> None:
    """Also blocks of a single sample, whose classes differ by chance."""
    size = 1200 // count
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for window in (1, 3):
            trained(Blocks(X, LABELS, block_size=size, window=window))
            blocks = [(X[i : i + size], LABELS[i : i + size]) for i in range(0, 1200, size)]
            trained(Blocks(blocks, window=window))
            net = Network([2, 1], output="identity", cost="quadratic", seed=1)
            net.train(Blocks(X, X[:, 1], block_size=size, window=window), epochs=1)


def test_one_window_is_mixed_whatever_its_order() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trained(Blocks(X[SORTED], LABELS[SORTED], block_size=50, window=24))
