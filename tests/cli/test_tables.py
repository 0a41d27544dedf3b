"""``bpmatrix train --target`` and ``bpmatrix predict`` for tables."""

from __future__ import annotations

import csv

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")

from sklearn.datasets import load_diabetes, load_iris

import bpmatrix
from bpmatrix.cli import main


def write(path, names, columns):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(zip(*columns, strict=True))


@pytest.fixture
def iris(tmp_path):
    data = load_iris()
    path = tmp_path / "iris.csv"
    kinds = data.target_names[data.target]
    write(path, ["a", "b", "c", "d", "kind"], [*data.data.T, kinds])
    return path


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_classes(iris, tmp_path, capsys):
    model = tmp_path / "model.safetensors"
    said = ["--seed", "1", "--epochs", "200", "--learning-rate", "0.02", "--hidden", "10,5"]
    assert main(["train", str(iris), "--target", "kind", "--save", str(model), *said]) == 0
    out = capsys.readouterr().out
    assert "classification into 3 classes" in out
    assert "accuracy" in out

    loaded = bpmatrix.load(model)
    assert loaded.hidden_layer_sizes == (10, 5)
    assert list(loaded.feature_names_in_) == ["a", "b", "c", "d"]
    # Other columns and another order do no harm.
    rows = read(iris)
    write(tmp_path / "new.csv", ["x", "d", "c", "b", "a"],
          [["text"] * 150, *(list(column) for column in zip(*rows[1:], strict=True))][:1]
          + [[row[i] for row in rows[1:]] for i in (3, 2, 1, 0)])  # fmt: skip
    output = tmp_path / "out.csv"
    assert main(["predict", str(model), str(tmp_path / "new.csv"), "--output", str(output)]) == 0
    header, *found = read(output)
    assert header == ["kind", "p(setosa)", "p(versicolor)", "p(virginica)"]
    assert np.mean([row[0] == true[4] for row, true in zip(found, rows[1:], strict=True)]) > 0.9
    np.testing.assert_allclose(np.array([row[1:] for row in found], float).sum(axis=1), 1)
    assert main(["predict", str(model), str(iris)]) == 0
    assert "accuracy" in capsys.readouterr().err
    assert main(["info", str(model)]) == 0
    assert "kind" in capsys.readouterr().out


def test_numbers(tmp_path, capsys):
    X, y = load_diabetes(return_X_y=True)
    names = [*"abcdefghij", "progress"]
    write(tmp_path / "table.csv", names, [*X.T, y])
    table, model = str(tmp_path / "table.csv"), str(tmp_path / "model")
    assert main(["train", table, "--target", "progress", "--save", model, "--seed", "1"]) == 0
    assert "regression" in capsys.readouterr().out
    assert main(["predict", model, table]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "progress"
    assert float(shown.err.split()[1]) > 0.3  # R^2 of a linear model: 0.5


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--target", "size"], "no column 'size'"),
        (["--target", "a"], "column 'kind' holds no number"),
        (["--target", "kind", "--cost", "quadratic"], "--cost does not go with --target"),
        (["--target", "kind", "--hidden", "0"], "hidden_layer_sizes"),
        (["--target", "kind", "--save", "nowhere/model"], "no folder"),
        (["--task", "regression"], "belong to --target"),
        (["--target", "kind", "--seed", str(2**32)], "--seed is a number up to 4294967295"),
        (["--target", "kind", "--task", "regression"], "holds no number"),
    ],
)
def test_wrong_use(iris, arguments, complaint, capsys):
    assert main(["train", str(iris), *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1


def test_a_missing_value_and_a_missing_column(iris, tmp_path, capsys):
    rows = read(iris)
    rows[7][2] = ""
    write(tmp_path / "holes.csv", rows[0], zip(*rows[1:], strict=True))
    assert main(["train", str(tmp_path / "holes.csv"), "--target", "kind"]) == 2
    assert "'c' misses a value in line 8" in capsys.readouterr().err

    model = str(tmp_path / "model")
    assert main(["train", str(iris), "--target", "kind", "--save", model, "--epochs", "2"]) == 0
    write(tmp_path / "less.csv", ["a", "b"], [["1"], ["2"]])
    capsys.readouterr()
    assert main(["predict", model, str(tmp_path / "less.csv")]) == 2
    assert "misses 2 of the model's 4 features" in capsys.readouterr().err
    assert main(["predict", model, str(iris), "--label-column", "kind"]) == 2


def test_a_target_needs_a_table(capsys):
    assert main(["train", "--target", "kind"]) == 2
    assert "bpmatrix train TABLE.csv" in capsys.readouterr().err


def test_rows_without_a_target_are_predicted_and_not_scored(iris, tmp_path, capsys):
    """Holes, numbers for words, classes that nobody knows: said after the predictions, no error."""
    model = str(tmp_path / "model")
    assert main(["train", str(iris), "--target", "kind", "--save", model, "--epochs", "2"]) == 0
    rows = read(iris)
    for cells, complaint in (
        (["", "setosa"], "not scored: column 'kind' misses a value in line 2"),
        (["0", "1"], "has not the model's classes"),
        (["rose", "tulip"], "has not the model's classes"),
        (["setosa", "rose"], "accuracy"),
    ):
        columns = [list(column)[:2] for column in zip(*rows[1:], strict=True)]
        write(tmp_path / "new.csv", rows[0], [*columns[:4], cells])
        capsys.readouterr()
        assert main(["predict", model, str(tmp_path / "new.csv")]) == 0
        shown = capsys.readouterr()
        assert len(shown.out.splitlines()) == 3
        assert complaint in shown.err


def test_numbers_of_classes_and_a_target_that_holds_others(tmp_path, capsys):
    a = np.arange(60.0)
    write(tmp_path / "t.csv", ["a", "b"], [a, (a > 30).astype(int)])
    model = str(tmp_path / "model")
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b", "--save", model]) == 0
    for column, complaint in ((a + 0.5, "has not the model"), (np.where(a > 30, 1, 7), "accuracy")):
        write(tmp_path / "new.csv", ["a", "b"], [a, column])
        capsys.readouterr()
        assert main(["predict", model, str(tmp_path / "new.csv")]) == 0
        assert complaint in capsys.readouterr().err


def test_words_that_look_like_numbers_are_words(tmp_path, capsys):
    """New rows may hold only those of the classes that are numbers."""
    a = np.arange(60.0)
    write(tmp_path / "t.csv", ["a", "b"], [a, np.array(["1", "2", "3+"])[(a // 20).astype(int)]])
    model = str(tmp_path / "model")
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b", "--save", model]) == 0
    write(tmp_path / "new.csv", ["a", "b"], [[1.0, 30.0], ["1", "2"]])
    capsys.readouterr()
    assert main(["predict", model, str(tmp_path / "new.csv")]) == 0
    assert "accuracy" in capsys.readouterr().err


def test_numbers_that_float64_does_not_hold_are_words(tmp_path, capsys):
    """2^53 and 2^53 + 1 are the same float, and 10^20 is no integer of 64 bits."""
    names = [str(2**53), str(2**53 + 1), str(10**20)]
    write(tmp_path / "t.csv", ["a", "b"], [np.arange(60), [names[i % 3] for i in range(60)]])
    model = tmp_path / "model"
    arguments = ["--target", "b", "--task", "classification", "--save", str(model)]
    assert main(["train", str(tmp_path / "t.csv"), *arguments]) == 0
    assert bpmatrix.load(model).classes_.tolist() == sorted(names)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a;b;kind\n1;2;x\n", "not separated by commas"),
        ("a\tb\tkind\n1\t2\tx\n", "not separated by commas"),
        ("a,a,kind\n1,2,x\n", "has 2 columns 'a': Rename all but one"),
        ("a,b,kind\n1,2,\n", "Drop the row; if that is the name of a class"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(text, complaint, tmp_path, capsys):
    (tmp_path / "t.csv").write_text(text, encoding="utf-8")
    assert main(["train", str(tmp_path / "t.csv"), "--target", "kind"]) == 2
    error = capsys.readouterr().err
    assert complaint in error.replace(". Rename", ": Rename")
    assert len(error.splitlines()) == 1


def test_too_small_a_table(tmp_path, capsys):
    write(tmp_path / "t.csv", ["a", "b"], [["1", "2"], ["x", "y"]])
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b"]) == 2
    assert "too small" in capsys.readouterr().err
    write(tmp_path / "t.csv", ["a", "b"], [range(30), ["x"] * 30])
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b"]) == 2
    assert "one class" in capsys.readouterr().err
