"""Columns of any kind as numbers for a network."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline

from bpmatrix import MLPClassifier, TableEncoder
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError
from bpmatrix.tables.encoder import numbers_rows

N = 60
RNG = np.random.default_rng(1)


def column(values):
    """Return the outputs of a table with one column, by name."""
    encoder = TableEncoder().fit({"a": values})
    names = encoder.get_feature_names_out()
    return dict(zip(names, encoder.transform({"a": values}).T, strict=True))


def test_numbers_are_scaled_by_their_quartiles_and_outliers_come_near():
    x = np.array([0.0, 1, 2, 3, 100])
    scaled = (x - 2) / 2  # the quartiles are 1 and 3
    (found,) = column(x).values()
    np.testing.assert_allclose(found, 3 * np.arcsinh(scaled / 3), rtol=1e-15)
    assert 8 < found[-1] < scaled[-1] / 4


def test_numbers_with_equal_quartiles_are_scaled_by_their_range():
    (found,) = column([0.0] * 9 + [4.0]).values()
    assert found[-1] == pytest.approx(3 * np.arcsinh(2 / 3))


def test_missing_numbers_are_the_median_with_an_indicator():
    found = column([1.0, None, 3.0, 2.0])
    assert found["a"][1] == 0.0
    assert found["a is missing"].tolist() == [0, 1, 0, 0]


def test_categories_come_by_frequency_and_rare_ones_together():
    values = ["b"] * 600 + ["a"] * 300 + ["rare"] + [None] * 2
    found = column(values)
    assert list(found) == ["a=b", "a=a", "a is rare", "a is missing"]
    assert [int(output.sum()) for output in found.values()] == [600, 300, 1, 2]


def test_unknown_categories_count_as_rare_or_have_no_output():
    encoder = TableEncoder().fit({"a": ["x", "y"] * 5})
    assert encoder.transform({"a": ["z", None]}).tolist() == [[0, 0], [0, 0]]


def test_categories_are_those_of_a_table_read_without_spaces_around():
    encoder = TableEncoder().fit({"a": [" x", "y ", "y"] * 5})
    assert encoder.get_feature_names_out().tolist() == ["a= x", "a=y", "a=y "]
    found = encoder.transform({"a": [" x", "x", "y ", "y", " y", None]})
    assert found.argmax(axis=1).tolist() == [0, 0, 2, 1, 1, 0]
    assert found.sum(axis=1).tolist() == [1, 1, 1, 1, 1, 0]


def test_truth_values_and_whole_numbers_are_categories_of_the_same_text():
    encoder = TableEncoder().fit({"a": ["1", "2", "x"] * 3, "b": [True, False, True] * 3})
    found = encoder.transform({"a": [1, 2], "b": [False, True]})
    assert found[:, :3].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert encoder.get_feature_names_out()[3:].tolist() == ["b=true", "b=false"]


def test_the_index_that_pandas_writes_is_left_out():
    encoder = TableEncoder().fit({"a": [1.0, 2, 4], "__index_level_0__": [7, 3, 5]})
    assert encoder.left_out_ == {"__index_level_0__": "it is the index of a DataFrame"}
    assert encoder.transform({"a": [2.0]}).tolist() == [[0.0]]


def test_dates_become_moment_day_weekday_and_time():
    start = dt.datetime(2024, 1, 1, 6, tzinfo=dt.UTC)  # a Monday
    found = column([start + dt.timedelta(hours=12 * i) for i in range(28)])
    assert found["a is Monday"].tolist() == [1, 1, *[0] * 12] * 2
    assert found["a time, sine"][:2].tolist() == pytest.approx([1, -1])
    assert found["a day of year, sine"][0] == 0
    assert (np.diff(found["a"]) > 0).all()


def test_times_of_day_have_no_date():
    found = column([dt.time(6), dt.time(18), dt.time(12)])
    assert list(found) == ["a", "a time, sine", "a time, cosine"]


@pytest.mark.parametrize("first", [dt.date(1969, 12, 29), dt.date(2026, 11, 30)])
def test_weekdays_before_and_after_1970(first):
    days = [first + dt.timedelta(days=i) for i in range(7)]
    found = column(days)
    names = [name for name in found if " is " in name]
    assert [names[int(np.argmax([found[name][i] for name in names]))] for i in range(7)] == names


MESSY = {
    "id": range(1, N + 1),
    "x": [None, *RNG.normal(size=N - 1).tolist()],
    "kind": RNG.choice(["a", "b"], N).tolist(),
    "constant": [5] * N,
    "empty": [None] * N,
    "when": [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(N)],
}


def test_what_says_nothing_is_left_out_and_said():
    encoder = TableEncoder(drop=["kind"]).fit(MESSY)
    assert encoder.left_out_ == {
        "kind": "asked for", "id": "it numbers the rows", "constant": "it is 5 in every row",
        "empty": "it has no values",
    }  # fmt: skip
    assert [name for name, *_ in encoder.described()] == list(MESSY)
    assert dict(row[:2] for row in encoder.described())["id"] == "left out"


def test_a_column_that_numbers_the_rows_is_used_if_there_is_no_other():
    assert column(list(range(10)))["a"][0] < 0


@pytest.mark.parametrize(
    ("table", "is_index"),
    [
        ({"a": range(5, 30)}, True),
        ({"b": [1] * 25, "a": range(25)}, False),  # not the first
        ({"b": [1] * 25, "id": RNG.permutation(25)}, True),
        ({"id": [1, 1, 2, 3]}, False),
        ({"a": [0.5, 1.5, 2.5]}, False),
        ({"id": [1, 2, None]}, False),
    ],
)
def test_an_index_is_known_by_its_numbers(table, is_index):
    assert numbers_rows(pa.table(table), [*table][-1]) == is_index


def test_columns_are_found_by_name_in_any_order():
    encoder = TableEncoder().fit(MESSY)
    shuffled = {name: MESSY[name] for name in sorted(MESSY, reverse=True)} | {"more": ["x"] * N}
    np.testing.assert_array_equal(encoder.transform(shuffled), encoder.transform(MESSY))


def test_frames_of_all_libraries_give_the_same_numbers():
    pandas = pytest.importorskip("pandas", reason="a table of pandas")
    expected = TableEncoder().fit(MESSY).transform(MESSY)
    frame = pandas.DataFrame(MESSY)
    for table in (frame, frame.set_index(np.arange(N)[::-1]), pa.table(MESSY)):
        np.testing.assert_array_equal(TableEncoder().fit(table).transform(table), expected)
    numbers = frame.astype({"kind": "category"})
    np.testing.assert_array_equal(TableEncoder().fit(numbers).transform(numbers), expected)


def test_what_was_learned_survives_json():
    encoder = TableEncoder().fit(MESSY)
    again = TableEncoder.of_json(json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(again.transform(MESSY), encoder.transform(MESSY))
    assert again.described() == encoder.described()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("columns", 0, "kind"), "pickle"),
        (("columns", 0, "scale", "scale"), 0.0),
        (("columns", 0, "scale", "center"), "1"),
        (("columns", 0, "scale", "missing"), 1),
        (("columns", 0, "more"), 1),
        (("columns", 1, "levels"), [1]),
        (("columns", 1, "rare"), "no"),
        (("columns", 1, "name"), "not there"),
        (("names",), [1, 2]),
        (("left_out",), {"id": 3}),
    ],
)
def test_damaged_json_is_refused(place, value):
    stored = json.loads(json.dumps(TableEncoder().fit(MESSY).to_json()))
    inside = stored
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    with pytest.raises((ValueError, TypeError, KeyError)):
        TableEncoder.of_json(stored)


def test_a_pipeline_of_scikit_learn():
    pipeline = make_pipeline(
        TableEncoder(), MLPClassifier((5,), learning_rate_init=0.05, random_state=1)
    )
    labels = np.array(MESSY["kind"])
    assert clone(pipeline).fit(MESSY, labels).score(MESSY, labels) > 0.9


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"a": [f"name {i}" for i in range(30)]}, DataError, "'a' names single rows"),
        ({"a": [[1], [2]]}, DataError, "kind that cannot be learned from"),
        ({"a": [1.0, np.inf]}, DataError, "'a' has a number that is not finite"),
        ({"a": [1, 1]}, DataError, "no column to learn from"),
        ({"a": [1, "x"]}, DataError, "mixes types"),
        (np.ones((2, 2)), ArrayTypeError, "named columns"),
    ],
)
def test_tables_that_cannot_be_learned_from(table, error, message):
    with pytest.raises(error, match=message):
        TableEncoder().fit(table)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": ["word"] * N}, "'x' held numbers when the model was trained"),
        ({"when": [1] * N}, "'when' held dates when"),
        ({"kind": MESSY["when"]}, "'kind' held text when"),
    ],
)
def test_a_column_that_changed_its_type_is_named(change, message):
    encoder = TableEncoder().fit(MESSY)
    with pytest.raises(DataError, match=message):
        encoder.transform(MESSY | change)


def test_missing_columns_are_named():
    encoder = TableEncoder().fit(MESSY)
    with pytest.raises(DataError, match=r"lacks 2 of the model's 3 columns.*expected 'x', 'kind'"):
        encoder.transform({"when": MESSY["when"]})


@pytest.mark.parametrize("drop", [["y"], "id"])
def test_drop_names_columns(drop):
    with pytest.raises(ArgumentError, match="drop must name columns"):
        TableEncoder(drop=drop).fit(MESSY)
