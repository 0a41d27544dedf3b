"""Every case runs once on few samples, and every command has help."""

import os
import platform
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.avx2 import LIMITS, X86, limit_to_avx2
from benchmarks.cases import CASES, DTYPES, find_case
from benchmarks.data import load_samples
from benchmarks.report import Report, publish, verdict
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


@pytest.mark.skipif(platform.machine().lower() not in X86, reason="AVX2 is a matter of x86-64")
def test_avx2_disables_avx512(monkeypatch):
    monkeypatch.setattr("os.environ", dict(os.environ))
    limit_to_avx2()
    script = (
        "from bpmatrix.kernels.machine.vectors import WIDE, REGISTER_BYTES;"
        "print(WIDE, REGISTER_BYTES);"
        "from numba.core import config; print(config.CPU_NAME)"
    )
    run = [sys.executable, "-c", script]
    told = subprocess.run(run, capture_output=True, text=True, check=True, env=os.environ)

    assert told.stdout.split() == ["False", "32", "haswell"]
    assert LIMITS.items() <= os.environ.items()


@pytest.mark.skipif(platform.machine().lower() not in X86, reason="AVX2 is a matter of x86-64")
@pytest.mark.parametrize(
    ("release", "has_flag"),
    [("0.9.2", False), ("0.10.0", True), ("0.11rc1", True), ("1.0", True), (None, False)],
)
def test_avx2_disables_products_that_ignore_it_in_jax(release, has_flag, monkeypatch):
    def version(package):
        if release is None:
            raise PackageNotFoundError(package)
        return release

    monkeypatch.setattr("os.environ", dict(os.environ))
    monkeypatch.setattr("benchmarks.avx2.version", version)
    limit_to_avx2()

    limit, *more = os.environ["XLA_FLAGS"].split()
    assert limit == "--xla_cpu_max_isa=AVX2"
    assert more == ["--xla_cpu_experimental_ynn_fusion_type="] * has_flag


def test_other_processors_cannot_be_limited_to_avx2(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    result = CliRunner().invoke(main, ["--avx2", "startup"])

    assert result.exit_code == 2
    assert "this one is arm64" in result.output


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


def test_what_is_printed_is_also_written_between_the_marks(tmp_path):
    """A page without the marks of the command is an error, and stays unchanged."""

    @click.command()
    @click.option("--write", type=Path)
    def quality(write):
        publish("new\n")

    page = tmp_path / "page.md"
    page.write_text("before\n<!-- python -m benchmarks quality -->\nold\n<!-- end -->\nafter\n")
    result = CliRunner().invoke(quality, ["--write", str(page)])
    assert (result.exit_code, result.output) == (0, "new\n")
    written = page.read_text()
    assert written == ("before\n<!-- python -m benchmarks quality -->\nnew\n<!-- end -->\nafter\n")
    page.write_text("before\n")
    result = CliRunner().invoke(quality, ["--write", str(page)])
    assert result.exit_code == 1
    assert "lacks the lines <!-- python -m benchmarks quality -->" in result.output
    assert page.read_text() == "before\n"


def test_the_pages_have_marks_for_commands():
    """Each is a command that exists."""
    found = []
    for page in sorted((Path(__file__).parents[2] / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        found += re.findall(r"<!-- python -m benchmarks (\S+) -->\n(?:.*\n)*?<!-- end -->", text)
    assert sorted(found) == ["c", "exchange", "quality", "ranks", "scaling", "self-test"]
    assert set(found) <= set(main.commands)


def test_scales_that_table_models_are_compared_with():
    pytest.importorskip("pyarrow")
    from benchmarks.scaling import ways  # noqa: PLC0415 - where pyarrow is
    from bpmatrix.tables import columns  # noqa: PLC0415

    x = np.array([0.0, 1, 2, 3, 1000])

    class Split:
        def score_of_table(self):
            return columns.Scale.of(x).apply(x)[0]

    found = {name: way(Split()) for name, way in ways(Split.score_of_table).items()}
    linear = (x - 2) / 2
    assert found["quartiles"] == pytest.approx(linear)
    assert found["quartiles, limit"] == pytest.approx(linear / np.hypot(1, linear / 3))
    assert found["quartiles, logarithm"] == pytest.approx(3 * np.arcsinh(linear / 3))
    assert found["mean and deviation"] == pytest.approx((x - x.mean()) / x.std())


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
def test_only_comparisons_with_scikit_learn_need_it(arguments, status, said, tmp_path):
    program = WITHOUT_SCIKIT_LEARN.format(arguments=arguments)
    # First on the path, since some wheels (pyarrow 17) contain a folder of this name.
    (tmp_path / "benchmarks").symlink_to(Path(__file__).parents[2] / "benchmarks")
    path = [str(tmp_path), *filter(None, sys.path)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    process = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )
    assert process.returncode == status, process.stderr
    assert said in process.stdout + process.stderr
    assert "Traceback" not in process.stderr
