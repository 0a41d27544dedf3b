"""The errors of `samples`: arrays, weights and splits."""

from __future__ import annotations

import sys
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cures.table import Row

from bpmatrix import Network, TableEncoder

RNG = np.random.default_rng(3)
X, LABELS = RNG.standard_normal((2, 12)), np.arange(12) % 3
Y = np.eye(3)[:, LABELS]
NAMES = np.array(["ant", "bee", "cat"])[LABELS]
DAYS = np.array([["2024-02-28", "2024-03-01"]] * 2, "datetime64[D]")
HOLED = np.where(np.arange(12) == 4, np.nan, X)
MASKED = np.ma.array(X, mask=X > 2)
SPARSE_LIKE = SimpleNamespace(toarray=lambda: X.T)
QUERY = SimpleNamespace(collect=lambda: X)  # like a LazyFrame of Polars


def table(**columns: object) -> Any:
    """Return a table of two columns, and of others."""
    numbers = {"a": [1.0, 2.0, 3.0], "b": [0, 1, 0]}
    return import_module("pyarrow").table(numbers | columns)


class Stream:
    """A table of a library that only has Arrow's capsule interface."""

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return table().__arrow_c_stream__(schema)


def without_pyarrow() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pyarrow", None)
        net().feedforward(Stream())


def encoded(frame: Any) -> None:
    encoder = TableEncoder()
    numbers = encoder.fit_transform(frame)
    net(inputs=numbers.shape[1]).feedforward(numbers.T)


def net(
    cost: str = "cross_entropy", outputs: int = 3, inputs: int = 2, dtype: str = "float64"
) -> Network:
    return Network([inputs, outputs], cost=cost, dtype=dtype, seed=1)


def trained(network: Network | None = None, **keywords: object) -> None:
    (network or net()).train(**({"X": X, "targets": LABELS, "epochs": 1} | keywords))


ROWS = [
    Row(
        "samples/arrays.py: as_array",
        "{} does not hold real numbers",
        lambda _: net().feedforward(X.astype(str)),
        "Pass numpy.asarray(X, float) if the numbers are stored as text or objects.",
        lambda _: net().feedforward(np.asarray(X.astype(str), float)),
    ),
    Row(
        "samples/arrays.py: as_array",
        "{} does not hold real numbers",
        lambda _: net().feedforward(X + 1j),
        "Pass X.real, and X.imag as additional rows if it matters.",
        lambda _: (net().feedforward((X + 1j).real), net(inputs=4).feedforward(np.vstack([X, X]))),
    ),
    Row(
        "samples/arrays.py: as_array",
        "{} does not hold real numbers",
        lambda _: net().cost(X, NAMES),
        "numpy.unique(targets, return_inverse=True)[1] if they are class names.",
        lambda _: net().cost(X, np.unique(NAMES, return_inverse=True)[1]),
    ),
    Row(
        "samples/arrays.py: check_finite",
        "{} has {} value{} that {} NaN, infinite or too large for {}",
        lambda _: net().feedforward(HOLED),
        "Remove these samples or fill in the missing values first.",
        lambda _: (
            net().feedforward(HOLED[:, np.isfinite(HOLED).all(axis=0)]),
            net().feedforward(np.nan_to_num(HOLED)),
        ),
    ),
    Row(
        "samples/arrays.py: check_finite",
        "{} has {} value{} that {} NaN, infinite or too large for {}",
        lambda _: net(dtype="float32").feedforward(1e40 * X),
        'Scale the numbers, or use dtype="float64".',
        lambda _: (net(dtype="float32").feedforward(X), net().feedforward(1e40 * X)),
    ),
    Row(
        "samples/arrays.py: _foreign_array",
        "{} is a masked array",
        lambda _: net().feedforward(MASKED),
        "Pass X.filled(value), or leave the masked samples out.",
        lambda _: (
            net().feedforward(MASKED.filled(0.0)),
            net().feedforward(MASKED.data[:, ~MASKED.mask.any(axis=0)]),
        ),
    ),
    Row(
        "samples/arrays.py: _foreign_array",
        "{} is a sparse matrix",
        lambda _: net().feedforward(SPARSE_LIKE),
        "Pass X.toarray().T if its rows are samples.",
        lambda _: net().feedforward(SPARSE_LIKE.toarray().T),
    ),
    Row(
        "samples/arrays.py: _foreign_array",
        "{} is not an array: its rows have different lengths",
        lambda _: net().feedforward([[1.0, 2.0], [3.0]]),
        "Give all rows the same length.",
        lambda _: net().feedforward([[1.0, 2.0], [3.0, 4.0]]),
    ),
    Row(
        "samples/arrays.py: _check_matrix",
        "{} has one axis: shape {}",
        lambda _: net().feedforward(X[:, 0]),
        "Samples are columns here: pass X[:, None] for a single sample.",
        lambda _: net().feedforward(X[:, 0][:, None]),
    ),
    Row(
        "samples/arrays.py: _check_matrix",
        "{} has shape {}",
        lambda _: net().feedforward(X.T),
        "Samples are columns here: pass X.T if yours are rows.",
        lambda _: net().feedforward(X.T.T),
    ),
    Row(
        "samples/arrays.py: _check_matrix",
        "{} has shape {}",
        lambda _: net().feedforward(np.ones((3, 5))),
        "Each column is a sample of 2 numbers.",
        lambda _: net().feedforward(np.ones((2, 5))),
    ),
    Row(
        "samples/arrays.py: _check_matrix",
        "{} has one axis: shape {}",
        lambda _: net(inputs=1).feedforward(X[0]),
        "Samples are columns here: pass X[None, :].",
        lambda _: net(inputs=1).feedforward(X[0][None, :]),
    ),
    Row(
        "samples/arrays.py: _check_matrix",
        "{} has one axis: shape {}",
        lambda _: net().feedforward(np.ones(10)),
        "Each column is a sample of 2 numbers.",
        lambda _: net().feedforward(np.ones((2, 5))),
    ),
    Row(
        "samples/arrays.py: _check_matrix",
        "{} is empty: shape {}",
        lambda _: net().feedforward(X[:, :0]),
        "expected at least one column",
        lambda _: net().feedforward(X[:, :1]),
    ),
    Row(
        "samples/arrays.py: _as_labels",
        "{} is empty",
        lambda _: net().cost(X, LABELS[:0]),
        "expected one label per sample",
        lambda _: net().cost(X, LABELS),
    ),
    Row(
        "samples/arrays.py: _as_labels",
        "{} has one axis, so it must contain labels",
        lambda _: net().cost(X, LABELS * 1.0),
        "Pass targets.astype(int) for labels, or Y of shape (3, 12).",
        lambda _: (net().cost(X, (LABELS * 1.0).astype(int)), net().cost(X, Y)),
    ),
    Row(
        "samples/arrays.py: _as_labels",
        "{} has {} label{} out of range",
        lambda _: net().cost(X, LABELS + 1),
        "Number the classes from 0, or give the network one output per class.",
        lambda _: (net().cost(X, LABELS), net(outputs=4).cost(X, LABELS + 1)),
    ),
    Row(
        "samples/arrays.py: check_interval",
        "{} has {} number{} {}",
        lambda _: trained(targets=Y - 2),
        'For targets of any size use output="identity" with cost="quadratic", best with'
        " standardized targets, (y - y.mean()) / y.std(). Or scale them into these bounds.",
        lambda _: (
            trained(Network([2, 3], output="identity", cost="quadratic"), targets=Y - 2),
            trained(targets=Y / 2),
        ),
    ),
    Row(
        "samples/arrays.py: _check_sums",
        "{} has {} columns that do not sum to 1",
        lambda _: net("log_likelihood").cost(X, Y / 2),
        "Divide each column by its sum, or pass labels.",
        lambda _: (
            net("log_likelihood").cost(X, Y / 2 / (Y / 2).sum(axis=0)),
            net("log_likelihood").cost(X, LABELS),
        ),
    ),
    Row(
        "samples/arrays.py: _wrong_count",
        "{} and X do not have the same number of samples",
        lambda _: net().cost(X, LABELS[:7]),
        "expected 12, one per column of X",
        lambda _: net().cost(X, LABELS),
    ),
    Row(
        "samples/frames.py: Frame.as_columns",
        "{} is a {} with {}",
        lambda _: net(inputs=3).feedforward(table()),
        "The rows of a table are samples: transpose it if yours are its columns.",
        lambda _: net(inputs=3).feedforward(table().to_pandas().T),
        needs="pandas",
    ),
    Row(
        "samples/frames.py: Frame.as_columns",
        "{} is a {} with {}",
        lambda _: net().feedforward(table(c=[1, 2, 3])),
        "Select the columns first.",
        lambda _: net().feedforward(table(c=[1, 2, 3]).select(["a", "b"])),
        needs="pyarrow",
    ),
    Row(
        "samples/frames.py: _columns",
        "{}, a {},",
        lambda _: without_pyarrow(),
        "pip install '.[tables]'",
        lambda _: net().feedforward(Stream()),
        needs="pyarrow",
    ),
    Row(
        "samples/frames.py: _check_none_missing",
        "{} has {}",
        lambda _: net().feedforward(table(b=[1, None, 0])),
        "Fill them in, or leave these rows out.",
        lambda _: (
            net().feedforward(table(b=table(b=[1, None, 0])["b"].fill_null(0))),
            net().feedforward(table(b=[1, None, 0]).drop_null()),
        ),
        needs="pyarrow",
    ),
    Row(
        "samples/frames.py: _no_numbers",
        "{} does not hold real numbers, but {}",
        lambda _: net(inputs=3).feedforward(table(c=NAMES[:3])),
        "bpmatrix.TableEncoder turns columns of text, dates and missing values into numbers.",
        lambda _: encoded(table(c=NAMES[:3])),
        needs="pyarrow",
    ),
    Row(
        "samples/frames.py: _no_numbers",
        "{} does not hold real numbers, but {}",
        lambda _: net().cost(np.ones((2, 12)), table(c=NAMES[:3])["c"]),
        "Pass numpy.unique(targets, return_inverse=True)[1] if they are class names.",
        lambda _: net().cost(
            np.ones((2, 3)), np.unique(table(c=NAMES[:3])["c"], return_inverse=True)[1]
        ),
        needs="pyarrow",
    ),
    Row(
        "samples/frames.py: _no_numbers",
        "{} does not hold real numbers, but {}",
        lambda _: net(inputs=3).feedforward(table(c=[[1, 2], [3, 4], [5, 6]])),
        "Give each of their numbers a column of its own.",
        lambda _: net(inputs=4).feedforward(table(c=[1, 3, 5], d=[2, 4, 6])),
        needs="pyarrow",
    ),
    Row(
        "samples/holdout.py: hold_out",
        "validation_split={} of {} samples leaves one side of the split empty",
        lambda _: trained(validation_split=0.01),
        "Use another fraction or more samples, or pass validation=(X, targets).",
        lambda _: (
            trained(validation_split=0.25),
            trained(X=np.tile(X, 10), targets=np.tile(LABELS, 10), validation_split=0.01),
            trained(validation=(X, LABELS)),
        ),
    ),
    Row(
        "samples/refused.py: check_is_fetched",
        "{} is a {}, whose numbers must be fetched first",
        lambda _: net().feedforward(QUERY),
        "Pass X.collect().",
        lambda _: net().feedforward(QUERY.collect()),
    ),
    Row(
        "samples/refused.py: _no_numbers",
        "{} does not hold real numbers, but {}",
        lambda _: net().feedforward(DAYS),
        "for example to days: (x - x.min()).astype('timedelta64[s]') / np.timedelta64(1, 'D').",
        lambda _: net().feedforward(
            (DAYS - DAYS.min()).astype("timedelta64[s]") / np.timedelta64(1, "D")
        ),
    ),
    Row(
        "samples/refused.py: _no_numbers",
        "{} does not hold real numbers, but {}",
        lambda _: net().feedforward(DAYS - DAYS.min()),
        "for example to days: x.astype('timedelta64[s]') / np.timedelta64(1, 'D').",
        lambda _: net().feedforward(
            (DAYS - DAYS.min()).astype("timedelta64[s]") / np.timedelta64(1, "D")
        ),
    ),
    Row(
        "samples/weighting.py: checked_factors",
        'class_weight is neither "balanced" nor a mapping',
        lambda _: trained(class_weight=2.0),
        'expected "balanced" or {class: weight}',
        lambda _: (trained(class_weight="balanced"), trained(class_weight={0: 2.0})),
    ),
    Row(
        "samples/weighting.py: checked_factors",
        "class_weight contains classes that do not occur in the targets",
        lambda _: trained(class_weight={0: 2.0, 3: 1.0}),
        "expected 0, 1, 2",
        lambda _: trained(class_weight={0: 2.0, 1: 1.0, 2: 1.0}),
    ),
    Row(
        "samples/weighting.py: checked_weights",
        "{} has shape {}",
        lambda _: trained(sample_weight=np.ones((1, 12))),
        "Pass one weight per column of X.",
        lambda _: trained(sample_weight=np.ones(12)),
    ),
    Row(
        "samples/weighting.py: checked_weights",
        "{} has negative numbers",
        lambda _: trained(sample_weight=X[0]),
        "expected 0 or more",
        lambda _: trained(sample_weight=np.maximum(X[0], 0)),
    ),
    Row(
        "samples/weighting.py: check_bounds",
        "{} is 0 for all samples",
        lambda _: trained(sample_weight=np.zeros(12)),
        "Give at least one sample a weight above 0.",
        lambda _: trained(sample_weight=np.eye(12)[3]),
    ),
    Row(
        "samples/weighting.py: check_bounds",
        "{} is too small or too large for {}",
        lambda _: trained(sample_weight=np.full(12, 1e200)),
        "Divide the weights by their mean: only their ratios matter.",
        lambda _: trained(sample_weight=np.full(12, 1e200) / 1e200),
    ),
    Row(
        "samples/weighting.py: check_are_classes",
        "class_weight needs targets that are classes",
        lambda _: trained(targets=Y / 2, class_weight="balanced"),
        "Pass labels or one-hot columns, or sample_weight for other targets.",
        lambda _: (
            trained(targets=LABELS, class_weight="balanced"),
            trained(targets=Y, class_weight="balanced"),
            trained(targets=Y / 2, sample_weight=np.ones(12)),
        ),
    ),
]
