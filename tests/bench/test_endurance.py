"""A short form of `python -m benchmarks endurance`."""

from __future__ import annotations

import sys

import pytest
from click.testing import CliRunner

from benchmarks import endurance
from benchmarks.__main__ import main

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_nothing_grows_but_a_history() -> None:
    """Some trainings, fits and epochs leave no thread, no file and little memory."""
    pytest.importorskip("sklearn")
    result = CliRunner().invoke(main, ["endurance", "--quick"])
    assert result.exit_code == 0, result.output
    assert all(case.name in result.output for case in endurance.CASES)


def test_growth_is_found(tmp_path) -> None:
    """Of memory and of open files."""
    kept = []

    def leak(rounds: int) -> None:
        kept.extend((tmp_path / "file").open("a") for _ in range(rounds))
        # More than malloc takes from memory that earlier tests have freed.
        kept.append(b"-" * (rounds << 23))

    try:
        found = endurance.grow(endurance.Case("leak", 10, leak))
        assert found.bytes > 60 << 20
        assert found.files == 10
        assert found.threads <= 0  # one of an earlier test may end
    finally:
        for file in kept[:-1]:
            if not isinstance(file, bytes):
                file.close()
