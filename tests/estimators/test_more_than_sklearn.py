"""Additions to scikit-learn's multilayer perceptrons, sample weights and sparse rows."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris

import bpmatrix
from bpmatrix import Huber, MLPClassifier, MLPRegressor
from bpmatrix.errors import ArgumentError, DataError

# The same parameters in bpmatrix and scikit-learn.
pytestmark = pytest.mark.filterwarnings("ignore:.*(has not|hasn't) converged")

X, y = load_iris(return_X_y=True)
RNG = np.random.RandomState(1)


def small(**parameters):
    defaults = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 1}
    return MLPClassifier(**defaults | parameters)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csc_array, sparse.coo_matrix])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_give_the_same_bits_as_dense_ones(kind, dtype, solver):
    table = (X * (RNG.random_sample(X.shape) < 0.3)).astype(dtype)
    dense = small(solver=solver, batch_size=32).fit(table, y)
    model = small(solver=solver, batch_size=32).fit(kind(table), y)

    for mine, other in zip(model.coefs_, dense.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)
    np.testing.assert_array_equal(model.predict_proba(kind(table)), dense.predict_proba(table))


SPARSE = """
import re, warnings; warnings.simplefilter("ignore")
import numpy as np
from scipy import sparse
from bpmatrix import MLPClassifier

def table(n):                                           # a row has a 1 in two places
    places = np.random.default_rng(1).integers(0, n, 2 * n)
    return sparse.csr_matrix((np.ones(2 * n), places, np.arange(0, 2 * n + 1, 2)), shape=(n, n))

few, rows = table(200), table(20_000)
model = MLPClassifier((2,), max_iter=1, random_state=1)
model.fit(few, np.arange(200) % 2).predict(few)         # compiled, or loaded

def peak():                                             # not ru_maxrss, which may be the parent's
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+([0-9]+) kB", status.read())[1])

before = peak()
model.fit(rows, np.arange(20_000) % 2).predict(rows)
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_sparse_rows_are_never_densified_as_a_whole():
    """20,000 rows of 20,000 features would take 3,200 MB; a mini-batch of 200 takes 32."""
    done = subprocess.run([sys.executable, "-c", SPARSE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) / 1024 < 320


def test_sparse_rows_may_have_duplicates_or_be_empty():
    twice = sparse.csr_matrix((np.ones(4), [0, 0, 2, 2], [0, 2, 2, 4]), shape=(3, 4))
    table = np.tile(twice.toarray(), (5, 1))
    labels = np.tile([0, 1, 1], 5)
    repeated = sparse.vstack([twice] * 5, format="csr")

    model = small().fit(repeated, labels)
    np.testing.assert_array_equal(model.coefs_[0], small().fit(table, labels).coefs_[0])


def test_sparse_rows_keep_their_zeros_when_standardized():
    table = X * (RNG.random_sample(X.shape) < 0.3)
    model = small(standardize=True).fit(sparse.csr_matrix(table), y)
    scaled = small().fit(table / table.std(axis=0), y)

    np.testing.assert_allclose(model.coefs_[0], scaled.coefs_[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_an_integer_weight_equals_repeated_samples(solver):
    """In a single mini-batch, up to rounding."""
    counts = RNG.randint(0, 4, len(X))
    weighted = small(solver=solver, batch_size=int((counts > 0).sum()), max_iter=20)
    weighted.fit(X, y, sample_weight=counts)
    repeated = small(solver=solver, batch_size=int(counts.sum()), max_iter=20)
    repeated.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts))

    np.testing.assert_allclose(weighted.loss_, repeated.loss_, rtol=1e-7)
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), atol=1e-6)


def test_all_zero_weights_are_rejected():
    with pytest.raises(ValueError, match=r"zero"):
        small().fit(X, y, sample_weight=np.zeros(len(X)))


def test_class_weights_equal_sample_weights():
    by_class = small(class_weight={0: 2.0, 1: 0.5}).fit(X, y)
    by_sample = small().fit(X, y, sample_weight=np.array([2.0, 0.5, 1.0])[y])
    np.testing.assert_array_equal(by_class.coefs_[0], by_sample.coefs_[0])

    some = np.r_[0:50, 50:60, 100:105]
    balanced = small(class_weight="balanced").fit(X[some], y[some])
    by_sample = small().fit(
        X[some], y[some], sample_weight=(65 / 3 / np.array([50, 10, 5]))[y[some]]
    )
    np.testing.assert_allclose(balanced.coefs_[0], by_sample.coefs_[0], rtol=1e-12)


def test_a_model_that_subtracts_means_rejects_sparse_rows():
    """It was fitted on dense rows."""
    model = small(standardize=True).fit(X, y)
    for use in (
        model.predict,
        lambda rows: model.partial_fit(rows, y),
        lambda rows: small(standardize=True).fit(X, y, X_val=rows, y_val=y),
    ):
        with pytest.raises(DataError, match=r"subtracts means.*toarray"):
            use(sparse.csr_matrix(X))


def test_class_weights_with_missing_classes():
    """In X_val and in partial_fit; the other classes keep their weights."""
    some = y != 0
    model = small(class_weight={0: 5.0, 1: 2.0})
    model.fit(X, y, X_val=X[some], y_val=y[some])
    expected = np.average(model.predict(X[some]) == y[some], weights=np.where(y == 1, 2, 1)[some])
    assert model.validation_scores_[-1] == pytest.approx(expected, rel=1e-12)
    by_class, by_sample = small(class_weight={0: 5.0, 1: 2.0}), small()
    by_class.partial_fit(X[some], y[some], classes=[0, 1, 2])
    by_sample.partial_fit(X[some], y[some], np.where(y == 1, 2.0, 1.0)[some], classes=[0, 1, 2])
    np.testing.assert_array_equal(by_class.coefs_[0], by_sample.coefs_[0])


@pytest.mark.parametrize(
    ("class_weight", "words"),
    [
        ({7: 1.0}, r"got 7, expected 0, 1, 2"),
        ({0: np.nan}, "weight of class 0"),
        ({0: -1.0}, "weight of class 0"),
        ("equal", "balanced"),
        ([1, 2, 3], "balanced"),
    ],
)
def test_invalid_class_weights_are_rejected(class_weight, words):
    with pytest.raises(ArgumentError, match=words):
        small(class_weight=class_weight).fit(X, y)


def test_lbfgs_has_no_epochs_for_callbacks():
    with pytest.raises(ArgumentError, match="lbfgs has no epochs"):
        small(solver="lbfgs", callbacks=[print]).fit(X, y)


def test_validation_samples_of_weight_0_are_rejected():
    with pytest.raises(DataError, match="all validation samples have weight 0"):
        small(class_weight={0: 0.0}).fit(X, y, X_val=X[:9], y_val=y[:9])


def test_one_validation_sample_of_a_regression_is_too_few():
    with pytest.raises(DataError, match=r"too small.*R\^2"):
        MLPRegressor(max_iter=2).fit(X, X[:, 0], X_val=X[:1], y_val=X[:1, 0])


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("callbacks", print), ("callbacks", [3]), ("dtype", "foo"), ("dtype", "float16"),
        ("activation", None), ("activation", 3),
    ],
)  # fmt: skip
def test_wrong_parameters_are_named(parameter, value):
    with pytest.raises(ArgumentError, match=parameter):
        small(**{parameter: value}).fit(X, y)


@pytest.mark.parametrize(
    ("parameter", "value", "words"),
    [
        ("epsilon", 2e-45, "epsilon is 0 in float32: got 2e-45, expected 1.2e-38 or more"),
        ("alpha", 1e39, "alpha is infinite in float32"),
        ("learning_rate_init", 5e38, "learning_rate_init is infinite in float32"),
        ("loss", Huber(1e-46), "delta is 0 in float32"),
    ],
)
def test_numbers_out_of_range_for_float32_are_named(parameter, value, words):
    """By a first fit, and by a second with warm_start, which leaves the model unchanged."""
    rows, targets = X.astype(np.float32), y.astype(np.float32)

    def regressor(**given):
        return MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0, **given)

    with pytest.raises(ArgumentError, match=words):
        regressor(**{parameter: value}).fit(rows, targets)
    going_on = regressor(warm_start=True).fit(rows, targets)
    before = going_on.predict(rows)
    with pytest.raises(ArgumentError, match=words):
        going_on.set_params(**{parameter: value}).fit(rows, targets)
    np.testing.assert_array_equal(going_on.predict(rows), before)
    if parameter in {"epsilon", "loss"}:
        assert np.isfinite(regressor(dtype="float64", **{parameter: value}).fit(rows, y).loss_)
    if parameter == "epsilon":  # the other solvers do not use it
        assert np.isfinite(regressor(epsilon=value, solver="sgd").fit(rows, targets).loss_)
        assert np.isfinite(regressor(epsilon=1.2e-38).fit(0 * rows, targets).loss_)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_weights_out_of_range_for_float32_are_rejected(solver):
    """Rescaled as the error says, they give the same fit."""
    rows = X.astype(np.float32)
    weights = np.where(y == 1, 2e-46, 1e-46)
    tiny = dict.fromkeys(set(y.tolist()), 1e-46)
    with pytest.raises(DataError, match="too small or too large for float32"):
        small(solver=solver).fit(rows, y, sample_weight=weights)
    with pytest.raises(DataError, match="Divide the weights by their mean"):
        small(solver=solver, class_weight=tiny).fit(rows, y)
    assert np.isfinite(small(solver=solver).fit(rows, y, sample_weight=weights / 1e-46).loss_)
    assert np.isfinite(small(solver=solver, dtype="float64").fit(X, y, weights).loss_)


def test_balanced_uses_the_sums_of_weights():
    """Rows of weight 0 are ignored, and X_val has the class weights of the training rows."""
    weight = np.where(np.arange(len(X)) % 3 == 1, 0.0, 1 + y)
    kept = weight > 0
    zero = small(class_weight="balanced").fit(X, y, weight, X_val=X[:9], y_val=y[:9])
    removed = small(class_weight="balanced")
    removed.fit(X[kept], y[kept], weight[kept], X_val=X[:9], y_val=y[:9])
    np.testing.assert_array_equal(zero.coefs_[0], removed.coefs_[0])
    assert zero.validation_scores_ == removed.validation_scores_

    sums = np.bincount(y, weight)
    factors = dict(enumerate(weight.sum() / 3 / sums))
    named = small(class_weight=factors).fit(X, y, weight, X_val=X[:9], y_val=y[:9])
    np.testing.assert_allclose(zero.coefs_[0], named.coefs_[0], rtol=1e-12)
    np.testing.assert_allclose(zero.validation_scores_, named.validation_scores_, rtol=1e-12)


def test_class_weights_that_do_not_apply_are_rejected():
    with pytest.raises(ArgumentError, match="balanced"):
        small(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ArgumentError, match="several labels"):
        small(class_weight="balanced").fit(X, np.eye(3, dtype=int)[y])


def test_weights_count_in_the_score_of_the_validation_samples():
    weight = np.where(y == 0, 5.0, 1.0)
    scores = []
    model = small(class_weight={0: 5.0}, callbacks=[lambda _: scores.append(model.predict(X))])
    model.fit(X, y, X_val=X, y_val=y)

    expected = [np.average(predicted == y, weights=weight) for predicted in scores]
    np.testing.assert_allclose(model.validation_scores_, expected, rtol=1e-12)


def test_dropout_affects_training_but_not_prediction():
    plain, dropped = small(max_iter=30), small(max_iter=30, dropout=0.5)
    plain.fit(X, y)
    dropped.fit(X, y)

    assert not np.allclose(plain.coefs_[0], dropped.coefs_[0])
    np.testing.assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))
    np.testing.assert_array_equal(
        small(max_iter=30, dropout=[0.5]).fit(X, y).coefs_[0], dropped.coefs_[0]
    )
    for dropout in (1.0, -0.1, [0.1, 0.1], "a"):
        with pytest.raises(ArgumentError, match="dropout"):
            small(dropout=dropout).fit(X, y)
    with pytest.raises(ArgumentError, match="lbfgs"):
        small(dropout=0.5, solver="lbfgs").fit(X, y)


@pytest.mark.parametrize(
    ("loss", "best"),
    [
        ("squared_error", np.mean),
        ("absolute_error", np.median),
        ("quantile", np.median),
        (bpmatrix.Quantile(0.9), lambda values: np.quantile(values, 0.9)),
        (bpmatrix.Huber(1e-3), np.median),
        (bpmatrix.Huber(1e3), np.mean),
        ("poisson", np.mean),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_each_loss_has_its_own_best_constant(loss, best):
    """From uninformative inputs, a network can only learn a constant."""
    values = np.random.RandomState(1).exponential(size=201)
    model = MLPRegressor(
        loss=loss, hidden_layer_sizes=(), solver="adam", learning_rate_init=0.02, alpha=0,
        max_iter=2000, tol=0, batch_size=201, random_state=1,
    )  # fmt: skip
    model.fit(np.zeros((201, 1)), values)

    assert model.predict(np.zeros((1, 1)))[0] == pytest.approx(best(values), abs=0.05)


def test_unknown_losses_are_rejected():
    with pytest.raises(ArgumentError, match="squared_error or absolute_error"):
        MLPRegressor(loss="hinge").fit(X, y)
    with pytest.raises(DataError, match="poisson"):
        MLPRegressor(loss="poisson").fit(X, -y)


def test_poisson_trains_like_scikit_learn():
    theirs = pytest.importorskip("sklearn.neural_network")
    try:
        other = theirs.MLPRegressor(loss="poisson", random_state=1, max_iter=10)
    except TypeError:
        pytest.skip("scikit-learn before 1.7 has no loss poisson")
    other.fit(X, y)
    model = MLPRegressor(loss="poisson", random_state=1, max_iter=10).fit(X, y)

    np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(model.predict(X), other.predict(X), rtol=1e-6)


def test_weighted_fits_train_like_scikit_learn():
    theirs = pytest.importorskip("sklearn.neural_network")
    weight = RNG.random_sample(len(X)) + 0.1
    parameters = {"random_state": 1, "max_iter": 10, "batch_size": 32, "alpha": 0.1}
    other = theirs.MLPClassifier(**parameters)
    try:
        other.fit(X, y, sample_weight=weight)
    except TypeError:
        pytest.skip("scikit-learn before 1.7 has no sample_weight")
    model = MLPClassifier(**parameters).fit(X, y, sample_weight=weight)

    np.testing.assert_allclose(model.loss_curve_, other.loss_curve_, rtol=1e-9)


def test_read_only_and_mapped_arrays(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")

    np.testing.assert_array_equal(small().fit(mapped, y).coefs_[0], small().fit(X, y).coefs_[0])


def test_threads_do_not_change_the_result():
    one, two = (small(n_threads=n).fit(X, y) for n in (1, 2))

    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])


def test_custom_functions():
    own = bpmatrix.OwnActivation(lambda z: z, lambda z: 1.0 + 0 * z, name="line")
    model = small(activation=own).fit(X, y)

    np.testing.assert_allclose(
        model.coefs_[0], small(activation="identity").fit(X, y).coefs_[0], rtol=1e-9
    )


@pytest.mark.parametrize("standardize", [False, True])
def test_lbfgs_stops_early_with_the_best_weights(standardize):
    X, y = load_diabetes(return_X_y=True)
    arguments = {"solver": "lbfgs", "max_iter": 2000, "standardize": standardize, "random_state": 1}
    plain = MLPRegressor(hidden_layer_sizes=100, **arguments)
    plain.fit(X[:300], y[:300])
    model = MLPRegressor(
        hidden_layer_sizes=100, early_stopping=True, n_iter_no_change=5, **arguments
    )
    model.fit(X[:300], y[:300])
    assert model.score(X[300:], y[300:]) > plain.score(X[300:], y[300:])
    assert model.n_iter_ == len(model.validation_scores_) == len(model.validation_loss_curve_)
    if standardize:  # judged by the loss
        best = int(np.argmin(model.validation_loss_curve_))
        assert model.best_validation_score_ == model.validation_scores_[best]
    else:
        assert model.best_validation_score_ == max(model.validation_scores_)


def test_lbfgs_scores_validation_data_that_are_given():
    X, y = load_diabetes(return_X_y=True)
    alone = MLPRegressor(
        hidden_layer_sizes=20, solver="lbfgs", max_iter=60, standardize=True, random_state=1
    )
    watched = clone(alone)
    alone.fit(X[:300], y[:300])
    watched.fit(X[:300], y[:300], X_val=X[300:], y_val=y[300:])
    assert (alone.predict(X) == watched.predict(X)).all()
    assert len(watched.validation_scores_) == 60
    assert watched.validation_scores_[-1] == pytest.approx(watched.score(X[300:], y[300:]))
