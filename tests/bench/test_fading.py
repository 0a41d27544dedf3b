"""The benchmark of trainings whose numbers fade: that they do, and twins do not; what it prints."""

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks import fading
from benchmarks.__main__ import main
from benchmarks.fading import CASES, part_subnormal

CHAINS = [case for case in CASES if len(case.sizes) > 3 and case.dtype == "float32"]


def test_what_counts_as_subnormal():
    numbers = np.array([0, 1e-38, -1e-38, 1.2e-38, 1, -0.0, 1e-45, -5], np.float32)
    assert part_subnormal(numbers) == 3 / 8
    assert part_subnormal(numbers.astype(np.float64)) == 0


def test_each_case_is_another_one_and_has_a_twin():
    assert len({(case.name, case.dtype) for case in CASES}) == len(CASES)
    assert all(set(case.twin) <= set(case.training) for case in CASES)


@pytest.mark.parametrize("case", CHAINS, ids=lambda case: case.name)
def test_errors_fade_within_the_epochs_of_a_case_and_not_in_its_twin(case):
    """In a trace; weights that a training leaves are 0 or normal numbers."""
    net = case.network()
    assert case.below(net) == (0, 0)
    case.train(net, case.epochs, twin=False)
    weights, errors = case.below(net)
    assert weights == 0 < errors
    twin = case.network()
    case.train(twin, case.epochs, twin=True)
    assert case.below(twin) == (0, 0)


def test_the_command_prints_and_writes_a_line_for_each_case(monkeypatch, tmp_path):
    small = replace(CASES[0], epochs=1, samples=200)
    monkeypatch.setattr(fading, "CASES", (small,))
    result = CliRunner().invoke(main, ["fading", "--quick", "--json", str(tmp_path / "f.json")])
    assert result.exit_code == 0, result.output
    (record,) = json.loads((tmp_path / "f.json").read_text())["records"]
    assert record["case"] == small.name
    assert record["over_the_twin"] == pytest.approx(
        record["last_over_first"]["ratio"]["median"] / record["twin"]["ratio"]["median"]
    )
    assert "on this processor" in result.output


def test_a_twin_that_fades_is_an_error(monkeypatch):
    case = replace(CHAINS[0], twin={}, samples=400, epochs=200)
    monkeypatch.setattr(fading, "CASES", (case,))
    result = CliRunner().invoke(main, ["fading", "--quick"])
    assert result.exit_code == 1
    assert "fades, too" in result.output
