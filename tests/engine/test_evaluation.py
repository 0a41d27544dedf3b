"""Looking at a network: outputs, costs, hits and gradients against their definitions in NumPy."""

from __future__ import annotations

import threading
import time
import warnings

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numeric import ELEMENTARY, assert_close, gradient_bound, same_bits
from strategies import Case, cases, descriptions, make_case

from bpmatrix import Network, reference
from bpmatrix.architecture.costs import find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine import evaluation
from bpmatrix.engine.evaluation import gradient, outputs, scores
from bpmatrix.engine.trace import trace
from bpmatrix.samples.arrays import as_targets
from bpmatrix.samples.samples import Samples

WHOLE = ("identity", "relu")


def whole_number_case(case: Case) -> Case:
    """Return the case with small whole numbers in it, which no order of summation can round."""
    rng = np.random.default_rng(case.X.shape[1])
    theta = rng.integers(-2, 3, case.theta.size).astype(case.theta.dtype)
    X = rng.integers(-3, 4, case.X.shape[::-1]).astype(case.X.dtype).T
    Y = rng.integers(-3, 4, case.Y.shape[::-1]).astype(case.Y.dtype).T
    return Case(case.description, theta, X, Y, None)


@st.composite
def whole_cases(draw) -> Case:
    """Draw a network of identities and ReLUs whose numbers are small integers."""
    widths, depths = st.integers(1, 9), st.integers(1, 3)
    d = draw(descriptions(widths=widths, depths=depths))
    names = tuple(draw(st.sampled_from(WHOLE)) for _ in d.activations)
    d = Description(d.sizes, names, "quadratic", bias=d.bias, dtype=d.dtype)
    return whole_number_case(make_case(d, draw(st.integers(1, 40)), draw(st.integers(0, 99))))


@given(whole_cases())
def test_whole_numbers_give_exactly_what_the_reference_gives(case: Case) -> None:
    """Where nothing is rounded, outputs and cost are those of the book to the last bit.

    The largest number here is below (9 * 2 * 2 + 2)^3 * 3 squared, which float64 holds; float32
    holds it for what these sizes add up to, or the case is left out.
    """
    d = case.description
    weights, biases, activations, cost, X, Y = case.in_float64()
    a = reference.feedforward(weights, biases, activations, X)[1][-1]
    assume(((a - Y) ** 2).sum() * 2 < 1 / np.finfo(d.dtype).eps)
    assert same_bits(outputs(d, case.theta, case.inputs), a.astype(d.dtype) + 0.0)
    expected = reference.mean_cost(weights, biases, activations, cost, X, Y)
    assert scores(d, case.theta, case.samples).cost == expected


@given(cases())
def test_cost_is_the_mean_of_its_definition(case: Case) -> None:
    """The cost is the mean over columns of the formula, computed from the outputs' z."""
    d = case.description
    parameters = Parameters.of(case.theta, d.layout)
    z = trace(d, parameters, case.inputs, case.targets).layers[-1].z.astype(np.longdouble)
    y = case.Y.astype(np.longdouble)
    n_out, m = z.shape
    a = reference.SIGMA[d.activations[-1]](z)
    terms = reference.cost_terms(d.cost, z, a, y)
    if d.cost == "quadratic":
        # (a - y)^2 / 2: twice the relative error of a - y, which is that of a and y over a - y.
        size = 2 * np.abs(a - y) * (np.abs(a) + np.abs(y)) + terms
    elif find_cost(d.cost).partner:
        size = terms  # from z, and nothing cancels
    else:
        size = terms + (np.abs(a) + np.abs(y) + 1) ** 2  # none is steeper than |a| + |y| + 1
    expected, scale = terms.sum(axis=0).mean(), size.sum(axis=0).mean()
    cost = scores(d, case.theta, case.samples).cost
    # exp, log and division, the sum over outputs, the sum over columns; on both sides.
    roundings = 2 * (3 * ELEMENTARY + 4 + 2 * n_out + m)
    assert_close(cost, float(expected), roundings=roundings, scale=float(scale), dtype=d.dtype)


@given(cases())
def test_accuracy_is_the_fraction_of_equal_argmax(case: Case) -> None:
    """A hit is a column whose predicted class is that of its target."""
    a = outputs(case.description, case.theta, case.inputs)

    def named(columns: np.ndarray) -> np.ndarray:
        return columns.argmax(axis=0) if len(columns) > 1 else columns[0] > 0.5

    hits = named(a) == named(case.Y)
    assert scores(case.description, case.theta, case.samples).accuracy == hits.mean()


@given(cases())
def test_gradient_is_that_of_the_loop(case: Case) -> None:
    """The gradient of the mean is the loop's sum divided by m, within the roundings of both."""
    *network, X, Y = case.in_float64()
    loop = reference.gradient_by_loop(*network, X, Y)
    m, dtype = X.shape[1], case.description.dtype
    ours = gradient(case.description, case.theta, case.samples)
    assert ours.dtype == dtype
    views = Parameters.of(ours, case.description.layout)
    bounds = [gradient_bound(*network, X, Y, kind) for kind in (dtype, "float64")]
    for part, mine in enumerate((views.biases, views.weights)):
        for l, nabla in enumerate(mine):
            bound = 1.1 * (bounds[0][part][l] + bounds[1][part][l])
            assert (np.abs(nabla - loop[part][l] / m) <= bound).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [479, 480, 481, 960, 200_003])
def test_a_gradient_in_float32_is_no_less_exact_for_more_samples(n: int, weighted: bool) -> None:
    """Equal terms are the worst there is: a sum that has grown takes less and less of each.

    A group of 480 rounds each of its sums; all else is rounded a few times. The gradient of W and
    of b, and with the cost, as a quasi-Newton method takes it.
    """
    d = Description((1, 1), ("identity",), "quadratic", dtype="float32")
    x, y, theta = np.float32(0.3), np.float32(-0.7), np.array([0.9, 0.1], np.float32)
    X, targets = np.full((1, n), x), as_targets(np.full((1, n), y), 1, n, "float32")
    weights = np.full(n, 1.7) if weighted else None
    delta = float(theta[0]) * float(x) + float(theta[1]) - float(y)
    expected = np.array([delta * float(x), delta])

    samples = Samples(X, targets, weights=weights)
    alone = gradient(d, theta, samples)
    cost, together = evaluation.cost_and_gradient(d, theta, samples)

    assert alone.dtype == np.float32
    assert_close(alone, expected, roundings=480 + 10, scale=np.abs(expected))
    assert same_bits(together, alone)
    # A cost is float32, their mean is taken in float64.
    assert_close(cost, delta**2 / 2, roundings=8, scale=delta**2 / 2, dtype="float32")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_groups_of_a_gradient_add_up(dtype: str) -> None:
    """Any samples, in groups that are whole and one that is not, against the matrix form."""
    d = Description((7, 9, 3), ("tanh", "softmax"), "log_likelihood", dtype=dtype)
    case = make_case(d, 2000, seed=3)
    ours = Parameters.of(gradient(d, case.theta, case.samples), d.layout)
    nabla_b, nabla_W = reference.gradient_by_matrix(*case.in_float64())
    for mine, sums in zip((*ours.biases, *ours.weights), (*nabla_b, *nabla_W), strict=True):
        size = np.abs(sums).max() / 2000
        # Terms of both signs: far less than the 480 roundings that they might all take one way.
        assert_close(mine, sums / 2000, roundings=100, scale=size, dtype=dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("columns", [1, 12, 100, 1000])
def test_the_length_of_a_call_changes_no_bit(monkeypatch, dtype: str, columns: int) -> None:
    """Python checks for Ctrl-C between two calls; how often changes no bit of the results."""
    d = Description((5, 7, 4), ("tanh", "softmax"), "log_likelihood", dtype=dtype)
    case = make_case(d, columns, seed=6, labeled=True)
    monkeypatch.setattr(evaluation, "COLUMNS_AT_A_TIME", 12)
    program, calls, answers = evaluation.load_program("evaluate", dtype), [], []

    def counted(*arguments):
        calls[-1] += 1
        return program(*arguments)

    monkeypatch.setattr(evaluation, "load_program", lambda name, dtype: counted)
    for most in (1, 7 * d.layout.size * 12, 1 << 40):
        monkeypatch.setattr(evaluation, "MULTIPLICATIONS_PER_CALL", most)
        calls.append(0)
        answers.append(
            (
                outputs(d, case.theta, case.inputs).tolist(),
                gradient(d, case.theta, case.samples).tolist(),
                scores(d, case.theta, case.samples),
            )
        )
    assert calls == [3 * -(-columns // 12), 3 * -(-columns // 84), 3]
    assert answers[0] == answers[1] == answers[2]


@given(cases(), st.integers(1, 40))
def test_a_block_of_any_size_gives_the_bits_of_a_column_alone(case: Case, block: int) -> None:
    """However many columns go through together, each has the outputs that it has alone."""
    d = case.description
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        patched.setattr(evaluation, "COLUMNS_AT_A_TIME", block)
        together = outputs(d, case.theta, case.inputs)
    assert together.flags.f_contiguous
    for j in range(case.X.shape[1]):
        alone = outputs(d, case.theta, case.inputs[:, j : j + 1])
        assert same_bits(alone, together[:, j : j + 1])


def test_large_numbers_give_infinity_and_no_warning() -> None:
    """A mean cost beyond the largest number is infinite; NumPy's overflow is not the user's."""
    d = Description((1, 1), ("identity",), "quadratic")
    theta, X = np.array([1.0, 0.0]), np.full((1, 40), 1e154)
    targets = as_targets(np.zeros(40), 1, 40, "float64")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Each cost is 1e308 / 2; forty of them are more than float64 holds.
        assert scores(d, theta, Samples(X, targets)).cost == np.inf
        two = Samples(X[:, :2], as_targets(np.zeros(2), 1, 2, "float64"))
        assert scores(d, theta, two).cost == pytest.approx(0.5e308, rel=4 * np.finfo(float).eps)
        assert gradient(d, theta, Samples(10 * X, targets))[0] == np.inf


def test_shares_of_columns_give_the_same_bits(monkeypatch) -> None:
    """Outputs and scores do not depend on how many threads the columns are dealt out to."""
    net = Network([7, 11, 3], cost="log_likelihood", seed=1)
    X, labels = np.random.default_rng(1).random((7, 1000)), np.arange(1000) % 3
    seen = []
    for threads in (1, 2, 3, 5):
        monkeypatch.setattr(evaluation, "threads_worth_starting", lambda _, count=threads: count)
        seen.append((net.feedforward(X).tobytes(), net.cost(X, labels), net.accuracy(X, labels)))
    assert seen == [seen[0]] * 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("place", [0, 1])
def test_a_failure_in_one_share_ends_the_others(monkeypatch, place: int, error: type) -> None:
    """Ctrl-C or an error in one thread is raised, and the other one stops at its next block."""
    net, calls = Network([7, 11, 3], seed=1), []
    program, meeting = evaluation.load_program("evaluate", "float64"), threading.Barrier(2)
    monkeypatch.setattr(evaluation, "threads_worth_starting", lambda _: 2)
    monkeypatch.setattr(evaluation, "MULTIPLICATIONS_PER_CALL", 1)
    monkeypatch.setattr(evaluation, "load_program", lambda *_: slow_program)
    failed = threading.Event()

    def slow_program(start, stop, *rest):
        share = int(start >= 50_000)
        if start in {0, 50_000}:
            meeting.wait(30)
        if share == place:
            failed.set()
            raise error
        failed.wait(30)
        time.sleep(0.01)  # time for the failure to be noticed
        calls.append(start)
        return program(start, stop, *rest)

    with pytest.raises(error):
        net.feedforward(np.zeros((100_000, 7)).T)
    assert 1 <= len(calls) < 500  # of 521 blocks in a share


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_kept_work_array_is_used_again_and_nothing_in_it_is_read(dtype: str) -> None:
    """The next call of a thread finds NaN everywhere but in the constants: the same bits."""
    d = Description((5, 7, 4), ("tanh", "softmax"), "log_likelihood", dtype=dtype)
    case = make_case(d, 9, seed=6, labeled=True)
    arguments = d, case.theta, case.inputs

    def answers() -> list:
        first = [outputs(*arguments).tolist()]
        first.append(scores(*arguments[:2], case.samples))
        first.append(gradient(*arguments[:2], case.samples).tolist())
        return first

    before = answers()
    outputs(*arguments)
    owner, _, (_, work) = evaluation._last.value
    plan, _ = d.plan(9)
    assert owner is d
    constants = slice(plan.ones, plan.ones + 9), slice(plan.zeros, plan.zeros + 7)
    numbers = [work[place].copy() for place in constants]
    work[:] = np.nan
    for place, kept in zip(constants, numbers, strict=True):
        work[place] = kept
    assert outputs(*arguments).tolist() == before[0]
    assert evaluation._last.value[2][1] is work
    assert answers() == before


def test_a_work_array_is_kept_for_one_network_and_number_of_columns() -> None:
    """Another network, type or number of columns gets another; a large one is not kept at all."""
    networks = [
        Description((5, width, 4), ("tanh", "softmax"), "log_likelihood", dtype=dtype)
        for width in (7, 8)
        for dtype in ("float64", "float32")
    ]
    cases = [make_case(d, columns, seed=6) for d in networks for columns in (1, 9)]
    expected = [outputs(c.description, c.theta, c.inputs).tolist() for c in cases]
    for _ in range(3):
        found = [outputs(c.description, c.theta, c.inputs).tolist() for c in reversed(cases)]
        assert found == expected[::-1]
    last = evaluation._last.value
    large = Description((5, 4000, 4), ("tanh", "softmax"), "log_likelihood")
    case = make_case(large, 96, seed=6)
    outputs(large, case.theta, case.inputs)
    assert evaluation._last.value is last
