"""Slices of mini-batches: their length decides nothing, and a bad one is undone."""

from __future__ import annotations

import _thread
import math
import warnings
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from interruptions import interruptions
from numeric import same_bits
from strategies import Case, cases, make_case, seeds

from bpmatrix import SGD, Network
from bpmatrix.architecture.description import Description
from bpmatrix.engine import evaluation
from bpmatrix.errors import ThreadStartError
from bpmatrix.samples.arrays import as_inputs, as_targets
from bpmatrix.training import slices
from bpmatrix.training.optimizers import Adam, AdamW, Optimizer, RMSprop
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.slices import NotFiniteError, OutOfTimeError, SliceRunner, largest_input

RATE, DECAY = 0.125, 0.0625
LINEAR = Description((1, 1), ("identity",), "quadratic", bias=False)


def runner(case: Case, m: int = 3, threads: int = 1) -> SliceRunner:
    return SliceRunner(case.description, case.theta, case.inputs, case.targets, m, threads)


def linear(theta: list[float], X: list[float], y: list[float], m: int = 1, **rest) -> SliceRunner:
    """Return a runner for a = w x with cost (a - y)^2 / 2, which can be followed on paper."""
    n = len(X)
    inputs = as_inputs([X], 1, "float64")
    targets = as_targets([y], 1, n, "float64")
    return SliceRunner(LINEAR, np.array(theta), inputs, targets, m, rest.pop("threads", 1), **rest)


def test_the_steps_of_a_run_by_hand() -> None:
    """w <- w - eta (w x - y) x, sample by sample in the order given; costs from before the step."""
    run = linear([1.0], [1.0, 2.0], [0.0, 1.0])
    # Sample 1: a = 2, cost 1/2, w = 1 - 1/8 (2 - 1) 2 = 3/4.
    # Sample 0: a = 3/4, cost 9/32, w = 3/4 - 1/8 3/4 = 21/32.
    [(cost, *_)] = run.run_epochs(np.array([[1, 0]]), RATE, 0.0)
    assert run.theta.tolist() == [21 / 32]
    assert cost == 1 / 2 + 9 / 32


def test_weight_decay_shrinks_the_weight_once_a_step() -> None:
    """w <- (1 - eta decay) w before the gradient, so with a gradient of 0 only that."""
    run = linear([1.0], [0.0, 0.0], [0.0, 0.0])
    run.run_epochs(np.array([[0, 1]]), RATE, DECAY)
    assert run.theta.tolist() == [(1 - RATE * DECAY) ** 2]


def test_the_last_mini_batch_is_divided_by_its_own_size() -> None:
    """Three samples in twos: the mean over two, then the mean over one."""
    run = linear([0.0], [1.0, 1.0, 1.0], [4.0, 4.0, 4.0], m=2)
    # w = 0 + 1/8 4 = 1/2, then 1/2 + 1/8 (4 - 1/2) = 15/16. Costs 8, 8, (7/2)^2 / 2.
    [(cost, *_)] = run.run_epochs(np.arange(3)[None], RATE, 0.0)
    assert run.theta.tolist() == [15 / 16]
    assert cost == 8 + 8 + 49 / 8


@settings(max_examples=50)
@given(cases(), st.integers(1, 8), st.integers(1, 3), st.integers(1, 5), seeds)
def test_the_length_of_a_slice_decides_nothing(
    case: Case, m: int, threads: int, steps: int, seed: int
) -> None:
    """However the mini-batches are cut into slices, weights, cost and hits are the same bits."""
    order = np.random.default_rng(seed).permutation(case.X.shape[1])
    cut_theta = case.theta.copy()
    whole = runner(case, m)
    whole.steps_of_a_slice = order.size
    try:
        totals = whole.run_epochs(order[None], RATE, DECAY)
    except NotFiniteError:  # a deep network of identities diverges at this rate
        reject()
    cut = SliceRunner(case.description, cut_theta, case.inputs, case.targets, m, threads)
    cut.steps_of_a_slice = steps
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        patched.setattr(slices, "SECONDS_PER_SLICE", 0.0)  # one step a slice after the first
        assert cut.run_epochs(order[None], RATE, DECAY) == totals
    assert cut.steps_of_a_slice == 1
    assert same_bits(cut.theta, whole.theta)


@settings(max_examples=50)
@given(cases(), st.integers(1, 8), st.integers(1, 3), st.integers(1, 30), st.integers(1, 4), seeds)
def test_epochs_in_one_run_are_those_of_several(
    case: Case, m: int, threads: int, steps: int, epochs: int, seed: int
) -> None:
    """Weights, and the totals and parts of each epoch, however long the slices are."""
    n = case.X.shape[1]
    rng = np.random.default_rng(seed)
    orders = np.stack([rng.permutation(n) for _ in range(epochs)])
    decays = rng.random(epochs * -(-n // m)) * DECAY
    single_theta, expected, parts = case.theta.copy(), [], []
    arguments = case.inputs, case.targets, m
    single = SliceRunner(case.description, single_theta, *arguments, 1, with_parts=True)
    for order, decay in zip(orders, np.split(decays, epochs), strict=True):
        try:
            expected += single.run_epochs(order[None], 2.0**-12, decay)
        except NotFiniteError:
            reject()
        parts.append(single.parts)
    together = SliceRunner(case.description, case.theta, *arguments, threads, with_parts=True)
    together.steps_of_a_slice = steps
    assert together.run_epochs(orders, 2.0**-12, decays) == expected
    assert same_bits(together.theta, single_theta)
    assert same_bits(together.parts, np.concatenate(parts))


@pytest.mark.parametrize("optimizer", [Adam(), AdamW(), SGD(1.0, momentum=0.9)], ids=str)
def test_hyperparameters_computed_ahead_are_those_of_each_step(
    optimizer: Optimizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever rates, weight decays and numbers of samples follow, also after undone steps."""
    found = []
    for ahead in (1, 5, 100):
        monkeypatch.setattr(slices, "STEPS_AHEAD", ahead)
        run = linear([1.0], [1.0, 2.0], [0.0, 1.0], recipe=Recipe(optimizer, l1=1e-3))
        for k, rate in enumerate([0.1, 0.1, 0.1, 0.1, 0.2, 0.1, 0.1, 0.1, 0.1]):
            run.run_epochs(np.arange(1 + k % 2)[None], rate, k / 8)
            if k == 7:
                run.state.steps -= 4
        found.append([run.state.steps, *run.theta, *run.state.moments.ravel()])
    assert found[0] == found[1] == found[2]


def test_the_step_of_a_later_epoch_that_is_not_finite() -> None:
    """Steps are counted from the first of the run; the slice of the bad one is undone."""
    X, y = [1.0, -1.0, 2.0], [0.0] * 3
    run = linear([1.0], X, y)
    run.steps_of_a_slice = 4
    same = linear([1.0], X, y)
    same.run_epochs(np.array([[0, 1, 2]]), RATE, 0.0)
    same.run_epochs(np.array([[0]]), RATE, 0.0)
    decays = np.zeros(9)
    decays[5] = 1e300  # w becomes -1e299, and the next cost infinite
    with pytest.raises(NotFiniteError) as caught:
        run.run_epochs(np.array([[0, 1, 2]] * 3), RATE, decays)
    assert (caught.value.what, caught.value.step) == ("the cost", 7)
    assert same_bits(run.theta, same.theta)


def test_slices_grow_at_most_tenfold() -> None:
    """The number of steps follows the measured speed, but no slice is ten times the one before."""
    run = linear([0.0], [1.0], [0.0])
    run.steps_of_a_slice = 3
    run.run_epochs(np.zeros((1, 3), np.int64), 0.0, 0.0)
    assert 1 <= run.steps_of_a_slice <= 30


@pytest.mark.parametrize("per_slice", [1, 2, 4, 5])
def test_after_the_deadline_no_slice_begins(per_slice: int) -> None:
    """One slice is done however late it is; where it was not the last, the weights are its own."""
    X, y = [1.0, -1.0, 2.0, 0.5, 1.0], [0.0] * 5
    run, same = linear([2.0], X, y), linear([2.0], X, y)
    run.steps_of_a_slice = per_slice
    if per_slice == 5:
        run.run_epochs(np.arange(5)[None], RATE, 0.0, deadline=-math.inf)
    else:
        with pytest.raises(OutOfTimeError):
            run.run_epochs(np.arange(5)[None], RATE, 0.0, deadline=-math.inf)
    same.run_epochs(np.arange(per_slice)[None], RATE, 0.0)
    assert same_bits(run.theta, same.theta)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("per_slice", [1, 2, 5])
def test_a_cost_that_is_not_finite_undoes_its_slice(threads: int, per_slice: int) -> None:
    """theta is as at the start of the slice, the step is named, and so is the largest input.

    Inputs 1, 1, 1, 1e200, 1: the fourth output is about 1e200, whose square no float64 holds.
    """
    X, order = [1.0, 1.0, 1.0, -1e200, 1.0], np.arange(5)
    run = linear([2.0], X, [0.0] * 5, threads=threads)
    run.steps_of_a_slice = per_slice
    before, kept = linear([2.0], X, [0.0] * 5), 3 // per_slice * per_slice
    before.run_epochs(order[:kept][None], RATE, 0.0)
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("error")
        # Each slice takes a second of this clock, as it should: its length stays.
        patched.setattr(slices, "SECONDS_PER_SLICE", 1.0)
        patched.setattr(slices, "time", SimpleNamespace(perf_counter=count(1.0).__next__))
        with pytest.raises(NotFiniteError) as caught:
            run.run_epochs(order[None], RATE, 0.0)
    assert caught.value.what == "the cost"
    assert caught.value.step == 4
    assert caught.value.largest_input == 1e200
    assert same_bits(run.theta, before.theta)
    if kept:
        assert run.theta[0] != 2


def test_a_weight_that_is_not_finite_undoes_its_slice() -> None:
    """A step to infinity with a finite cost before it is found at the end of the slice."""
    # a = 1, cost 1/2; w = 1 - 1e200 * 1e150 * (1 - 0) is beyond float64 when x = 1e150, w = 1e-150.
    run = linear([1e-150], [1e150], [0.0])
    with pytest.raises(NotFiniteError) as caught:
        run.run_epochs(np.zeros((1, 1), np.int64), 1e200, 0.0)
    assert caught.value.what == "a weight"
    assert caught.value.step == 1
    assert run.theta.tolist() == [1e-150]


@pytest.mark.parametrize(
    "optimizer", [Adam(0.0), RMSprop(RATE), SGD(RATE, momentum=0.5), SGD(RATE, 0.5, nesterov=True)]
)
@pytest.mark.parametrize("moment", [np.inf, -np.inf, np.nan])
def test_moments_are_finite_if_the_weights_are(optimizer, moment) -> None:
    """Only the weights are checked after a slice, so each rule passes what is not finite to them.

    The weights of a slice that is accepted could otherwise be saved and not be loaded.
    """
    for row in range(optimizer.rule[1]):
        run = linear([0.5], [1.0], [0.0], recipe=Recipe(optimizer))
        run.state.moments[row] = moment
        with pytest.raises(NotFiniteError, match="a weight"):
            run.run_epochs(np.zeros((1, 1), np.int64), optimizer.learning_rate)


def test_the_largest_input_is_that_of_the_network() -> None:
    """It is scaled as the network scales it, and looked for among the samples of the slice."""
    description = Description((2, 1), ("identity",), "quadratic", input_scale=-0.5)
    X = as_inputs(np.array([[3, 200, 7], [4, 5, 6]], np.uint8), 2, "float64")
    assert largest_input(X, description.input_scale, np.array([0, 2])) == 3.5
    assert largest_input(X, description.input_scale, np.array([1])) == 100


@pytest.mark.parametrize("moment", ["before the program", "after the program"])
@pytest.mark.parametrize("rate", [RATE, 1e200])
def test_ctrl_c_never_leaves_weights_that_are_not_finite(monkeypatch, moment, rate) -> None:
    """Ctrl-C is heard when a slice ends, before its weights were looked at: bad ones are undone."""
    run = linear([1e-150], [1e150], [0.0])

    def interrupted(threads, program):
        if moment == "after the program":
            program(0, np.zeros(32, np.int64))
        raise KeyboardInterrupt

    monkeypatch.setattr(slices, "run_together", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run.run_epochs(np.zeros((1, 1), np.int64), rate, 0.0)
    assert np.isfinite(run.theta).all()
    stepped = moment == "after the program" and rate == RATE
    assert (run.theta[0] == 1e-150) == (not stepped)


@settings(max_examples=30)
@given(cases(), st.integers(1, 8), st.integers(1, 3), st.sampled_from([np.inf, -np.inf, np.nan]))
def test_nothing_of_a_bad_step_stays_anywhere(case: Case, m: int, threads: int, bad) -> None:
    """After a slice at infinity the same runner steps, and a network looks, as fresh ones do."""
    order = np.arange(case.X.shape[1])
    start, fresh_theta = case.theta.copy(), case.theta.copy()
    run, fresh = (
        runner(case, m, threads),
        SliceRunner(case.description, fresh_theta, case.inputs, case.targets, m, threads),
    )
    outputs = evaluation.outputs(case.description, start, case.inputs)
    case.theta[:] = bad
    with pytest.raises(NotFiniteError):
        run.run_epochs(order[None], RATE, DECAY)
    case.theta[:] = start
    assert same_bits(evaluation.outputs(case.description, case.theta, case.inputs), outputs)
    results = []
    for each in (run, fresh):
        try:
            results.append(each.run_epochs(order[None], 2.0**-12, DECAY))
        except NotFiniteError:  # a deep network of identities may diverge
            reject()
    assert results[0] == results[1]
    assert same_bits(run.theta, fresh.theta)


def test_ctrl_c_while_bad_weights_are_looked_at() -> None:
    """At whatever moment of a slice that ends at infinity: the weights go back to its start."""
    runs, moments = [], 0

    def prepare():
        runs[:] = [linear([1e-150], [1e150], [0.0])]
        return lambda: runs[0].run_epochs(np.zeros((1, 1), np.int64), 1e200, 0.0)

    for outcome in interruptions(KeyboardInterrupt, prepare):
        assert isinstance(outcome, KeyboardInterrupt)
        assert runs[0].theta.tolist() == [1e-150]
        moments += 1
    assert moments > 20


@pytest.mark.parametrize("threads", [2, 3])
def test_a_slice_whose_threads_cannot_start_is_as_if_it_had_not_begun(monkeypatch, threads) -> None:
    """Weights, moments and the count of steps stay, so that the same slice can follow later."""

    def with_adam() -> SliceRunner:
        case = make_case(Description((3, 5, 2), ("tanh", "sigmoid"), "quadratic"), 12, seed=1)
        return SliceRunner(
            case.description, case.theta, case.inputs, case.targets, 4, threads,
            recipe=Recipe(Adam(0.1)),
        )  # fmt: skip

    disturbed, undisturbed = with_adam(), with_adam()
    order = np.arange(12)
    for run in (disturbed, undisturbed):
        run.run_epochs(order[None], RATE)
    start = _thread.start_new_thread
    for started in range(threads - 1):
        left = [start] * started

        def failing_start(*arguments, left=left):
            if not left:
                raise RuntimeError("can't start new thread")
            return left.pop()(*arguments)

        monkeypatch.setattr(_thread, "start_new_thread", failing_start)
        with pytest.raises(ThreadStartError):
            disturbed.run_epochs(order[None], RATE)
        monkeypatch.undo()
        assert disturbed.state.steps == undisturbed.state.steps == 3
        assert same_bits(disturbed.theta, undisturbed.theta)
    for run in (disturbed, undisturbed):
        run.run_epochs(order[None], RATE)
    assert disturbed.state.steps == undisturbed.state.steps == 6
    assert same_bits(disturbed.theta, undisturbed.theta)
    assert same_bits(disturbed.state.moments, undisturbed.state.moments)


def test_the_data_lives_as_long_as_its_runner() -> None:
    """The program reads through addresses, so the runner keeps X and targets alive."""
    case = make_case(Description((3, 2), ("sigmoid",), "cross_entropy"), 4, seed=1, labeled=True)
    X, targets = case.inputs, case.targets
    run = SliceRunner(case.description, case.theta, X, targets, 2, 1)
    assert run._data.X is X
    assert run._data.targets is targets


def test_one_specialization_whatever_the_numbers() -> None:
    """A learning rate of int or of float32 compiles nothing anew."""
    from bpmatrix.kernels.programs.epoch import train_slice  # noqa: PLC0415 - numba loads here

    run = linear([0.0], [1.0], [1.0])
    run.run_epochs(np.zeros((1, 1), np.int64), 0.5, 0.0)
    if not hasattr(train_slice, "signatures"):
        pytest.skip("the compiler is switched off")
    before = list(train_slice.signatures)
    for rate in (1, np.float32(0.5), np.float64(0.5)):
        run.run_epochs(np.zeros((1, 1), np.int64), rate, 0.0)
    assert train_slice.signatures == before


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("of", ["inputs", "targets"])
def test_data_may_be_a_view_of_the_parameters(of: str, n_threads: int) -> None:
    """Their values from before the first step are used, as if they had been copied."""
    found = []
    for is_view in (True, False):
        net = Network([8, 8, 8], activation="identity", cost="quadratic", seed=1)
        view = net.weights[0].T if is_view else net.weights[0].T.copy(order="F")
        X, Y = (view, np.eye(8)) if of == "inputs" else (np.eye(8), view)
        net.train(X, Y, epochs=3, mini_batch_size=8, n_threads=n_threads, optimizer=SGD(0.1))
        found.append(net.parameters)
    assert same_bits(*found)
