import pytest
from bench.fakes import Clock

from bpmatrix.bench import compare


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


def test_no_quad_is_no_comparison():
    with pytest.raises(ValueError, match="quads=0: expected at least 1"):
        compare(int, int, quads=0)
