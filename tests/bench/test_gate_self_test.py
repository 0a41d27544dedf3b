"""The self-test of the gate: its rates, its slower copy, its page."""

import pytest
from bench.versions import FakeVersion
from click.testing import CliRunner

from benchmarks.gate import self_test
from benchmarks.gate.self_test import (
    EQUAL,
    KERNEL,
    PRODUCT,
    SHORT,
    SLOWER,
    TWICE,
    compute_twice,
    rate,
    report,
    stands,
)  # fmt: skip
from benchmarks.gate.versions import ROOT
from bpmatrix.bench.gate.verdicts import Verdict, Word


def found(words, slower=0.0):
    figures = {"ratio": {"median": slower}}
    return [Verdict("base/head", "case", word, "because", figures) for word in words]


def all_found(equal, slower, twice=None):
    twice = twice or found([Word.REGRESSION], 0.3)
    return {EQUAL.name: equal, SLOWER.name: slower, TWICE.name: twice}


def test_a_rate_has_an_interval():
    assert rate(0, 50) == "0 of 50: 0 % [0, 7]"
    assert rate(20, 20) == "20 of 20: 100 % [84, 100]"


def test_one_false_alarm_or_two_misses_in_twenty_fail():
    quiet, fires = found([Word.PASS] * 49 + [Word.INCONCLUSIVE]), found([Word.REGRESSION] * 20)
    assert stands(all_found(quiet, fires))
    assert stands(all_found(quiet, [*fires[1:], *found([Word.PASS])]))
    assert not stands(all_found(quiet, [*fires[2:], *found([Word.PASS] * 2)]))
    assert not stands(all_found([*quiet, *found([Word.REGRESSION])], fires))
    assert not stands(all_found(quiet, fires, found([Word.PASS])))


def test_seven_percent_more_work_is_seven_percent_more_mini_batches():
    assert SLOWER.head.steps == 1.07 * SLOWER.base.steps
    assert EQUAL.base == EQUAL.head == SLOWER.base


def test_the_report():
    text = report(all_found(found([Word.PASS] * 3), found([Word.REGRESSION] * 3, 0.0677)))
    assert "3 of 3: 100 % [44, 100]" in text
    assert "median +7.0" in text


def test_runs_of_equal_and_of_slower_code(monkeypatch):
    started = []

    def copied(name, folder):
        return FakeVersion(name, 0.0013 if name == "twice" else 0.001, started, noise=0.01)

    monkeypatch.setattr(self_test, "copied", copied)
    monkeypatch.setattr(self_test, "compute_twice", lambda kernel: None)
    words = {
        name: [verdict.word for verdict in verdicts]
        for name, verdicts in self_test._runs(3, 2).items()
    }
    assert words == {
        EQUAL.name: [Word.PASS] * 3,
        SLOWER.name: [Word.REGRESSION] * 2,
        TWICE.name: [Word.REGRESSION],
    }
    pairs = 3 * SHORT.runs + 2 * SHORT.more_runs
    assert started.count("head") == 1 + pairs  # the first one compiles


@pytest.mark.parametrize(("word", "status"), [(Word.REGRESSION, 0), (Word.PASS, 1)])
def test_the_command(monkeypatch, word, status):
    runs = []

    def measured(*numbers):
        runs.append(numbers)
        return all_found(found([Word.PASS] * 3), found([word] * 3))

    monkeypatch.setattr(self_test, "_runs", measured)
    result = CliRunner().invoke(self_test.self_test, [])
    assert result.exit_code == status
    assert "| equal code | 0 of 3: 0 % [0, 56] | 0 |" in result.output
    assert "processor" in result.output
    CliRunner().invoke(self_test.self_test, ["--full"])
    assert runs == [(3, 3), (50, 20)]


def test_a_product_is_computed_twice(tmp_path):
    kernel, source = tmp_path / "kernel.py", ROOT / KERNEL
    kernel.write_text(source.read_text())
    compute_twice(kernel)
    before, after = source.read_text().splitlines(), kernel.read_text().splitlines()
    added = [i for i in range(1, len(after)) if after[i] == after[i - 1] != ""]
    assert len(after) == len(before) + 1
    assert [after[i].strip().startswith(PRODUCT) for i in added] == [True]
    kernel.write_text("nothing\n")
    with pytest.raises(ValueError, match="has no line"):
        compute_twice(kernel)
