"""A few dozen kills at random moments (`python -m benchmarks kills` does 200), and the cost."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.checkpoints import CASES
from benchmarks.kills import PHASES, kill
from benchmarks.kills_trainings import WAYS


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the children are forks")
def test_killed_runs_resume_to_the_same_bits() -> None:
    """Networks, estimators and the command line are killed, and every phase occurs."""
    pytest.importorskip("sklearn")
    found = kill(18)
    assert found.total() == 18
    assert {phase for _, phase in found} >= set(PHASES[1:]), found
    assert {way for way, _ in found} == set(WAYS)


def test_the_cost_is_shown() -> None:
    """There is a row for each case; the numbers of a quick run are noise."""
    result = CliRunner().invoke(main, ["checkpoints", "--quick"])
    assert result.exit_code == 0, result.output
    assert all(case.name in result.output for case in CASES)
