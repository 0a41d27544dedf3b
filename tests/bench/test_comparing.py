import gc

import numpy as np
import pytest
from bench.fakes import Clock

from bpmatrix.bench import compare
from bpmatrix.bench.comparing import Pairs, calibrate, in_process, measure_quad


def test_a_function_is_as_fast_as_itself():
    clock = Clock()
    same = clock.costs(0.001)
    ratio = compare(same, same, clock=clock).ratio

    assert ratio.low <= 1 <= ratio.high
    assert ratio.median == pytest.approx(1)


def test_the_ratio_is_that_of_the_times():
    clock = Clock()
    comparison = compare(clock.costs(0.003), clock.costs(0.002), quads=9, clock=clock)

    assert comparison.ratio.median == pytest.approx(1.5)
    assert comparison.f == pytest.approx(0.003)
    assert comparison.g == pytest.approx(0.002)
    assert len(comparison.log_ratios) == 9


def test_the_seed_decides_the_order():
    def order(seed):
        clock, seen = Clock(), []

        def function(name):
            return lambda: (seen.append(name), clock.costs(0.01)())

        compare(function("f"), function("g"), quads=12, seed=seed, clock=clock)
        return "".join(seen)

    assert order(1) == order(1) != order(2)
    assert "fggf" in order(1)
    assert "gffg" in order(1)


def test_quads_must_be_positive():
    with pytest.raises(ValueError, match="quads=0: expected at least 1"):
        compare(int, int, quads=0)


@pytest.mark.parametrize("seconds", [1e-6, 3e-4, 0.9])
def test_a_block_is_about_as_long_as_asked(seconds):
    clock = Clock()
    calls = calibrate(in_process(clock.costs(seconds), clock), 0.01)

    assert calls == 1 or 0.005 <= calls * seconds <= 0.01


def test_calibration_is_not_misled_by_compilation():
    """The first run of each number of calls is slow, as if it compiled."""
    seen = set()

    def arm(calls):
        first = calls not in seen
        seen.add(calls)
        return calls * 1e-5 + (1.0 if first else 0.0)

    assert 0.005 <= calibrate(arm, 0.01) * 1e-5 <= 0.01


def test_calibration_ends_with_a_stopped_clock():
    assert calibrate(lambda calls: 0.0, 0.01) >= 1 << 20


@pytest.mark.parametrize(("a_first", "order"), [(True, "abba"), (False, "baab")])
def test_the_order_of_a_quad(a_first, order):
    seen = []

    def arm(name):
        return lambda calls: seen.append(name) or 1.0

    measure_quad(arm("a"), arm("b"), (1, 1), Pairs(), a_first=a_first)

    assert "".join(seen) == order


def test_blocks_of_different_lengths_are_compared_per_call():
    pairs = Pairs()
    measure_quad(lambda n: 3.0 * n, lambda n: 1.0 * n, (2, 7), pairs, a_first=True)

    assert pairs.seconds_a == [3]
    assert pairs.seconds_b == [1]
    assert pairs.log_ratios == pytest.approx([np.log(3)])


@pytest.mark.parametrize("a_first", [True, False])
def test_a_linear_drift_cancels(a_first):
    slowness = iter(np.exp(0.1 * np.arange(4)))
    pairs = Pairs()

    def arm(calls):
        return next(slowness)

    measure_quad(arm, arm, (1, 1), pairs, a_first=a_first)

    assert pairs.log_ratios == pytest.approx([0])


def test_no_garbage_is_collected_in_a_block():
    states = []
    in_process(lambda: states.append(gc.isenabled()))(2)

    assert states == [False, False]
    assert gc.isenabled()
