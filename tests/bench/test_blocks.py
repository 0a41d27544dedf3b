"""A short form of `python -m benchmarks blocks`."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from benchmarks import blocks
from benchmarks.__main__ import main


def test_the_waiting_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    case = blocks.Case((8, 2), 4000, "uint8", 10)
    monkeypatch.setattr(blocks, "CASES", (case,))
    result = CliRunner().invoke(main, ["blocks", "--quick"])
    assert result.exit_code == 0, result.output
    assert case.name in result.output
