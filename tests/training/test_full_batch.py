"""Runs of the full-batch optimizers: everything that a run of `Network.train` can do, and refuses.

The numbers of a step are checked in kernels/programs/test_levenberg_marquardt.py.
"""

from __future__ import annotations

import itertools
import sys

import numpy as np
import pytest

from bpmatrix import LBFGS, Adam, EarlyStopping, LevenbergMarquardt, Network
from bpmatrix.errors import ArgumentError, DivergenceError, MissingPackageError
from bpmatrix.training.full_batch import DampedSteps
from bpmatrix.training.quasi_newton import QuasiNewtonSteps

pytest.importorskip("scipy", reason="LBFGS needs SciPy")

x = np.linspace(-3, 3, 61)[np.newaxis]
y = np.sin(x)
SOLVERS = [LevenbergMarquardt(), LBFGS()]


def network(dtype="float64", seed=1) -> Network:
    return Network(
        [1, 5, 1], activation="tanh", output="identity", cost="quadratic", dtype=dtype, seed=seed
    )


@pytest.fixture(params=SOLVERS, ids=["LevenbergMarquardt", "LBFGS"])
def solver(request):
    return request.param


def same(a: Network, b: Network) -> bool:
    return a.parameters.tobytes() == b.parameters.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_epoch_is_a_step_whose_cost_is_recorded(solver, dtype):
    net = network(dtype)
    first = net.cost(x, y)
    history = net.train(x, y, epochs=60, optimizer=solver)
    assert [first, *history.cost] == sorted([first, *history.cost], reverse=True)
    assert history.cost[-1] == pytest.approx(net.cost(x, y), rel=1e-12)
    assert history.cost[-1] < 1e-3 * first
    assert net.epochs == len(history.epochs) == net.trained[-1]["epochs"]
    assert set(history.learning_rate) == {1.0}
    assert net.trained[-1]["optimizer"] == repr(solver)
    assert net.trained[-1]["mini_batch_size"] == x.size


def test_callbacks_and_validation_change_no_bit(solver):
    alone, watched, seen = network(), network(), []
    history = alone.train(x, y, epochs=40, optimizer=solver)
    other = watched.train(
        x, y, epochs=40, optimizer=solver, validation=(x, y), callbacks=[seen.append]
    )
    assert same(alone, watched)
    assert history.cost == other.cost == [entry.cost for entry in seen]
    assert [entry.is_best for entry in history.epochs] == [entry.is_best for entry in seen]
    assert alone.trained[-1]["best_epoch"] == watched.trained[-1]["best_epoch"] == 40
    np.testing.assert_allclose(other.validation_cost, other.cost, rtol=1e-12)


def test_a_callback_ends_the_run(solver):
    net = network()
    history = net.train(x, y, optimizer=solver, callbacks=[lambda entry: entry.epoch == 4])
    assert (history.stopped_by, len(history.epochs), net.epochs) == ("callback", 4, 4)


def test_early_stopping_restores_the_best_weights(solver):
    rng = np.random.default_rng(1)
    few, noisy = x[:, ::6], y[:, ::6] + 0.3 * rng.standard_normal((1, 11))
    net = network()
    history = net.train(
        few, noisy, epochs=500, optimizer=solver, validation=(x, y),
        early_stopping=EarlyStopping(patience=8),
    )  # fmt: skip
    assert history.stopped_by == "early_stopping"
    assert len(history.epochs) - history.best_epoch == 8
    assert net.cost(x, y) == min(history.validation_cost)


def test_two_runs_of_damped_steps_equal_a_long_one():
    one, two = network(), network()
    one.train(x, y, epochs=25, optimizer=LevenbergMarquardt())
    for epochs in (10, 1, 14):
        two.train(x, y, epochs=epochs, optimizer=LevenbergMarquardt())
    assert same(one, two)


def test_a_saved_network_continues(solver, tmp_path):
    net = network()
    net.train(x, y, epochs=9, optimizer=solver)
    net.save(tmp_path / "net.safetensors")
    loaded = Network.load(tmp_path / "net.safetensors")
    for one in (net, loaded):
        one.train(x, y, epochs=5)  # with the same optimizer
    assert same(net, loaded)
    assert loaded.trained[-1]["optimizer"] == repr(solver)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_resumed_run_equals_one_without_interruption(solver, dtype, tmp_path):
    whole, parts = network(dtype), network(dtype)
    expected = whole.train(x, y, epochs=30, optimizer=solver, validation=(x, y))
    for epochs in (0, 1, 12, 30):
        parts = network(dtype)
        history = parts.train(
            x, y, epochs=epochs, optimizer=solver, validation=(x, y), checkpoint=tmp_path
        )
    assert same(whole, parts)
    assert (history.cost, history.validation_cost) == (expected.cost, expected.validation_cost)
    best = Network.load(tmp_path / "best.safetensors")
    assert best.cost(x, y) == min(history.validation_cost)


def test_an_interrupted_run_is_resumed_to_the_bit(solver, tmp_path):
    whole = network()
    whole.train(x, y, epochs=20, optimizer=solver)

    def interrupt(entry):
        if entry.epoch == 8:
            raise KeyboardInterrupt

    net = network()
    with pytest.warns(RuntimeWarning, match="interrupted after 8 whole epochs"):
        history = net.train(
            x, y, epochs=20, optimizer=solver, checkpoint=tmp_path, callbacks=[interrupt]
        )
    assert history.stopped_by == "interrupt"
    net = network()
    net.train(x, y, epochs=20, optimizer=solver, checkpoint=tmp_path)
    assert same(whole, net)


@pytest.mark.parametrize(
    ("steps", "evaluate"),
    [(DampedSteps, "call"), (QuasiNewtonSteps, "run_epochs")],
)
def test_ctrl_c_within_a_step_leaves_the_weights_of_the_last_one(steps, evaluate, monkeypatch):
    solver = LevenbergMarquardt() if steps is DampedSteps else LBFGS()
    reached = network()
    reached.train(x, y, epochs=4, optimizer=solver)
    original, calls = getattr(steps, evaluate), itertools.count()

    def interrupted(self, *arguments):
        if next(calls) == 4:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(steps, evaluate, interrupted)
    net = network()
    with pytest.warns(RuntimeWarning, match="interrupted after 4 whole epochs"):
        net.train(x, y, epochs=20, optimizer=solver, validation=(x, y))
    assert same(net, reached)


def test_max_seconds_ends_the_run(solver):
    net = network()
    history = net.train(x, y, epochs=10**6, optimizer=solver, max_seconds=1e-9, validation=(x, y))
    assert history.stopped_by == "max_seconds"
    assert len(history.epochs) <= 1


def test_a_run_without_a_further_step_has_converged(solver, tmp_path):
    line = Network([1, 1], output="identity", cost="quadratic", seed=1)
    history = line.train(x, 2 * x + 1, epochs=10**6, optimizer=solver, checkpoint=tmp_path)
    assert history.stopped_by == "converged"
    np.testing.assert_allclose(line.parameters, [2, 1], atol=1e-6)
    reached = line.parameters.copy()
    line = Network([1, 1], output="identity", cost="quadratic", seed=1)
    line.train(x, 2 * x + 1, epochs=10**6, optimizer=solver, checkpoint=tmp_path)
    assert (line.parameters == reached).all()  # it is not continued


def test_seeds_threads_and_sample_weights(solver):
    nets = [network(seed=3) for _ in range(3)]
    weight = np.r_[np.full(30, 2.0), np.ones(31)]
    for net, threads in zip(nets[:2], (1, 2), strict=True):
        net.train(x, y, epochs=10, optimizer=solver, sample_weight=weight, n_threads=threads)
    assert same(nets[0], nets[1])
    doubled = np.r_[x[0], x[0, :30]][np.newaxis]  # a sample of weight 2 is two samples
    nets[2].train(doubled, np.sin(doubled), epochs=10, optimizer=solver)
    np.testing.assert_allclose(nets[2].parameters, nets[0].parameters, atol=1e-5)


def test_weight_decay_keeps_weights_small(solver):
    free, held = network(), network()
    free.train(x, y, epochs=100, optimizer=solver)
    held.train(x, y, epochs=100, optimizer=solver, weight_decay=1e-2)
    squares = [sum(float((W**2).sum()) for W in net.weights) for net in (free, held)]
    assert squares[1] < squares[0] / 2


def test_accuracy_is_recorded_for_classes(solver):
    labels = (x[0] > 0).astype(int)
    net = Network([1, 4, 2], output="sigmoid", cost="quadratic", seed=1)
    history = net.train(x, labels, epochs=15, optimizer=solver)
    assert history.accuracy[-1] == net.accuracy(x, labels)


def test_a_cost_that_is_not_finite_raises(solver):
    net = network()
    net.weights[1][:] = 1e200
    before = net.parameters.copy()
    with pytest.raises(DivergenceError, match="input_scale"):
        net.train(x, y, optimizer=solver)
    assert (net.parameters == before).all()


@pytest.mark.parametrize(
    "argument",
    [{"mini_batch_size": 61}, {"l1": 0.1}, {"clip_norm": 1.0}, {"dropout": 0.5},
     {"schedule": lambda epoch: 1.0}],
)  # fmt: skip
def test_what_only_mini_batches_have_is_refused(solver, argument):
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ArgumentError, match=f"no {next(iter(argument))}"):
        net.train(x, y, optimizer=solver, **argument)
    assert (net.parameters == before).all()
    assert net.trained == []


def test_another_optimizer_may_follow(solver):
    net = network()
    net.train(x, y, epochs=2, optimizer=solver)
    net.train(x, y, epochs=2, optimizer=Adam())
    history = net.train(x, y, epochs=2, optimizer=solver)
    assert [run["optimizer"] for run in net.trained] == [repr(solver), repr(Adam()), repr(solver)]
    assert history.epochs[-1].epoch == 6


def test_lbfgs_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(MissingPackageError, match="needs scipy"):
        network().train(x, y, optimizer=LBFGS())


def test_fewer_epochs_are_recorded_on_request():
    net, other = network(), network()
    history = net.train(x, y, epochs=40, optimizer=LevenbergMarquardt(), record_every=15)
    other.train(x, y, epochs=40, optimizer=LevenbergMarquardt())
    assert [entry.epoch for entry in history.epochs] == [15, 30, 40]
    assert same(net, other)
