"""Pipelines with our estimators, converted by skl2onnx: the same results in onnxruntime."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bpmatrix import MLPClassifier, MLPRegressor
from bpmatrix.errors import ArgumentError

skl2onnx = pytest.importorskip("skl2onnx", reason="converts pipelines")
onnxruntime = pytest.importorskip("onnxruntime", reason="runs what is converted")
pandas = pytest.importorskip("pandas", reason="columns have names")

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")

rng = np.random.default_rng(1)
FRAME = pandas.DataFrame(
    {
        "height": rng.normal(3.0, 1.0, 80).astype("float32"),
        "weight": rng.normal(-40.0, 20.0, 80).astype("float32"),
        "color": rng.choice(["red", "green"], 80),
    }
)
CHOSEN = np.digitize(FRAME.height, [2.5, 3.5])
ROWS = FRAME[["height", "weight"]].to_numpy()
TARGETS = {
    "text": np.array(["low", "höher", "high"])[CHOSEN],
    "two": CHOSEN % 2,
    "truth values": CHOSEN > 1,
    "multilabel": np.stack([CHOSEN > 0, CHOSEN > 1], axis=1).astype(int),
}


def run(converted, inputs):
    """Return the outputs by name."""
    ready = onnxruntime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return dict(zip([x.name for x in ready.get_outputs()], ready.run(None, inputs), strict=True))


def pipeline(model):
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["height", "weight"]),
            ("words", OneHotEncoder(sparse_output=False), ["color"]),
        ]
    )
    return make_pipeline(columns, model)


def converted(fitted, **options):
    """Return the results of a pipeline on the frame, in onnxruntime."""
    written = skl2onnx.to_onnx(fitted, FRAME[:1], **options)
    return run(written, {name: FRAME[[name]].to_numpy() for name in FRAME})


@pytest.mark.parametrize("opset", [None, 13, 18])
@pytest.mark.parametrize("targets", TARGETS)
def test_a_classifier_in_a_pipeline(targets, opset):
    model = MLPClassifier((5,), standardize=True, max_iter=30, random_state=1)
    fitted = pipeline(model).fit(FRAME, TARGETS[targets])
    found = converted(fitted, target_opset=opset)
    assert list(found) == ["label", "probabilities"]
    np.testing.assert_array_equal(found["label"], fitted.predict(FRAME))
    # In float32; the pipeline computes in float64.
    np.testing.assert_allclose(found["probabilities"], fitted.predict_proba(FRAME), atol=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regressor_in_a_pipeline(outputs):
    model = MLPRegressor(
        "squared_error", (5, 4), activation=("gelu", "softplus"), standardize=True, max_iter=30,
        random_state=1,
    )  # fmt: skip
    y = ROWS[:, 0] if outputs == 1 else ROWS
    fitted = pipeline(model).fit(FRAME, y)
    found = converted(fitted)["variable"]
    assert found.shape == (80, outputs)
    np.testing.assert_allclose(found, fitted.predict(FRAME).reshape(80, -1), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float64", "float64"), ("float32", "float32"), ("int64", "float32")]
)
def test_the_type_is_that_of_the_inputs(dtype, expected):
    """As with skl2onnx's own converters, integers become float32."""
    model = MLPClassifier((5,), max_iter=30, random_state=1).fit(ROWS.astype(dtype), CHOSEN)
    rows = ROWS.astype(dtype)
    found = run(skl2onnx.to_onnx(model, rows[:1]), {"X": rows})
    assert found["probabilities"].dtype == expected
    np.testing.assert_array_equal(found["label"], model.predict(rows))
    tolerance = 1e-13 if expected == "float64" else 1e-5
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(rows), atol=tolerance)


@pytest.mark.parametrize("key", ["all", "class", "id"])
def test_the_option_zipmap_is_accepted(key):
    """Programs written for scikit-learn's classifiers pass it; here is no ZipMap to leave out."""
    model = MLPClassifier((4,), max_iter=30, random_state=1).fit(ROWS, CHOSEN)
    option = {"zipmap": False}
    options = {"all": option, "class": {MLPClassifier: option}, "id": {id(model): option}}[key]
    found = run(skl2onnx.to_onnx(model, ROWS[:1], options=options), {"X": ROWS})
    assert list(found) == ["label", "probabilities"]


def test_other_options_are_refused():
    """They would have to change the outputs."""
    model = MLPClassifier((4,), max_iter=30, random_state=1).fit(ROWS, CHOSEN)
    for option in ({"zipmap": True}, {"output_class_labels": True}, {"zipmap": "columns"}):
        with pytest.raises(ArgumentError, match="Leave it out"):
            skl2onnx.to_onnx(model, ROWS[:1], options={id(model): option})


def test_a_search_over_pipelines():
    """skl2onnx finds an estimator in a search if it is in a pipeline of its own."""
    pipeline = make_pipeline(MLPClassifier((4,), max_iter=30, random_state=1))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1e-3]}, cv=2)
    search.fit(ROWS, CHOSEN)
    found = run(skl2onnx.to_onnx(search, ROWS[:1], options={"zipmap": False}), {"X": ROWS})
    np.testing.assert_array_equal(found["label"], search.predict(ROWS))


def test_two_models_in_one_graph_and_an_input_for_each_column():
    """Names do not clash; columns that arrive one by one are joined."""
    steps = [("first", MLPClassifier((4,), max_iter=30, random_state=1))]
    steps += [("second", MLPRegressor("squared_error", (4,), max_iter=30, random_state=1))]
    for _, model in steps:
        model.fit(ROWS, CHOSEN)
    both = [skl2onnx.to_onnx(model, FRAME[["height", "weight"]][:1]) for _, model in steps]
    inputs = {name: FRAME[[name]].to_numpy() for name in ("height", "weight")}
    np.testing.assert_array_equal(run(both[0], inputs)["label"], steps[0][1].predict(ROWS))
    np.testing.assert_allclose(
        run(both[1], inputs)["variable"][:, 0], steps[1][1].predict(ROWS), rtol=1e-4, atol=1e-5
    )
