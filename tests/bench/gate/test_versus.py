"""Base against head, with simulated workers."""

import json

import numpy as np
import pytest
from bench.versions import FakeVersion

from benchmarks.gate.cases import CASES, GateCase
from benchmarks.gate.versions import match_of
from bpmatrix.bench.gate import versus
from bpmatrix.bench.gate.pairs import Match, Repeats, measure_run
from bpmatrix.bench.gate.verdicts import Word
from bpmatrix.bench.gate.versus import compare_versions, judge_matches, prepare
from bpmatrix.bench.workers import SkippedError, WorkerError

EFFORT = Repeats(runs=3, more_runs=4, quads=30)
CASE = CASES[0]
THREADED = GateCase("train", (4, 3, 2), 2, threads=2)


@pytest.fixture(autouse=True)
def _everywhere(monkeypatch):
    """Pretend that processes can be pinned; none is measured."""
    monkeypatch.setattr(versus, "CAN_PIN", True)


def pair(head_seconds=0.001, base_seconds=0.001, **head):
    started = []
    base = FakeVersion("base", base_seconds, started, noise=0.01)
    return base, FakeVersion("head", head_seconds, started, **{"noise": 0.01, **head}), started


def compare(base, head, cases=(CASE,)):
    found = compare_versions(base, head, [match_of(case) for case in cases], EFFORT, str)
    return {verdict.name: verdict for verdict in found}


@pytest.mark.parametrize("run", [0, 1, 2, 3])
def test_above_one_means_that_head_is_slower(run):
    base, head, _ = pair(0.00105)
    result = measure_run(base, head, [match_of(CASE)], EFFORT, run)
    assert np.median(result.logs[CASE.name]) == pytest.approx(np.log(1.05), abs=0.01)
    assert result.seconds[CASE.name] == pytest.approx((0.001, 0.00105), rel=0.01)


def test_every_run_has_new_processes_and_swaps_the_arms():
    base, head, started = pair()
    for run in range(4):
        measure_run(base, head, [match_of(CASE)], EFFORT, run)
    starts = [name for name in started if "ended" not in name]
    assert starts == ["head", "base", "base", "head"] * 2
    assert len(started) == 2 * len(starts)


def test_equal_versions_pass_without_a_second_stage():
    base, head, started = pair()
    assert [v.word for v in judge_matches(base, head, [match_of(CASE)], EFFORT, str)] == [Word.PASS]
    assert started.count("head") == EFFORT.runs


def test_a_slower_version_is_confirmed_by_new_runs():
    base, head, started = pair(0.00107)
    (verdict,) = judge_matches(base, head, [match_of(CASE)], EFFORT, str)
    assert verdict.word is Word.REGRESSION
    assert started.count("head") == EFFORT.runs + EFFORT.more_runs
    assert len(verdict.figures["log_ratios"]) == EFFORT.runs + EFFORT.more_runs
    assert verdict.figures["microseconds"]["head"] == pytest.approx(1070, rel=0.01)
    json.dumps(verdict.figures)


def test_only_flagged_cases_are_measured_again():
    base, head, _ = pair()
    slower = Match("slower", CASE, CASE)
    asked = []
    measure = versus.measure_run

    def noted(base, head, matches, repeats, run):
        asked.append([match.name for match in matches])
        result = measure(base, head, matches, repeats, run)
        result.logs["slower"] = [log + 0.1 for log in result.logs["slower"]]
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versus, "measure_run", noted)
        found = judge_matches(base, head, [match_of(CASE), slower], EFFORT, str)
    assert [verdict.word for verdict in found] == [Word.PASS, Word.REGRESSION]
    assert asked == [[CASE.name, "slower"]] * EFFORT.runs + [["slower"]] * EFFORT.more_runs


def test_processes_that_differ_much_are_inconclusive():
    wild = [0.7, 1.4, 1.0, 0.7, 1.4, 1.0, 1.3]
    base, head, _ = pair(by_process=wild)
    (verdict,) = judge_matches(base, head, [match_of(CASE)], EFFORT, str)
    assert verdict.word is Word.INCONCLUSIVE


def test_a_compilation_in_timed_calls_breaks_the_exact_check():
    base, head, _ = pair(compiles=1)
    words = {v.name: v.word for v in judge_matches(base, head, [match_of(CASE)], EFFORT, str)}
    assert words["no compilation inside the clock"] is Word.BROKEN


def test_a_large_and_steady_slowdown_asks_for_another_machine():
    base, head, _ = pair(0.0014)
    (verdict,) = judge_matches(base, head, [match_of(CASE)], EFFORT, str)
    assert "another type of machine" in verdict.why
    base, head, _ = pair(0.0011)
    (verdict,) = judge_matches(base, head, [match_of(CASE)], EFFORT, str)
    assert "another type of machine" not in verdict.why


def test_a_case_that_base_cannot_run_is_new():
    base, head, _ = pair()
    base.lacks = {CASES[1].name}
    found = compare(base, head, CASES[:2])
    assert found[CASES[1].name].word is Word.NEW
    assert "no such method" in found[CASES[1].name].why
    assert found[CASE.name].word is Word.PASS


def test_a_case_that_head_cannot_run_is_missing():
    base, head, _ = pair()
    head.lacks = {CASE.name}
    assert compare(base, head)[CASE.name].word is Word.MISSING


def test_a_case_that_both_skip_is_skipped():
    base, head, _ = pair()
    for version in (base, head):
        version.lacks, version.error = {CASE.name}, SkippedError
    assert compare(base, head, CASES[:2])[CASE.name].word is Word.SKIPPED
    base.lacks = ()  # else a slow case could pass by being skipped
    assert compare(base, head, CASES[:2])[CASE.name].word is Word.MISSING


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [((3,), (4,), True), ((3,), (3,), False), ((3,), None, False), ((0.1,), (0.1 + 1e-13,), False)],
)
def test_results_that_differ_break_the_exact_check(one, other, differ):
    base, head, _ = pair()
    base.returns, head.returns = one, other
    found = compare(base, head)
    assert found[CASE.name].word is Word.PASS
    assert (found.get(f"{CASE.name} returns the same") is not None) is differ
    if differ:
        broken = found[f"{CASE.name} returns the same"]
        assert (broken.word, "base returns 3, head 4" in broken.why) == (Word.BROKEN, True)


@pytest.mark.parametrize(("block", "quads"), [(0.004, 60), (0.1, 37), (3.0, 6)])
def test_slow_benchmarks_get_fewer_quads(block, quads):
    assert Repeats().quads_of(block) == quads


def test_a_base_that_can_run_no_case():
    base, head, _ = pair()
    base.lacks = {CASE.name}
    assert compare(base, head)["all cases"].word is Word.NOTHING_MEASURED


def test_a_crashed_process(monkeypatch):
    def die(*arguments):
        raise WorkerError("head: its process ended with exit status -9")

    monkeypatch.setattr(versus, "measure_run", die)
    verdict = compare(*pair()[:2])["all cases"]
    assert (verdict.word, "exit status -9" in verdict.why) == (Word.NOTHING_MEASURED, True)


def test_no_cases():
    assert compare(*pair()[:2], cases=())["all cases"].word is Word.NOTHING_MEASURED


def test_threads_are_information():
    base, head, _ = pair(0.002)
    assert compare(base, head, [THREADED])[THREADED.name].word is Word.INFORMATION


def test_without_pinning_all_verdicts_are_information(monkeypatch):
    monkeypatch.setattr(versus, "CAN_PIN", False)
    base, head, _ = pair(0.002)
    assert compare(base, head)[CASE.name].word is Word.INFORMATION


def test_a_worker_is_ended_after_a_failed_case():
    _, head, started = pair()
    head.lacks = {CASE.name}
    found = prepare(head, {case.name: case for case in CASES[:2]}, str)
    assert (list(found.failures), list(found.results)) == ([CASE.name], [CASES[1].name])
    assert started == ["head", "head ended"] * 2
