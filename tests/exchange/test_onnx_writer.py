"""ONNX files, run by onnxruntime: equal to the model within the rounding errors of both."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from numeric import forward_bound, smallest_normal, unit_roundoff
from strategies import HIDDEN, cases

from bpmatrix import MLPClassifier, MLPRegressor, Network, OwnCost
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine import prediction
from bpmatrix.errors import ArgumentError
from bpmatrix.exchange.model import Model
from bpmatrix.exchange.onnx_writer import OLDEST_OPSET, to_bytes
from bpmatrix.nielsen import network, network2

onnx = pytest.importorskip("onnx", reason="ONNX files are written with it")
reference = pytest.importorskip("onnx.reference", reason="likewise")
onnxruntime = pytest.importorskip("onnxruntime", reason="the files are run by it")

from benchmarks import exchange  # noqa: E402
from benchmarks.__main__ import main  # noqa: E402

# Short fits are enough here.
pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

DTYPES = ("float32", "float64")
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1

rng = np.random.default_rng(1)
X = rng.normal([3.0, -40.0, 0.1, 1e4], [1.0, 20.0, 0.01, 1.0], size=(60, 4))
CHOSEN = np.digitize(X[:, 0], [2.5, 3.5])


def session(content):
    return onnxruntime.InferenceSession(content, OPTIONS, providers=["CPUExecutionProvider"])


def run(content, rows):
    """Return the outputs by name."""
    ready = session(content)
    (given_to,) = ready.get_inputs()
    names = [output.name for output in ready.get_outputs()]
    return dict(zip(names, ready.run(None, {given_to.name: rows}), strict=True))


# ---------------------------------------------------------------------------------- the numbers


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_each_function_keeps_its_bound(activation, dtype):
    """As the page says, relative and absolute, for small and large z."""
    found = exchange.difference("ONNX", activation, dtype)
    assert found.relative <= found.most_relative
    assert found.absolute <= found.most_absolute + exchange.FAINT * smallest_normal(dtype)


def test_the_command_compares_each_function_and_a_classifier():
    result = CliRunner().invoke(main, ["exchange"], prog_name="python -m benchmarks")
    assert result.exit_code == 0
    rows = re.findall(r"(?m)^\| (\w+) +\| +ONNX \|", result.stdout)
    assert rows == list(ACTIVATIONS)
    classifiers = re.findall(r"(?m)^- ONNX, .* 297 of 297 labels equal$", result.stdout)
    assert len(classifiers) == 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [name for name in ACTIVATIONS if name != "softmax"])
def test_large_numbers_do_not_overflow(activation, dtype):
    """Neither to NaN nor too early; also the infinity that a sum may overflow to."""
    net = exchange.network_of(activation, dtype)
    z = np.resize([-1e30, -1000, -800, -110, -0.0, 800, 1000, 1e30], (3, exchange.WIDTH))
    z = z.astype(dtype)
    (found,) = exchange.run_onnx(net, z)
    np.testing.assert_allclose(found, net.feedforward(z.T).T, rtol=1e-5, atol=1e-35)


def test_infinite_sums_do_not_become_nan():
    """W x is infinite in float32, and the functions tend to 0 or 1."""
    for activation in ("sigmoid", "tanh", "gelu", "silu", "softplus"):
        net = Network(
            [1, 1, 1], activation=activation, output="identity", cost="quadratic",
            dtype="float32", seed=1,
        )  # fmt: skip
        net.weights[0][:], net.biases[0][:] = -3e38, 0
        rows = np.array([[3e38]], "float32")
        (found,) = exchange.run_onnx(net, rows)
        np.testing.assert_allclose(found, net.feedforward(rows.T), rtol=1e-6)


def test_softmax_of_large_inputs():
    net = exchange.network_of("softmax", "float32")
    rows = np.zeros((2, exchange.WIDTH), "float32")
    rows[0, 3], rows[1, 4] = 1e30, -1e30
    (found,) = exchange.run_onnx(net, rows)
    np.testing.assert_allclose(found, net.feedforward(rows.T).T, rtol=1e-6)


@given(case=cases(), opset=st.sampled_from((13, 15, 18, 21)))
def test_any_network(case, opset):
    """Sums in another order, and functions within twice the errors that ours may have."""
    description = case.description
    model = Model(description, Parameters.of(case.theta, description.layout))
    found = run(to_bytes(model, opset=opset), case.X.T)["output"].T
    ours = prediction.outputs(description, case.theta, case.inputs)
    weights, biases, activations, _, inputs, _ = case.in_float64()
    bound = forward_bound(weights, biases, activations, inputs, description.dtype).off[-1]
    assert (np.abs(found - ours) <= 3 * unit_roundoff(description.dtype) * bound).all()


@given(case=cases(), dtype=st.sampled_from(DTYPES))
def test_any_network_in_another_type(case, dtype):
    """Weights and inputs are rounded, too."""
    description = case.description
    model = Model(description, Parameters.of(case.theta, description.layout))
    found = run(to_bytes(model, dtype), case.X.T.astype(dtype))["output"].T
    assert found.dtype == dtype
    ours = prediction.outputs(description, case.theta, case.inputs)
    weights, biases, activations, _, inputs, _ = case.in_float64()
    coarse = "float32" if "float32" in {dtype, description.dtype} else "float64"
    bound = forward_bound(weights, biases, activations, inputs, coarse).off[-1]
    assert (np.abs(found - ours) <= 4 * unit_roundoff(coarse) * bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_another_program_computes_the_same(activation, dtype):
    """The evaluator of the package onnx, which follows the standard, and NumPy's exp and log."""
    net = exchange.network_of(activation, dtype)
    rows = exchange.arguments(dtype)[::40]
    evaluator = reference.ReferenceEvaluator(onnx.load_from_string(to_bytes(net._exported())))
    with np.errstate(invalid="ignore"):  # 0 / 0 in softplus, which is not chosen
        (found,) = evaluator.run(None, {"X": rows})
    bound = exchange.ONNX[activation](rows.astype("float64")) + 20
    expected = net.feedforward(rows.T).T
    assert (np.abs(found - expected) <= unit_roundoff(dtype) * bound * np.abs(expected)).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_input_scale_and_no_biases(dtype):
    net = Network([3, 4, 2], input_scale=1 / 255, bias=False, dtype=dtype, seed=1)
    rows = rng.integers(256, size=(7, 3)).astype(dtype)
    (found,) = exchange.run_onnx(net, rows)
    bound = 40 * unit_roundoff(dtype)  # sigmoids of sums of 4
    np.testing.assert_allclose(found, net.feedforward(rows.T).T, rtol=bound)


@pytest.mark.parametrize("kind", [network.Network, network2.Network])
def test_the_networks_of_the_book(kind):
    book = kind([3, 5, 2])
    rows = rng.normal(size=(6, 3))
    (found,) = exchange.run_onnx(book, rows)
    np.testing.assert_allclose(found, book.feedforward(rows.T).T, rtol=1e-14)


def test_an_own_cost_does_not_matter(tmp_path):
    own = OwnCost(lambda a, y: (a - y) ** 4, lambda a, y: 4 * (a - y) ** 3, name="fourth")
    Network([2, 3, 1], cost=own, output="tanh", seed=1).to_onnx(tmp_path / "net.onnx")
    assert (tmp_path / "net.onnx").exists()


# ------------------------------------------------------------------------------- the estimators

TEXTS = np.array(["low", "höher", "high"])
CLASSES = {
    "integers": np.array([3, -1, 2**40]),
    "from zero": np.arange(3),
    "text": TEXTS,
    "objects": TEXTS.astype(object),
    "numbers": np.array([0.0, 2.0, 5.0]),
    "bytes": np.array([1, 2, 255], np.uint8),
}
TARGETS = {
    **{name: classes[CHOSEN] for name, classes in CLASSES.items()},
    **{f"two of {name}": classes[CHOSEN % 2] for name, classes in CLASSES.items()},
    "truth values": CHOSEN > 0,
    "multilabel": np.stack([CHOSEN > 0, CHOSEN > 1], axis=1).astype(int),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("targets", TARGETS)
def test_a_classifier_gives_its_labels_and_probabilities(targets, dtype):
    model = MLPClassifier((6,), standardize=True, max_iter=20, random_state=1)
    rows = X.astype(dtype)
    model.fit(rows, TARGETS[targets])
    found = run(to_bytes(model._exported()), rows)
    expected = model.predict_proba(rows)
    assert list(found) == ["label", "probabilities"]
    assert found["probabilities"].dtype == dtype
    # Layers of 4 and 6 inputs, of numbers of order 1; the columns are exact in float32.
    assert np.abs(found["probabilities"] - expected).max() < 200 * unit_roundoff(dtype)
    np.testing.assert_array_equal(found["label"], model.predict(rows))
    kind = TARGETS[targets].dtype.kind
    assert found["label"].dtype.kind == {"U": "O", "u": "i"}.get(kind, kind)


@st.composite
def estimators(draw):
    """Draw a fitted estimator of any kind, and its rows."""
    seed, dtype = draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(DTYPES))
    random = np.random.default_rng(seed)
    n_features, n = draw(st.integers(1, 20)), 30
    rows = random.normal(3.0, [*random.uniform(0.5, 5, n_features)], (n, n_features)).astype(dtype)
    kind = draw(st.sampled_from(("numbers", "table", "two", "several", "multilabel")))
    hidden = draw(st.lists(st.tuples(st.integers(1, 20), st.sampled_from(HIDDEN)), max_size=3))
    settings = {
        "hidden_layer_sizes": [width for width, _ in hidden],
        "activation": tuple(name for _, name in hidden) or "relu",
        "standardize": draw(st.booleans()), "max_iter": 2, "tol": 0.0, "random_state": seed,
    }  # fmt: skip
    if kind in {"numbers", "table"}:
        y = random.normal(5.0, 20.0, n if kind == "numbers" else (n, 3))
        return MLPRegressor(**settings).fit(rows, y), rows
    y = random.integers(0, 2 if kind == "multilabel" else 1 + draw(st.integers(1, 5)),
                        (n, 4) if kind == "multilabel" else n)  # fmt: skip
    return MLPClassifier(**settings).fit(rows, y), rows


def bound_of(model, rows, dtype):
    """The error of the outputs, with the scalings as layers of their own."""
    layers, names = model.layers(), [*model.activations]
    if model.inputs is not None:
        layers.insert(0, (np.diag(1 / model.inputs.scale), -model.inputs.mean / model.inputs.scale))
        names.insert(0, "identity")
    if model.targets is not None:
        layers.append((np.diag(model.targets.scale), model.targets.mean))
        names.append("identity")
    weights = [W.astype(np.float64) for W, _ in layers]
    biases = [b.astype(np.float64)[:, None] for _, b in layers]
    forward = forward_bound(weights, biases, names, rows.T.astype(np.float64), dtype)
    return 3 * unit_roundoff(dtype) * forward.off[-1].T


@given(estimators())
def test_any_estimator(drawn):
    """Labels are equal where the outputs do not allow another."""
    estimator, rows = drawn
    model = estimator._exported()
    found, bound = run(to_bytes(model), rows), bound_of(model, rows, rows.dtype.name)
    if model.kind == "regressor":
        ours = estimator.predict(rows).reshape(found["variable"].shape)
        assert (np.abs(found["variable"] - ours) <= bound).all()
        return
    ours = estimator.predict_proba(rows)
    off = np.abs(found["probabilities"] - ours)
    assert (off <= bound + unit_roundoff(rows.dtype)).all()  # 1 - p is rounded, too
    labels = estimator.predict(rows)
    if model.kind == "multiclass":
        highest = np.sort(ours, axis=1)
        sure = highest[:, -1] - highest[:, -2] > 2 * bound.max(axis=1)
    else:
        sure = np.abs(ours - 0.5).min(axis=1) > bound.max(axis=1)
    np.testing.assert_array_equal(found["label"][sure], labels[sure])
    assert found["label"].shape == labels.shape


def test_ties_are_decided_as_in_predict():
    model = MLPClassifier((), solver="lbfgs", max_iter=1, random_state=1)
    model.fit(X[:, :1] - 3, TEXTS[CHOSEN])
    model.coefs_[0][:], model.intercepts_[0][:] = 0, [-1, 2, 2]
    assert run(to_bytes(model._exported()), X[:, :1])["label"].tolist() == [model.classes_[1]] * 60
    model.fit(X[:, :1] - 3, TEXTS[CHOSEN % 2])
    model.coefs_[0][:], model.intercepts_[0][:] = 0, 0
    found = run(to_bytes(model._exported()), X[:, :1])
    assert found["label"].tolist() == model.predict(X[:, :1]).tolist() == [model.classes_[0]] * 60
    assert (found["probabilities"] == 0.5).all()


def test_a_single_class_and_labels_that_are_certain():
    single = MLPClassifier((2,), max_iter=1, tol=1e9, random_state=1).fit(X, np.full(60, "only"))
    single.intercepts_[-1][:] = 9  # a probability above 1/2 of a second class
    assert set(run(to_bytes(single._exported()), X)["label"]) == {"only"} == {*single.predict(X)}
    model = MLPClassifier((), max_iter=1, tol=1e9, random_state=1).fit(X, TARGETS["multilabel"])
    model.coefs_[0][:], model.intercepts_[0][:] = 0, 1e3
    found = run(to_bytes(model._exported()), X)["probabilities"]
    np.testing.assert_array_equal(found, model.predict_proba(X))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regressor_gives_y_in_its_units(loss, outputs, dtype):
    """In float32 the means are far larger than the scales of two columns, and of y."""
    y = 1e3 + X[:, :2] @ [[1.0, 2.0], [0.1, -0.1]]
    y = np.round(y) if outputs == 2 else y[:, 0]
    rows = X.astype(dtype)
    model = MLPRegressor(
        loss, (6,), activation="tanh", standardize=True, max_iter=20, random_state=1
    )
    model.fit(rows, y)
    found = run(to_bytes(model._exported()), rows)
    assert list(found) == ["variable"]
    expected = model.predict(rows).reshape(60, outputs)
    assert found["variable"].shape == expected.shape
    # Of numbers of order 1e3, less than 200 roundings of the sums before.
    np.testing.assert_allclose(found["variable"], expected, rtol=200 * unit_roundoff(dtype))


# ------------------------------------------------------------------------------------- the file


def test_the_file_says_what_it_is(tmp_path):
    pandas = pytest.importorskip("pandas", reason="DataFrames have names")
    frame = pandas.DataFrame(X, columns=["a", "größe", "c", "d"])
    model = MLPClassifier((2,), max_iter=1, tol=1e9, random_state=1).fit(frame, TEXTS[CHOSEN])
    model.to_onnx(tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    written = onnx.load(tmp_path / "model.onnx")
    ready = session((tmp_path / "model.onnx").read_bytes())
    facts = ready.get_modelmeta()
    assert facts.producer_name == "bpmatrix"
    assert facts.description.startswith("A multiclass classifier 4-2-3 with the activation")
    assert json.loads(facts.custom_metadata_map["feature_names"]) == ["a", "größe", "c", "d"]
    assert json.loads(facts.custom_metadata_map["classes"]) == ["high", "höher", "low"]
    assert [(x.name, x.shape, x.type) for x in ready.get_inputs()] == [
        ("X", ["n", 4], "tensor(double)")
    ]
    assert [(x.name, x.shape, x.type) for x in ready.get_outputs()] == [
        ("label", ["n"], "tensor(string)"),
        ("probabilities", ["n", 3], "tensor(double)"),
    ]
    (opset,) = written.opset_import
    assert (opset.domain, opset.version, written.ir_version) == ("", OLDEST_OPSET, 7)


def test_a_float32_file_has_no_float64(tmp_path):
    """Some devices have none. The biases contain what rounding the means loses."""
    model = MLPRegressor("squared_error", (3,), standardize=True, max_iter=1, tol=1e9)
    model.fit(X, X[:, 0]).to_onnx(tmp_path / "model.onnx", dtype="float32")
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert {tensor.data_type for tensor in graph.initializer} == {onnx.TensorProto.FLOAT}


def test_one_row_and_none():
    net = Network([3, 2], seed=1)
    assert run(to_bytes(net._exported()), X[:1, :3])["output"].shape == (1, 2)
    assert run(to_bytes(net._exported()), X[:0, :3])["output"].shape == (0, 2)


def test_every_function_has_a_bound():
    assert exchange.ONNX.keys() == exchange.OURS.keys() == ACTIVATIONS.keys()


def test_what_fails_changes_nothing(tmp_path):
    """An older file stays as it is."""
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    net = Network([2, 1], seed=1)
    with pytest.raises(ArgumentError, match="opset"):
        net.to_onnx(path, opset=12)
    net.parameters[0] = 1e300
    with pytest.raises(ArgumentError, match="outside the range of float32"):
        net.to_onnx(path, dtype="float32")
    assert path.read_bytes() == b"old"
