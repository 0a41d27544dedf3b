"""`pytest benchmarks`: it measures, and a benchmark that compiles inside of the clock fails."""

import subprocess
import sys

import pytest

from benchmarks.gate.versions import ROOT

SUITE = """
from numba import njit

@njit
def double(x):
    return 2 * x

def test_compiles_before(benchmark):
    double(1)
    assert benchmark(double, 1) == 2

def test_compiles_inside(benchmark):
    benchmark.pedantic(double, args=(1.5,), rounds=2)
"""


@pytest.fixture
def run(tmp_path):
    """Run pytest on a folder that has the conftest of the benchmarks and one file of its own."""

    def start():
        (tmp_path / "suite").mkdir()
        conftest = (ROOT / "benchmarks" / "conftest.py").read_text()
        here = "Path(__file__).resolve().parents[1]"
        assert here in conftest
        (tmp_path / "suite" / "conftest.py").write_text(conftest.replace(here, repr(str(ROOT))))
        (tmp_path / "suite" / "test_some.py").write_text(SUITE)
        (tmp_path / "pytest.ini").write_text(
            "[pytest]\naddopts = --import-mode=importlib --benchmark-disable\n"
        )
        return subprocess.run(
            [sys.executable, "-m", "pytest", "suite", "--benchmark-max-time=0.01"],
            cwd=tmp_path, capture_output=True, text=True, timeout=300,
        )  # fmt: skip

    return start


def test_a_benchmark_that_compiles_inside_fails(run):
    done = run()
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "began while the clock ran: call the function once" in done.stdout
    assert "Rounds" in done.stdout  # the table of pytest-benchmark: it measured


def test_every_suite_runs():
    """Once through each benchmark, without a clock, but for those whose processes take long."""
    command = [
        sys.executable, "-m", "pytest", "-q", "benchmarks", "--benchmark-disable",
        "--ignore=benchmarks/test_process.py", "-p", "no:cacheprovider",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
