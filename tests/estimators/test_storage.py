"""An estimator is restored from a model file, and a damaged file is rejected."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification

import bpmatrix
from bpmatrix import Huber, MLPClassifier, MLPRegressor, Network, Quantile
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


def change(**changes):
    def apply(metadata, tensors):
        metadata["estimator"].update(changes)

    return apply


def drop_mean(metadata, tensors):
    del tensors["inputs.mean"]


def spoil_scale(metadata, tensors):
    tensors["inputs.scale"][0] = np.inf


def another_size(metadata, tensors):
    metadata["estimator"]["records"]["n_features_in_"] = 3


DAMAGES = {
    "unknown class": change(name="Popen"),
    "unknown parameter": change(parameters={"shell": True}),
    "unknown record": change(records={"__class__": "x"}),
    "no labels": change(labels={}),
    "labels of objects": change(
        labels={"kind": "binary", "sparse": False, "dtype": "V8", "classes": [1, 2]}
    ),
    "too few classes": change(
        labels={"kind": "multiclass", "sparse": False, "dtype": "<i8", "classes": [1, 2]}
    ),
    "no mean": drop_mean,
    "infinite scale": spoil_scale,
    "another size": another_size,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_rejected(damage, tmp_path):
    model, X, y = iris()
    model.fit(X, y).save(tmp_path / "model")
    with safe_open(tmp_path / "model", framework="numpy") as file:
        metadata = json.loads(file.metadata()["bpmatrix"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    DAMAGES[damage](metadata, tensors)
    save_file(tensors, tmp_path / "damaged", {"bpmatrix": json.dumps(metadata)})

    with pytest.raises(ModelFileError):
        bpmatrix.load(tmp_path / "damaged")
