"""An estimator is restored from a model file, and a damaged file is rejected."""

from __future__ import annotations

import copy
import json
import random

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification

import bpmatrix
from bpmatrix import Huber, MLPClassifier, MLPRegressor, Network, Quantile
from bpmatrix.cli import main
from bpmatrix.errors import DataError, ModelFileError

pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")


def iris():
    X, y = load_iris(return_X_y=True)
    return MLPClassifier((5, 4), random_state=1, max_iter=3, standardize=True), X, y


def words():
    model, X, y = iris()
    model.set_params(class_weight={"a": 2.0, "b": 1.0, "c": 1}, n_iter_no_change=np.inf)
    return model, X, np.array(["a", "b", "c"], dtype=object)[y]


def two_classes():
    model, X, y = iris()
    return model, X.astype(np.float32), (y == 1)


def several_labels():
    X, y = make_multilabel_classification(n_samples=40, random_state=0)
    return MLPClassifier((), random_state=1, max_iter=3, early_stopping=True), X, y


def numbers():
    X, y = load_diabetes(return_X_y=True)
    return MLPRegressor(hidden_layer_sizes=7, random_state=1, max_iter=3, standardize=True), X, y


def robust():
    model, X, y = numbers()
    return model.set_params(loss=Huber(0.5)), X, y


def quantile():
    model, X, y = numbers()
    return model.set_params(loss=Quantile(0.9), dtype="float32"), X, y


def huber_by_name():
    model, X, y = numbers()
    return model.set_params(loss="huber"), X, y


CASES = [
    iris, words, two_classes, several_labels, numbers, robust, quantile, huber_by_name,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_saved_estimator_is_restored(case, tmp_path):
    model, X, y = case()
    model.fit(X, y).save(tmp_path / "model.safetensors")
    same = bpmatrix.load(tmp_path / "model.safetensors")

    assert type(same) is type(model)
    assert same.get_params() == model.get_params()
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
    assert same.predict(X).dtype == model.predict(X).dtype
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "loss_", "out_activation_"):
        assert getattr(same, name) == getattr(model, name)
    for mine, other in zip(same.coefs_, model.coefs_, strict=True):
        np.testing.assert_array_equal(mine, other)
        assert mine.dtype == other.dtype


def test_classes_that_a_file_cannot_hold_are_rejected_and_the_cure_works(tmp_path):
    model, X, y = iris()
    days = np.array(["2024-02-28", "2024-02-29", "2024-03-01"], "datetime64[D]")[y]
    with pytest.raises(DataError, match=r"cannot hold these classes: got .*datetime64"):
        model.fit(X, days).save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    model.fit(X, days.astype(str)).save(tmp_path / "model")
    assert set(bpmatrix.load(tmp_path / "model").predict(X)) <= set(days.astype(str))


def test_dtype_is_restored_by_name(tmp_path):
    model, X, y = iris()
    model.set_params(dtype=np.float32).fit(X, y).save(tmp_path / "model")
    assert bpmatrix.load(tmp_path / "model").dtype == "float32"


def test_feature_names_of_pandas_are_restored(tmp_path):
    pandas = pytest.importorskip("pandas")
    model, X, y = iris()
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    model.fit(frame, y).save(tmp_path / "model")
    same = bpmatrix.load(tmp_path / "model")

    assert list(same.feature_names_in_) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(same.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        same.predict(frame[["b", "a", "c", "d"]])


def test_training_continues_after_loading(tmp_path):
    model, X, y = iris()
    model.fit(X, y).save(tmp_path / "model")
    same = bpmatrix.load(tmp_path / "model")
    same.partial_fit(X, y)

    assert same.loss_ < model.loss_
    assert same.t_ == model.t_ + len(X)


def test_network_load_rejects_an_estimator(tmp_path):
    model, X, y = iris()
    model.fit(X, y).save(tmp_path / "model")

    with pytest.raises(ModelFileError, match=r"bpmatrix\.load\("):
        Network.load(tmp_path / "model")


def test_load_returns_a_network(tmp_path):
    net = Network([2, 3, 1], seed=1)
    net.save(tmp_path / "net")

    assert isinstance(bpmatrix.load(tmp_path / "net"), Network)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Metadata and tensors of saved models by name; tests change copies."""
    found = {}
    for case in (iris, words, two_classes, several_labels, numbers):
        model, X, y = case()
        path = tmp_path_factory.mktemp("models") / "model"
        model.fit(X, y).save(path)
        with safe_open(path, framework="numpy") as file:
            found[case.__name__] = json.loads(file.metadata()["bpmatrix"]), load_file(path)
    return found


def load_changed(folder, metadata, tensors):
    save_file(tensors, folder / "changed", {"bpmatrix": json.dumps(metadata)})
    return bpmatrix.load(folder / "changed")


def change(**changes):
    def apply(metadata, tensors):
        metadata["estimator"].update(changes)

    return apply


def change_labels(**changes):
    def apply(metadata, tensors):
        metadata["estimator"]["labels"].update(changes)

    return apply


def change_record(name, value):
    def apply(metadata, tensors):
        metadata["estimator"]["records"][name] = value

    return apply


def drop_record(name):
    def apply(metadata, tensors):
        del metadata["estimator"]["records"][name]

    return apply


def drop_mean(metadata, tensors):
    del tensors["inputs.mean"]


def set_scale(value):
    def apply(metadata, tensors):
        tensors["inputs.scale"][0] = value

    return apply


def another_output(metadata, tensors):
    """Probabilities that do not sum to 1."""
    metadata["network"].update(activations=["relu", "relu", "sigmoid"], cost="cross_entropy")


DAMAGES = {
    "unknown class": change(name="Popen"),
    "another class": change(name="MLPRegressor"),
    "unknown parameter": change(parameters={"shell": True}),
    "unknown record": change(records={"__class__": "x"}),
    "blocks without a window": change(blocks={"block_size": None}),
    "blocks of a text": change(blocks={"block_size": "500", "window": 8}),
    "labels without entries": change(labels={}),
    "no labels": change(labels=None),
    "labels of bytes": change_labels(dtype="V8"),
    "labels of two fields": change_labels(dtype="i8,i8"),
    "labels of half a type": change_labels(dtype="("),
    "labels of long numbers": change_labels(dtype="<f16"),
    "labels of no type": change_labels(dtype=None),
    "too few classes": change_labels(classes=[1, 2]),
    "huge classes": change_labels(classes=[0, 1, 10**30]),
    "text for numbers": change_labels(classes=["0", "1", "2"]),
    "fractions for numbers": change_labels(classes=[0, 1, 2.5]),
    "null": change_labels(classes=[None, None, None]),
    "nested classes": change_labels(classes=[[0], [1], [2]]),
    "classes cut short": change_labels(classes=["apple", "avocado", "b"], dtype="<U1"),
    "numbers for text": change_labels(classes=[1, 2, 3], dtype="<U1"),
    "a zero at the end": change_labels(classes=["a", "b", "c\0"], dtype="<U2"),
    "unsorted classes": change_labels(classes=[0, 2, 1]),
    "a class twice": change_labels(classes=[0, 1, 1]),
    "classes of several types": change_labels(classes=[0, "1", 2], dtype="|O"),
    "another kind": change_labels(kind="binary"),
    "several labels": change_labels(kind="multilabel-indicator"),
    "unknown kind": change_labels(kind=["multiclass"]),
    "sparse as text": change_labels(sparse="no"),
    "another output": another_output,
    "no mean": drop_mean,
    "infinite scale": set_scale(np.inf),
    "negative scale": set_scale(-1),
    "scale of 0": set_scale(0),
    "another size": change_record("n_features_in_", 3),
    "no size": drop_record("n_outputs_"),
    "no number of epochs": drop_record("n_iter_"),
    "no number of samples": drop_record("t_"),
    "epochs as text": change_record("n_iter_", "3"),
    "true epochs": change_record("n_iter_", True),
    "negative epochs": change_record("t_", -1),
    "huge epochs": change_record("n_iter_", 10**400),
    "loss as text": change_record("loss_", "low"),
    "a huge loss": change_record("loss_", 10**400),
    "no loss curve": change_record("loss_curve_", None),
    "loss curve of text": change_record("loss_curve_", ["a"]),
    "loss curve of lists": change_record("validation_loss_curve_", [[1.0]]),
    "scores as a number": change_record("validation_scores_", 1.0),
    "best score as text": change_record("best_validation_score_", "x"),
    "target as a number": change_record("target_name_", 5),
    "unknown number": change_record("loss_", {"number": "1e5"}),
    "names as text": change(feature_names="abcd"),
    "an unknown type": change(parameters={"dtype": "float16"}),
    "a type as a number": change(parameters={"dtype": 8}),
    "names of numbers": change(feature_names=[1, 2, 3, 4]),
    "too few names": change(feature_names=["a"]),
    "deep parameters": change(parameters={"alpha": json.loads("[" * 900 + "]" * 900)}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_rejected(damage, kept, tmp_path):
    """This happens when it is loaded, not when it predicts."""
    metadata, tensors = copy.deepcopy(kept["iris"])
    DAMAGES[damage](metadata, tensors)
    with pytest.raises(ModelFileError) as caught:
        load_changed(tmp_path, metadata, tensors)
    assert type(caught.value) is ModelFileError


def test_a_type_that_demands_gigabytes_gets_what_the_classes_need(kept, tmp_path):
    """Wide types are stored with short words as well, so the file is not damaged."""
    metadata, tensors = copy.deepcopy(kept["words"])
    metadata["estimator"]["labels"]["dtype"] = "<U500000000"
    model = load_changed(tmp_path, metadata, tensors)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert model.classes_.nbytes < 100_000


def paths_of(tree, path=()):
    """Return the path of keys to every value of a JSON tree; in lists, only to the first ones."""
    pairs = ()
    if isinstance(tree, dict | list):
        pairs = tree.items() if isinstance(tree, dict) else enumerate(tree[:3])
    return [path] + [inner for key, value in pairs for inner in paths_of(value, (*path, key))]


VALUES = [
    None, True, -1, 0, 1.5, 10**30, 10**400, "", "x", "\x1b[2J", [], [1], ["x"], [[0.5]], {},
    {"number": "nan"}, {"pairs": [[[], 1]]}, {"a": 1},
]  # fmt: skip


@pytest.mark.parametrize("name", ["iris", "words", "two_classes", "several_labels", "numbers"])
def test_any_value_anywhere_is_rejected_or_harmless(name, kept, tmp_path, capsys):
    """A model that loads can predict, and `bpmatrix info` can describe it."""
    model_of, X, _ = globals()[name]()
    metadata, tensors = kept[name]
    rng = random.Random(name)
    places = [path for path in paths_of(metadata) if path[:1] in {("estimator",), ("network",)}]
    for path in rng.sample(places, min(len(places), 60)):
        for value in rng.sample(VALUES, 4):
            changed = copy.deepcopy(metadata)
            parent = changed
            for key in path[:-1]:
                parent = parent[key]
            parent[path[-1]] = value
            try:
                model = load_changed(tmp_path, changed, tensors)
            except ModelFileError:
                continue
            assert type(model) is type(model_of)
            assert len(model.predict(X)) == len(X)
            assert main(["info", str(tmp_path / "changed")]) == 0, (path, value)
    assert "\x1b" not in capsys.readouterr().out
