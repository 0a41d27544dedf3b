"""``bpmatrix train --target`` and ``bpmatrix predict`` for tables."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import time
import warnings
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
pytest.importorskip("pyarrow", reason="tables need pyarrow")

from sklearn.datasets import load_diabetes, load_iris

import bpmatrix
from bpmatrix import progress
from bpmatrix.cli import main, predict, reports, show, table_files, train
from bpmatrix.errors import DataError
from bpmatrix.storage import tensor_files


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
    assert [W.shape for W in loaded.members_[0].coefs_] == [(4, 10), (10, 5), (5, 3)]
    assert [column.name for column in loaded.encoder_.columns_] == ["a", "b", "c", "d"]
    # More columns and another order are fine.
    rows = read(iris)
    write(tmp_path / "new.csv", ["x", "d", "c", "b", "a"],
          [["text"] * 150, *(list(column) for column in zip(*rows[1:], strict=True))][:1]
          + [[row[i] for row in rows[1:]] for i in (3, 2, 1, 0)])  # fmt: skip
    output = tmp_path / "out.csv"
    predicts = ["predict", str(model), str(tmp_path / "new.csv"), "--output", str(output)]
    assert main(predicts) == 0
    plain = read(output)
    assert main([*predicts, "--probabilities"]) == 0
    header, *found = read(output)
    assert plain == [["kind"], *([row[0]] for row in found)]
    assert header == ["kind", "p(setosa)", "p(versicolor)", "p(virginica)"]
    assert np.mean([row[0] == true[4] for row, true in zip(found, rows[1:], strict=True)]) > 0.9
    np.testing.assert_allclose(np.array([row[1:] for row in found], float).sum(axis=1), 1)
    assert main(["predict", str(model), str(iris)]) == 0
    assert "accuracy" in capsys.readouterr().err
    assert main(["info", str(model)]) == 0
    assert "kind" in capsys.readouterr().out


def test_the_same_command_resumes_a_fit(iris, tmp_path, capsys):
    """It uses the seed that was drawn, also to split the rows."""
    given = ["train", str(iris), "--target", "kind", "--checkpoint", str(tmp_path / "run")]
    assert main([*given, "--epochs", "3"]) == 0
    first = capsys.readouterr().out
    assert main([*given, "--epochs", "5"]) == 0
    second = capsys.readouterr().out
    seeds = [re.search(r"(?m)^seed +(\d+)$", shown)[1] for shown in (first, second)]
    assert seeds[0] == seeds[1]
    assert re.findall(r"(?m)^ +(\d)/5 ", second) == ["4", "5"]


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
        (["--target", "kind", "--cost", "quadratic"], "--cost does not work with --target"),
        (
            ["--target", "kind", "--hidden", "0"],
            "'--hidden': '0' is not a list of positive integers",
        ),
        (["--target", "kind", "--save", "nowhere/model"], "no folder"),
        (["--task", "regression"], "--task works only with --target"),
        (["--members", "2"], "--members works only with --target"),
        (["--target", "kind", "--drop", "z"], "must name columns of the table: got ['z']"),
        (["--target", "kind", "--split-by", "z"], "no column 'z'"),
        (["--target", "kind", "--test", "nowhere.csv"], "nowhere.csv cannot be read"),
        (["--target", "kind", "--encoding", "utf-99"], "does not have this encoding"),
        (["--target", "kind", "--optimizer", "rmsprop"], "must be one of sgd, momentum, adam"),
        (["--target", "kind", "--seed", str(2**32)], "--seed must be at most 4294967295"),
        (["--target", "kind", "--task", "regression"], "is not numbers"),
    ],
)
def test_wrong_use(iris, arguments, complaint, capsys):
    assert main(["train", str(iris), *arguments]) == 2
    error = capsys.readouterr().err
    assert complaint in error
    assert len(error.splitlines()) == 1


def test_missing_values_and_missing_columns(iris, tmp_path, capsys):
    rows = read(iris)
    for row in rows[7::3]:  # so that the training rows have some
        row[2] = ""
    write(tmp_path / "gaps.csv", rows[0], zip(*rows[1:], strict=True))
    model = str(tmp_path / "model")
    said = ["--target", "kind", "--save", model, "--epochs", "2"]
    assert main(["train", str(tmp_path / "gaps.csv"), *said]) == 0
    assert "missing: median and indicator" in capsys.readouterr().out
    write(tmp_path / "less.csv", ["a", "b"], [["1"], ["2"]])
    assert main(["predict", model, str(tmp_path / "less.csv")]) == 2
    error = capsys.readouterr().err
    assert "lacks 2 of the model's 4 columns" in error
    assert "expected 'c', 'd'" in error
    write(tmp_path / "words.csv", rows[0][:4], [["1"], ["2"], ["word"], ["3"]])
    assert main(["predict", model, str(tmp_path / "words.csv")]) == 2
    assert "column 'c' held numbers when the model was trained" in capsys.readouterr().err
    assert main(["predict", model, str(iris), "--target", "kind"]) == 2


def test_a_target_needs_a_table(capsys):
    assert main(["train", "--target", "kind"]) == 2
    assert "bpmatrix train TABLE.csv" in capsys.readouterr().err


def test_rows_without_a_target_are_predicted_and_not_scored(iris, tmp_path, capsys):
    """Missing values, numbers for words, unknown classes: a note, no error."""
    model = str(tmp_path / "model")
    assert main(["train", str(iris), "--target", "kind", "--save", model, "--epochs", "2"]) == 0
    rows = read(iris)
    for cells, complaint in (
        (["", "setosa"], "not scored: the target 'kind' is missing in 1 of 2 rows"),
        (["0", "1"], "contains none of the model's classes"),
        (["rose", "tulip"], "contains none of the model's classes"),
        (["setosa", "rose"], "accuracy"),
    ):
        columns = [list(column)[:2] for column in zip(*rows[1:], strict=True)]
        write(tmp_path / "new.csv", rows[0], [*columns[:4], cells])
        capsys.readouterr()
        assert main(["predict", model, str(tmp_path / "new.csv")]) == 0
        shown = capsys.readouterr()
        assert len(shown.out.splitlines()) == 3
        assert complaint in shown.err


def test_class_numbers_and_a_target_with_other_classes(tmp_path, capsys):
    a = np.arange(60.0)
    write(tmp_path / "t.csv", ["a", "b"], [a, (a > 30).astype(int)])
    model = str(tmp_path / "model")
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b", "--save", model]) == 0
    for column, complaint in (
        (a + 0.5, "not scored"),
        (a.astype(int) + 7, "contains none of the model"),
        (np.where(a > 30, 1, 7), "accuracy"),
    ):
        write(tmp_path / "new.csv", ["a", "b"], [a, column])
        capsys.readouterr()
        assert main(["predict", model, str(tmp_path / "new.csv")]) == 0
        assert complaint in capsys.readouterr().err


def test_words_that_look_like_numbers_are_words(tmp_path, capsys):
    """New rows may contain only classes that look like numbers."""
    a = np.arange(60.0)
    write(tmp_path / "t.csv", ["a", "b"], [a, np.array(["1", "2", "3+"])[(a // 20).astype(int)]])
    model = str(tmp_path / "model")
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b", "--save", model]) == 0
    write(tmp_path / "new.csv", ["a", "b"], [[1.0, 30.0], ["1", "2"]])
    capsys.readouterr()
    assert main(["predict", model, str(tmp_path / "new.csv")]) == 0
    assert "accuracy" in capsys.readouterr().err


def test_integers_beyond_float64_are_classes(tmp_path, capsys):
    """2^53 and 2^53 + 1 are the same float."""
    names = [str(2**53), str(2**53 + 1), "-5"]
    write(tmp_path / "t.csv", ["a", "b"], [np.arange(60), [names[i % 3] for i in range(60)]])
    model = tmp_path / "model"
    arguments = ["--target", "b", "--task", "classification", "--save", str(model)]
    assert main(["train", str(tmp_path / "t.csv"), *arguments]) == 0
    assert bpmatrix.load(model).classes_.tolist() == sorted(map(int, names))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,a,kind\n1,2,x\n", "has 2 columns 'a': Rename all but one"),
        ("a,b,kind\n1,2,\n", "missing in 1 of 1 rows: got none in row 1. Drop these rows"),
        ("a,b,kind\n1,2,x\n3,4\n", "a row of"),
        ("1,2,3\n4,5,6\n", "the table has no column 'kind': got 'column 1', 'column 2'"),
        ("name,kind\n" + "".join(f"n{i},{i % 2}\n" for i in range(60)), "--drop 'name'"),
        ("a,kind\n" + "".join(f'"1,{i}",{i % 2}\n' for i in range(100, 160)), "Say which: --dec"),
    ],
)
def test_errors_about_a_table(text, complaint, tmp_path, capsys):
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


# ----------------------------------------------------------------- what is printed and stored


def test_the_seed_is_shown_and_stored_and_repeats_the_run(iris, tmp_path, capsys):
    """Given or random; two runs draw different ones."""
    shown = {}
    for name in ("first", "second"):
        model = str(tmp_path / name)
        assert main(["train", str(iris), "--target", "kind", "--save", model, "--epochs", "3"]) == 0
        (shown[name],) = re.findall(r"(?m)^seed +(\d+)$", capsys.readouterr().out)
        assert str(bpmatrix.load(model).seed) == shown[name]
        assert main(["info", model]) == 0
        assert re.search(rf"(?m)^seed +{shown[name]}$", capsys.readouterr().out)
    assert shown["first"] != shown["second"]

    again = ["--seed", shown["first"], "--save", str(tmp_path / "again"), "--epochs", "3"]
    assert main(["train", str(iris), "--target", "kind", *again]) == 0
    models = [bpmatrix.load(tmp_path / name) for name in ("first", "again")]
    for one, other in zip(*(model.members_[0].coefs_ for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_epoch_of_the_saved_weights_is_printed(iris, tmp_path, capsys):
    """A run of the same seed until that epoch ends with the same weights."""
    said = ["--target", "kind", "--seed", "3", "--learning-rate", "0.03", "--save"]
    assert main(["train", str(iris), *said, str(tmp_path / "whole")]) == 0
    epochs, best = re.findall(
        r"(?m)^epochs +(\d+); the weights are from epoch (\d+), the best",
        capsys.readouterr().out,
    )[0]
    assert int(best) < int(epochs)
    assert main(["train", str(iris), *said, str(tmp_path / "part"), "--epochs", best]) == 0
    whole, part = (bpmatrix.load(tmp_path / name) for name in ("whole", "part"))
    coefs = (model.members_[0].coefs_ for model in (whole, part))
    for one, other in zip(*coefs, strict=True):
        np.testing.assert_array_equal(one, other)
    capsys.readouterr()
    assert main(["info", str(tmp_path / "whole")]) == 0
    assert f"the weights are from epoch {best}, the best" in capsys.readouterr().out


@pytest.mark.filterwarnings("default:training was interrupted")
def test_ctrl_c_saves_the_model_and_ends_with_130(iris, tmp_path, monkeypatch, capsys):
    def stop_at_the_third(*_, **__):
        def stop(info):
            if info.epoch == 3:
                raise KeyboardInterrupt

        return stop

    monkeypatch.setattr(progress, "lines", stop_at_the_third)
    model = str(tmp_path / "model")
    assert main(["train", str(iris), "--target", "kind", "--seed", "1", "--save", model]) == 130
    shown = capsys.readouterr()
    assert "bpmatrix: warning: training was interrupted after 3 whole epochs" in shown.err
    assert re.search(r"(?m)^test +accuracy", shown.out)
    assert bpmatrix.load(model).members_[0].n_iter_ == 3


@pytest.mark.parametrize(
    ("failure", "status"), [(DataError("too large"), 2), (KeyboardInterrupt(), 130)]
)
def test_a_model_is_saved_before_its_test(iris, tmp_path, capsys, monkeypatch, failure, status):
    """A row that cannot be tested, or an impatient user, costs no hours of training."""

    def fail(*_):
        raise failure

    monkeypatch.setattr(reports, "scores", fail)
    path = tmp_path / "model"
    said = ["--target", "kind", "--seed", "1", "--epochs", "2", "--save", str(path)]
    assert main(["train", str(iris), *said]) == status
    shown = capsys.readouterr()
    assert re.search(rf"(?m)^saved +{re.escape(str(path))}; try: ", shown.out)
    assert ("too large" in shown.err) == (status == 2)
    assert bpmatrix.load(path).target == "kind"


def test_curves_that_are_too_long_for_a_file_are_left_out(iris, tmp_path, capsys, monkeypatch):
    """The model is saved all the same: no one could do it once the command has ended."""
    monkeypatch.setattr(tensor_files, "MOST_VALUES", 300)
    path = str(tmp_path / "model")
    said = ["--target", "kind", "--seed", "1", "--epochs", "150", "--save", path]
    assert main(["train", str(iris), *said]) == 0
    shown = capsys.readouterr()
    assert "warning: saved without the loss curves, which are too long" in shown.err
    assert re.search(r"(?m)^test +accuracy", shown.out)
    model = bpmatrix.load(path)
    assert model.members_[0].loss_curve_ == []
    assert main(["info", path]) == main(["predict", path, str(iris)]) == 0


def test_a_dominant_class_is_reported(tmp_path, capsys):
    """Six of 300 rows are of the other class; finding none of them looks accurate."""
    rng = np.random.default_rng(2)
    kinds = np.where(np.arange(300) % 50 == 7, "ill", "well")
    write(tmp_path / "t.csv", ["a", "b", "kind"], [*rng.standard_normal((2, 300)), kinds])
    model = str(tmp_path / "model")
    said = ["--target", "kind", "--seed", "1", "--save", model, "--epochs", "3"]
    assert main(["train", str(tmp_path / "t.csv"), *said]) == 0
    shown = capsys.readouterr()
    assert re.search(
        r"warning: 9[78]\.\d\d % of the training samples are of class 'well'", shown.err
    )
    assert "on the test rows; always 'well': 98.33 %" in shown.out
    assert main(["predict", model, str(tmp_path / "t.csv")]) == 0
    assert "always 'well': 98.00 %" in capsys.readouterr().err


def test_long_steps_are_announced(monkeypatch, capsys):
    """A line after a while, then further ones; nothing for short steps."""
    monkeypatch.setattr(show, "SECONDS_OF_SILENCE", 0.01)
    monkeypatch.setattr(show, "SECONDS_BETWEEN_LINES", 0.01)
    said, deadline = "", time.monotonic() + 60
    with show.announced("reading a\x1b.csv"):
        while said.count("\n") < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
            said += capsys.readouterr().err
    assert re.match(r"(bpmatrix: reading a\?\.csv \.\.\. \d+ s\n){2}", said)

    monkeypatch.setattr(show, "SECONDS_OF_SILENCE", 3600)
    with show.announced("nothing"):
        pass
    assert "nothing" not in capsys.readouterr().err


def test_reading_and_predicting_are_announced(iris, tmp_path, monkeypatch, capsys):
    """For tables and networks, with the size of the file."""
    heard = []

    def announced(what):
        heard.append(what)
        return nullcontext()

    for module in (table_files, predict, train):
        monkeypatch.setattr(module, "announced", announced)
    model, size = str(tmp_path / "model"), f"{iris} (0 MB)"
    assert main(["train", str(iris), "--target", "kind", "--save", model, "--epochs", "1"]) == 0
    assert main(["predict", model, str(iris)]) == 0
    assert heard == [f"reading {size}", f"reading {size}", "predicting 150 rows"]
    heard.clear()
    assert main(["train", "--epochs", "1", "--save", model]) == 0
    assert main(["predict", model, "digits"]) == 0
    assert heard == ["reading digits", "reading digits", "predicting 297 samples"]


def test_a_target_with_signs_around_its_numbers(tmp_path, capsys):
    a = np.arange(80)
    write(tmp_path / "t.csv", ["a", "share"], [a, [f"{i}.5 %" for i in a]])
    train = ["train", str(tmp_path / "t.csv"), "--target", "share", "--epochs", "2"]
    assert main(train) == 0
    assert "share, regression" in capsys.readouterr().out


def test_words_cannot_be_the_target_of_a_regression(iris, capsys):
    train = ["train", str(iris), "--target", "kind", "--epochs", "2"]
    assert main([*train, "--task", "regression"]) == 2
    assert "Leave out --task regression: text is predicted as classes." in capsys.readouterr().err
    assert main(train) == 0


# ------------------------------------------ errors without --target suggest it


def command_in(error):
    """Return the arguments of the command that an error ends with."""
    return shlex.split(error.strip().partition(": bpmatrix ")[2])


@pytest.mark.parametrize("name", ["kind", "what it is", "it's", "$HOME", "-x"])
def test_a_column_of_words_is_predicted_by_the_command_in_the_error(name, iris, tmp_path, capsys):
    rows = read(iris)
    path = tmp_path / "my table.csv"
    write(path, [*"abcd", name], zip(*rows[1:], strict=True))
    assert main(["train", str(path)]) == 2
    error = capsys.readouterr().err
    assert command_in(error) == ["train", str(path), "--target", name]
    assert main([*command_in(error), "--epochs", "2"]) == 0
    assert "classification into 3 classes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (lambda i: 7.5 + i, "regression"),
        (lambda i: 30 * i, "regression"),  # whole numbers, but no classes
        (lambda i: -(i % 3), "classification into 3 classes"),
        (lambda i: 1 + i % 2, "classification into 2 classes"),
        (lambda i: ["up", "down"][i % 2], "classification into 2 classes"),
        (lambda i: i % 2 == 0, "classification into 2 classes"),
        (lambda i: ["yes", "no"][i % 2], "classification into 2 classes"),
    ],
)
def test_the_command_in_the_error_works_for_any_target(target, task, tmp_path, capsys):
    a, path = np.arange(60), tmp_path / "t.csv"
    write(path, ["a", "b", "aim"], [a, a**2, [target(i) for i in range(60)]])
    assert main(["train", str(path)]) == 2
    command = command_in(capsys.readouterr().err)
    assert command == ["train", str(path), "--target", "aim"]
    assert main([*command, "--epochs", "2"]) == 0
    assert task in capsys.readouterr().out


def test_a_table_without_a_header(tmp_path, monkeypatch, capsys):
    """Its columns are numbered; at prediction the target may be missing."""
    monkeypatch.chdir(tmp_path)
    X = np.random.default_rng(0).standard_normal((60, 2))
    rows = np.column_stack([X[:, 0] > 0, X])
    np.savetxt("all.csv", rows, fmt=("%d", "%.3f", "%.3f"), delimiter=",")
    np.savetxt("inputs.csv", X, fmt="%.3f", delimiter=";")
    (tmp_path / "named.csv").write_text("way,p,q\n" + (tmp_path / "all.csv").read_text())
    assert main(["train", "all.csv"]) == 2
    assert "bpmatrix train all.csv --target 3" in capsys.readouterr().err
    predictions = []
    for table, name in (("all.csv", "column 1"), ("named.csv", "way")):
        said = ["--seed", "1", "--epochs", "20", "--save", "model"]
        assert main(["train", table, "--target", "1", *said]) == 0
        shown = capsys.readouterr().out
        assert f"  {name}, classification into 2 classes" in shown
        assert ("called column 1 to column 3" in shown) == (name == "column 1")
        assert main(["predict", "model", "inputs.csv"]) == 0
        predictions.append(capsys.readouterr().out.removeprefix(name))
        assert main(["predict", "model", table]) == 0
        shown = capsys.readouterr()
        assert shown.out.removeprefix(name) == predictions[0]
        assert "of 60) on" in shown.err
        assert main(["verify", "model", table]) == 0
        assert "same gradient" in capsys.readouterr().out
    assert predictions[0] == predictions[1]


def test_verify_of_a_regression(homes, tmp_path, capsys):
    model = str(tmp_path / "model")
    train = ["train", str(homes), "--target", "price", "--epochs", "2", "--quiet"]
    assert main([*train, "--members", "2", "--save", model]) == 0
    assert main(["verify", model, str(homes)]) == 0
    assert capsys.readouterr().out.count("same gradient") == 2


def test_several_files_are_one_argument(iris, capsys):
    assert main(["train", str(iris), str(iris), "--target", "kind"]) == 2
    assert "a folder, or a pattern in quotes." in capsys.readouterr().err


def test_a_first_line_of_numbers_and_words_is_no_header(iris, tmp_path, capsys):
    path = tmp_path / "iris.data"
    path.write_text(iris.read_text().split("\n", 1)[1])
    assert main(["train", str(path), "--target", "5", "--epochs", "2"]) == 0
    shown = capsys.readouterr().out
    assert "120 training and 30 test rows" in shown
    assert "target   column 5, classification into 3 classes" in shown


def test_many_whole_numbers_are_a_regression_that_says_so(tmp_path, capsys):
    write(tmp_path / "t.csv", ["a", "b"], [np.arange(60) % 7, np.arange(60) % 30])
    assert main(["train", str(tmp_path / "t.csv"), "--target", "b", "--epochs", "1"]) == 0
    assert "(--task classification otherwise)" in capsys.readouterr().out


# ----------------------------------------------------------------- what tables need


@pytest.fixture
def homes(tmp_path):
    """Return a table with text, gaps, dates and decimal commas."""
    rng, n = np.random.default_rng(5), 200
    size = rng.normal(80, 20, n).round(1)
    city = rng.choice(["Köln", "Bonn"], n)
    price = 100 + 3 * size + 40 * (city == "Köln")
    path = tmp_path / "homes.csv"
    lines = ["Nr;size;city;sold;owner;price"]
    for i in range(n):
        cells = [f"{x:.1f}".replace(".", ",") for x in (size[i], price[i])]
        day = f"{1 + i % 28:02}.{1 + i % 12:02}.2024"
        lines.append(f"{i + 1};{cells[0] if i % 9 else ''};{city[i]};{day};p{i % 20};{cells[1]}")
    path.write_text("\n".join(lines) + "\n", encoding="latin-1")
    return path


def test_a_table_of_a_spreadsheet(homes, tmp_path, capsys):
    model = str(tmp_path / "model")
    train = ["train", str(homes), "--target", "price", "--seed", "1", "--epochs", "60"]
    assert main([*train, "--save", model]) == 0
    out = capsys.readouterr().out
    for line in (
        r"assumed  the text is in cp1252", r"assumed  cells are separated by a semicolon",
        r"assumed  numbers have a decimal comma", r"Nr      left out  it numbers the rows",
        r"sold    date      scaled, day of year", r"RMSE .*; always the mean: ",
    ):  # fmt: skip
        assert re.search(line, out), line
    assert main(["predict", model, str(homes), "--output", "-"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "price"
    assert float(re.search(r"R\^2 ([\d.]+)", shown.err)[1]) > 0.8
    assert main(["info", model]) == 0
    assert re.search(r"city +category +2 categories", capsys.readouterr().out)
    assert main([*train, "--separator", ","]) == 2
    assert "a different number of cells" in capsys.readouterr().err


def test_results_as_json(homes, capsys):
    train = ["train", str(homes), "--target", "city", "--seed", "1", "--epochs", "3", "--cv", "3"]
    assert main([*train, "--drop", "owner", "--members", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["task"], found["seed"], found["saved"]) == ("classification", 1, None)
    assert found["rows"] == {"training": 160, "test": 40}
    assert len(found["scores_of_folds"]) == 3
    assert found["epochs"] == [3, 3]
    assert np.sum(found["confusion"]["counts"]) == 40
    assert {"name": "owner", "kind": "left out", "done": "asked for"} in found["columns"]
    assert {*found["importances"]} == {"size", "sold", "price"}
    assert main([*train[:-2], "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_rows_to_test_on_from_a_file_or_by_a_column(homes, tmp_path, capsys):
    lines = homes.read_text("latin-1").splitlines(keepends=True)
    parts = {"train": lines[1:120], "validation": lines[120:150], "test": lines[150:]}
    for name, part in parts.items():
        (tmp_path / name).write_text("".join([lines[0], *part]), encoding="latin-1")
    train = ["train", str(tmp_path / "train"), "--target", "price", "--epochs", "2"]
    files = ["--validation", str(tmp_path / "validation"), "--test", str(tmp_path / "test")]
    assert main([*train, *files]) == 0
    assert "119 training and 51 test rows" in capsys.readouterr().out
    train[1] = str(homes)
    assert main([*train, "--split-by", "sold"]) == 0
    assert "sold    date      scaled" in capsys.readouterr().out
    assert main([*train, "--split-by", "owner"]) == 0
    out = capsys.readouterr().out
    assert "160 training and 40 test rows" in out
    assert "owner   left out  asked for" in out
    assert main(["train", str(homes), *files]) == 2
    assert "works only with --target" in capsys.readouterr().err


def test_standard_input(iris, tmp_path, capsys, monkeypatch):
    model = str(tmp_path / "model")
    for arguments in (
        ["train", "-", "--target", "kind", "--epochs", "2", "--save", model],
        ["predict", model, "-"],
    ):
        with io.TextIOWrapper(io.BytesIO(iris.read_bytes())) as stream:
            monkeypatch.setattr("sys.stdin", stream)
            assert main(arguments) == 0
    assert len(capsys.readouterr().out.splitlines()) > 150


def test_the_weight_decay_is_that_of_the_mean_cost(iris, tmp_path):
    said = ["--target", "kind", "--seed", "1", "--epochs", "2", "--weight-decay", "0.5"]
    model = tmp_path / "model"
    sizes = ["--mini-batch-size", "10", "--save", str(model)]
    assert main(["train", str(iris), *said, *sizes]) == 0
    assert bpmatrix.load(model).members_[0].alpha == 5.0


def test_an_estimator_of_0_1_0_predicts_tables(iris, tmp_path, capsys):
    """`train --target` saved an estimator with the names of its columns."""
    X, y = load_iris(return_X_y=True)
    model = bpmatrix.MLPClassifier(5, standardize=True, max_iter=100, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, load_iris().target_names[y])
    model.feature_names_in_, model.target_name_ = np.array([*"abcd"], dtype=object), "kind"
    model.save(tmp_path / "model")
    assert main(["predict", str(tmp_path / "model"), str(iris), "--probabilities"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("kind,p(setosa),p(versicolor),p(virginica)\n")
    assert "accuracy" in shown.err
    assert main(["info", str(tmp_path / "model")]) == 0
    assert "features   a, b, c, d" in capsys.readouterr().out


def test_plots(homes, tmp_path):
    pytest.importorskip("matplotlib")
    train = ["train", str(homes), "--target", "city", "--epochs", "2", "--members", "2"]
    assert main([*train, "--plot", str(tmp_path / "drawn")]) == 0
    names = sorted(path.name for path in (tmp_path / "drawn").iterdir())
    assert names == ["confusion-matrix.svg", "learning-curves-1.svg", "learning-curves-2.svg"]
