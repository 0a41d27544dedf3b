"""Each exact check passes the package, and fails a version that breaks its rule."""

import json

import numpy as np
import pytest
from numba import njit

import bpmatrix
from benchmarks.gate import counting, programs
from benchmarks.gate.baseline import Baseline, versions_here
from benchmarks.gate.cases import CASES, GateCase
from benchmarks.gate.counting import Counters, count, peak_of
from benchmarks.gate.exact import (
    agreement,
    compilation,
    constancy,
    nothing_for_each_step,
    peak_as_accepted,
)
from benchmarks.gate.programs import Programs
from bpmatrix import Network, reference
from bpmatrix.bench.gate.verdicts import Word

TRAIN = Network.train
SMALL = GateCase("train", (6, 4, 3), 2, steps=3)


@pytest.fixture(autouse=True)
def _fewer_sizes(monkeypatch):
    """Two sizes instead of nine save time."""
    monkeypatch.setattr(counting, "BATCHES", (1, 10))
    monkeypatch.setattr(counting, "WIDTHS", (3,))


def broken_training(monkeypatch, before):
    """Call ``before(X, mini_batch_size)`` before every training."""

    def train(self, X, targets, **arguments):
        before(X, arguments["mini_batch_size"])
        return TRAIN(self, X, targets, **arguments)

    monkeypatch.setattr(Network, "train", train)


def touch(x):
    return x


def scale_each_column(X, m):
    total = 0.0
    for j in range(m):
        total = total + X[:, j] * 0.5


def keep_each_column(X, m):
    kept = []
    for j in range(m):
        kept += [X[:, j].copy()]


@njit
def allocate_for_each_column(columns):
    total = 0.0
    for j in range(columns):
        total += np.full(3, float(j))[0]
    return total


def test_the_counts_are_constant(monkeypatch):
    monkeypatch.setattr(counting, "WIDTHS", (3, 30))
    counted = Counters().training()
    assert constancy(counted).word is Word.PASS
    assert nothing_for_each_step(counted).word is Word.PASS
    assert min(counted["many steps"].values()) > 0
    json.dumps(constancy(counted).figures)


@pytest.mark.parametrize(
    ("before", "grows"),
    [
        pytest.param(lambda X, m: list(map(touch, range(m))), "calls", id="call"),
        pytest.param(scale_each_column, "lines", id="operators"),
        pytest.param(keep_each_column, "allocations", id="arrays"),
        pytest.param(lambda X, m: allocate_for_each_column(m), "allocations", id="kernel"),
    ],
)
def test_work_per_sample_is_found(monkeypatch, before, grows):
    broken_training(monkeypatch, before)
    verdict = constancy(Counters().training())
    one, ten = verdict.figures["counts"].values()
    assert verdict.word is Word.BROKEN
    assert "batch 10" in verdict.why
    assert ten[grows] >= one[grows] + 9


def test_work_per_unit_is_found(monkeypatch):
    def train(self, X, targets, **arguments):
        for _ in self.weights[0]:
            touch(X)
        return TRAIN(self, X, targets, **arguments)

    monkeypatch.setattr(Network, "train", train)
    monkeypatch.setattr(counting, "BATCHES", (1,))
    monkeypatch.setattr(counting, "WIDTHS", (3, 30))
    assert "width 30" in constancy(Counters().training()).why


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(lambda X, m: [touch(j) for j in range(0, X.shape[1], m)], id="call"),
        pytest.param(lambda X, m: allocate_for_each_column(X.shape[1] // m), id="kernel"),
    ],
)
def test_work_per_step_is_found(monkeypatch, before):
    broken_training(monkeypatch, before)
    counted = Counters().training()
    assert constancy(counted).word is Word.PASS  # the same number of steps for every size
    assert nothing_for_each_step(counted).word is Word.BROKEN


def test_counting_twice_gives_the_same():
    call = programs.program(SMALL)
    call()
    assert count(call) == count(call)


def accepted(peak):
    return Baseline(peaks={versions_here(): peak})


def test_a_larger_peak_is_found(monkeypatch):
    """A copy of one mini-batch's inputs: 63 KB of 657."""
    before = Counters().peak()
    assert peak_as_accepted(before, accepted(before)).word is Word.PASS
    kept = []
    broken_training(monkeypatch, lambda X, m: kept.append(X[:, :m].astype(np.float64)))
    assert peak_as_accepted(Counters().peak(), accepted(before)).word is Word.BROKEN


def test_a_smaller_peak_suggests_accept():
    verdict = peak_as_accepted(98, accepted(100))
    assert verdict.word is Word.PASS
    assert "accept" in verdict.why
    assert peak_as_accepted(101, accepted(100)).word is Word.PASS
    assert peak_as_accepted(102, accepted(100)).word is Word.BROKEN


def test_a_peak_without_an_accepted_one():
    verdict = peak_as_accepted(100, Baseline(peaks={"Python 2.7, NumPy 1.6": 100}))
    assert verdict.word is Word.SKIPPED
    assert versions_here() in verdict.why


def test_the_peak_is_that_of_the_call():
    assert peak_of(lambda: np.ones(100_000)) == pytest.approx(800_000, rel=0.01)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_agree(dtype):
    assert agreement(dtype, Counters().distances(dtype)).word is Word.PASS


def test_a_wrong_matrix_is_found(monkeypatch):
    right = reference.gradient_by_matrix
    monkeypatch.setattr(
        reference,
        "gradient_by_matrix",
        lambda *a: ([b * (1 + 1e-11) for b in right(*a)[0]], right(*a)[1]),
    )
    distances = Counters().distances("float64")
    verdict = agreement("float64", distances)
    assert verdict.word is Word.BROKEN
    assert distances["engine"] < 1e-12 < distances["matrix"]


def test_a_wrong_step_is_found(monkeypatch):
    """The gradient is correct, but training uses another one."""

    def train(self, X, targets, **arguments):
        TRAIN(self, X, targets, **arguments)
        self.weights[0][0, 300] += 1e-9

    monkeypatch.setattr(Network, "train", train)
    distances = Counters().distances("float64")
    assert agreement("float64", distances).word is Word.BROKEN
    assert distances["engine"] < 1e-12 < distances["step of the engine"]


@pytest.mark.parametrize("distance", [2e-12, np.inf, np.nan])
def test_a_distance_too_large_is_broken(distance):
    assert agreement("float64", {"engine": distance}).word is Word.BROKEN
    assert agreement("float64", {"engine": 1e-12}).word is Word.PASS


def test_nothing_compiles_in_timed_calls():
    held = Programs()
    for case in (SMALL, GateCase("predict", (6, 4, 3), 2), GateCase("gradient", (6, 4, 3), 2)):
        held.prepare(case.name, case)
        held.run(case.name, 2)
    assert held.compilations_inside() == 0


def test_a_compilation_in_timed_calls_is_found(monkeypatch):
    widths = iter(range(100))

    @njit
    def first(row):
        return row[0]

    broken_training(monkeypatch, lambda X, m: first((0,) * (next(widths) + 1)))
    held = Programs()
    held.prepare("train", SMALL)
    held.run("train", 1)
    assert compilation({"train": held.compilations_inside()}).word is Word.BROKEN
    assert compilation({"train": 0}).word is Word.PASS
    assert compilation({}).word is Word.BROKEN


def test_every_case_has_its_own_name():
    assert len({case.name for case in CASES}) == len(CASES)


def test_the_measured_package_is_checked():
    assert bpmatrix.__file__.startswith(Programs().package())
