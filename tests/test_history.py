"""The History of a run: columns, best epoch, repr."""

from __future__ import annotations

import copy
import itertools
import math
import pickle
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import History
from bpmatrix.history import EpochInfo, Epochs

ENTRY = EpochInfo(1, 4, 0.5, 0.25, 0.625, 0.75, 2.0, 0.125)
COLUMNS = ("cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate", "seconds")


def history_of(**columns: list) -> History:
    """Return a History with these figures, one number per epoch."""
    count = len(next(iter(columns.values())))
    nothing = replace(ENTRY, accuracy=None, validation_cost=None, validation_accuracy=None)
    entries = [
        replace(nothing, epoch=e + 1, **{name: values[e] for name, values in columns.items()})
        for e in range(count)
    ]
    return History(seed=1, epochs=entries)


def test_columns_are_those_of_the_epochs() -> None:
    """Each figure is a list with one number per epoch, in order."""
    columns = {name: [i + 0.5, i + 1.5] for i, name in enumerate(COLUMNS)}
    history = history_of(**columns)
    assert {name: getattr(history, name) for name in COLUMNS} == columns


def test_figures_that_were_not_recorded_are_empty_lists() -> None:
    """Accuracy without classes, validation figures without validation data."""
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
                "validation_cost": [2.0, 1.0, 3.0],
                "validation_accuracy": [0.5, 0.5, 0.75],
            },
            2,
        ),
        # Ties: the first one.
        ({"cost": [2.0, 1.0, 1.0]}, 2),
        ({"cost": [1.0, 1.0, 1.0]}, 1),
        ({"cost": [9.0, 9.0, 9.0], "validation_cost": [0.5, 0.25, 0.25]}, 2),
    ],
)
def test_best_epoch(columns: dict, best: int) -> None:
    """Lowest validation cost, else lowest cost; the first of ties."""
    assert history_of(**columns).best_epoch == best


def test_best_epoch_counts_over_all_training() -> None:
    """The best epoch is counted over all runs; it is not an index into the list."""
    history = History(seed=1, epochs=[replace(ENTRY, epoch=7), replace(ENTRY, epoch=8)])
    assert history.best_epoch == 7
    assert History(seed=1).best_epoch is None


@pytest.mark.parametrize(
    ("metric", "best"),
    [("cost", 3), ("accuracy", 2), ("validation_cost", 1), ("validation_accuracy", 4), (None, 1)],
)
def test_best_epoch_by_metric(metric: str | None, best: int) -> None:
    """The lowest cost, the highest accuracy."""
    history = history_of(
        cost=[4.0, 3.0, 1.0, 2.0],
        accuracy=[0.1, 0.9, 0.2, 0.3],
        validation_cost=[1.0, 2.0, 3.0, 4.0],
        validation_accuracy=[0.1, 0.2, 0.2, 0.3],
    )
    history.metric = metric
    assert history.best_epoch == best


def test_nan_is_never_best() -> None:
    """Unless all others are worse; then the first epoch is the best."""
    assert history_of(cost=[math.nan, 2.0, 3.0]).best_epoch == 2
    assert history_of(cost=[2.0, math.nan]).best_epoch == 1
    assert history_of(cost=[math.nan, math.inf]).best_epoch == 1


def test_to_dict_has_the_columns_that_are_not_empty() -> None:
    """The epoch first, and the same numbers as the properties; all columns before any epoch."""
    history = history_of(cost=[2.0, 1.0], validation_cost=[3.0, 4.0])
    history.epochs = [replace(e, epoch=e.epoch + 6) for e in history.epochs]
    assert history.to_dict() == {
        "epoch": [7, 8], "cost": [2.0, 1.0], "validation_cost": [3.0, 4.0],
        "learning_rate": [2.0, 2.0], "seconds": [0.125, 0.125],
    }  # fmt: skip
    assert next(iter(history.to_dict())) == "epoch"
    assert History(seed=1).to_dict() == {name: [] for name in ("epoch", *COLUMNS)}


@pytest.mark.parametrize("epochs", [0, 3])
def test_to_frame_of_pandas(epochs: int) -> None:
    """One row per epoch, one column per figure."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    history = history_of(cost=[3.0, 2.0, 1.0], validation_accuracy=[0.5, 0.25, 0.75])
    history.epochs = history.epochs[:epochs]
    frame = history.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert frame.index.name == "epoch"
    assert list(frame.index) == [1, 2, 3][:epochs]
    assert frame.to_dict("list") == {k: v for k, v in history.to_dict().items() if k != "epoch"}


def test_without_pandas_the_error_has_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"pip install pandas.*to_dict"):
        history_of(cost=[1.0]).to_frame()


def test_repr() -> None:
    """One line: epochs, last cost, last validation accuracy, why the run ended."""
    assert repr(History(seed=1)) == "History(no epoch finished, stopped_by='epochs')"
    history = history_of(cost=[2.0, 0.123456])
    assert repr(history) == "History(2 epochs, cost 0.1235, stopped_by='epochs')"
    history = History(seed=1, epochs=[ENTRY], stopped_by="callback")
    assert "cost 0.5, validation_accuracy 0.7500, stopped_by='callback'" in repr(history)


def test_copies_are_equal() -> None:
    """A History survives pickling and copying."""
    history = History(seed=1, epochs=[ENTRY], stopped_by="interrupt")
    assert pickle.loads(pickle.dumps(history)) == history == copy.deepcopy(history)


def test_a_history_pickled_by_version_0_1_0() -> None:
    """There the entries were a list, of an EpochInfo without `network`."""
    old = History(seed=1, stopped_by="interrupt")
    vars(old)["epochs"] = [ENTRY, replace(ENTRY, epoch=2, cost=0.25, is_best=True)]
    history = pickle.loads(pickle.dumps(old))
    assert history.best_epoch == 1
    assert history.cost == [0.5, 0.25]
    assert history == History(seed=1, epochs=old.epochs, stopped_by="interrupt")


# --------------------------------------------------------------------------------------- the epochs


def test_epochs_are_a_sequence() -> None:
    """Entries equal those that were added, whatever was recorded; slices are lists."""
    figures = (None, 0.5), (None, 0.25, math.inf), (None, 1.0)
    entries = [
        EpochInfo(k, 9, 0.1 * k, *some, 0.5, 0.25, is_best=k % 3 == 1)
        for k, some in enumerate(itertools.product(*figures), start=4)
    ]
    epochs = Epochs(entries)
    assert epochs == entries == list(epochs) == epochs[:]
    assert epochs == Epochs(epochs) != Epochs(entries[1:])
    assert epochs != 7
    assert (epochs[-1], epochs[2:7:3], len(epochs)) == (entries[-1], entries[2:7:3], len(entries))
    assert epochs + epochs == epochs + entries == entries * 2
    assert entries[3] in epochs
    assert epochs.index(entries[3]) == 3
    assert repr(epochs[:2]) == repr(entries[:2]) == repr(Epochs(entries[:2]))
    with pytest.raises(IndexError):
        epochs[len(entries)]
    assert math.isnan(Epochs([replace(ENTRY, cost=math.nan)])[0].cost)


def test_an_epoch_takes_65_bytes() -> None:
    """The documentation says so."""
    assert len(Epochs([ENTRY] * 1000).rows) == 65_000
    assert "65 bytes" in History.__doc__


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 9), st.integers(0, 9))
def test_thinned_epochs(best: list[bool], every: int, before: int) -> None:
    """Each `every`-th epoch, the best so far and the last are kept."""
    entries = [
        replace(ENTRY, epoch=epoch, is_best=is_best)
        for epoch, is_best in enumerate(best, start=before + 1)
    ]
    epochs = Epochs()
    for k, entry in enumerate(entries):
        start, rows = epochs.ending_with(entry, every, is_best=entry.is_best)
        epochs.rows[start:] = rows
        chosen = [past for past in entries[: k + 1] if past.is_best][-1:]
        assert epochs == [
            past
            for past in entries[: k + 1]
            if past.epoch % every == 0 or past in chosen or past is entry
        ]
