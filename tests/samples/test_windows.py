"""Windows of blocks: which samples, in which order, in which mini-batches."""

from __future__ import annotations

import numpy as np
import pytest
from block_twin import order_of_an_epoch, running_threads, settles
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import Blocks
from bpmatrix.errors import DataFileError
from bpmatrix.samples.arrays import Targets
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sources import Block
from bpmatrix.samples.survey import Seen, Survey, survey
from bpmatrix.samples.windows import BlockSamples


def converted(_: int, block: Block) -> Samples:
    y = block.y.astype(np.int64)
    return Samples(block.X.T, Targets(y, True, True), weights=block.weight)


def samples_of(blocks: Blocks) -> BlockSamples:
    found = Survey()
    survey(blocks, lambda _, block: Seen(block.y, None, block.weight), found)
    return BlockSamples.of(blocks, converted, found, found.sizes())


def numbered(n: int, zeros: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Samples that hold their own number, of which some have weight 0."""
    weights = np.arange(1.0, n + 1)
    weights[:zeros] = 0
    return np.arange(n, dtype=float)[:, None], np.arange(n), weights


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=9).filter(any), st.integers(1, 10),
    st.integers(1, 30), st.integers(0, 5), st.sampled_from(["array", "iterable"]), st.booleans(),
    st.integers(0, 99),
)  # fmt: skip
def test_an_epoch_is_the_twins(
    sizes: list[int], window: int, m: int, zeros: int, kind: str, shuffles: bool, seed: int
) -> None:
    """Samples, labels and weights stay together; those of weight 0 are left out."""
    if kind == "array":
        sizes = [max(sizes)] * len(sizes)
    n = sum(sizes)
    X, y, w = numbered(n, min(zeros, n - 1))
    parts = np.split(np.arange(n), np.cumsum(sizes)[:-1])
    blocks = (
        Blocks(X, y, w, block_size=sizes[0], window=window)
        if kind == "array"
        else Blocks([(X[i], y[i], w[i]) for i in parts], window=window)
    )
    samples = samples_of(blocks)
    shown = [[j for j in part if w[j] > 0] for part in parts]
    draw, twin = (np.random.default_rng(seed).permutation if shuffles else None for _ in range(2))
    expected = np.concatenate([np.array(part, int) for part in shown])[
        order_of_an_epoch(
            [len(part) for part in shown], window, twin or np.arange,
            in_order=kind == "iterable" or not shuffles,
        )
    ]  # fmt: skip
    m, steps, seen = min(m, samples.n), 0, []
    for portion in samples.order(draw).portions(m):
        assert portion.first_step == steps
        order, found = portion.orders[0], portion.samples
        assert np.array_equal(found.X[0, order], found.targets.array[order])
        assert np.array_equal(found.weights[order], found.X[0, order] + 1)
        seen += found.X[0, order].astype(int).tolist()
        steps += -(-order.size // m)
    assert seen == expected.tolist()
    assert steps == -(-samples.n // m)
    assert samples.n == (w > 0).sum()


@pytest.mark.parametrize("window", [2, 20])
def test_draws_can_be_repeated_without_reading(window: int) -> None:
    samples = samples_of(Blocks(*numbered(50), block_size=5, window=window))
    drawn, skipped = np.random.default_rng(3), np.random.default_rng(3)
    for _ in samples.order(drawn.permutation).portions(7):
        pass
    samples.skip(skipped.permutation)
    assert drawn.bit_generator.state == skipped.bit_generator.state


def test_parts_hold_all_samples_in_their_order() -> None:
    samples = samples_of(Blocks(*numbered(50, zeros=7), block_size=20))
    X = np.concatenate([part.X[0] for part in samples.parts()])
    assert np.array_equal(X, np.arange(50))


def test_memory_is_two_windows() -> None:
    """Each with up to a mini-batch more; and reading is at most a window ahead."""
    made: list[int] = []

    class Table:
        shape, dtype = (1000, 1), np.dtype(float)

        def __getitem__(self, rows: slice) -> np.ndarray:
            made.append(rows.start)
            return np.arange(rows.start, rows.stop, dtype=float)[:, None]

    samples = samples_of(Blocks(Table(), np.arange(1000), block_size=10, window=5))
    made.clear()
    arrays = set()
    for k, portion in enumerate(samples.order(None).portions(8)):
        arrays.add(portion.samples.X.ctypes.data)
        assert portion.samples.X.shape[1] == 50 + 7
        assert len(made) <= 5 * (k + 2)
    assert len(arrays) == 2


# ------------------------------------------------------------------- what may not change


def changing(**later: object) -> Blocks:
    """Blocks that are other ones from the second pass on."""
    X, y, w = numbered(30)
    first = [(X[i : i + 10], y[i : i + 10], w[i : i + 10]) for i in (0, 10, 20)]
    passes = iter([first])
    return Blocks(lambda: next(passes, later["blocks"]), window=2)


X, Y, W = numbered(30)


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ([(X[:10], Y[:10], W[:10])], "got 1 blocks, expected 3"),
        ([(X[:10], Y[:10], W[:10])] * 4, "got more blocks, expected 3"),
        ([(X[:9], Y[:9], W[:9])] * 3, "got 18 samples in blocks 1 to 2, expected 20"),
        ([(X[:15], Y[:15], W[:15])] * 3, "samples in blocks 1 to 2, expected 20"),
        ([(X[:10], Y[:10], 0 * W[:10])] * 3, "got 0 samples in blocks 1 to 2, expected 20"),
        ([(X[:10], Y[:10])] * 3, "X float64 (1 features), labels int64 in block 1"),
        ([(X[:10].astype("f4"), Y[:10], W[:10])] * 3, "X float32 (1 features)"),
        ([(np.hstack([X[:10]] * 2), Y[:10], W[:10])] * 3, "X float64 (2 features)"),
    ],
)
def test_an_iterable_must_yield_blocks_of_the_same_sizes_and_types(blocks, says) -> None:
    samples = samples_of(changing(blocks=blocks))
    with pytest.raises(DataFileError, match="has changed since the first pass") as caught:
        list(samples.order(None).portions(4))
    assert says in str(caught.value)


def test_an_iterable_may_yield_other_numbers() -> None:
    """Such as the same samples with noise."""
    blocks = [(X[i] + 1, Y[i], W[i]) for i in np.split(np.arange(30), 3)]
    samples = samples_of(changing(blocks=blocks))
    seen = [p.samples.X[0, p.orders[0]] for p in samples.order(None).portions(4)]
    assert np.array_equal(np.concatenate(seen), X[:, 0] + 1)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_an_array_must_keep_its_numbers(part: int) -> None:
    arrays = [array.copy() for array in numbered(30)]
    samples = samples_of(Blocks(*arrays, block_size=10, window=1))
    arrays[part][25] += 1
    portions = samples.order(None).portions(5)
    assert next(portions).samples.X.shape
    with pytest.raises(DataFileError, match="got other bytes in block 3"):
        list(portions)


def test_the_thread_ends_with_an_unfinished_epoch() -> None:
    before = running_threads()
    samples = samples_of(Blocks(*numbered(50), block_size=5, window=1))
    portions = samples.order(None).portions(5)
    next(portions)
    assert settles(before + 1)
    portions.close()
    assert settles(before)
