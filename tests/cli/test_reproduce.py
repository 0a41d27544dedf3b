"""`bpmatrix reproduce` on experiments that train in a moment."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reproduction.small import NEVER, SURE, small

from bpmatrix import datasets
from bpmatrix.cli import main, reproduce
from bpmatrix.errors import DataNotFoundError
from bpmatrix.reproduction import experiments

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(monkeypatch):
    """Return a function that sets the experiments."""
    return lambda *made: monkeypatch.setattr(experiments, "EXPERIMENTS", made)


def test_every_table_of_the_command_has_rows():
    assert {e.table for e in experiments.EXPERIMENTS} == set(reproduce.TABLES)


def test_inside_the_bands_the_status_is_0(table, capsys: Captured):
    table(small(SURE))

    assert main(["reproduce"]) == 0
    out = capsys.readouterr().out
    assert "in the band" in out
    assert "1 of 1 figures are in their bands" in out


def test_outside_of_a_band_the_status_is_1(table, capsys: Captured):
    table(small(SURE, NEVER))

    assert main(["reproduce", "--quick"]) == 1
    out = capsys.readouterr().out
    assert out.count("OUTSIDE") == 1
    assert "1 of 2 figures" in out


def without(monkeypatch, name):
    """Make a data set unavailable."""
    load = datasets.load

    def load_others(source):
        if source == name:
            raise DataNotFoundError(f"{name} is nowhere", cure="Set BPMATRIX_DATA.")
        return load(source)

    monkeypatch.setattr(datasets, "load", load_others)


def test_without_mnist_it_says_how_to_get_it(monkeypatch, capsys: Captured):
    without(monkeypatch, "mnist")

    assert main(["reproduce"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "bpmatrix: error: mnist is nowhere. Set BPMATRIX_DATA."


def test_without_fashion_mnist_the_rest_runs(table, monkeypatch, capsys: Captured):
    without(monkeypatch, "fashion-mnist")
    table(small(SURE), small(SURE, data="fashion-mnist"))

    assert main(["reproduce"]) == 0
    captured = capsys.readouterr()
    assert "1 of 2 experiments" in captured.out
    assert "Skipped the experiments on fashion-mnist" in captured.err
    assert "BPMATRIX_DATA" in captured.err


def test_without_fashion_mnist_its_table_is_an_error(monkeypatch, capsys: Captured):
    without(monkeypatch, "fashion-mnist")

    assert main(["reproduce", "fashion"]) == 2
    assert "fashion-mnist is nowhere" in capsys.readouterr().err


def test_the_report_lists_skipped_experiments(table, tmp_path):
    table(small(SURE), replace(small(SURE, quick_runs=0), name="large"))

    assert main(["reproduce", "chapter1", "--quick", "--markdown", "page.md"]) == 0
    page = (tmp_path / "page.md").read_text()
    assert "seconds" not in page
    assert page.startswith("# ")
    assert "`bpmatrix reproduce chapter1 --quick --markdown FILE`" in page
    assert "| chapter1 | small | test, best | 50.00 |" in page
    assert "Band: made up" in page
    assert "## Not run here\n\n- chapter1: large\n" in page


def test_curves_are_drawn(table, tmp_path):
    pytest.importorskip("matplotlib")
    table(small(SURE), small(SURE, judged="test at best validation"))

    assert main(["reproduce", "--plot", "pictures"]) == 0
    (picture,) = (tmp_path / "pictures").iterdir()
    assert picture.name == "chapter1-small.svg"
    assert b"<svg" in picture.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["chapter2"], "chapter2"),
        (["fashion", "--quick"], "nothing of fashion"),
        (["--markdown", "no-folder/page.md"], "no folder"),
    ],
)
def test_wrong_usage_is_rejected_before_training(arguments, message, capsys: Captured):
    assert main(["reproduce", *arguments]) == 2
    assert message in capsys.readouterr().err
