"""Estimators, used as users of scikit-learn do."""

from __future__ import annotations

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from scipy import sparse
from sklearn import config_context, neural_network
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import bpmatrix
from bpmatrix import MLPClassifier, MLPRegressor
from bpmatrix.errors import ArgumentError, DataError, DivergenceError, ShapeError

pytestmark = pytest.mark.filterwarnings("ignore:.*(has not|hasn't) converged")

X, y = load_iris(return_X_y=True)


def small(**parameters):
    return MLPClassifier(
        **{"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 1} | parameters
    )


def test_a_clone_has_only_the_parameters():
    model = small(alpha=0.5, dropout=0.0).fit(X, y)
    copied = clone(model)

    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "coefs_")


COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy} | {
    f"protocol {p}": lambda model, p=p: pickle.loads(pickle.dumps(model, p))
    for p in range(pickle.HIGHEST_PROTOCOL + 1)
}


@pytest.mark.parametrize("how", COPIES.values(), ids=COPIES)
def test_a_copy_continues_like_the_original(how):
    """It has its own optimizer state."""
    model = small().fit(X, y)
    other = how(model)
    for _ in range(2):
        model.partial_fit(X, y)
    assert not np.array_equal(other.coefs_[0], model.coefs_[0])
    for _ in range(2):
        other.partial_fit(X, y)

    np.testing.assert_array_equal(other.coefs_[0], model.coefs_[0])


@pytest.mark.parametrize("how", COPIES.values(), ids=COPIES)
def test_a_copy_is_independent(how):
    model = small().fit(X, y)
    other = how(model)
    before = model.predict_proba(X)
    np.testing.assert_array_equal(other.predict_proba(X), before)
    other.coefs_[0][:] = 0  # a view of the copy's parameters, as before

    assert not np.array_equal(other.predict_proba(X), before)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_a_copy_before_the_fit():
    assert not hasattr(copy.deepcopy(small()), "coefs_")


def test_weights_can_be_replaced():
    model = small().fit(X, y)
    model.coefs_[0] = np.zeros_like(model.coefs_[0])
    model.intercepts_ = [np.zeros_like(b) for b in model.intercepts_]

    np.testing.assert_allclose(model.predict_proba(X), 1 / 3)


def test_weights_of_another_shape_are_rejected():
    model = small().fit(X, y)
    model.coefs_[0] = np.zeros((1, 5))  # which would be broadcast
    with pytest.raises(ShapeError, match=r"got shape \(1, 5\), expected \(4, 5\)"):
        model.predict(X)


@pytest.mark.parametrize(("kind", "theirs"), [
    (MLPClassifier, neural_network.MLPClassifier), (MLPRegressor, neural_network.MLPRegressor),
])  # fmt: skip
def test_parameters_and_attributes_are_scikit_learns(kind, theirs):
    """All parameters with their defaults; after a fit, all public attributes."""
    target = y if kind is MLPClassifier else X[:, 0]
    mine, other = kind(max_iter=2, random_state=1), theirs(max_iter=2, random_state=1)
    assert mine.get_params() | other.get_params() == mine.get_params()
    public = {name for name in dir(other.fit(X, target)) if not name.startswith("_")}
    # Made public by metadata routing where a method has metadata; ours has more of it.
    assert public <= set(dir(mine.fit(X, target)))


def test_a_subclass_may_have_other_parameters():
    class More(MLPClassifier):
        def __init__(self, extra=1, max_iter=3):
            super().__init__(max_iter=max_iter, random_state=1)
            self.extra = extra

    model = clone(More(extra=2)).fit(X, y)
    assert (model.n_iter_, model.extra, model.solver) == (3, 2, "adam")
    assert set(model.get_params()) == {"extra", "max_iter"}


def test_moments_may_be_mapped_read_only(tmp_path):
    """joblib does so with large arrays that it passes to a worker."""
    model = small().fit(X, y)
    joblib.dump(model, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    mapped.partial_fit(X, y)
    np.testing.assert_array_equal(mapped.coefs_[0], model.partial_fit(X, y).coefs_[0])


def test_a_batch_larger_than_the_data_is_clipped_with_a_warning():
    with pytest.warns(UserWarning, match="batch_size=1000 is larger .* clipped to 150"):
        small(batch_size=1000).fit(X, y)


def test_a_warm_start_cannot_change_dtype_or_standardize():
    for parameters in ({"dtype": "float32"}, {"standardize": True}):
        model = small(warm_start=True).fit(X, y).set_params(**parameters)
        with pytest.raises(ArgumentError, match=f"cannot change {next(iter(parameters))}"):
            model.fit(X, y)


def test_a_warm_start_cannot_switch_to_a_loss_without_standardized_y():
    """The Poisson deviance uses y as it is, the others standardize it."""
    model = MLPRegressor(standardize=True, warm_start=True, max_iter=3).fit(X, X[:, 0])
    with pytest.raises(ArgumentError, match="cannot change whether y is standardized"):
        model.set_params(loss="poisson").fit(X, X[:, 0])
    model.set_params(loss="absolute_error").fit(X, X[:, 0])


@pytest.mark.parametrize("first", [{"solver": "lbfgs"}, {"early_stopping": True}])
def test_a_warm_start_may_change_how_it_ends(first):
    """Records that the previous fit did not have start now."""
    model = small(warm_start=True, **first).fit(X, y)
    model.set_params(solver="adam", early_stopping=not model.early_stopping).fit(X, y)
    assert len(model.loss_curve_) == 5


def test_pandas_out():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    with config_context(transform_output="pandas"):
        model = make_pipeline(StandardScaler(), small()).fit(frame, y)

        assert list(model[-1].feature_names_in_) == list("abcd")
        assert model.predict(frame).shape == (150,)


def test_not_fitted():
    for ask in (small().predict, small().predict_proba, MLPRegressor().predict):
        with pytest.raises(NotFittedError):
            ask(X)
    with pytest.raises(NotFittedError):
        small().save("nowhere")


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"solver": "newton"}, "solver"),
        ({"alpha": -1}, "alpha"),
        ({"learning_rate_init": 0}, "learning_rate_init"),
        ({"hidden_layer_sizes": (5, 0)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": "55"}, "hidden_layer_sizes"),
        ({"activation": "softmax"}, "softmax"),
        ({"activation": "swoosh"}, "activation"),
        ({"activation": ["relu", "tanh"]}, "one function per hidden layer"),
        ({"max_iter": 0}, "max_iter"),
        ({"batch_size": 0}, "batch_size"),
        ({"n_iter_no_change": 0.5}, "n_iter_no_change"),
        ({"shuffle": 1}, "shuffle"),
        ({"dtype": "float16"}, "dtype"),
        ({"n_threads": 0}, "n_threads"),
    ],
)
def test_a_wrong_parameter_is_named(parameters, complaint):
    with pytest.raises(ArgumentError, match=complaint):
        small(**parameters).fit(X, y)


def test_partial_fit_needs_the_classes():
    with pytest.raises(ArgumentError, match="classes"):
        small().partial_fit(X, y)
    with pytest.raises(DataError, match=r"2\.0"):
        small().partial_fit(X, y.astype(float), classes=[0.0, 1.0])
    with pytest.raises(ArgumentError, match="differs from the previous call"):
        small().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y, classes=[0, 1])


def test_partial_fit_needs_a_stochastic_solver():
    assert not hasattr(small(solver="lbfgs"), "partial_fit")
    with pytest.raises(ArgumentError, match="early_stopping"):
        small(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])


def test_a_warm_start_keeps_layers_and_classes():
    model = small(warm_start=True).fit(X, y)
    with pytest.raises(DataError, match="classes of the previous fit"):
        model.fit(X[:100], y[:100])
    with pytest.raises(ArgumentError, match="layers"):
        model.set_params(hidden_layer_sizes=(6,)).fit(X, y)


def test_layers_may_differ_in_their_activation():
    model = small(hidden_layer_sizes=(4, 3), activation=["tanh", "logistic"]).fit(X, y)

    a = np.tanh(X @ model.coefs_[0] + model.intercepts_[0])
    a = 1 / (1 + np.exp(-(a @ model.coefs_[1] + model.intercepts_[1])))
    z = a @ model.coefs_[2] + model.intercepts_[2]
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), p, rtol=1e-12)


def test_divergence_keeps_the_weights():
    model = MLPRegressor(solver="sgd", learning_rate_init=1e6, activation="identity")

    with pytest.raises(DivergenceError, match="learning_rate_init"):
        model.fit(*load_diabetes(return_X_y=True))
    assert np.isfinite(model.coefs_[0]).all()


@pytest.mark.parametrize("rate", [0.5, 40.0])
def test_early_stopping_ends_training_that_diverges(rate):
    """As in scikit-learn, but at once: the best weights, and a last epoch of NaN."""
    X, y = load_diabetes(return_X_y=True)
    how = {
        "hidden_layer_sizes": (30,), "activation": "identity", "solver": "sgd", "max_iter": 40,
        "learning_rate_init": rate, "early_stopping": True, "random_state": 3,
    }  # fmt: skip
    model, other = MLPRegressor(**how), neural_network.MLPRegressor(**how)
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch .* best weights"):
        model.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other.fit(X, y)
    scored = model.n_iter_ - 1
    assert np.isnan([model.loss_, model.loss_curve_[-1], model.validation_scores_[-1]]).all()
    assert isinstance(model.validation_scores_[-1], float)
    assert len(model.validation_scores_) == len(model.loss_curve_) == model.n_iter_ < 40
    assert not np.isfinite(other.validation_scores_[scored:]).any()
    # Numbers that grow by the power of the epoch, and their rounding errors with them.
    np.testing.assert_allclose(
        model.validation_scores_[:scored], other.validation_scores_[:scored], rtol=1e-6
    )
    assert model.best_validation_score_ == max(model.validation_scores_[:scored])
    np.testing.assert_allclose(model.predict(X), other.predict(X), rtol=1e-9)


def test_a_warm_start_with_early_stopping_keeps_the_best_weights_of_both_fits():
    """If no epoch of the second is better, those are its initial weights."""
    model = small(early_stopping=True, warm_start=True, max_iter=100, learning_rate_init=0.05)
    before = model.fit(X, y).predict_proba(X)
    epochs = model.n_iter_
    model.set_params(solver="sgd", learning_rate_init=1e-9, max_iter=2).fit(X, y)
    assert len(model.validation_scores_) > epochs
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_with_standardize_the_weights_belong_to_standardized_features():
    """They are those of the network behind a StandardScaler in a pipeline."""
    table, target = load_diabetes(return_X_y=True)
    table = 100 * table + 7
    how = {"hidden_layer_sizes": (4,), "max_iter": 20, "random_state": 1, "activation": "tanh"}
    model = MLPRegressor(standardize=True, **how).fit(table, target)
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    a = np.tanh(scaled @ model.coefs_[0] + model.intercepts_[0])
    a = (a @ model.coefs_[1] + model.intercepts_[1])[:, 0]
    # Some sums of ten products each; the mean of 442 numbers differs in its last digits.
    expected = a * target.std() + target.mean()
    np.testing.assert_allclose(model.predict(table), expected, rtol=1e-10)


def test_divergence_in_the_first_epoch_raises_despite_early_stopping():
    """scikit-learn ends with its initial weights, which have learned nothing."""
    how = {"solver": "sgd", "learning_rate_init": 1e100, "batch_size": 9, "early_stopping": True}
    with pytest.raises(DivergenceError, match="epoch 1"):
        MLPRegressor(activation="identity", **how).fit(X, X[:, 0])


def test_layers_passed_as_loss_have_a_cure():
    """They are the first parameter of the classifier and of older regressors."""
    for layers in ((20,), [20, 10], 20, np.array([20])):
        with pytest.raises(ArgumentError, match=r"unknown loss") as caught:
            MLPRegressor(layers).fit(X, X[:, 0])
        *_, cure = str(caught.value).partition("pass ")
        assert cure == f"hidden_layer_sizes={layers!r}."
    for loss in ("hinge", None, 1.5, np.mean):
        with pytest.raises(
            ArgumentError, match=r"unknown loss: got .* or quantile or poisson or a Huber"
        ) as caught:
            MLPRegressor(loss).fit(X, X[:, 0])
        assert "hidden_layer_sizes" not in str(caught.value)


@pytest.mark.parametrize("activation", [("tanh", "relu"), ["tanh", "relu"]])
def test_activations_per_layer_survive_everything_that_copies_parameters(activation):
    """A search, a clone, a copy, a file; a tuple is hashable, like a single name."""
    model = small(hidden_layer_sizes=(4, 3), activation=activation)
    assert clone(model).activation == activation
    grid = {"activation": [activation, "relu"], "alpha": [1e-4]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert len(search.cv_results_["param_activation"]) == 2
    assert repr(activation) in repr(pickle.loads(pickle.dumps(model)))
    single = small(hidden_layer_sizes=(4,), activation=activation[:1]).fit(X, y)
    same = small(hidden_layer_sizes=(4,), activation="tanh").fit(X, y)
    np.testing.assert_array_equal(single.coefs_[0], same.coefs_[0])


def test_standardized_features_are_those_of_a_pipeline():
    parameters = {"solver": "lbfgs", "max_iter": 20, "random_state": 1}
    own = small(standardize=True, **parameters).fit(X, y)
    pipeline = make_pipeline(StandardScaler(), small(**parameters)).fit(X, y)

    np.testing.assert_allclose(own.predict_proba(X), pipeline.predict_proba(X), atol=1e-9)


def test_predictions_are_in_the_units_of_y():
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(solver="lbfgs", standardize=True, random_state=1, max_iter=50).fit(X, y)
    scaled = MLPRegressor(solver="lbfgs", random_state=1, max_iter=50)
    scaled.fit((X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std())

    expected = scaled.predict((X - X.mean(axis=0)) / X.std(axis=0)) * y.std() + y.mean()
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-6)


def test_bytes_are_read_as_numbers():
    table = (10 * X).astype(np.uint8)
    as_bytes, as_floats = (small().fit(data, y) for data in (table, table.astype(np.float64)))

    np.testing.assert_array_equal(as_bytes.coefs_[0], as_floats.coefs_[0])


def test_given_validation_samples_are_scored_and_stop_the_training():
    train, held_out = np.arange(150) % 3 != 0, np.arange(150) % 3 == 0
    data = {"X_val": X[held_out], "y_val": y[held_out]}
    heard = []
    model = small(max_iter=8, callbacks=[heard.append]).fit(X[train], y[train], **data)

    assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 8
    assert model.validation_scores_[-1] == model.score(X[held_out], y[held_out])
    p = model.predict_proba(X[held_out])[np.arange(50), y[held_out]]
    np.testing.assert_allclose(model.validation_loss_curve_[-1], -np.log(p).mean(), rtol=1e-12)
    assert [info.validation_cost for info in heard] == model.validation_loss_curve_
    assert [info.cost for info in heard] == model.loss_curve_

    stopped = small(early_stopping=True, n_iter_no_change=2, max_iter=200, tol=0.02)
    stopped.fit(X[train], y[train], **data)
    assert stopped.n_iter_ < 200
    best = stopped.validation_scores_[np.argmin(stopped.validation_loss_curve_)]
    assert stopped.score(X[held_out], y[held_out]) == stopped.best_validation_score_ == best
    with pytest.raises(ArgumentError, match="together"):
        small().fit(X, y, X_val=X)


@pytest.mark.parametrize("own", ["validation rows", "standardize"])
def test_early_stopping_uses_the_loss_with_parameters_beyond_scikit_learn(own):
    """The accuracy on a few rows often does not change, or is best by chance."""
    train, held_out = np.arange(150) % 3 != 0, np.arange(150) % 3 == 0
    model = small(early_stopping=True, n_iter_no_change=3, max_iter=2000, tol=1e-3)
    if own == "standardize":
        model.set_params(standardize=True).fit(X, y)
    else:
        model.fit(X[train], y[train], X_val=X[held_out], y_val=y[held_out])
    scores, losses = map(np.array, (model.validation_scores_, model.validation_loss_curve_))

    # The count of epochs that did not bring tol more than the least loss before them.
    least, waited = np.minimum.accumulate(losses), 0
    for k in range(1, len(losses)):
        waited = 0 if losses[k] <= least[k - 1] - 1e-3 else waited + 1
        assert (waited > 3) == (k == len(losses) - 1)
    assert model.best_validation_score_ == scores[np.argmin(losses)]
    if own == "validation rows":
        p = model.predict_proba(X[held_out])[np.arange(50), y[held_out]]
        np.testing.assert_allclose(-np.log(p).mean(), losses.min(), rtol=1e-12)
    # By score alone the run would have ended at the first four epochs without a better one.
    best = np.maximum.accumulate(scores)
    alone = next(k for k in range(4, len(scores)) if best[k] < best[k - 4] + 1e-3)
    assert alone < len(scores) - 1


def test_early_stopping_uses_the_score_with_scikit_learns_parameters():
    """tests/estimators/test_same_course.py compares whole runs with scikit-learn."""
    model = small(early_stopping=True, n_iter_no_change=3, max_iter=2000, tol=1e-3).fit(X, y)
    scores = np.array(model.validation_scores_)

    assert model.best_validation_score_ == scores.max()
    assert np.argmax(scores) != np.argmin(model.validation_loss_curve_)


@pytest.mark.parametrize("through_a_file", [False, True])
def test_a_warm_start_keeps_the_best_of_both_fits(through_a_file, tmp_path):
    """The lowest loss so far is known, also after loading."""
    how = {"standardize": True, "early_stopping": True, "warm_start": True}
    model = small(max_iter=60, **how).fit(X, y)
    least, before = min(model.validation_loss_curve_), model.predict_proba(X)
    if through_a_file:
        model.save(tmp_path / "model.safetensors")
        model = bpmatrix.load(tmp_path / "model.safetensors")
    model.set_params(solver="sgd", learning_rate_init=30.0, max_iter=3).fit(X, y)

    assert min(model.validation_loss_curve_[-3:]) > least
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_a_callback_ends_the_training():
    model = small(callbacks=[lambda info: info.epoch == 3]).fit(X, y)

    assert model.n_iter_ == 3


def test_an_interruption_keeps_the_weights():
    def press(info):
        if info.epoch == 2:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match="interrupted after 2"):
        model = small(callbacks=[press]).fit(X, y)
    assert model.n_iter_ == 2


@pytest.mark.parametrize(
    "end",
    [{"max_iter": 2}, {"n_iter_no_change": 1, "tol": 9.0}, {"callbacks": [lambda info: True]}],
)
def test_an_interruption_in_the_epoch_that_ends_the_fit(end):
    """The caller may not want another fit to begin."""
    epochs = small(**end).fit(X, y).n_iter_

    def press(info):
        if info.epoch == epochs:
            raise KeyboardInterrupt

    with pytest.warns(RuntimeWarning, match=f"interrupted after {epochs}") as caught:
        small(**end | {"callbacks": [*end.get("callbacks", []), press]}).fit(X, y)
    assert len(caught) == 1


def test_verbose_prints_each_epoch(capsys):
    small(verbose=True, early_stopping=True, max_iter=2).fit(X, y)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Iteration 1, loss = ")
    assert lines[1].startswith("Validation score: ")
    assert len(lines) == 4


@pytest.mark.parametrize("as_rows", [np.asarray, sparse.csr_matrix])
def test_a_prediction_that_is_nan_is_an_error(as_rows):
    """No class is predicted from outputs that are NaN."""
    X, y = load_iris(return_X_y=True)
    model = MLPClassifier(5, max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(as_rows(X), y)
    for weights in model.coefs_:
        weights[:] = weights * 1e307
    for call in (model.predict, model.predict_proba, lambda rows: model.score(rows, y)):
        with pytest.raises(DataError, match=r"an output is NaN: weights or inputs are so large"):
            call(as_rows(X))


@pytest.mark.filterwarnings("ignore:.*has not converged")
@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_editors_know_the_fitted_attributes(kind: type) -> None:
    """Every public attribute that a fit sets is annotated."""
    model = kind(hidden_layer_sizes=(2,), max_iter=1, early_stopping=True)
    fitted = vars(model.fit(np.eye(40), np.arange(40) % 2))
    known = {name for each in kind.__mro__ for name in vars(each).get("__annotations__", ())}
    assert {name for name in fitted if name.endswith("_") and name[0] != "_"} - known == set()


@pytest.mark.filterwarnings("ignore:.*has not converged")
def test_skops_stores_an_estimator() -> None:
    """All that it asks to trust is ours."""
    skops = pytest.importorskip("skops.io")
    X, y = np.eye(40), np.arange(40) % 2
    model = MLPClassifier(hidden_layer_sizes=(2,), max_iter=1, standardize=True).fit(X, y)
    data = skops.dumps(model)
    types = skops.get_untrusted_types(data=data)
    assert all(name.startswith("bpmatrix.") for name in types)
    same = skops.loads(data, trusted=types)
    assert np.array_equal(same.predict_proba(X), model.predict_proba(X))
