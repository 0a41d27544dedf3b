"""The plots show the right numbers; how they look is not tested."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from bpmatrix import Network, datasets, plots
from bpmatrix.errors import ArgumentError, DataError, ShapeError
from bpmatrix.history import EpochInfo, History

matplotlib = pytest.importorskip("matplotlib")
pytest.importorskip("matplotlib.figure")

DIGITS = datasets.load("digits")


@pytest.fixture(scope="module")
def trained() -> tuple[Network, History]:
    net = Network([64, 20, 10], input_scale=DIGITS.scale, seed=1)
    history = net.train(
        DIGITS.train.X,
        DIGITS.train.labels,
        epochs=3,
        validation=(DIGITS.validation.X, DIGITS.validation.labels),
    )
    return net, history


def with_classes(labels: list[int], n: int = 3) -> Network:
    """Return a network that predicts the class of its one-hot input."""
    net = Network([n, n], cost="log_likelihood", seed=1)
    net.weights[0][:], net.biases[0][:] = 5 * np.eye(n), 0
    return net


def lines(axes) -> dict:
    return {line.get_label(): line.get_xydata().tolist() for line in axes.get_lines()}


def test_learning_curves_are_the_history(trained) -> None:
    """Cost on the left, accuracy in percent on the right, a circle at the best epoch."""
    _, history = trained
    cost, accuracy = plots.learning_curves(history).axes
    best = f"best epoch, {history.best_epoch}"
    assert lines(cost)["training"] == [[i + 1, c] for i, c in enumerate(history.cost)]
    assert lines(cost)["validation"] == [[i + 1, c] for i, c in enumerate(history.validation_cost)]
    percent = [100 * a for a in history.validation_accuracy]
    assert lines(accuracy)["validation"] == [[i + 1, a] for i, a in enumerate(percent)]
    assert lines(accuracy)[best] == [[history.best_epoch, max(percent)]]
    assert cost.get_xlabel() == "epoch"
    assert "percent" in accuracy.get_ylabel()


def test_learning_curves_without_validation_or_accuracy() -> None:
    """Regression without validation: one curve in one plot, starting at a later epoch."""
    entries = [EpochInfo(e, 9, 1.0 / e, None, None, None, 0.5, 0.1) for e in (8, 9)]
    (axes,) = plots.learning_curves(History(1, entries)).axes
    assert lines(axes) == {"training": [[8, 1 / 8], [9, 1 / 9]]}
    with pytest.raises(DataError, match="no epoch"):
        plots.learning_curves(History(1))


def test_confusion_matrix_counts() -> None:
    """Rows are true classes, columns predicted ones; colors show the share of the row."""
    truth, predicted = np.array([0, 0, 0, 0, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1, 2])
    figure = plots.confusion_matrix(with_classes([]), np.eye(3)[:, predicted], truth)
    axes = figure.axes[0]
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    # Positions are (column, row); cells with count 0 have no text.
    assert counts == {(0, 0): "3", (1, 0): "1", (1, 1): "1", (1, 2): "1", (2, 2): "1"}
    assert axes.images[0].get_array().tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0, 0.5, 0.5]]
    assert axes.get_title() == "5 of 7 correct (71.43 %)"


def test_confusion_matrix_with_names_and_with_one_output() -> None:
    named = plots.confusion_matrix(
        with_classes([]), np.eye(3), [0, 1, 2], class_names=["cat", "dog", "emu"]
    )
    assert [t.get_text() for t in named.axes[0].get_yticklabels()] == ["cat", "dog", "emu"]
    with pytest.raises(ArgumentError, match="wrong length: got 2, expected 3"):
        plots.confusion_matrix(with_classes([]), np.eye(3), [0, 1, 2], class_names=["a", "b"])
    binary = Network([1, 1], seed=1)
    binary.weights[0][:], binary.biases[0][:] = 1, 0
    axes = plots.confusion_matrix(binary, [[-1.0, 1.0, 2.0]], [0, 1, 0]).axes[0]
    assert axes.images[0].get_array().tolist() == [[0.5, 0.5], [0, 1]]


def test_confusion_matrix_of_many_classes_has_no_numbers() -> None:
    figure = plots.confusion_matrix(with_classes([], 30), np.eye(30), np.arange(30))
    assert not figure.axes[0].texts


def test_labels_must_be_one_class_per_sample(trained) -> None:
    net, _ = trained
    with pytest.raises(ArgumentError, match="argmax"):
        plots.confusion_matrix(net, DIGITS.test.X[:, :2], np.eye(10)[:, :2])
    with pytest.raises(ShapeError):
        plots.misclassified(net, DIGITS.test.X[:, :2], [1])
    one = Network([64, 1], seed=1)
    with pytest.raises(ArgumentError, match="whole numbers from 0"):
        plots.confusion_matrix(one, DIGITS.test.X[:, :2], [0.7, 0.2])
    with pytest.raises(ArgumentError, match="most is not valid"):
        plots.misclassified(net, DIGITS.test.X, DIGITS.test.labels, most=-1)


def test_hidden_weights_are_the_rows_of_W(trained) -> None:
    """One image per unit, white at zero, on one scale."""
    net, _ = trained
    drawn = [axes.images[0] for axes in plots.hidden_weights(net).axes if axes.images]
    assert len(drawn) == 20
    for image, row in zip(drawn, net.weights[0], strict=True):
        assert image.get_array().tolist() == row.reshape(8, 8).tolist()
    assert {image.get_clim() for image in drawn} == {
        (-np.abs(net.weights[0]).max(), np.abs(net.weights[0]).max())
    }


def test_only_the_first_100_units_are_drawn() -> None:
    figure = plots.hidden_weights(Network([4, 120, 2], seed=1))
    assert sum(bool(axes.images) for axes in figure.axes) == 100
    assert "first 100 of 120" in figure.get_suptitle()


def test_the_shape_of_an_image_is_checked() -> None:
    net = Network([6, 2], seed=1)
    with pytest.raises(ArgumentError, match=r"6 inputs do not fill an image of 2 x 2.*shape="):
        plots.hidden_weights(net)
    for shape in (6, (6,), "23", (2.0, 3.0), (-2, -3)):
        with pytest.raises(ArgumentError, match=r"shape (must be a pair|is not valid)"):
            plots.hidden_weights(net, shape=shape)
    with pytest.raises(ShapeError, match=r"X\[:, None\]"):
        plots.images(np.ones(4))
    with pytest.raises(ArgumentError, match="too few titles: got 1, expected 2"):
        plots.images(np.ones((4, 2)), titles=["one"])
    figure = plots.hidden_weights(net, shape=(2, 3))
    assert figure.axes[0].images[0].get_array().shape == (2, 3)


def test_misclassified_shows_the_most_confident_first(trained) -> None:
    """Sorted by the largest output; the title names the true and the predicted class."""
    net, _ = trained
    X, labels = DIGITS.test.X, DIGITS.test.labels
    predicted, a = net.predict(X), net.feedforward(X)
    wrong = sorted(np.flatnonzero(predicted != labels), key=lambda j: -a[:, j].max())
    figure = plots.misclassified(net, X, labels, most=3)
    drawn = [axes for axes in figure.axes if axes.images]
    assert len(wrong) > 3
    assert [axes.get_title() for axes in drawn] == [
        f"{labels[j]} seen as {predicted[j]}" for j in wrong[:3]
    ]
    assert drawn[0].images[0].get_array().tolist() == X[:, wrong[0]].reshape(8, 8).tolist()
    assert f"{len(wrong)} of 297 samples misclassified" in figure.get_suptitle()


def test_nothing_misclassified_gives_an_empty_figure() -> None:
    net = with_classes([], 4)
    figure = plots.misclassified(net, np.eye(4), np.arange(4))
    assert figure.get_suptitle() == "0 of 4 samples misclassified"
    assert not any(axes.images for axes in figure.axes)


def test_pyplot_is_not_imported() -> None:
    """No global state: pyplot does not see our figures."""
    program = (
        "import sys; from bpmatrix import Network, plots; "
        "plots.hidden_weights(Network([4, 2], seed=1)); print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_every_plot_is_drawn_into_ax(trained) -> None:
    """Inside its bounds, beside what is there already, and with the same contents."""
    net, history = trained
    X, labels = DIGITS.test.X, DIGITS.test.labels
    for plot, arguments in (
        (plots.learning_curves, (history,)),
        (plots.confusion_matrix, (net, X, labels)),
        (plots.hidden_weights, (net,)),
        (plots.misclassified, (net, X, labels)),
        (plots.images, (X[:, :4],)),
    ):
        alone = plot(*arguments)
        for free in (False, True):  # placed by hand, without a grid
            figure = matplotlib.figure.Figure(layout=None)
            left = None if free else figure.add_subplot(1, 2, 1)
            ax = figure.add_axes((0.5, 0.1, 0.4, 0.8)) if free else figure.add_subplot(1, 2, 2)
            bounds = ax.get_position()
            assert plot(*arguments, ax=ax) is figure
            added = [axes for axes in figure.axes if axes is not left]
            drawn, expected = (
                [
                    (len(axes.images), len(axes.lines), axes.get_title())
                    for axes in group
                    if axes.images or axes.lines
                ]
                for group in (added, alone.axes)
            )
            assert drawn == expected
            for axes in added:
                place = axes.get_position()
                assert place.x0 >= bounds.x0 - 1e-9
                assert place.x1 <= bounds.x1 + 1e-9
