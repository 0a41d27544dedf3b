"""Dates and tables that are not in memory are rejected, by networks and estimators alike."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from bpmatrix import Network
from bpmatrix.errors import ArrayTypeError
from bpmatrix.samples.arrays import as_inputs
from bpmatrix.samples.refused import check_is_fetched, check_no_dates

DAYS = np.array(["1999-12-31", "2000-02-29", "2001-03-01"], "datetime64[D]")


def frame(**columns):
    return pytest.importorskip("pandas").DataFrame(columns)


def as_cells(array):
    cells = np.empty(len(array), object)
    cells[:] = list(array)
    return cells


DATES = {
    "days": lambda: DAYS,
    "seconds in a table": lambda: DAYS.astype("datetime64[s]")[:, None],
    "a list of dates": lambda: [[dt.date(2020, 2, 29), 1.5]],
    "a list of times": lambda: [dt.time(12, 30)],
    "a list of NumPy's": lambda: list(DAYS),
    "cells": lambda: as_cells([1.5, dt.datetime(2020, 2, 29, 12, tzinfo=dt.UTC), "x"]),
    "cells of NumPy": lambda: as_cells(DAYS),
}
DURATIONS = {
    "days": lambda: DAYS - DAYS[0],
    "a list": lambda: [[dt.timedelta(hours=3)]],
    "cells": lambda: as_cells(DAYS - DAYS[0]),
}


@pytest.mark.parametrize("case", DATES)
def test_dates_are_rejected(case):
    with pytest.raises(
        ArrayTypeError, match=r"^table does not hold real numbers, but dates or times: got .*days"
    ):
        check_no_dates(DATES[case](), "table")


@pytest.mark.parametrize("case", DURATIONS)
def test_durations_are_rejected(case):
    with pytest.raises(
        ArrayTypeError, match=r"^table does not hold real numbers, but durations: got .*days"
    ):
        check_no_dates(DURATIONS[case](), "table")


@pytest.mark.parametrize("table", [
    np.ones(3), np.ones((2, 2), np.uint8), [[1, 2.5], [True, 3]], [[1], [2, 3]], 7, None,
    as_cells([1, None, "x"]), np.array(["date", "time"]), [],
])  # fmt: skip
def test_everything_else_passes(table):
    check_no_dates(table, "table")
    check_is_fetched(table, "table")


def test_the_cure_works():
    for x in (DAYS, DAYS.astype(object)):
        # 60 days from New Year's Eve to the leap day, and 366 more to March of the next year.
        days = (x - x.min()).astype("timedelta64[s]") / np.timedelta64(1, "D")
        np.testing.assert_array_equal(days, [0, 60, 426])
    x = DAYS - DAYS[0]
    days = x.astype("timedelta64[s]") / np.timedelta64(1, "D")
    np.testing.assert_array_equal(days, [0, 60, 426])


@pytest.mark.parametrize("values", [DAYS, DAYS - DAYS[0], DAYS.astype(object)])
def test_a_network_rejects_dates_in_every_argument(values):
    net, X, y = Network([1, 2, 1], seed=1), np.ones((1, 3)), np.ones(3)
    for call, name in (
        (lambda: net.feedforward(values[None]), "X"),
        (lambda: net.cost(X, values), "targets"),
        (lambda: net.train(X, y, sample_weight=values), "sample_weight"),
        (lambda: net.train(X, y, validation=(values[None], y)), "validation X"),
    ):
        with pytest.raises(
            ArrayTypeError, match=f"^{name} does not hold real numbers, but (dates|durations)"
        ):
            call()


@pytest.mark.parametrize("values", [DAYS, DAYS - DAYS[0], DAYS.astype(object)])
def test_an_estimator_rejects_dates_in_every_argument(values):
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    from bpmatrix import MLPClassifier, MLPRegressor  # noqa: PLC0415 - where scikit-learn is

    X, y = np.arange(3.0)[:, None], np.array([0, 1, 1])
    fitted = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs").fit(X, y)
    for call, name in (
        (lambda: MLPClassifier().fit(values[:, None], y), "X"),
        (lambda: MLPClassifier().partial_fit(values[:, None], y, classes=[0, 1]), "X"),
        (lambda: MLPRegressor().fit(X, values), "y"),
        (lambda: MLPRegressor().fit(X, y, X_val=values[:, None], y_val=y), "X_val"),
        (lambda: MLPRegressor().fit(X, y, X_val=X, y_val=values), "y_val"),
        (lambda: fitted.predict(values[:, None]), "X"),
        (lambda: fitted.predict(frame(a=values)), "X"),
    ):
        with pytest.raises(
            ArrayTypeError, match=f"^{name} does not hold real numbers, but (dates|durations)"
        ):
            call()
    with pytest.raises(
        ArrayTypeError, match=r"^sample_weight does not hold real numbers, but durations"
    ):
        MLPRegressor().fit(X, y, sample_weight=DAYS - DAYS[0])


# ------------------------------------------------------------------------- tables not in memory


class Relation:
    """A stand-in for a DuckDBPyRelation of a version without Arrow's capsule interface."""

    columns, shape = ["a", "b"], (3, 2)

    def __getitem__(self, place):
        raise TypeError

    def fetch_arrow_table(self):
        return frame(a=[0.0, 1.0, 2.0], b=[1.0, 1.0, 1.0])


class Frame:
    """A stand-in for Spark's."""

    def __init__(self):
        self.collect = self.toPandas = Relation().fetch_arrow_table


class LazyFrame:
    """A stand-in for Polars's."""

    def collect(self):
        return Relation().fetch_arrow_table()


@pytest.mark.parametrize("kind", [Relation, Frame, LazyFrame])
def test_the_cure_fetches_a_table(kind):
    X = kind()
    with pytest.raises(ArrayTypeError, match=f"^X is a {kind.__name__}") as caught:
        check_is_fetched(X, "X")
    *_, call = str(caught.value).partition("Pass ")
    found = as_inputs(eval(call.rstrip("."), {"X": X}), 2, "float64")
    np.testing.assert_array_equal(found, [[0, 1, 2], [1, 1, 1]])


def test_networks_and_estimators_reject_tables_not_in_memory():
    net = Network([2, 1], seed=1)
    for call in (
        lambda: net.feedforward(Relation()),
        lambda: net.cost(np.ones((2, 3)), Relation()),
    ):
        with pytest.raises(ArrayTypeError, match=r"must be fetched first.*fetch_arrow_table\(\)"):
            call()
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    from bpmatrix import MLPRegressor  # noqa: PLC0415 - where scikit-learn is

    model = MLPRegressor(hidden_layer_sizes=(2,), solver="lbfgs").fit(np.eye(3)[:, :2], np.ones(3))
    for call in (
        lambda: model.fit(Relation(), np.ones(3)),
        lambda: model.fit(np.eye(3)[:, :2], Relation()),
        lambda: model.predict(Relation()),
    ):
        with pytest.raises(ArrayTypeError, match=r"must be fetched first.*fetch_arrow_table\(\)"):
            call()
