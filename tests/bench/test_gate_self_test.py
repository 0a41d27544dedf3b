"""The test of the gate: its rates, its slower copy, its page."""

import subprocess
import sys

import pytest
from bench.versions import FakeVersion
from click.testing import CliRunner

from benchmarks.gate import real, self_test
from benchmarks.gate.real import KERNEL, PRODUCT, Caught, compute_twice
from benchmarks.gate.self_test import EQUAL, SHORT, SLOWER, rate, report, stands
from benchmarks.gate.verdicts import Verdict, Word
from benchmarks.gate.versions import ROOT

YES = Caught(1, "REGRESSION: head takes +30 %")


def found(words, slower=0.0):
    figures = {"ratio": {"median": slower}}
    return [Verdict("base/head", "case", word, "because", figures) for word in words]


def test_the_interval_of_a_rate():
    """The bounds are the p at which the observed rate is 1.96 deviations away."""
    for times, of in ((0, 50), (19, 20), (20, 20), (3, 10)):
        found = rate(times, of)
        for p in {found.low, found.high} - {0.0, 1.0}:
            deviation = (p * (1 - p) / of) ** 0.5
            assert abs(times / of - p) == pytest.approx(1.959964 * deviation)
        assert found.low <= times / of <= found.high


def test_one_false_alarm_or_two_misses_in_twenty_do_not_stand():
    quiet, fires = found([Word.PASS] * 49 + [Word.INCONCLUSIVE]), found([Word.REGRESSION] * 20)
    assert stands(quiet, fires, YES)
    assert stands(quiet, [*fires[1:], *found([Word.PASS])], YES)
    assert not stands(quiet, [*fires[2:], *found([Word.PASS] * 2)], YES)
    assert not stands([*quiet, *found([Word.REGRESSION])], fires, YES)


@pytest.mark.parametrize("caught", [Caught(0, "pass"), Caught(1, "pass"), Caught(5, "REGRESSION")])
def test_the_command_has_to_fail_for_the_right_reason(caught):
    assert not stands(found([Word.PASS]), found([Word.REGRESSION]), caught)


def test_seven_per_cent_more_work_are_seven_per_cent_more_mini_batches():
    assert SLOWER.head.steps == 1.07 * SLOWER.base.steps
    assert EQUAL.base == EQUAL.head == SLOWER.base


def test_the_report_is_written_between_its_marks(tmp_path, monkeypatch):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{self_test.BEGIN}\nold\n{self_test.END}\nafter\n")
    monkeypatch.setattr(self_test, "PAGE", page)
    text = report(found([Word.PASS] * 3), found([Word.REGRESSION] * 3, 0.0677), YES)
    self_test._write_docs(text)
    assert page.read_text() == (f"before\n{self_test.BEGIN}\n\n{text}\n\n{self_test.END}\nafter\n")
    assert "3 of 3: 100 % [44, 100]" in text
    assert "median +7.0" in text


def test_runs_of_equal_and_of_slower_code(monkeypatch):
    started = []
    monkeypatch.setattr(
        self_test, "copied", lambda name, folder: FakeVersion(name, 0.001, started, noise=0.01)
    )
    equal, slower = self_test._runs(3, 2)
    assert [verdict.word for verdict in equal] == [Word.PASS] * 3
    assert [verdict.word for verdict in slower] == [Word.REGRESSION] * 2
    pairs = 3 * SHORT.runs + 2 * SHORT.more_runs
    assert started.count("head") == 1 + pairs  # the first one compiles


@pytest.mark.parametrize(("word", "status"), [(Word.REGRESSION, 0), (Word.PASS, 1)])
def test_the_command(monkeypatch, word, status):
    runs = []

    def measured(*numbers):
        runs.append(numbers)
        return found([Word.PASS] * 3), found([word] * 3)

    monkeypatch.setattr(self_test, "_runs", measured)
    monkeypatch.setattr(self_test, "real_slowdown", lambda folder: YES)
    result = CliRunner().invoke(self_test.self_test, [])
    assert result.exit_code == status
    assert "| equal code | 0 of 3: 0 % [0, 56] | 0 |" in result.output
    assert "processor" in result.output
    CliRunner().invoke(self_test.self_test, ["--full"])
    assert runs == [(3, 3), (50, 20)]


def test_the_page_has_the_marks():
    text = self_test.PAGE.read_text(encoding="utf-8")
    assert self_test.END in text.partition(self_test.BEGIN)[2]


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


def test_a_command_that_fails_before_its_result_is_no_catch(tmp_path, monkeypatch):
    monkeypatch.setattr(real, "copy_repository", lambda folder: folder.mkdir())
    monkeypatch.setattr(real, "compute_twice", lambda kernel: None)
    run = subprocess.run
    monkeypatch.setattr(
        real.subprocess, "run",
        lambda arguments, **named: run([sys.executable, "-c", "import no_such_thing"], **named),
    )  # fmt: skip
    caught = real.real_slowdown(tmp_path)
    assert caught.status == 1
    assert "no_such_thing" in caught.said
    assert not caught.by_the_gate
