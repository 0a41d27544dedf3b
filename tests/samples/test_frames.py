"""Tables and columns of other libraries: the same bits as from arrays, or an error with the name.

DuckDB, h5py, polars and zarr are installed by the extra `neighbors`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix import Network
from bpmatrix.errors import ArrayTypeError, DataError, MissingPackageError, ShapeError
from bpmatrix.samples import frames
from bpmatrix.samples.frames import frame_of

RNG = np.random.default_rng(7)
NAMES = ["a", "b", "c"]
ROWS = RNG.standard_normal((24, 3))
LABELS = np.arange(24) % 3
WEIGHTS = RNG.random(24)
NOON = dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC)
# A few iterations show whether the numbers are the same.
pytestmark = pytest.mark.filterwarnings(r"ignore:.*(converge|Maximum iterations)")
LIBRARIES = ["pandas", "polars", "pyarrow", "duckdb"]


def frames_library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed")


def table(kind: str, columns: Mapping[str, Any]) -> Any:
    module = frames_library(kind)
    if kind == "duckdb":
        arrow = frames_library("pyarrow").table(dict(columns))
        return module.from_arrow(arrow)
    return module.table(dict(columns)) if kind == "pyarrow" else module.DataFrame(dict(columns))


def column(kind: str, values: Any) -> Any:
    module = frames_library(kind)
    if kind == "pyarrow":
        return module.chunked_array([list(values[:1]), list(values[1:])])
    return module.Series(values)


def rows_in(kind: str) -> Any:
    return table(kind, dict(zip(NAMES, ROWS.T, strict=True)))


def trained(X, targets, **keywords):
    net = Network([3, 4, 3], seed=1)
    net.train(X, targets, epochs=2, mini_batch_size=5, **keywords)
    return net


# ------------------------------------------------------------------------------- the same results


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
def test_a_dataframe_of_one_dtype_is_read_as_a_whole(dtype, monkeypatch):
    pandas = frames_library("pandas")
    array = (10 * ROWS).astype(dtype)
    whole = pandas.DataFrame(array, columns=["a", "a", "b"])  # a name may be twice
    monkeypatch.setattr(frames, "_columns", None)
    frame = frame_of(whole, "X")
    assert frame.names == ["a", "a", "b"]
    assert same_bits(frame.array, array)
    assert frame.array.flags.c_contiguous


def test_a_gap_in_a_dataframe_of_one_dtype_is_refused_by_name():
    rows = ROWS.copy()
    rows[5, 1] = np.nan
    with pytest.raises(DataError, match=r"1 missing value: got column 'b', row 5 first"):
        frame_of(frames_library("pandas").DataFrame(rows, columns=NAMES), "X")


@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_network_computes_the_same_from_a_table(kind):
    X = rows_in(kind)
    net, expected = (
        trained(x, LABELS, validation=(x, LABELS), restore_best=True) for x in (X, ROWS.T)
    )
    assert same_bits(net.parameters, expected.parameters)
    assert same_bits(net.feedforward(X), expected.feedforward(ROWS.T))
    assert net.accuracy(X, LABELS) == expected.accuracy(ROWS.T, LABELS)
    assert same_bits(net.input_gradient(X, output=1), expected.input_gradient(ROWS.T, output=1))


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_network_takes_columns_as_targets_and_weights(kind):
    expected = trained(ROWS.T, LABELS, sample_weight=WEIGHTS).parameters
    targets, weights = column(kind, LABELS), column(kind, WEIGHTS)
    assert same_bits(trained(ROWS.T, targets, sample_weight=weights).parameters, expected)
    Y = table(kind, {"x": LABELS == 0, "y": LABELS == 1, "z": LABELS == 2})
    assert same_bits(
        trained(ROWS.T, Y).parameters, trained(ROWS.T, np.eye(3)[:, LABELS]).parameters
    )
    one = Network([1, 1], output="identity", cost="quadratic", seed=1)
    assert same_bits(
        one.gradient(column(kind, ROWS[:, 0]), column(kind, ROWS[:, 1])).flat,
        one.gradient(ROWS[None, :, 0], ROWS[:, 1]).flat,
    )


@pytest.mark.parametrize("kind", LIBRARIES)
def test_an_estimator_learns_the_same_from_a_table(kind):
    frames_library("sklearn")
    from bpmatrix import MLPClassifier  # noqa: PLC0415 - where scikit-learn is

    X = rows_in(kind)
    model, expected = (
        MLPClassifier((4,), max_iter=2, tol=0, random_state=1).fit(x, LABELS, WEIGHTS, x, LABELS)
        for x in (X, ROWS)
    )
    for ours, theirs in zip(model.coefs_, expected.coefs_, strict=True):
        assert same_bits(ours, theirs)
    assert model.validation_loss_curve_ == expected.validation_loss_curve_
    assert model.feature_names_in_.tolist() == NAMES
    assert model.n_features_in_ == 3
    assert same_bits(model.predict_proba(X), expected.predict_proba(ROWS))


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_an_estimator_takes_columns_as_targets_and_weights(kind):
    frames_library("sklearn")
    from bpmatrix import MLPClassifier, MLPRegressor  # noqa: PLC0415 - where scikit-learn is

    words = np.array(["ant", "bee", "cat"])[LABELS].tolist()
    as_categories = {
        "pandas": lambda words: words.astype("category"),
        "polars": lambda words: words.cast(frames_library("polars").Categorical),
        "pyarrow": lambda words: words.dictionary_encode(),
    }[kind]
    text, weights = column(kind, words), column(kind, WEIGHTS)
    for y in (text, as_categories(text)):
        model, expected = (
            MLPClassifier((4,), max_iter=2, tol=0, random_state=1).fit(ROWS, y, sample_weight=w)
            for y, w in ((y, weights), (words, WEIGHTS))
        )
        assert same_bits(model.coefs_[0], expected.coefs_[0])
        assert model.predict(ROWS).tolist() == expected.predict(ROWS).tolist()
        assert model.score(ROWS, y) == expected.score(ROWS, words)
    numbers = ROWS[:, 0]
    for y, same in (
        (column(kind, numbers), numbers),
        (table(kind, {"p": numbers, "q": numbers}), np.column_stack([numbers, numbers])),
    ):
        model, expected = (
            MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, tol=0, random_state=1).fit(ROWS, y)
            for y in (y, same)
        )
        assert same_bits(model.coefs_[0], expected.coefs_[0])


def in_a_file(kind: str, array, folder):
    if kind == "numpy":
        np.save(folder / f"{array.shape}.npy", array)
        return np.load(folder / f"{array.shape}.npy", mmap_mode="r")
    if kind == "h5py":
        file = frames_library("h5py").File(folder / f"{array.shape}.h5", "w")
        return file.create_dataset("array", data=array, chunks=True)
    return frames_library("zarr").array(array)


@pytest.mark.parametrize("kind", ["numpy", "h5py", "zarr"])
def test_arrays_in_files_give_the_same(kind, tmp_path):
    frames_library("sklearn")
    from bpmatrix import MLPClassifier  # noqa: PLC0415 - where scikit-learn is

    X, labels = in_a_file(kind, ROWS, tmp_path), in_a_file(kind, LABELS, tmp_path)
    with pytest.raises(ShapeError, match=r"Samples are columns here: pass \S+ if") as caught:
        trained(X, labels)
    *_, cure = str(caught.value).partition("pass ")
    turned = eval(cure.partition(" if")[0], {"numpy": np, "X": X})
    assert same_bits(trained(turned, labels).parameters, trained(ROWS.T, LABELS).parameters)
    net = trained(in_a_file(kind, ROWS.T, tmp_path), labels)
    assert same_bits(net.parameters, trained(ROWS.T, LABELS).parameters)
    model, expected = (
        MLPClassifier((4,), max_iter=2, tol=0, random_state=1).fit(x, y)
        for x, y in ((X, labels), (ROWS, LABELS))
    )
    assert same_bits(model.coefs_[0], expected.coefs_[0])
    assert same_bits(model.predict(X), expected.predict(ROWS))


# ------------------------------------------------------------------------------ kinds of numbers


def test_a_table_keeps_the_common_type():
    pandas = frames_library("pandas")
    for dtype in (np.uint8, np.int16, np.float32, np.float64, np.bool_):
        array = frame_of(pandas.DataFrame(ROWS > 0).astype(dtype), "X").array
        assert same_bits(array, (ROWS > 0).astype(dtype))
        assert array.flags.c_contiguous
    mixed = pandas.DataFrame({
        "int": pandas.Series([1, 2], dtype="Int64"), "float": np.array([1.5, 2.5], np.float32),
        "bool": pandas.Series([True, False], dtype="boolean"),
        "category": pandas.Series([30, 40]).astype("category"),
        "decimal": [decimal.Decimal("1.10"), decimal.Decimal("2.25")],
        "objects": np.array([1, 2.5], object),
    })  # fmt: skip
    found = frame_of(mixed, "X")
    assert found.names == list(mixed.columns)
    assert same_bits(found.array, np.array([[1, 1.5, 1, 30, 1.1, 1], [2, 2.5, 0, 40, 2.25, 2.5]]))


@pytest.mark.parametrize("kind", ["polars", "pyarrow"])
def test_decimal_numbers_and_truth_values_are_numbers(kind):
    numbers = {"d": [decimal.Decimal("1.10"), decimal.Decimal("2.25")], "b": [True, False]}
    assert same_bits(frame_of(table(kind, numbers), "X").array, np.array([[1.1, 1], [2.25, 0]]))


def test_columns_of_pandas_may_have_equal_names_or_numbers():
    frame = frames_library("pandas").DataFrame(ROWS, columns=["a", "a", 3])
    assert same_bits(frame_of(frame, "X").array, ROWS)


def test_arrow_of_an_unknown_library_is_read_through_its_capsules():
    pyarrow = frames_library("pyarrow")

    class Exports:
        def __init__(self, wrapped, method):
            setattr(type(self), method, lambda _, schema=None: getattr(wrapped, method)(schema))

    arrow = rows_in("pyarrow")
    for wrapped, method in (
        (arrow, "__arrow_c_stream__"),
        (arrow.to_batches()[0], "__arrow_c_array__"),
    ):
        found = frame_of(type("Table", (Exports,), {})(wrapped, method), "X")
        assert found.names == NAMES
        assert same_bits(found.array, ROWS)
    for wrapped in (arrow.to_reader(), arrow.to_batches()[0]):
        assert same_bits(frame_of(wrapped, "X").array, ROWS)
    assert same_bits(frame_of(pyarrow.array([True, False]), "y").array, np.array([True, False]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingPackageError, match=r"^X, a Table, needs pyarrow.*\[tables\]"):
            frame_of(type("Table", (Exports,), {})(arrow, "__arrow_c_stream__"), "X")


@pytest.mark.parametrize("values", [ROWS, ROWS.tolist(), (1, 2), 3, None, {"a": [1]}])
def test_everything_else_is_no_frame(values):
    assert frame_of(values, "X") is None


# --------------------------------------------------------------------------------------- refused

REFUSED = {
    "dates": (ArrayTypeError, "dates or times", [dt.date(2020, 2, 29)] * 3),
    "moments": (ArrayTypeError, "dates or times", [dt.datetime(2020, 2, 29)] * 3),  # noqa: DTZ001
    "with a zone": (
        ArrayTypeError,
        "dates or times",
        [dt.datetime(2020, 2, 29, tzinfo=dt.UTC)] * 3,
    ),
    "times": (ArrayTypeError, "dates or times", [dt.time(12, 30)] * 3),
    "durations": (ArrayTypeError, "durations", [dt.timedelta(hours=3)] * 3),
    "text": (ArrayTypeError, "text", ["x", None, "z"]),
    "digits": (ArrayTypeError, "text", ["1", "2", "3"]),
    "lists": (ArrayTypeError, "lists", [[1], [2, 3], []]),
    "records": (ArrayTypeError, "lists", [{"a": 1}] * 3),
    "whole numbers": (DataError, "missing", [1, None, 3]),
    "numbers": (DataError, "missing", [1.5, None, 3.0]),
    "truth values": (DataError, "missing", [True, None, False]),
    "decimals": (DataError, "missing", [decimal.Decimal("1.5"), None, None]),
    "nothing": (DataError, "missing", [None] * 3),
}


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("case", REFUSED)
def test_a_column_that_is_not_numbers_is_refused_by_name(kind, case):
    error, holds, values = REFUSED[case]
    frame = table(kind, {"a": [1.0, 2.0, 3.0], "bad": values, "c": [1, 2, 3]})
    net = Network([3, 2], seed=1)
    with pytest.raises(error, match=rf"^X .*{holds}.*column 'bad'.*TableEncoder|a column of its"):
        net.feedforward(frame)
    with pytest.raises(error, match=rf"^validation X .*{holds}.*column 'bad'"):
        net.train(np.ones((3, 2)), [0, 1], validation=(frame, [0, 1, 1]))
    with pytest.raises(error, match=rf"^targets .*{holds}"):
        net.cost(np.ones((3, 3)), frame["bad"])
    with pytest.raises(error, match=rf"^sample_weight .*{holds}"):
        net.cost(np.ones((3, 3)), [0, 1, 1], sample_weight=frame["bad"])


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
@pytest.mark.parametrize("case", ["moments", "durations", "text", "lists", "whole numbers"])
def test_an_estimator_refuses_such_a_column_in_every_argument(kind, case):
    frames_library("sklearn")
    from bpmatrix import MLPClassifier, MLPRegressor  # noqa: PLC0415 - where scikit-learn is

    error, holds, values = REFUSED[case]
    bad = table(kind, {"a": [1.0, 2.0, 3.0], "bad": values})
    X, y, good = ROWS[:3, :2], np.array([0, 1, 1]), table(kind, {"a": [1, 2, 3], "bad": [1, 2, 3]})
    fitted = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs").fit(good, y)
    for call, name in (
        (lambda: MLPClassifier().fit(bad, y), "X"),
        (lambda: MLPClassifier().partial_fit(bad, y, classes=[0, 1]), "X"),
        (lambda: MLPRegressor().fit(X, bad), "y"),
        (lambda: MLPRegressor().fit(X, bad["bad"]), "y"),
        (lambda: MLPRegressor().fit(X, y, sample_weight=bad["bad"]), "sample_weight"),
        (lambda: MLPRegressor().fit(good, y, X_val=bad, y_val=y), "X_val"),
        (lambda: MLPRegressor().fit(X, y, X_val=X, y_val=bad["bad"]), "y_val"),
        (lambda: fitted.predict(bad), "X"),
    ):
        with pytest.raises(error, match=rf"^{name} .*{holds}"):
            call()


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_labels_may_be_text_but_not_missing(kind):
    assert frame_of(column(kind, ["x", "y"]), "y", are_labels=True).array.tolist() == ["x", "y"]
    with pytest.raises(DataError, match=r"^y has 1 missing value: got row 1 first"):
        frame_of(column(kind, ["x", None]), "y", are_labels=True)
    with pytest.raises(ArrayTypeError, match=r"^y does not hold real numbers, but lists"):
        frame_of(column(kind, [[1], [2]]), "y", are_labels=True)


@pytest.mark.parametrize("kind", LIBRARIES)
def test_other_columns_than_in_training_are_refused(kind):
    frames_library("sklearn")
    from bpmatrix import MLPClassifier  # noqa: PLC0415 - where scikit-learn is

    def select(*names):
        return table(kind, {name: ROWS[:, NAMES.index(name)] for name in names})

    model = MLPClassifier((2,), solver="lbfgs", max_iter=5).fit(select(*NAMES), LABELS)
    for names in (("b", "a", "c"), ("a", "b")):
        with pytest.raises(ValueError, match=r"feature names should match those that were passed"):
            model.predict(select(*names))
    with pytest.warns(UserWarning, match="X does not have valid feature names, but MLPClassifier"):
        model.predict(ROWS)
    model.fit(ROWS, LABELS)
    assert not hasattr(model, "feature_names_in_")
    with pytest.warns(UserWarning, match="X has feature names, but MLPClassifier was fitted with"):
        model.predict(select(*NAMES))
    with (
        pytest.raises(ValueError, match=r"features"),
        warnings.catch_warnings(action="ignore"),  # that there were no names
    ):
        model.predict(select("a", "b"))


def test_a_table_of_another_width_is_refused():
    frame, net = rows_in("pandas"), Network([24, 3], seed=1)
    with pytest.raises(ShapeError, match=r"^X is a pandas DataFrame with 3 columns.*transpose it"):
        net.feedforward(frame)
    net.feedforward(frame.T)
    with pytest.raises(ShapeError, match=r"^targets is a pandas DataFrame with 1 column: expected"):
        net.cost(frame.T, frame[["a"]])
    with pytest.raises(ShapeError, match=r"^X has one axis"):
        net.feedforward(frame["a"])


def test_the_orientation_is_announced_once_for_each_kind(capsys, monkeypatch):
    monkeypatch.setattr(frames, "_announced", set())
    net = Network([3, 2], seed=1)
    for _ in range(2):
        net.feedforward(rows_in("pandas"))
        net.feedforward(rows_in("pyarrow"))
        net.feedforward(ROWS.T)
    lines = [line for line in capsys.readouterr().err.splitlines() if "sample" in line]
    assert lines == [
        f"bpmatrix: each row of a {kind} is a sample (of an array, each column)"
        for kind in ("pandas DataFrame", "pyarrow Table")
    ]
