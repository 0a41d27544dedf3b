"""Fitted estimators of scikit-learn become ours, and ours become scikit-learn's."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from hypothesis import assume, given
from hypothesis import strategies as st
from numeric import forward_bound, gradient_bound, same_bits, unit_roundoff
from scipy import sparse
from sklearn import clone, neural_network
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning

from bpmatrix import Huber, MLPClassifier, MLPRegressor
from bpmatrix.errors import ArgumentError, BpmatrixError, ShapeError

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*(has not|hasn't) converged", "ignore:batch_size", "ignore:Got `batch_size`"
)

# What both sides have under the same name.
RECORDS = (
    "n_features_in_", "n_outputs_", "n_layers_", "out_activation_", "n_iter_", "t_", "loss_",
    "best_loss_", "loss_curve_", "validation_scores_", "best_validation_score_",
    "_no_improvement_count",
)  # fmt: skip
KINDS = ("binary", "multiclass", "labels", "number", "numbers")
N, CALLS = 24, 3
HAS_POISSON = "loss" in neural_network.MLPRegressor().get_params()

rates = st.sampled_from((0.001, 0.01, 0.05))
sgd = st.fixed_dictionaries(
    {
        "solver": st.just("sgd"),
        "learning_rate_init": rates,
        "learning_rate": st.sampled_from(("constant", "invscaling", "adaptive")),
        "momentum": st.sampled_from((0.0, 0.5, 0.9)),
        "nesterovs_momentum": st.booleans(),
        "n_iter_no_change": st.sampled_from((1, 10)),
        "tol": st.sampled_from((1e-4, 0.5)),
    }
)
adam = st.fixed_dictionaries(
    {
        "solver": st.just("adam"),
        "learning_rate_init": rates,
        "beta_1": st.sampled_from((0.0, 0.9)),
        "beta_2": st.sampled_from((0.99, 0.999)),
        "epsilon": st.sampled_from((1e-8, 1e-3)),
    }
)
shared = st.fixed_dictionaries(
    {
        "hidden_layer_sizes": st.lists(st.integers(1, 9), max_size=3),
        "activation": st.sampled_from(("identity", "logistic", "tanh", "relu")),
        "alpha": st.sampled_from((0.0, 0.1)),
        "batch_size": st.sampled_from((N, N // 3)),
        "shuffle": st.booleans(),
        "max_iter": st.integers(1, 4),
        "random_state": st.integers(0, 2**32 - 1),
    }
)
cases = {
    "kind": st.sampled_from(KINDS),
    "features": st.integers(1, 9),
    "dtype": st.sampled_from(("float64", "float32")),
    "parameters": shared,
}


def data(kind, features, dtype, seed):
    """Return N samples, with every class among them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, features)).astype(dtype)
    places = rng.permutation(N)
    if kind == "labels":
        return X, (rng.random((N, 3)) < [[0.5, 0.2, 0.8]]).astype(int)
    if kind in {"binary", "multiclass"}:
        return X, np.array(["a", "bb", "c", "dd"])[places % (2 if kind == "binary" else 4)]
    return X, rng.standard_normal(N if kind == "number" else (N, 2)).astype(dtype)


def fitted(side, kind, data, **parameters):
    """Return an estimator of bpmatrix, or of scikit-learn, fitted."""
    name = "MLPRegressor" if kind.startswith("number") else "MLPClassifier"
    return quietly(getattr(side, name)(**parameters).fit, *data)


def quietly(call, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return call(*arguments)


class OURS:
    MLPClassifier, MLPRegressor = MLPClassifier, MLPRegressor


def to_ours(theirs):
    return getattr(OURS, type(theirs).__name__).from_sklearn(theirs)


def outputs(model, X):
    """Return the outputs of the network: probabilities, or numbers."""
    found = getattr(model, "predict_proba", model.predict)(X)
    return found[:, None] if found.ndim == 1 else found


def weights_of(model):
    return [*model.coefs_, *model.intercepts_]


def assert_same_records(ours, theirs):
    for name in RECORDS:
        assert getattr(ours, name, "none") == getattr(theirs, name, "none"), name
    for name in ("classes_", "feature_names_in_"):
        assert np.array_equal(getattr(ours, name, "none"), getattr(theirs, name, "none"))
    their_parameters, our_parameters = theirs.get_params(), ours.get_params()
    assert their_parameters == {name: our_parameters[name] for name in their_parameters}


def forward_error(theirs, X, dtype, before=()):
    """Return how far each output may be off: (n, n_outputs), for sums in any order."""
    weights = [W.T.astype(np.float64) for W in theirs.coefs_]
    biases = [b[:, None].astype(np.float64) for b in theirs.intercepts_]
    activation = {"logistic": "sigmoid"}.get(theirs.activation, theirs.activation)
    output = {"logistic": "sigmoid"}.get(theirs.out_activation_, theirs.out_activation_)
    activations = [*[activation] * (len(weights) - 1), output]
    found = forward_bound(weights, biases, activations, X.T.astype(np.float64), dtype)
    # 1 - a, of two classes, is rounded once more.
    return unit_roundoff(dtype) * (found.off[-1].T + 1)


@given(solver=st.one_of(sgd, adam, st.just({"solver": "lbfgs"})), **cases)
def test_an_estimator_of_scikit_learn_becomes_ours(solver, kind, features, dtype, parameters):
    """The same bits of weights, the same records, the same predictions but for rounding."""
    X, y = data(kind, features, dtype, parameters["random_state"])
    theirs = fitted(neural_network, kind, (X, y), **parameters, **solver)
    before = pickle.dumps(theirs)
    ours = to_ours(theirs)

    assert pickle.dumps(theirs) == before
    assert_same_records(ours, theirs)
    assert all(map(same_bits, weights_of(ours), weights_of(theirs)))
    rows = np.random.default_rng(1).standard_normal((9, features)).astype(dtype)
    # lbfgs makes float64 of float32; then both compute in float64.
    dtype = theirs.coefs_[0].dtype
    error = np.abs(outputs(ours, rows) - outputs(theirs, rows))
    assert (error <= 2.2 * forward_error(theirs, rows, dtype)).all()
    again = ours.to_sklearn()
    assert same_bits(outputs(again, rows), outputs(theirs, rows))
    assert_same_records(again, theirs)


def error_of_a_step(theirs, X, y):
    """Return how far each weight is off after one step, at most, for sums in any order.

    The gradient of a mini-batch is off by at most N / m times the bound for all samples. A step
    multiplies that by the learning rate, and a momentum mu by 1 / (1 - mu). Adam's step is
    m / (sqrt(v) + epsilon): by the inequality of Cauchy, its slope by the gradient is at most
    (1 - beta_1) (1 + 1 / sqrt(1 - beta_1^2 / beta_2)) / (sqrt(v) + epsilon).
    """
    optimizer, dtype = theirs._optimizer, theirs.coefs_[0].dtype
    names = {"logistic": "sigmoid"}
    output = names.get(theirs.out_activation_, theirs.out_activation_)
    activations = [names.get(theirs.activation, theirs.activation)] * (theirs.n_layers_ - 2)
    cost = {"identity": "quadratic", "softmax": "log_likelihood", "sigmoid": "cross_entropy"}
    if hasattr(theirs, "_label_binarizer"):
        y = theirs._label_binarizer.transform(y)
    nabla_b, nabla_W = gradient_bound(
        [W.T.astype(np.float64) for W in theirs.coefs_],
        [b[:, None].astype(np.float64) for b in theirs.intercepts_],
        [*activations, output],
        cost[output],
        X.T.astype(np.float64),
        y.reshape(N, -1).T.astype(np.float64),
        dtype,
    )
    u, rate, off = unit_roundoff(dtype), theirs.learning_rate_init, []
    bounds = [*(nW.T for nW in nabla_W), *(nb[:, 0] for nb in nabla_b)]
    for i, (w, bound) in enumerate(zip(weights_of(theirs), bounds, strict=True)):
        size = np.abs(w).astype(np.float64)
        # A few roundings of the penalty, and of the sum of weight and step.
        g = N // theirs.batch_size * bound + 4 * u * theirs.alpha * size / theirs.batch_size
        if theirs.solver == "sgd":
            step = np.abs(optimizer.velocities[i])
            off.append(rate * g / (1 - theirs.momentum) + 4 * u * (size + step))
        else:
            b_1, b_2 = theirs.beta_1, theirs.beta_2
            root = np.sqrt(b_2**9 * optimizer.vs[i].astype(np.float64)) + theirs.epsilon
            slope = (1 - b_1) * (1 + 1 / np.sqrt(1 - b_1**2 / b_2)) / root
            off.append(rate * slope * g + 4 * u * (size + 10 * rate))
    return off


def growth(theirs, X, y, off):
    """Return how far the weights drift if they start off by this much, either way."""
    drift = 0.0
    for seed in range(2):
        rng, moved, same = np.random.default_rng(seed), *map(copy.deepcopy, (theirs, theirs))
        for w, size in zip(weights_of(moved), off, strict=True):
            w[:] += (16 * size * rng.choice([-1, 1], w.shape)).astype(w.dtype)  # beyond rounding
        for model in (moved, same):
            for _ in range(CALLS):
                model.partial_fit(X, y)
        drift = max(drift, farthest(moved, same) / 16)
    return drift


def farthest(one, other):
    """Return the largest difference of two weights."""
    pairs = zip(weights_of(one), weights_of(other), strict=True)
    return max(float(np.abs(w.astype(np.float64) - v).max()) for w, v in pairs)


@given(solver=st.one_of(sgd, adam), **cases)
def test_partial_fit_continues_as_in_scikit_learn(solver, kind, features, dtype, parameters):
    """Each step may be off by the bound of its roundings, which grows over the next ones.

    By how much, is measured; in other directions than the two that are tried it may be 4 times
    as much.
    """
    X, y = data(kind, features, dtype, parameters["random_state"])
    theirs = fitted(neural_network, kind, (X, y), **parameters, **solver)
    off = error_of_a_step(theirs, X, y)
    tolerance = 4 * CALLS * N // parameters["batch_size"] * growth(theirs, X, y, off)
    start, ours = copy.deepcopy(theirs), to_ours(theirs)
    for model in (ours, theirs):
        for _ in range(CALLS):
            model.partial_fit(X, y)
    assume(tolerance < farthest(start, theirs) / 10)  # else the test would show nothing
    assert farthest(ours, theirs) <= tolerance
    assert len(ours.loss_curve_) == len(theirs.loss_curve_) == theirs.t_ // N
    assert (ours.t_, ours.n_iter_) == (theirs.t_, theirs.n_iter_)


@given(
    solver=st.one_of(sgd, adam, st.just({"solver": "lbfgs"})),
    standardize=st.booleans(),
    early_stopping=st.booleans(),
    **cases,
)
def test_ours_becomes_an_estimator_of_scikit_learn(
    solver, standardize, early_stopping, kind, features, dtype, parameters
):
    X, y = data(kind, features, dtype, parameters["random_state"])
    rng = np.random.default_rng(1)
    scale, mean = np.ones(2, dtype)
    if standardize:  # other rows could diverge
        scale, mean = (10.0 ** rng.integers(-2, 3, (2, features))).astype(dtype)
    parameters |= solver | {
        "standardize": standardize,
        "early_stopping": early_stopping,
        "validation_fraction": 1 / 3,
    }
    ours = fitted(OURS, kind, (scale * X + mean, y), **parameters)
    before = pickle.dumps(ours)
    theirs = ours.to_sklearn()

    assert pickle.dumps(ours) == before
    assert type(theirs) is getattr(neural_network, type(ours).__name__)
    rows = (scale * rng.standard_normal((9, features)) + mean).astype(dtype)
    error = np.abs(outputs(ours, rows) - outputs(theirs, rows))
    assert (error <= error_of_outputs(ours, rows)).all()
    assert pickle.loads(pickle.dumps(theirs)).coefs_[0].tobytes() == theirs.coefs_[0].tobytes()
    assert clone(theirs).get_params() == theirs.get_params()
    if standardize:
        assert theirs.coefs_[0].dtype == np.float64
        return
    again = to_ours(theirs)
    assert all(map(same_bits, weights_of(again), weights_of(ours)))
    assert_same_records(again, theirs)
    state, expected = again._optimizer, ours._optimizer
    if solver["solver"] == "lbfgs":
        assert state is expected is None
        return
    assert state.rate == expected.rate
    state, expected = state.optimizer_state, expected.optimizer_state
    assert state.optimizer == expected.optimizer
    assert state.steps == (expected.steps if solver["solver"] == "adam" else 0)  # no matter in SGD
    assert same_bits(state.moments, expected.moments)


def error_of_outputs(ours, rows):
    """Return how far the outputs of ours and of the folded network may be apart.

    Ours is a network with a layer before it, (x - mean) / scale, and one behind it, a scale + mean.
    In the folded network, the roundings of folding are among those of the sums: a term of a sum of
    n has up to n + 6 of them.
    """
    model = ours._exported()
    layers, activations = model.layers(), list(model.activations)
    if model.inputs is not None:
        scale, mean = model.inputs.scale, model.inputs.mean
        layers, activations = (
            [(np.diag(1 / scale), -mean / scale), *layers],
            ["identity", *activations],
        )
    if model.targets is not None:
        layers = [*layers, (np.diag(model.targets.scale), model.targets.mean)]
        activations = [*activations, "identity"]
    weights = [W.astype(np.float64) for W, _ in layers]
    biases = [b[:, None].astype(np.float64) for _, b in layers]
    dtype = model.description.dtype
    found = forward_bound(weights, biases, activations, rows.T.astype(np.float64), dtype)
    widest = max(model.description.sizes)
    return unit_roundoff(dtype) * (widest + 8) * (found.off[-1].T + 1)


# ---------------------------------------------------------------------------------- single cases


def digits():
    X, y = load_digits(return_X_y=True)
    return X[:150] / 16, y[:150]


@pytest.mark.parametrize("direction", ["from", "to"])
def test_a_random_state_is_copied_and_draws_the_same_orders(direction):
    """Mini-batches of both sides have the same samples in every call of partial_fit."""
    X, y = digits()
    kind = neural_network if direction == "from" else OURS
    one = kind.MLPClassifier((10,), random_state=np.random.RandomState(3), batch_size=20)
    one.partial_fit(X, y, classes=range(10))
    other = to_ours(one) if direction == "from" else one.to_sklearn()
    assert other.random_state is not one.random_state
    for _ in range(5):
        one.partial_fit(X, y)
        other.partial_fit(X, y)
    # As in test_same_course.py: some 40 steps.
    np.testing.assert_allclose(other.loss_curve_, one.loss_curve_, rtol=1e-9)
    assert farthest(one, other) < 1e-9


def test_the_optimizer_is_that_of_the_last_fit():
    """As in scikit-learn, other parameters do not change it; after lbfgs there is none."""
    X, y = digits()
    theirs = fitted(neural_network, "multiclass", (X, y), max_iter=3, random_state=1)
    theirs.set_params(solver="sgd", momentum=0.1, learning_rate_init=1.0)
    ours = to_ours(theirs)
    for model in (ours, theirs):
        model.partial_fit(X, y)
    assert farthest(ours, theirs) < 1e-9
    assert to_ours(theirs.set_params(solver="lbfgs"))._optimizer is None
    del theirs._optimizer
    assert to_ours(theirs.set_params(solver="adam"))._optimizer is None


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_sparse_indicators_stay_sparse(form):
    X, y = data("labels", 3, "float64", 1)
    theirs = fitted(neural_network, "labels", (X, form(y)), max_iter=2, random_state=1)
    ours = to_ours(theirs)
    for model in (ours, ours.to_sklearn()):
        predicted = model.predict(X)
        assert type(predicted) is type(theirs.predict(X))
        assert (predicted != theirs.predict(X)).sum() == 0


def test_classes_that_only_partial_fit_names():
    X, y = digits()
    theirs = neural_network.MLPClassifier(random_state=1)
    theirs.partial_fit(X, np.where(y > 4, "high", "low"), classes=["high", "low", "other"])
    ours = to_ours(theirs)
    assert ours.classes_.tolist() == ["high", "low", "other"]
    ours.partial_fit(X, np.full(len(X), "other"))
    assert ours.to_sklearn().predict_proba(X).shape == (len(X), 3)
    single = neural_network.MLPClassifier(random_state=1).partial_fit(X, y * 0, classes=[0])
    assert set(to_ours(single).to_sklearn().predict(X)) == {0}


def test_names_of_features_of_pandas():
    pandas = pytest.importorskip("pandas", reason="DataFrames have names")
    X, y = data("number", 2, "float64", 1)
    frame = pandas.DataFrame(X, columns=["a", "b"])
    theirs = fitted(neural_network, "number", (frame, y), max_iter=2, random_state=1)
    ours = to_ours(theirs)
    assert_same_records(ours, theirs)
    assert_same_records(ours.to_sklearn(), theirs)
    with pytest.raises(ValueError, match="feature names"):
        ours.to_sklearn().predict(frame[["b", "a"]])


def test_models_are_independent():
    """Training one changes neither the other nor its records."""
    X, y = digits()
    theirs = fitted(neural_network, "multiclass", (X, y), max_iter=2, random_state=1)
    ours = to_ours(theirs)
    again = ours.to_sklearn()
    before = [pickle.dumps(model) for model in (theirs, again)]
    ours.partial_fit(X, y)
    assert [pickle.dumps(model) for model in (theirs, again)] == before
    before = pickle.dumps(ours)
    again.partial_fit(X, y)
    assert pickle.dumps(ours) == before


@pytest.mark.parametrize("standardize", [False, True])
def test_a_warm_start_with_early_stopping(standardize):
    """scikit-learn returns the best weights: those it has, if no epoch is better."""
    X, y = digits()
    parameters = {"early_stopping": True, "random_state": 1, "n_iter_no_change": 2}
    ours = fitted(OURS, "multiclass", (X, y), max_iter=40, standardize=standardize, **parameters)
    theirs = ours.to_sklearn().set_params(warm_start=True, max_iter=1, learning_rate_init=1e-9)
    quietly(theirs.fit, X, y)
    assert theirs.score(X, y) == pytest.approx(ours.score(X, y))


def test_float32_with_a_large_mean():
    """The folded bias is the difference of large numbers, which would lose digits in float32."""
    X, y = data("number", 2, "float64", 1)
    X = (X + 1e4).astype(np.float32)
    ours = fitted(OURS, "number", (X, y), standardize=True, max_iter=5, random_state=1)
    assert ours.coefs_[0].dtype == np.float32
    off = outputs(ours.to_sklearn(), X) - outputs(ours, X)
    assert np.abs(off).max() < 1e-5 * np.abs(ours.predict(X)).max() + 1e-6
    assert ours.to_sklearn().predict(X).shape == (N,)


def test_sparse_rows_need_no_centering_once_it_is_folded():
    X, y = data("binary", 3, "float64", 1)
    ours = fitted(OURS, "binary", (X, y), standardize=True, max_iter=5, random_state=1)
    found = ours.to_sklearn().predict_proba(sparse.csr_matrix(X))
    np.testing.assert_allclose(found, ours.predict_proba(X), rtol=1e-12)


@pytest.mark.skipif(not HAS_POISSON, reason="scikit-learn 1.7 has the loss")
@pytest.mark.parametrize("standardize", [False, True])
def test_poisson(standardize):
    X, y = data("number", 3, "float64", 1)
    parameters = {"loss": "poisson", "max_iter": 3, "random_state": 1}
    counts = np.round(np.abs(3 * y))
    ours = fitted(OURS, "number", (X, counts), standardize=standardize, **parameters)
    theirs = ours.to_sklearn()
    assert (theirs.loss, theirs.out_activation_) == ("poisson", "exp")
    np.testing.assert_allclose(theirs.predict(X), ours.predict(X), rtol=1e-12)
    again = to_ours(theirs)
    for _ in range(3):
        again.partial_fit(X, counts)
        theirs.partial_fit(X, counts)
    np.testing.assert_allclose(again.loss_curve_, theirs.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("number", {"loss": Huber(0.5)}),
        ("numbers", {"loss": "absolute_error"}),
        ("binary", {"dropout": 0.5}),
        ("multiclass", {"class_weight": "balanced"}),
    ],
)
def test_a_warning_names_what_further_training_ignores(kind, parameters):
    X, y = data(kind, 2, "float64", 1)
    ours = fitted(OURS, kind, (X, y), max_iter=2, random_state=1, **parameters)
    (name,) = parameters
    with pytest.warns(
        UserWarning, match=rf"scikit-learn has no {name}=.*predicts the same"
    ) as seen:
        theirs = ours.to_sklearn()
    assert seen[0].filename == __file__
    np.testing.assert_allclose(outputs(theirs, X), outputs(ours, X), rtol=1e-12)
    assert theirs.partial_fit(X, y) is theirs


def test_what_has_no_effect_is_left_out():
    """Without hidden layers, the activation function is not used."""
    X, y = data("binary", 2, "float64", 1)
    for activation in ((), "gelu", "logistic"):
        ours = fitted(
            OURS, "binary", (X, y), hidden_layer_sizes=(), activation=activation, max_iter=2,
            callbacks=[lambda _: None], n_threads=1, dtype="float64",
        )  # fmt: skip
        theirs = ours.to_sklearn()
        assert theirs.activation == ("logistic" if activation == "logistic" else "relu")
        np.testing.assert_allclose(outputs(theirs, X), outputs(ours, X), rtol=1e-12)


def test_one_function_for_each_of_several_layers():
    X, y = data("number", 2, "float64", 1)
    ours = fitted(
        OURS, "number", (X, y), hidden_layer_sizes=(3, 2), activation=("sigmoid",) * 2, max_iter=2
    )
    assert ours.to_sklearn().activation == "logistic"
    # The estimator still predicts with the function it was trained with.
    assert ours.set_params(activation="gelu").to_sklearn().activation == "logistic"


def test_weights_that_the_user_changed():
    X, y = data("number", 2, "float64", 1)
    theirs = fitted(neural_network, "number", (X, y), max_iter=2, random_state=1)
    theirs.coefs_[0] = np.zeros((2, 100), int)
    ours = to_ours(theirs)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-12)
    ours.intercepts_[-1] = np.array([7.0])
    ours.coefs_[-1] = np.zeros((100, 1))
    assert set(ours.to_sklearn().predict(X)) == {7.0}


CHANGES = {
    "a layer is missing": lambda model: model.coefs_.pop(),
    "weights are transposed": lambda model: model.coefs_.__setitem__(0, model.coefs_[0].T),
    "weights are text": lambda model: model.coefs_.__setitem__(0, np.full((2, 100), "x")),
    "weights are ragged": lambda model: model.intercepts_.__setitem__(0, [[1], [1, 2]]),
    "weights are not in a list": lambda model: setattr(model, "coefs_", 3),
    "no intercepts": lambda model: model.intercepts_.clear(),
    "a weight is NaN": lambda model: model.coefs_[0].__setitem__(0, np.nan),
    "t_ is negative": lambda model: setattr(model, "t_", -1),
    "n_iter_ is missing": lambda model: delattr(model, "n_iter_"),
    "n_features_in_ is missing": lambda model: delattr(model, "n_features_in_"),
    "n_features_in_ is another": lambda model: setattr(model, "n_features_in_", 3),
    "n_layers_ is missing": lambda model: delattr(model, "n_layers_"),
    "n_outputs_ is another": lambda model: setattr(model, "n_outputs_", 2),
    "the output is another": lambda model: setattr(model, "out_activation_", "tanh"),
    "names are too few": lambda model: setattr(model, "feature_names_in_", ["a"]),
    "the curve is text": lambda model: setattr(model, "loss_curve_", "abc"),
    "a class is missing": lambda model: setattr(model, "classes_", model.classes_[1:]),
    "the classes are missing": lambda model: delattr(model, "classes_"),
    "the encoder is missing": lambda model: delattr(model, "_label_binarizer"),
    "the classes are not sorted": lambda model: (
        setattr(model, "classes_", model.classes_[::-1]),
        setattr(model._label_binarizer, "classes_", model.classes_[::-1]),
    ),
    "a parameter is invalid": lambda model: model.set_params(alpha=-1),
    "an activation of ours": lambda model: model.set_params(activation="gelu"),
    "a velocity is missing": lambda model: model._optimizer.velocities.pop(),
    "a velocity has another shape": lambda model: model._optimizer.velocities.reverse(),
    "velocities are infinite": lambda model: model._optimizer.velocities[0].fill(np.inf),
    "velocities are not a list": lambda model: setattr(model._optimizer, "velocities", 1),
    "velocities are deleted": lambda model: delattr(model._optimizer, "velocities"),
    "momentum is large": lambda model: setattr(model._optimizer, "momentum", 2),
    "the rate is NaN": lambda model: setattr(model._optimizer, "learning_rate", np.nan),
    "the schedule is unknown": lambda model: setattr(model._optimizer, "lr_schedule", "cosine"),
    "the optimizer is unknown": lambda model: setattr(model, "_optimizer", "adam"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_attributes_are_refused(change):
    X, y = data("multiclass", 2, "float64", 1)
    theirs = fitted(neural_network, "multiclass", (X, y), solver="sgd", max_iter=2, random_state=1)
    to_ours(theirs)
    change(theirs)
    with pytest.raises(BpmatrixError):
        to_ours(theirs)


def test_the_state_of_adam_is_checked():
    X, y = data("binary", 2, "float64", 1)
    theirs = fitted(neural_network, "binary", (X, y), max_iter=2, random_state=1)
    theirs._optimizer.t = 1.5
    with pytest.raises(ArgumentError, match="t of the optimizer"):
        to_ours(theirs)
    theirs._optimizer.t = 2
    theirs._optimizer.vs[1] = np.zeros(3)
    with pytest.raises(ShapeError, match="vs of the estimator"):
        to_ours(theirs)


def test_subclasses_of_ours_convert():
    class Mine(MLPRegressor):
        pass

    X, y = data("number", 2, "float64", 1)
    theirs = fitted(neural_network, "number", (X, y), max_iter=2, random_state=1)
    assert type(Mine.from_sklearn(theirs)) is Mine
    assert type(Mine.from_sklearn(theirs).to_sklearn()) is neural_network.MLPRegressor
