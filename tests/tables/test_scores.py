"""Scores of models of tables, beside those that scikit-learn computes."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn import metrics

from bpmatrix import TableModel
from bpmatrix.tables.scores import confusion, importances, scores

pytestmark = pytest.mark.filterwarnings("ignore:the solver reached max_iter")

N = 300
RNG = np.random.default_rng(3)
X, NOISE = RNG.normal(size=(2, N))
Y = {
    "numbers": 10 + X + 0.1 * NOISE,
    "two": np.where(X + 0.5 * NOISE > 0, "yes", "no"),
    "three": np.select([X > 0.5, X > -0.5], ["high", "mid"], "low"),
}


def fitted(name):
    table = pa.table({"x": X, "noise": RNG.permutation(NOISE), "y": Y[name]})
    model = TableModel("y", seed=1, max_iter=20).fit(table.slice(0, 200))
    return model, table.slice(200), Y[name][200:], Y[name][:200]


@pytest.mark.parametrize("name", ["two", "three"])
def test_classes(name):
    model, test, y, learned = fitted(name)
    found, p, said = scores(model, test, learned), model.predict_proba(test), model.predict(test)
    assert found["accuracy"] == model.score(test) == np.mean(said == y)
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, said))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p))
    area = metrics.roc_auc_score(y, p[:, 1] if name == "two" else p, multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(area)
    assert 0 <= found["calibration_error"] <= 1
    largest = max({*learned}, key=learned.tolist().count)
    assert found["accuracy_of_largest_class"] == np.mean(y == largest)
    names, counts = confusion(model, test)
    assert names == sorted({*y})
    assert counts.sum() == 100
    assert counts.trace() == round(100 * found["accuracy"])


def test_numbers_beside_a_constant_prediction():
    model, test, y, learned = fitted("numbers")
    found = scores(model, test, learned)
    assert found["r2"] == model.score(test) > 0.5
    assert found["rmse_of_mean"] == pytest.approx(np.sqrt(np.mean((y - learned.mean()) ** 2)))
    assert found["mae_of_median"] == pytest.approx(np.mean(abs(y - np.median(learned))))
    assert found["rmse"] < found["rmse_of_mean"]


def test_a_certain_and_right_model_is_calibrated():
    """Whose confidence is its accuracy."""
    model, test, *_ = fitted("two")
    p = model.predict_proba(test)
    model._outputs = lambda _: np.where(p == p.max(axis=1, keepdims=True), 1.0, 0.0)
    found = scores(model, test, Y["two"][:200])
    assert found["calibration_error"] == pytest.approx(1 - found["accuracy"])


def test_classes_that_the_model_does_not_know_count_as_wrong():
    model, test, y, learned = fitted("two")
    y = np.array(["maybe", *y[1:]])
    table = test.set_column(test.column_names.index("y"), "y", pa.array(y))
    found = scores(model, table, learned)
    assert found["accuracy"] == np.mean(model.predict(table) == y)
    assert np.isfinite(list(found.values())).all()
    assert confusion(model, table)[0] == ["maybe", "no", "yes"]


@pytest.mark.parametrize("name", Y)
def test_the_column_that_matters_is_the_first(name):
    model, test, *_ = fitted(name)
    found = importances(model, test)
    assert list(found) == ["x", "noise"]
    assert found["x"] > 0.1
    assert found == importances(model, test)
