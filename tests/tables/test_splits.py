"""Rows to learn from and rows to test on."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from bpmatrix.errors import DataError
from bpmatrix.tables.splits import folds, held_out

N = 100
NUMBERS = np.arange(N) + 0.5
CLASSES = np.where(np.arange(N) % 10 == 0, "rare", "common")
GROUPS = pa.chunked_array([pa.array([None, *(f"person {i % 7}" for i in range(N - 1))])])
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=(i * 37 % N) // 2) for i in range(N)]
DATES = pa.chunked_array([pa.array(DAYS)])
COLUMNS = {"at random": (), "groups": (GROUPS, "g"), "time": (DATES, "t")}


@pytest.mark.parametrize("by", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("y", [NUMBERS, CLASSES], ids=["numbers", "classes"])
def test_every_row_is_in_one_part(y, by):
    train, others = held_out(y, 0.2, 1, *by)
    assert sorted([*train, *others]) == list(range(N))
    assert 10 < len(others) < 40
    for kept, tested in folds(y, 4, 1, *by):
        assert not {*kept} & {*tested}


def test_the_seed_determines_the_rows():
    first, again, other = (held_out(NUMBERS, 0.2, seed)[1].tolist() for seed in (1, 1, 2))
    assert first == again != other


def test_each_class_has_its_share():
    assert (CLASSES[held_out(CLASSES, 0.2, 1)[1]] == "rare").sum() == 2
    assert [(CLASSES[test] == "rare").sum() for _, test in folds(CLASSES, 5, 1)] == [2] * 5


def test_groups_stay_together():
    people = GROUPS.to_pylist()
    pairs = [held_out(NUMBERS, 0.2, 1, GROUPS, "g"), *folds(NUMBERS, 3, 1, GROUPS, "g")]
    for train, test in pairs:
        assert not {people[i] for i in train} & {people[i] for i in test}


def test_the_newest_rows_are_held_out():
    pairs = [held_out(NUMBERS, 0.2, 1, DATES, "t"), *folds(NUMBERS, 3, 1, DATES, "t")]
    train, test = pairs[0]
    assert max(DAYS[i] for i in train) < min(DAYS[i] for i in test)  # no day in both
    for train, test in pairs[1:]:
        assert max(DAYS[i] for i in train) <= min(DAYS[i] for i in test)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: held_out(np.array(["a"] * N), 0.2, 1), "only one class"),
        (lambda: held_out(np.arange(9.0), 0.2, 1), "too small.*9 rows"),
        (lambda: held_out(CLASSES[:11], 0.2, 1, GROUPS.slice(0, 1), "g"), "few different groups"),
        (lambda: held_out(NUMBERS[:5], 0.2, 1, DATES.slice(0, 1), "t"), "few different moments"),
        (lambda: [*folds(CLASSES, 11, 1)], "too small for 11 folds.*10 rows of the rarest"),
    ],
)
def test_too_few_rows(call, message):
    with pytest.raises(DataError, match=message):
        call()
