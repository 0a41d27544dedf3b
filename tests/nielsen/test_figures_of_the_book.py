"""The scripts behind the book's figures, in docs/the-book, run and show what they claim."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import book_twin as twin
import numpy as np
import pytest

from bpmatrix.nielsen import mnist_loader, network2

FOLDER = Path(__file__).parents[2] / "docs" / "the-book"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem != "figure")


@pytest.fixture
def script(monkeypatch):
    """Return a function that imports a script, with the path of a program."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in (*SCRIPTS, "figure"):
        sys.modules.pop(name, None)


@pytest.fixture
def few(monkeypatch):
    """Let the loader return few digits, to save time."""
    training, validation, test = mnist_loader.load_data_wrapper("digits")
    parts = training[:120], validation[:50], test[:50]
    monkeypatch.setattr(mnist_loader, "load_data_wrapper", lambda name: tuple(map(list, parts)))
    return parts


def test_all_scripts_exist() -> None:
    assert SCRIPTS == [
        "generate_gradient", "mnist_average_darkness", "more_data", "multiple_eta", "overfitting",
        "weight_initialization",
    ]  # fmt: skip


def test_the_darkness_of_a_digit(script, capsys) -> None:
    """The count is that of a loop over the images."""
    training, _, test = mnist_loader.load_data("digits")
    pairs, hits = list(zip(*training, strict=True)), 0
    means = [np.mean([x.sum() for x, y in pairs if y == k]) for k in range(10)]
    for x, y in zip(*test, strict=True):
        hits += min(range(10), key=lambda k, x=x: abs(means[k] - x.sum())) == y
    assert script("mnist_average_darkness").main([]) == hits
    assert f"{hits} of 297 test images of digits" in capsys.readouterr().out


def test_overfitting(script, tmp_path) -> None:
    """The training images are learned and the test cost rises, with the penalty less so."""
    kept = tmp_path / "kept.json"
    curves = script("overfitting").main(["digits", "--json", str(kept)])
    assert json.loads(kept.read_text()) == {"x": list(range(200)), **curves}
    assert curves["training accuracy, %, lambda 0.0"][-1] == 100
    assert curves["test accuracy, %, lambda 0.0"][-1] < 95
    assert min(curves["test cost, lambda 0.0"]) < 0.99 * curves["test cost, lambda 0.0"][-1]
    assert curves["test cost, lambda 0.1"][-1] < curves["test cost, lambda 0.0"][-1]


def test_more_data(script, few) -> None:
    """Three times the images give better networks; the SVM has the same numbers of images."""
    pytest.importorskip("sklearn")
    more_data = script("more_data")
    more_data.SIZES["digits"] = [40, 120]
    curves = more_data.main(["--epochs", "20"])
    small, large = curves["neural network"]
    assert small < large
    assert len(curves["SVM"]) == 2


def test_without_scikit_learn_there_is_no_svm(script, few, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.svm", None)
    more_data = script("more_data")
    more_data.SIZES["digits"] = [20]
    assert list(more_data.main(["--epochs", "1"])) == ["neural network"]


def test_initial_weights(script) -> None:
    """With the default ones, the final accuracy is higher."""
    curves = script("weight_initialization").main([])
    assert curves["default weights"][-1] > curves["large weights"][-1]


def test_learning_rates(script, few) -> None:
    """With the small one, the cost falls steadily but less."""
    curves = script("multiple_eta").main(["--epochs", "12"])
    slow, right, fast = curves.values()
    assert (np.diff(slow) < 0).all()
    assert right[-1] < slow[-1]
    assert len(fast) == 12


def test_vanishing_gradients(script, few) -> None:
    """A speed is the norm of the mean gradient, and early layers start slower than later ones."""
    module = script("generate_gradient")
    net = network2.Network([64, 8, 6, 10])
    expected, _ = twin.mean_gradient(net.biases, net.weights, few[0], cross_entropy=True)
    lengths = [np.sqrt((nabla**2).sum()) for nabla in expected[:-1]]
    np.testing.assert_allclose(module.speeds(net, few[0]), lengths, rtol=1e-10)
    curves = module.main(["--epochs", "2"])
    for layers in (2, 3, 4):
        begun = [curves[f"hidden layer {l} of {layers}"][0] for l in range(1, layers + 1)]
        assert sorted(begun) == begun


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != "mnist_average_darkness"])
def test_the_numbers_are_drawn(name, script, few, tmp_path) -> None:
    pytest.importorskip("matplotlib")
    module = script(name)
    if name == "more_data":
        module.SIZES["digits"] = [20, 40]
    module.main(["--epochs", "2", "--plot", str(tmp_path / "figure.svg")])
    assert (tmp_path / "figure.svg").read_text().count("<path") > 10


@pytest.mark.parametrize("name", SCRIPTS)
def test_each_script_runs(name, tmp_path) -> None:
    """From any folder, without MNIST; -P, which the tests set, would hide `figure`."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONSAFEPATH"}
    process = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), "--epochs", "1"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert process.returncode == 0
    assert "digits" in process.stdout
