"""Plots of estimators equal those of the same network; without the numbers, an error says so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from bpmatrix import MLPClassifier, MLPRegressor, Network, datasets, plots
from bpmatrix.errors import ArgumentError, DataError, ShapeError

matplotlib = pytest.importorskip("matplotlib")
sparse = pytest.importorskip("scipy.sparse")

DIGITS = datasets.load("digits")
ROWS, LABELS = DIGITS.train.X.T[:300] / 16, DIGITS.train.labels[:300]
TEST, TRUTH = DIGITS.test.X.T[:150] / 16, DIGITS.test.labels[:150]
WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


@pytest.fixture(scope="module")
def fitted() -> MLPClassifier:
    """Return a classifier with words as labels, which sort differently from the digits."""
    model = MLPClassifier(
        hidden_layer_sizes=(12,), max_iter=15, early_stopping=True, random_state=1
    )
    with warnings.catch_warnings(action="ignore"):  # it has not converged
        return model.fit(ROWS, WORDS[LABELS])


@pytest.fixture(scope="module")
def twin(fitted) -> Network:
    """Return a network with the classifier's weights; classes in sorted order."""
    net = Network([64, 12, 10], activation="relu", cost="log_likelihood")
    for l in range(2):
        net.weights[l][:] = fitted.coefs_[l].T
        net.biases[l][:] = fitted.intercepts_[l][:, None]
    return net


def lines(axes) -> dict:
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def cells(figure) -> dict:
    return {text.get_position(): text.get_text() for text in figure.axes[0].texts}


def pictures(figure) -> list:
    return [axes.images[0].get_array().tolist() for axes in figure.axes if axes.images]


def test_learning_curves_of_a_classifier(fitted) -> None:
    """Its loss, and the validation accuracy in percent."""
    loss, accuracy = plots.learning_curves(fitted).axes
    epochs = range(1, fitted.n_iter_ + 1)
    losses, scores = np.array(fitted.loss_curve_), 100 * np.array(fitted.validation_scores_)
    assert lines(loss)["training"] == np.stack([epochs, losses], axis=1).tolist()
    assert lines(accuracy) == {"validation": np.stack([epochs, scores], axis=1).tolist()}


def test_learning_curves_of_a_regressor_whose_validation_began_later() -> None:
    """R² is not shown in percent; the second fit's numbers are drawn at its own epochs."""
    y = ROWS @ np.arange(64) / 100
    model = MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, warm_start=True, random_state=1)
    with pytest.warns(UserWarning, match="has not converged|reached"):
        model.fit(ROWS, y)
    (loss,) = plots.learning_curves(model).axes
    assert list(lines(loss)) == ["training"]
    model.validation_scores_, model.validation_loss_curve_ = [0.5], [2.0]
    loss, score = plots.learning_curves(model).axes
    assert lines(loss)["validation"] == [[3, 2.0]]
    assert lines(score) == {"validation": [[3, 0.5]]}
    assert score.get_ylabel() == "R²"


def test_a_confusion_matrix_counts_the_labels_of_the_estimator(fitted, twin) -> None:
    """The same cells as the twin's, with the words as tick labels."""
    places = np.searchsorted(fitted.classes_, WORDS[TRUTH])
    figure = plots.confusion_matrix(fitted, TEST, WORDS[TRUTH])
    assert cells(figure) == cells(plots.confusion_matrix(twin, TEST.T, places))
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == sorted(WORDS)
    right = int((fitted.predict(TEST) == WORDS[TRUTH]).sum())
    assert figure.axes[0].get_title().startswith(f"{right} of 150 correct")


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_misclassified_and_weights_of_an_estimator(fitted, twin, kind) -> None:
    """The same images in the same order, titled with the words."""
    places = np.searchsorted(fitted.classes_, WORDS[TRUTH])
    figure = plots.misclassified(fitted, kind(TEST), WORDS[TRUTH], most=5)
    assert pictures(figure) == pictures(plots.misclassified(twin, TEST.T, places, most=5))
    title = figure.axes[0].get_title()
    truth, said = title.split(" seen as ")
    assert {truth, said} <= set(WORDS)
    assert pictures(plots.hidden_weights(fitted)) == pictures(plots.hidden_weights(twin))


def test_any_classifier_works() -> None:
    """A pipeline with a classifier without probabilities, whose labels are -3 and 8."""
    linear_model = pytest.importorskip("sklearn.linear_model")
    pipeline = pytest.importorskip("sklearn.pipeline")
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    y = np.where(LABELS < 5, -3, 8)
    model = pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.RidgeClassifier())
    model.fit(ROWS, y)
    figure = plots.confusion_matrix(model, ROWS, y)
    assert [t.get_text() for t in figure.axes[0].get_yticklabels()] == ["-3", "8"]
    assert sum(map(int, cells(figure).values())) == 300
    assert "misclassified" in plots.misclassified(model, ROWS, y).get_suptitle()


def test_objects_without_the_numbers_raise_an_error(fitted) -> None:
    for nothing in (Network([2, 1]), MLPClassifier(), fitted.coefs_, None):
        with pytest.raises(
            ArgumentError, match=r"no learning curves .* History that train returned"
        ):
            plots.learning_curves(nothing)
    quasi_newton = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=10.0)
    quasi_newton.fit(ROWS, LABELS / 10)
    with pytest.raises(ArgumentError, match="fitted with adam or sgd"):
        plots.learning_curves(quasi_newton)
    for nothing in (quasi_newton, MLPClassifier(), None):
        with pytest.raises(ArgumentError, match=r"no classes .* fitted classifier"):
            plots.confusion_matrix(nothing, ROWS, LABELS)
    with pytest.raises(ArgumentError, match="no weights to plot"):
        plots.hidden_weights(MLPClassifier())
    with pytest.raises(DataError, match=r"'eleven'.*'zero'"):
        plots.confusion_matrix(fitted, TEST[:1], ["eleven"])
    with pytest.raises(ShapeError, match=r"got shape \(2,\), expected \(1,\)"):
        plots.confusion_matrix(fitted, TEST[:1], ["one", "two"])


def test_several_labels_per_sample_are_rejected() -> None:
    Y = np.stack([LABELS > 4, LABELS % 2], axis=1).astype(int)
    model = MLPClassifier(hidden_layer_sizes=(), max_iter=2, random_state=1)
    with pytest.warns(UserWarning, match="has not converged|reached"):
        model.fit(ROWS, Y)
    with pytest.raises(ShapeError, match="one class per sample"):
        plots.confusion_matrix(model, ROWS, Y)
