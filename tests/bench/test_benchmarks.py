"""Every case runs once on few samples, and every command has help."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.cases import CASES, DTYPES, find_case
from benchmarks.data import load_samples
from benchmarks.report import Report, verdict
from benchmarks.steps import Matmul
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.contenders.engine import Engine
from bpmatrix.bench.contest import TOLERANCE


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_trains(case, dtype):
    task, n = case.task(dtype), 2 * case.mini_batch_size
    task = replace(task, X=task.X[:, :n], targets=task.targets[..., :n])
    engine = Engine(task, 1)
    engine.train(2)
    expected = task.expected_cost(2)

    assert task.judged_cost(*engine.parameters()) == pytest.approx(expected, rel=TOLERANCE[dtype])


def test_case_names_are_unique():
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(find_case(case.name) is case for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_targets_are_set_for_contenders_that_run(case):
    assert set(case.targets) <= set(ROSTER) - case.slow


@pytest.mark.parametrize("name", ["mnist", "digits", "regression"])
def test_samples_fit_their_targets(name, monkeypatch):
    monkeypatch.setenv("BPMATRIX_DATA", "no-such-folder")
    monkeypatch.setattr("benchmarks.data.MNIST_SHAPE", (20, 784))
    load_samples.cache_clear()
    samples = load_samples(name, 4, 3)
    load_samples.cache_clear()

    assert samples.X.shape[1] == samples.targets.shape[-1]
    assert samples.source


def test_the_matrix_product_of_the_peak(monkeypatch):
    monkeypatch.setattr("benchmarks.steps.SIZE_OF_A_PRODUCT", 8)
    product = Matmul("float32")
    product.train(1)
    np.testing.assert_allclose(product._out, product._a @ product._b)


@pytest.mark.parametrize("command", main.commands)
def test_every_command_has_help(command):
    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert " ".join(main.commands[command].help.split()) in " ".join(result.output.split())


def test_an_unknown_case_is_wrong_usage():
    assert CliRunner().invoke(main, ["table", "--case", "1-1/1"]).exit_code == 2


def test_figures_are_printed_as_markdown_and_shown_as_they_come(capsys):
    report = Report("figures")
    report.columns("case", "seconds")
    report.row("a", "1.5 [1.4, 1.6]")
    assert capsys.readouterr().err == "a | 1.5 [1.4, 1.6]\n"
    report.finish(["a note", "a note"])
    said = capsys.readouterr().out

    assert "| case |        seconds |\n|------|----------------|\n| a    | 1.5 [1.4, 1.6] |" in said
    assert said.count("- a note\n") == 1
    assert "processor" in said


def test_a_verdict_says_whether_a_target_is_reached():
    assert verdict(2.5, 2.4).startswith(">= 2.4")
    assert "NOT REACHED" not in verdict(2.5, 2.4)
    assert "NOT REACHED" in verdict(2.3, 2.4)
    assert "NOT REACHED" in verdict(13, 12, at_most=True)
    assert verdict(1, None) == ""


WITHOUT_SCIKIT_LEARN = """
import sys

sys.modules["sklearn"] = None
from benchmarks.__main__ import main

main({arguments}, prog_name="benchmarks")
"""


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["table", "--help"], 0, "Training: bpmatrix"),
        (["quality"], 1, "Error: an estimator of bpmatrix needs scikit-learn"),
    ],
)
def test_only_comparisons_with_scikit_learn_need_it(arguments, status, said):
    program = WITHOUT_SCIKIT_LEARN.format(arguments=arguments)
    path = [*filter(None, sys.path), str(Path(__file__).parents[2])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert process.returncode == status, process.stderr
    assert said in process.stdout + process.stderr
    assert "Traceback" not in process.stderr
