"""Models of tables in files: rows held out, a sample, and the same results for the same seed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

pa = pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

from bpmatrix import TableModel  # noqa: E402
from bpmatrix.cli import main  # noqa: E402
from bpmatrix.errors import DataError  # noqa: E402
from bpmatrix.tables import files, model, sampling  # noqa: E402
from bpmatrix.tables.files import TableFiles  # noqa: E402
from bpmatrix.tables.sampling import sampled  # noqa: E402


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Return a file of many blocks: a number that rows have in their order, and a class."""
    monkeypatch.setattr(files, "BLOCK", 1000)
    monkeypatch.setattr(sampling, "MOST_ROWS", 300)
    rng = np.random.default_rng(1)
    x = rng.standard_normal(1000).round(3)
    rows = [f"{i},{x[i]},{'no' if x[i] < 0 else 'yes'}" for i in range(1000)]
    (tmp_path / "t.csv").write_text("\n".join(["row,x,kind", *rows]) + "\n")
    return tmp_path / "t.csv"


def test_every_row_is_held_out_or_trained_on(table):
    found = sampled(TableFiles(table), 1)
    assert found.n == 1000
    assert found.numbered == ["row"]
    test, validation = found.hold_out(0.2), found.hold_out(0.02)
    assert (test.num_rows, validation.num_rows) == (75, 20)  # a quarter of 300, and a share
    training = pa.concat_tables(found.training_rows())["row"].to_pylist()
    assert len(training) == found.n_training
    assert training == sorted(training)  # in the order of the file
    held_out = [*test["row"].to_pylist(), *validation["row"].to_pylist()]
    assert sorted(training + held_out) == list(range(1000))
    assert set(found.sample["row"].to_pylist()) <= set(training)
    assert found.sample.num_rows == 300 - 95
    assert np.mean(test["row"].to_pylist()) == pytest.approx(500, abs=120)


def test_too_small_a_table(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n5,6\n")
    with pytest.raises(DataError, match="too small to hold out rows: got 3 rows"):
        sampled(TableFiles(tmp_path / "t.csv"), 1).hold_out(0.1)


def test_a_model_of_files_repeats_and_resumes(table, tmp_path):
    """Also from a checkpoint, to the bit."""
    settings = {"seed": 3, "early_stopping": False, "tol": 0.0, "n_iter_no_change": 99}

    def fit(epochs, folder=None):
        model = TableModel("kind", max_iter=epochs, **settings)
        with pytest.warns(UserWarning, match="has not converged"):
            model.fit(str(table), checkpoint=folder)
        return model

    first, again = fit(6), fit(6)
    assert first.score(pa.concat_tables(TableFiles(table))) > 0.9
    assert (first.members_[0]._parameters.flat == again.members_[0]._parameters.flat).all()
    fit(3, tmp_path / "run")
    resumed = fit(6, tmp_path / "run")
    assert (first.members_[0]._parameters.flat == resumed.members_[0]._parameters.flat).all()


def test_a_sorted_file_causes_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(model, "BYTES_OF_A_BLOCK", 1000)
    rows = [f"{i % 7},{'no' if i < 900 else 'yes'}" for i in range(1800)]
    (tmp_path / "t.csv").write_text("\n".join(["x,kind", *rows]) + "\n")
    with pytest.warns(UserWarning, match=r"the samples of .*t.csv are sorted by.* write them$"):
        TableModel("kind", seed=1, tol=1e9).fit(tmp_path / "t.csv")
    rows = [rows[i] for i in np.random.default_rng(1).permutation(len(rows))]
    (tmp_path / "t.csv").write_text("\n".join(["x,kind", *rows]) + "\n")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* are sorted by")
        TableModel("kind", seed=1, tol=1e9).fit(tmp_path / "t.csv")


def test_the_command_line(table, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(files, "_memory", lambda: 8000)
    train = ["train", str(table), "--target", "kind", "--seed", "1", "--epochs", "20"]
    assert main([*train, "--save", str(tmp_path / "model")]) == 0
    shown = capsys.readouterr().out
    assert "925 training and 75 test rows" in shown
    assert "it is read block by block; a sample of 225 rows decides" in shown
    assert main(["predict", str(tmp_path / "model"), str(table), "--probabilities"]) == 0
    in_blocks = capsys.readouterr()
    assert "of 1,000) on" in in_blocks.err
    monkeypatch.setattr(files, "_memory", lambda: 1 << 40)
    assert main(["predict", str(tmp_path / "model"), str(table), "--probabilities"]) == 0
    assert capsys.readouterr().out == in_blocks.out
    monkeypatch.setattr(files, "_memory", lambda: 8000)
    assert main([*train, "--cv", "3"]) == 2
    assert "--cv needs the whole table in memory" in capsys.readouterr().err
