"""The rule on simulated ratios."""

import numpy as np
import pytest

from bpmatrix.bench.gate.rule import LIMIT, decide, estimate, is_flagged
from bpmatrix.bench.gate.verdicts import Word


def drawn(seed, runs, slower=0.0, quad=0.02, process=0.0085, quads=60):
    """Runs with realistic noise: outliers among quads, and differences of processes."""
    rng = np.random.default_rng(seed)
    means = np.log(1 + slower) + process * rng.standard_normal(runs)
    return [mean + quad * rng.standard_t(1.5, quads) for mean in means]


def judged(seed, slower=0.0, **noise):
    first = drawn(2 * seed, 3, slower, **noise)
    second = drawn(2 * seed + 1, 4, slower, **noise) if is_flagged(first) else ()
    return decide(first, second)[0]


def test_equal_code_passes():
    assert {judged(seed) for seed in range(10)} == {Word.PASS}


@pytest.mark.parametrize("slower", [0.07, 0.3])
def test_slower_code_is_a_regression(slower):
    assert {judged(seed, slower) for seed in range(8)} == {Word.REGRESSION}


def test_faster_code_is_not_a_regression():
    assert {judged(seed, -0.2) for seed in range(10)} == {Word.PASS}


def test_too_much_noise_is_inconclusive():
    assert {judged(seed, process=0.2) for seed in range(10)} <= {Word.INCONCLUSIVE, Word.REGRESSION}
    wide = [[-0.3] * 20, [0.0] * 20, [0.3] * 20]
    assert is_flagged(wide)
    assert decide(wide, wide)[0] is Word.INCONCLUSIVE


def test_a_flag_must_be_confirmed():
    unlucky, fine = [[0.05] * 20] * 3, [[0.0] * 20] * 4
    assert is_flagged(unlucky)
    word, _, why = decide(unlucky, fine)
    assert word is Word.PASS
    assert "not confirm" in why
    below = [[0.02] * 20] * 4  # slower, certainly, but by less than the limit
    assert decide(unlucky, below)[0] is Word.PASS
    assert decide(unlucky, [[0.05] * 20] * 4)[0] is Word.REGRESSION


def test_a_slowdown_below_the_limit_passes():
    assert not is_flagged([[0.99 * LIMIT] * 20] * 3)
    assert is_flagged([[1.01 * LIMIT] * 20] * 3)


def test_the_interval_includes_differences_of_processes():
    """All quads of a run agree; a bootstrap of quads alone would have width 0."""
    found = estimate([[-0.01] * 50, [0.0] * 50, [0.02] * 50])
    assert (found.low, found.median, found.high) == pytest.approx((-0.01, 0.0, 0.02))


def test_the_interval_includes_differences_of_quads():
    rng = np.random.default_rng(0)
    found = estimate([rng.standard_normal(100) * 0.1 for _ in range(3)])
    one_median = 1.2533 * 0.1 / 10
    assert one_median < found.high - found.low < 8 * one_median
    assert found.low < 0 < found.high


@pytest.mark.parametrize("quads", [6, 10, 60])
def test_a_single_run_has_an_interval(quads):
    found = estimate([np.linspace(-0.1, 0.1, quads)])
    assert found.low < found.median < found.high


def test_an_estimate_is_printed_in_percent():
    assert str(estimate([[np.log(1.05)] * 4])) == "+5.0 % [+5.0, +5.0]"
