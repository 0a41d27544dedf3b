"""The History of a run: its columns, its best epoch, how it reads."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest

from bpmatrix import History
from bpmatrix.history import EpochInfo

ENTRY = EpochInfo(1, 4, 0.5, 0.25, 0.625, 0.75, 2.0, 0.125)
COLUMNS = ("cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate", "seconds")


def history_of(**columns: list) -> History:
    """Return a History whose entries have these figures, one epoch after the other."""
    count = len(next(iter(columns.values())))
    nothing = replace(ENTRY, accuracy=None, validation_cost=None, validation_accuracy=None)
    entries = [
        replace(nothing, epoch=e + 1, **{name: values[e] for name, values in columns.items()})
        for e in range(count)
    ]
    return History(seed=1, epochs=entries)


def test_columns_are_those_of_the_epochs() -> None:
    """Each figure is a list with one number for each epoch, in their order."""
    columns = {name: [i + 0.5, i + 1.5] for i, name in enumerate(COLUMNS)}
    history = history_of(**columns)
    assert {name: getattr(history, name) for name in COLUMNS} == columns


def test_what_was_not_recorded_is_an_empty_list() -> None:
    """Without classes there is no accuracy, without validation data no score."""
    history = history_of(cost=[1.0, 2.0])
    assert history.accuracy == history.validation_cost == history.validation_accuracy == []
    assert history.cost == [1.0, 2.0]
    empty = History(seed=1)
    assert empty.cost == empty.seconds == []


@pytest.mark.parametrize(
    ("columns", "best"),
    [
        ({"cost": [3.0, 1.0, 2.0]}, 2),
        ({"cost": [1.0, 2.0, 3.0], "validation_cost": [3.0, 2.0, 1.0]}, 3),
        (
            {
                "cost": [1.0, 2.0, 3.0],
                "validation_cost": [1.0, 2.0, 3.0],
                "validation_accuracy": [0.5, 0.75, 0.5],
            },
            2,
        ),
        # The first of equals, wherever the equals stand.
        ({"cost": [2.0, 1.0, 1.0]}, 2),
        ({"cost": [1.0, 1.0, 1.0]}, 1),
        ({"cost": [9.0, 9.0, 9.0], "validation_accuracy": [0.5, 1.0, 1.0]}, 2),
    ],
)
def test_best_epoch(columns: dict, best: int) -> None:
    """Highest validation accuracy, else lowest validation cost, else lowest cost; first of ties."""
    assert history_of(**columns).best_epoch == best


def test_best_epoch_counts_over_all_training() -> None:
    """The best epoch is a number of the network's training, not a place in the list."""
    history = History(seed=1, epochs=[replace(ENTRY, epoch=7), replace(ENTRY, epoch=8)])
    assert history.best_epoch == 7
    assert History(seed=1).best_epoch is None


def test_repr() -> None:
    """A History reads in one line: epochs, last cost, last validation accuracy, why it ended."""
    assert repr(History(seed=1)) == "History(no epoch finished, stopped_by='epochs')"
    history = history_of(cost=[2.0, 0.123456])
    assert repr(history) == "History(2 epochs, cost 0.1235, stopped_by='epochs')"
    history = History(seed=1, epochs=[ENTRY], stopped_by="callback")
    assert "cost 0.5, validation_accuracy 0.7500, stopped_by='callback'" in repr(history)


def test_copies_are_equal() -> None:
    """A History survives pickling and copying."""
    history = History(seed=1, epochs=[ENTRY], stopped_by="interrupt")
    assert pickle.loads(pickle.dumps(history)) == history == copy.deepcopy(history)
