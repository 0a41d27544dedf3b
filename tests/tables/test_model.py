"""Models of tables: what they learn, predict, and keep in a file."""

import json

import numpy as np
import pyarrow as pa
import pytest
from sklearn.exceptions import ConvergenceWarning

import bpmatrix
from bpmatrix import MLPClassifier, TableModel
from bpmatrix.errors import ArgumentError, DataError, ModelFileError
from bpmatrix.storage import tensor_files

pytestmark = pytest.mark.filterwarnings("ignore:the solver reached max_iter")

N = 120
RNG = np.random.default_rng(2)
KINDS = RNG.choice(["a", "b", "c"], N)
X = RNG.normal(size=N)
PRICES = 1000 + 300 * X + np.select([KINDS == "a", KINDS == "b"], [0.0, 500.0], -500.0)
TABLE = {"id": range(N), "x": X.tolist(), "kind": KINDS.tolist(), "price": PRICES.tolist()}
CLASSES = {name: TABLE[name] for name in ("id", "x", "kind")} | {
    "grade": np.where(PRICES > 1000, "high", "low").tolist()
}
PARTS = {name: values[:30] for name, values in CLASSES.items()}


@pytest.fixture(scope="module")
def regression():
    return TableModel("price", seed=1).fit(TABLE)


@pytest.fixture(scope="module")
def classification():
    return TableModel("grade", n_members=2, seed=1).fit(CLASSES)


def test_callbacks_may_be_passed_to_the_model_and_to_fit():
    seen = []
    table = {"x": [0.0, 1.0] * 20, "y": ["a", "b"] * 20}
    model = TableModel("y", seed=1, max_iter=1, callbacks=[lambda info: seen.append("model")])
    with pytest.warns(ConvergenceWarning):
        model.fit(table, callbacks=[lambda info: seen.append("fit")])
    assert seen == ["model", "fit"]


def test_numbers_are_predicted_in_their_units(regression):
    assert (regression.task_, regression.score(TABLE) > 0.95) == ("regression", True)
    assert 400 < regression.predict(TABLE).mean() < 1600
    assert regression.encoder_.left_out_ == {"id": "it numbers the rows"}


def test_classes_are_predicted_with_probabilities(classification):
    assert classification.classes_.tolist() == ["high", "low"]
    p = classification.predict_proba(CLASSES)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-14)
    found = classification.classes_[p.argmax(axis=1)]
    assert classification.predict(CLASSES).tolist() == found.tolist()
    assert classification.score(CLASSES) > 0.9


def test_members_differ_and_are_averaged(classification):
    X = classification.encoder_.transform(CLASSES)
    first, second = (member.predict_proba(X) for member in classification.members_)
    assert np.abs(first - second).max() > 1e-3
    expected = (first + second) / 2
    np.testing.assert_allclose(classification.predict_proba(CLASSES), expected, rtol=1e-15)


def test_a_seed_repeats_the_fit(regression):
    again = TableModel("price", seed=1).fit(TABLE)
    np.testing.assert_array_equal(again.predict(TABLE), regression.predict(TABLE))
    drawn = TableModel("price")
    assert drawn.seed != TableModel("price").seed


def test_validation_rows_are_not_learned_from():
    """Neither by the network nor by the encoder."""
    held_out = TABLE | {"kind": ["only here"] * N, "x": [1e9] * N}
    model = TableModel("price", seed=1, max_iter=2).fit(TABLE, validation=held_out)
    names = sorted(model.encoder_.get_feature_names_out())
    assert names == ["kind=a", "kind=b", "kind=c", "x"]
    alone = TableModel("price", seed=1, max_iter=2).fit(TABLE, validation=TABLE)
    assert model.encoder_.to_json() == alone.encoder_.to_json()


def test_validation_rows_of_unknown_classes_are_left_out():
    validation = {name: [*values[:20]] for name, values in CLASSES.items()}
    expected = TableModel("grade", seed=1, max_iter=5).fit(CLASSES, validation)
    more = {name: [*values, values[0]] for name, values in validation.items()}
    more["grade"][-1] = "unknown"
    found = TableModel("grade", seed=1, max_iter=5).fit(CLASSES, more)
    np.testing.assert_array_equal(found.predict_proba(CLASSES), expected.predict_proba(CLASSES))


def test_the_target_may_lie_anywhere_or_be_missing_in_a_prediction(classification):
    without = {name: CLASSES[name] for name in ("kind", "x")}
    expected = classification.predict(CLASSES)
    assert classification.predict(without).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1] * 10, "classification", [0, 1]),
        ([0.0, 1.0] * 10, "classification", [0, 1]),
        ([True, False] * 10, "classification", ["false", "true"]),
        (list(range(100, 125)), "regression", None),
        ([0.5, 1.0] * 10, "regression", None),
    ],
)
def test_the_task_follows_from_the_target(values, task, classes):
    table = {"x": RNG.normal(size=len(values)).tolist(), "y": values}
    model = TableModel("y", seed=1, max_iter=2).fit(table)
    assert model.task_ == task
    assert classes is None or model.classes_.tolist() == classes


def test_parameters_and_callbacks_reach_the_networks():
    epochs = []
    model = TableModel("grade", hidden_layer_sizes=(3,), max_iter=4, early_stopping=False, seed=1)
    model.fit(CLASSES, callbacks=[lambda info: epochs.append(info.epoch)])
    assert model.members_[0].coefs_[0].shape == (4, 3)
    assert epochs == [1, 2, 3, 4]


def test_a_checkpoint_resumes_to_the_same_bits(tmp_path):
    class StoppedError(Exception):
        pass

    def stop(info):
        if info.epoch == 3:
            raise StoppedError

    def model():
        return TableModel("grade", n_members=2, seed=1, max_iter=8)

    with pytest.raises(StoppedError):
        model().fit(CLASSES, callbacks=[stop], checkpoint=tmp_path)
    resumed = model().fit(CLASSES, checkpoint=tmp_path)
    expected = model().fit(CLASSES)
    np.testing.assert_array_equal(resumed.predict_proba(CLASSES), expected.predict_proba(CLASSES))


@pytest.mark.parametrize("which", ["regression", "classification"])
def test_a_file_keeps_everything(which, request, tmp_path):
    model = request.getfixturevalue(which)
    model.save(tmp_path / "model.safetensors")
    again = bpmatrix.load(tmp_path / "model.safetensors")
    table = TABLE if which == "regression" else CLASSES
    assert again.predict(table).tolist() == model.predict(table).tolist()
    assert (repr(again), again.seed) == (repr(model), 1)
    assert again.encoder_.described() == model.encoder_.described()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v["table"].pop("encoder"), "does not describe a model of a table"),
        (lambda v: v["table"].update(task="guess"), "does not describe a model of a table"),
        (lambda v: v["table"].update(task="regression"), "do not fit its columns"),
        (lambda v: v["table"].update(scale_=0.0), "does not describe a model of a table"),
        (lambda v: v["table"].update(center_=1), "does not describe a model of a table"),
        (lambda v: v["table"].update(target=1), "does not describe a model of a table"),
        (lambda v: v["members"].pop(), "does not describe a model of a table"),
        (lambda v: v["table"]["encoder"]["columns"].pop(), "do not fit its columns"),
    ],
)
def test_damaged_files_are_refused(classification, tmp_path, change, message):
    path = tmp_path / "model.safetensors"
    classification.save(path)
    with tensor_files.opened(path) as file:
        values, arrays = json.loads(json.dumps(file.values)), file.read()
    change(values)
    tensor_files.write(path, values, arrays)
    with pytest.raises(ModelFileError, match=message):
        bpmatrix.load(path)


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        ({"x": [1, 2]}, DataError, "no column 'price'"),
        ({"x": [1, 2], "price": [1, None]}, DataError, "missing in 1 of 2 rows.*row 2"),
        ({"x": [1, 2], "price": [1, 2]}, DataError, "too small"),
        ({"x": [1] * 20, "price": ["a"] * 19 + ["b"]}, DataError, "too small.*1 of the rarest"),
        ({"x": [1] * 20, "price": ["a" * 201, "b"] * 10}, DataError, "cannot be used"),
    ],
)
def test_tables_that_cannot_be_learned_from(table, error, message):
    with pytest.raises(error, match=message):
        TableModel("price", seed=1).fit(table)


def test_a_task_that_does_not_fit_the_target_is_refused():
    with pytest.raises(DataError, match="'grade' is not numbers"):
        TableModel("grade", task="regression").fit(CLASSES)
    with pytest.raises(DataError, match="no classes"):
        TableModel("price", task="classification").fit(TABLE)
    with pytest.raises(ArgumentError, match="task"):
        TableModel("price", task="guess")


def test_a_regression_has_no_probabilities(regression):
    with pytest.raises(ArgumentError, match="no probabilities"):
        regression.predict_proba(TABLE)


def test_an_estimator_is_still_loaded_as_one(tmp_path):
    MLPClassifier((2,), max_iter=1, tol=1e9).fit([[0.0], [1.0]], [0, 1]).save(tmp_path / "m")
    assert isinstance(bpmatrix.load(tmp_path / "m"), MLPClassifier)


@pytest.mark.filterwarnings("ignore:the solver reached max_iter")
@pytest.mark.parametrize("task", ["regression", "classification", "words"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_model_of_numbers_is_one_onnx_file(task, members, dtype, tmp_path) -> None:
    """With gaps and outliers, in another order than that of the training table."""
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(1)
    X = rng.standard_cauchy((200, 3)) * [1, 1000, 0.001] + [0, 5000, 0]
    targets = {
        "regression": X[:, 0].clip(-5, 5) * 1e3,
        "classification": np.digitize(X[:, 0], [-1, 1]),
        "words": np.where(X[:, 0] > 0, "up", "down"),
    }
    X[::7, 1] = X[::9, 2] = np.nan
    table = dict(zip("abc", X.T, strict=True))
    model = TableModel(
        "y",
        task="classification" if task == "words" else task,
        seed=1,
        n_members=members,
        max_iter=3,
        standardize=members == 1,
    ).fit(table | {"y": targets[task]})
    model.to_onnx(tmp_path / "model.onnx", dtype)
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    names = json.loads(session.get_modelmeta().custom_metadata_map["feature_names"])
    rows = np.stack([table[name] for name in names], axis=1).astype(dtype)
    found, tolerance = session.run(None, {"X": rows}), 1e-12 if dtype == "float64" else 1e-4
    given = {name: column.astype(np.float64) for name, column in zip(names, rows.T, strict=True)}
    if task == "regression":
        difference = np.abs(found[0][:, 0] - model.predict(given))
        assert difference.max() < tolerance * model.scale_
    else:
        assert found[0].tolist() == model.predict(given).tolist()
        assert np.abs(found[1] - model.predict_proba(given)).max() < tolerance


def test_text_of_any_type_of_arrow():
    """Such as that of polars."""
    kinds = [pa.string(), pa.large_string(), pa.string_view()]
    targets = np.arange(80) % 2 + 0.5
    columns = [pa.array(["a", "b"] * 40, kind) for kind in kinds]
    columns += [
        pa.DictionaryArray.from_arrays(np.arange(80) % 2, pa.array(["a", "b"], kind))
        for kind in kinds
    ]
    tables = [pa.table({"kind": column, "y": targets}) for column in columns]
    models = [TableModel("y", seed=1, max_iter=2).fit(table) for table in tables]
    for table in tables:
        assert {model.score(table) for model in models} == {models[0].score(tables[0])}
    named = [TableModel("kind", seed=1, max_iter=2).fit(table) for table in tables]
    assert all(model.classes_.tolist() == ["a", "b"] for model in named)
