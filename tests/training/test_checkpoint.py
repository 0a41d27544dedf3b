"""Tests of the parts of a checkpoint: digests, places, columns and descriptions."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from bpmatrix import SGD, Adam, schedules
from bpmatrix.history import EpochInfo, Epochs
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.training import checkpoint
from bpmatrix.training.checkpoint import (
    columns_of,
    digest_of,
    digests_of_samples,
    epochs_of,
)
from bpmatrix.training.record import stable_repr

TABLE = np.arange(12.0).reshape(3, 4)


@pytest.mark.parametrize("block", [1, 20, 1 << 24])
def test_a_digest_does_not_depend_on_the_memory_layout(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It depends on shape, type and values only, not on views, order or block size."""
    monkeypatch.setattr(checkpoint, "BLOCK", block)
    expected = digest_of(TABLE)
    padded = np.zeros((6, 8))
    padded[::2, ::2] = TABLE
    for same in (TABLE.copy("F"), padded[::2, ::2], np.ascontiguousarray(TABLE)):
        assert digest_of(same) == expected
    others = [TABLE.T, TABLE.reshape(4, 3), TABLE.astype(np.float32), TABLE + 1e-15, TABLE[:2]]
    assert len({expected, *map(digest_of, others)}) == 6
    assert digest_of(np.array([0.0])) != digest_of(np.array([-0.0]))


def test_nothing_has_a_digest() -> None:
    """None differs from an empty array."""
    assert digest_of(None) == digest_of(None) != digest_of(np.empty(0))
    assert digest_of(np.empty((0, 3))) != digest_of(np.empty((3, 0)))


def test_sparse_samples_have_digests() -> None:
    """Which depend on the elements and their positions."""
    targets = type("Targets", (), {"array": np.arange(2)})()

    def inputs(rows: list[int]) -> str:
        X = SparseColumns((3, 2), np.array([0, 1, 2]), np.array(rows), np.ones(2))
        return digests_of_samples(Samples(X, targets), "")["inputs"]

    assert inputs([0, 1]) == inputs([0, 1]) != inputs([0, 2])


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, None),
        (SGD(0.5), "SGD(learning_rate=0.5, momentum=0.0, nesterov=False)"),
        (abs, "abs"),
        (partial(pow, 2), "partial"),
        (
            schedules.Warmup(3, then=lambda epoch: 1.0),
            "Warmup(epochs=3, then=<lambda>)",
        ),
    ],
)
def test_descriptions_contain_no_addresses(value: object, words: str | None) -> None:
    """They must be the same in another process."""
    assert stable_repr(value) == words
    assert stable_repr(Adam()) == stable_repr(Adam())


def test_a_history_round_trips() -> None:
    """Values that were not recorded are None again; the last epoch is that of the resumed run."""
    entry = EpochInfo(3, 8, 0.5, None, 0.25, None, 0.1, 2.0, is_best=True)
    entries = [entry, replace(entry, epoch=5, cost=float("inf"), is_best=False)]
    found = epochs_of(columns_of(Epochs(entries)), 3, 9)
    assert found == [replace(entry, last_epoch=9) for entry in entries]
    assert [type(value) for value in (found[0].epoch, found[0].is_best)] == [int, bool]
    assert epochs_of(columns_of(Epochs()), 3, 9) == []


@pytest.mark.parametrize("epochs", [[2, 3], [4, 4], [5, 4]])
def test_epochs_in_another_order_are_refused(epochs: list[int]) -> None:
    entry = EpochInfo(3, 8, 0.5, None, 0.25, None, 0.1, 2.0)
    with pytest.raises(ValueError, match="order"):
        epochs_of(columns_of(Epochs(replace(entry, epoch=e) for e in epochs)), 3, 9)
