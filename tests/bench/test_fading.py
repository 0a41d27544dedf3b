"""The benchmark of trainings that underflow: cases do, twins do not; its output."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import fading
from benchmarks.__main__ import main
from benchmarks.fading import CASES, fraction_subnormal

CHAINS = [case for case in CASES if len(case.sizes) > 3 and case.dtype == "float32"]


def test_fraction_subnormal():
    numbers = np.array([0, 1e-38, -1e-38, 1.2e-38, 1, -0.0, 1e-45, -5], np.float32)
    assert fraction_subnormal(numbers) == 3 / 8
    assert fraction_subnormal(numbers.astype(np.float64)) == 0


def test_cases_are_unique_and_have_a_twin():
    assert len({(case.name, case.dtype) for case in CASES}) == len(CASES)
    assert all(set(case.twin) <= set(case.training) for case in CASES)


@pytest.mark.parametrize("case", CHAINS, ids=lambda case: case.name)
def test_errors_underflow_in_a_case_but_not_in_its_twin(case):
    """In a trace; after training, weights are 0 or normal numbers."""
    net = case.network()
    assert case.subnormal(net) == (0, 0)
    case.train(net, case.epochs, twin=False)
    weights, errors = case.subnormal(net)
    assert weights == 0 < errors
    twin = case.network()
    case.train(twin, case.epochs, twin=True)
    assert case.subnormal(twin) == (0, 0)


def test_the_command_prints_a_line_for_each_case(monkeypatch):
    small = replace(CASES[0], epochs=1, samples=200)
    monkeypatch.setattr(fading, "CASES", (small,))
    result = CliRunner().invoke(main, ["fading", "--quick"])
    assert result.exit_code == 0, result.output
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("| 10-100-1"))
    name, _, weights, errors, last, twin, over, _ = map(str.strip, line[1:-1].split(" | "))
    assert (name, weights, errors) == (small.name, "0%", "0%")
    assert float(over) == pytest.approx(float(last.split()[0]) / float(twin.split()[0]), rel=0.01)
    assert "on this machine" in result.output


def test_a_twin_that_underflows_is_an_error(monkeypatch):
    case = replace(CHAINS[0], twin={}, samples=400, epochs=200)
    monkeypatch.setattr(fading, "CASES", (case,))
    result = CliRunner().invoke(main, ["fading", "--quick"])
    assert result.exit_code == 1
    assert "underflows, too" in result.output
