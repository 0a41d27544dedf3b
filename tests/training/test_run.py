"""The training run: its records, how it ends, and that two runs equal one long run."""

from __future__ import annotations

import _thread
import copy
import gc
import json
import math
import pickle
import signal
import sys
import threading
import time
import warnings
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interruptions import interruptions
from numeric import same_bits, unit_roundoff
from strategies import cases, seeds

from bpmatrix import SGD, Adam, EarlyStopping, History, Network, RMSprop, reference
from bpmatrix.engine.evaluation import Scores
from bpmatrix.errors import ArgumentError, DivergenceError
from bpmatrix.training import run
from bpmatrix.training.record import bounded
from bpmatrix.training.slices import NotFiniteError

# A timeout for code that must not hang, far above its run time.
PATIENCE = 60
RNG = np.random.default_rng(17)
X = RNG.standard_normal((40, 3)).T
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)
VALIDATION = (X[:, :15] + 0.1, LABELS[:15])


def network(**changed) -> Network:
    return Network(**{"sizes": [3, 6, 3], "seed": 4} | changed)


# ------------------------------------------------------------------------------- numbers on paper


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_an_epoch_without_shuffling_is_that_of_the_book(dtype: str) -> None:
    """With shuffle=False the mini-batches are those of the book's loop, bit for bit.

    Weights, inputs and targets are small whole numbers, eta/m and the decay powers of two, and so
    nothing is rounded; the last mini-batch holds one sample.
    """
    names = ["identity", "identity"]
    net = Network([2, 2, 1], activation="identity", cost="quadratic", dtype=dtype, seed=1)
    net.parameters[:] = [1, -1, 0, 2, 1, 0, 1, -1, 2]
    inputs, row = np.array([[1.0, 0, -1], [0, 1, 1]]), np.array([[1.0, 0, 2]])
    W, b = [w.astype(float) for w in net.weights], [v.astype(float) for v in net.biases]
    costs = []
    for start in (0, 2):
        part = np.arange(start, min(start + 2, 3))
        x, y = inputs[:, part], row[:, part]
        costs.append(reference.mean_cost(W, b, names, "quadratic", x, y) * part.size)
        b, W = reference.train(
            reference.gradient_by_loop, W, b, names, "quadratic", inputs, row, part, 2, 0.25, 0.5
        )
    history = net.train(
        inputs, row, epochs=1, mini_batch_size=2, optimizer=SGD(0.25), weight_decay=0.5,
        shuffle=False,
    )  # fmt: skip
    for ours, book in zip((*net.weights, *net.biases), (*W, *b), strict=True):
        assert ours.tolist() == book.tolist()
    assert history.cost == [sum(costs) / 3]


def test_shuffling_uses_the_networks_generator() -> None:
    """An epoch with shuffling equals one of the permuted data without."""
    shuffled, plain = network(), network()
    order = network()._training.shuffler.permutation(40)
    assert order.tolist() != list(range(40))
    shuffled.train(X, LABELS, epochs=1, mini_batch_size=7)
    plain.train(X[:, order], LABELS[order], epochs=1, mini_batch_size=7, shuffle=False)
    assert same_bits(shuffled.parameters, plain.parameters)


def test_two_epochs_have_two_orders() -> None:
    """Each epoch draws a new permutation of all samples."""
    net, stream = network(), network()._training.shuffler
    orders = [stream.permutation(40) for _ in range(2)]
    assert orders[0].tolist() != orders[1].tolist()
    net.train(X, LABELS, epochs=2, mini_batch_size=7)
    same = network()
    for order in orders:
        same.train(X[:, order], LABELS[order], epochs=1, mini_batch_size=7, shuffle=False)
    assert same_bits(net.parameters, same.parameters)


def test_full_batches_of_a_linear_network_approach_least_squares() -> None:
    """Regression with an identity output converges to the solution of lstsq.

    Gradient descent on theta -> |A theta - y|^2 / 2n contracts the error by 1 - eta lambda_min
    with each step; the roundings of a step, amplified by the sum of all contractions, remain.
    """
    n, steps, eta = 40, 2000, 0.5
    targets = 2 * X[0] - X[1] + 0.5 + 0.1 * RNG.standard_normal(n)
    net = Network([3, 1], activation="identity", cost="quadratic", seed=1)
    A = np.vstack([X, np.ones(n)]).T
    best, *_ = np.linalg.lstsq(A, targets, rcond=None)
    eigenvalues = np.linalg.eigvalsh(A.T @ A / n)
    contraction = max(abs(1 - eta * eigenvalues[0]), abs(1 - eta * eigenvalues[-1]))
    assert contraction < 1
    distance = np.linalg.norm(net.parameters - best)
    net.train(X, targets, epochs=steps, mini_batch_size=n, optimizer=SGD(eta))
    size = eta * (np.abs(A).T @ (np.abs(A) @ np.abs(best) + np.abs(targets))).max() / n + 1
    rounding = (n + 10) * unit_roundoff("float64") * size * math.sqrt(4) / (1 - contraction)
    bound = contraction**steps * distance + 2 * rounding
    assert bound < 1e-9
    assert np.linalg.norm(net.parameters - best) <= bound


# --------------------------------------------------------------------------------------- the loop


class Logged:
    """Rules for three epochs that log the calls of the loop; epoch `bad` diverges."""

    are_classes, last_epoch, cure = (False, True), 3, "Lower it ({rate:g}, {largest:g})."

    def __init__(self, together: int, callbacks=(), bad: int = 0) -> None:
        self.history, self.callbacks = History(seed=0), callbacks
        self.together, self.bad, self.done, self.log = together, bad, 0, []

    def ahead(self) -> int:
        return min(self.together, self.last_epoch - self.done)

    def rate(self) -> float:
        self.log.append("rate")
        return 0.5

    def orders(self, epochs: int) -> np.ndarray:
        self.log.append(f"orders {epochs}")
        return np.arange(self.done + 1, self.done + epochs + 1)[:, None]  # the number of each

    def steps(self, orders: np.ndarray, rate: float) -> list[tuple[float, float]]:
        self.log.append(f"steps {orders.ravel().tolist()}")
        if self.bad in orders:
            raise NotFiniteError("the cost", 7, 9.0)
        return [(float(epoch), rate) for epoch in orders.ravel()]

    def validate(self) -> Scores:
        return Scores(2.0, 1.0)

    def record(self, results, scores, entry):
        self.done += len(results)
        self.history.epochs.append(entry)
        return entry

    def end(self) -> None:
        self.log.append(f"end by {self.history.stopped_by}")


def test_the_loop_gets_the_rate_then_draws_then_takes_the_steps() -> None:
    heard = []
    rules = Logged(2, [heard.append])
    run.train_epochs(rules)
    first, second = ["rate", "orders 2", "steps [1, 2]"], ["rate", "orders 1", "steps [3]"]
    assert rules.log == [*first, *second, "end by epochs"]
    assert heard == rules.history.epochs
    assert [(e.epoch, e.cost, e.accuracy, e.validation_accuracy) for e in heard] == [
        (2, 2.0, None, 1.0), (3, 3.0, None, 1.0),
    ]  # fmt: skip


def test_epochs_that_diverge_are_run_again_one_by_one() -> None:
    """In the same orders; the epochs before the failure are recorded."""
    rules = Logged(3, bad=2)
    with pytest.raises(DivergenceError, match=r"epoch 2, mini-batch 7: .* Lower it \(0.5, 9\)"):
        run.train_epochs(rules)
    steps = ["steps [1, 2, 3]", "steps [1]", "steps [2]"]
    assert rules.log == ["rate", "orders 3", *steps, "end by error"]
    assert [e.epoch for e in rules.history.epochs] == [1]


# ------------------------------------------------------------------------- two runs, one long run


@settings(max_examples=40)
@given(
    cases(), st.integers(0, 3), st.integers(0, 3), st.integers(1, 12), st.booleans(),
    st.sampled_from([0.0, 0.01]), st.integers(1, 3), seeds,
)  # fmt: skip
def test_a_epochs_then_b_epochs_are_a_plus_b_epochs(
    case, a: int, b: int, m: int, shuffle: bool, decay: float, threads: int, seed: int
) -> None:
    """Two runs give the weights, costs and counts of one run, bit for bit, on any threads."""
    d = case.description
    m = min(m, case.X.shape[1])
    nets = [
        Network(
            d.sizes, activation=d.activations, cost=d.cost, bias=d.bias, dtype=d.dtype, seed=seed
        )
        for _ in range(2)
    ]
    targets = case.reachable if case.labels is None else case.labels
    how = {"mini_batch_size": m, "shuffle": shuffle, "weight_decay": decay}
    rate = SGD(2.0**-12)  # slow enough for networks of identities
    whole = nets[0].train(case.X, targets, epochs=a + b, optimizer=rate, **how)
    first = nets[1].train(case.X, targets, epochs=a, optimizer=rate, n_threads=threads, **how)
    second = nets[1].train(case.X, targets, epochs=b, n_threads=threads, **how)
    assert same_bits(nets[0].parameters, nets[1].parameters)
    assert first.cost + second.cost == whole.cost
    assert first.accuracy + second.accuracy == whole.accuracy
    assert [e.epoch for e in first.epochs + second.epochs] == [e.epoch for e in whole.epochs]
    assert nets[0].epochs == nets[1].epochs == a + b
    assert second.learning_rate == [2.0**-12] * b


def test_the_optimizer_stays_until_another_is_given() -> None:
    """None means the previous optimizer, and SGD(0.5) in the first run."""
    net = network()
    rates = [
        net.train(X, LABELS, epochs=1, optimizer=optimizer).learning_rate
        for optimizer in (None, SGD(0.25), None, SGD(1), None)
    ]
    assert rates == [[0.5], [0.25], [0.25], [1.0], [1.0]]


def test_no_epochs_change_nothing() -> None:
    """epochs=0 only checks the arguments."""
    net, called = network(), []
    history = net.train(
        X, LABELS, epochs=0, callbacks=[called.append], restore_best=True, validation=VALIDATION
    )
    assert history == History(seed=4)
    assert (history.stopped_by, history.best_epoch, called) == ("epochs", None, [])
    assert net.epochs == 0
    assert same_bits(net.parameters, network().parameters)
    net.train(X, LABELS, epochs=1)
    same = network()
    same.train(X, LABELS, epochs=1)
    assert same_bits(net.parameters, same.parameters)


# -------------------------------------------------------------------------- records and callbacks


def test_callbacks_are_called_after_every_epoch() -> None:
    """Each callback gets each epoch's EpochInfo, in order, after the epoch's validation."""
    net = network()
    net.train(X, LABELS, epochs=2)
    heard, costs = [], []

    def look(info) -> None:
        heard.append(info)
        costs.append((net.cost(*VALIDATION), net.accuracy(*VALIDATION)))

    start = time.perf_counter()
    history = net.train(
        X, LABELS, epochs=3, callbacks=[look, heard.append], validation=VALIDATION,
        optimizer=SGD(0.125),
    )  # fmt: skip
    took = time.perf_counter() - start
    assert heard == [entry for entry in history.epochs for _ in range(2)]
    assert [(e.epoch, e.last_epoch) for e in history.epochs] == [(3, 5), (4, 5), (5, 5)]
    assert costs == list(zip(history.validation_cost, history.validation_accuracy, strict=True))
    assert history.learning_rate == [0.125] * 3
    assert (history.seed, history.stopped_by) == (4, "epochs")
    assert all(seconds > 0 for seconds in history.seconds)
    assert sum(history.seconds) <= took


def test_cost_and_accuracy_are_computed_before_the_updates() -> None:
    """With a learning rate of 0 they are those of the network itself.

    The two costs differ by the order of their sum: n roundings of a sum of positive numbers.
    """
    net = network()
    history = net.train(X, LABELS, epochs=2, optimizer=SGD(0), mini_batch_size=7)
    cost = net.cost(X, LABELS)
    assert history.cost == pytest.approx([cost] * 2, rel=80 * unit_roundoff("float64"))
    assert history.accuracy == [net.accuracy(X, LABELS)] * 2
    assert same_bits(net.parameters, network().parameters)


def test_no_accuracy_if_targets_are_not_classes() -> None:
    """Such targets give costs only; validation data have accuracy if their own targets do."""
    net = network(cost="quadratic")
    Y = 0.5 * np.eye(3)[:, LABELS]
    history = net.train(X, Y, epochs=2, validation=VALIDATION)
    assert history.accuracy == []
    assert len(history.validation_accuracy) == 2
    history = net.train(X, LABELS, epochs=2, validation=(X, Y))
    assert len(history.accuracy) == len(history.validation_cost) == 2
    assert history.validation_accuracy == []
    assert all(entry.validation_accuracy is None for entry in history.epochs)


def test_validation_never_changes_the_weights() -> None:
    """With and without validation data the weights and costs are the same bits."""
    nets = network(), network()
    costs = [
        net.train(X, LABELS, epochs=3, validation=validation).cost
        for net, validation in zip(nets, (None, VALIDATION), strict=True)
    ]
    assert costs[0] == costs[1]
    assert same_bits(nets[0].parameters, nets[1].parameters)


@pytest.mark.parametrize("said", [True, np.True_])
def test_a_callback_that_returns_true_ends_the_run(said: object) -> None:
    """The run ends after that epoch, and all other callbacks are still called."""
    net, heard = network(), []
    history = net.train(
        X, LABELS, epochs=9, callbacks=[lambda e: said if e.epoch == 2 else None, heard.append]
    )
    assert history.stopped_by == "callback"
    assert [e.epoch for e in heard] == [1, 2]
    assert net.epochs == 2
    same = network()
    same.train(X, LABELS, epochs=2)
    assert same_bits(net.parameters, same.parameters)


@pytest.mark.parametrize(
    "said", [None, False, 0, "stop", [], [True], np.zeros(3), np.ones(3), np.ones((1, 1))], ids=repr
)
def test_no_other_return_value_ends_the_run(said: object) -> None:
    """A callback may return anything, as a lambda that plots or prints does."""
    history = network().train(X, LABELS, epochs=2, callbacks=[lambda e: said])
    assert (len(history.epochs), history.stopped_by) == (2, "epochs")


@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit])
def test_an_exception_in_a_callback_leaves_a_consistent_network(error: type) -> None:
    """The network has the weights and the count of the last complete epoch, and can continue."""
    net = network()

    def fail(info) -> None:
        if info.epoch == 2:
            raise error

    with pytest.raises(error):
        net.train(X, LABELS, epochs=5, callbacks=[fail], optimizer=SGD(0.25))
    assert net.epochs == 2
    same = network()
    same.train(X, LABELS, epochs=2, optimizer=SGD(0.25))
    assert same_bits(net.parameters, same.parameters)
    net.train(X, LABELS, epochs=1, optimizer=SGD(0.25))
    same.train(X, LABELS, epochs=1)
    assert same_bits(net.parameters, same.parameters)


def no_memory(*arguments: object, **how: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("failure", ["memory", "schedule", "callbacks"])
def test_a_run_that_fails_before_its_first_step_changes_nothing(
    failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the optimizer nor its state: the next run continues with both."""

    class NoEntry(nullcontext):
        __call__ = __enter__ = no_memory

    net, same = network(), network()
    for each in (net, same):
        each.train(X, LABELS, epochs=2, optimizer=Adam())
    how, error = {
        "memory": ({}, MemoryError),
        "schedule": ({"schedule": lambda epoch: -1.0}, ArgumentError),
        "callbacks": ({"callbacks": [NoEntry()]}, MemoryError),
    }[failure]
    how |= {"optimizer": SGD(0.25), "validation": VALIDATION}
    with monkeypatch.context() as patch:
        if failure == "memory":
            patch.setattr(run, "load_program", no_memory)
        with pytest.raises(error):
            net.train(X, LABELS, epochs=2, **how)
    assert (net.epochs, net.trained) == (2, same.trained)
    for each in (net, same):
        each.train(X, LABELS, epochs=1)
    assert net.trained[-1]["optimizer"] == repr(Adam())
    assert same_bits(net.parameters, same.parameters)


def test_a_run_that_fails_later_leaves_its_optimizer() -> None:
    """After an exception in a callback, training continues with the same rule and moments."""

    def fail(info) -> None:
        raise ZeroDivisionError

    net, same = network(), network()
    with pytest.raises(ZeroDivisionError):
        net.train(X, LABELS, epochs=3, callbacks=[fail], optimizer=Adam())
    net.train(X, LABELS, epochs=1)
    same.train(X, LABELS, epochs=2, optimizer=Adam())
    assert same_bits(net.parameters, same.parameters)


def test_the_record_of_a_run() -> None:
    """`trained` has a record of each run, as JSON."""
    net = network()
    net.train(X, LABELS, epochs=0)
    history = net.train(
        X, LABELS, epochs=2, mini_batch_size=8, weight_decay=0.25, validation=VALIDATION,
        optimizer=SGD(0.125), callbacks=[lambda e: True],
    )  # fmt: skip
    nothing, run = net.trained
    assert nothing["epochs"] == 0
    assert json.loads(json.dumps(run, allow_nan=False)) == run
    expected = {
        "epochs": 1,
        "samples": 40,
        "mini_batch_size": 8,
        "optimizer": "SGD(learning_rate=0.125)",
        "weight_decay": 0.25,
        "stopped_by": "callback",
        "cost": history.cost[-1],
        "validation_accuracy": history.validation_accuracy[-1],
    }
    assert expected.items() <= run.items()


def test_the_records_of_many_runs_are_summed_up(tmp_path: Path) -> None:
    """All but the newest 100 are, so that a model file does not grow with each call of `train`."""
    net, sizes = network(), []
    for k in range(260):
        net.train(X, LABELS, epochs=k % 3, optimizer=SGD(0.25 if k < 150 else 0.125))
        if not k:
            names = {"columns": ["height", "weight"], "label_column": "kind"}
            net.trained[-1].update(names, data="t.csv", monitored="test")  # as the command line
        if k in {120, 259}:
            net.save(tmp_path / "net")
            sizes.append((tmp_path / "net").stat().st_size)
    summed, *newest = net.trained
    assert [run["epochs"] for run in newest] == [k % 3 for k in range(160, 260)]
    assert not any("runs" in run for run in newest)
    assert (summed["runs"], summed["epochs"]) == (160, sum(k % 3 for k in range(160)))
    assert sum(run["epochs"] for run in net.trained) == net.epochs
    assert summed["optimizer"] == "SGD(learning_rate=0.125)"  # of the newest of them
    assert names.items() <= summed.items()  # needed by `bpmatrix predict`
    assert not {"data", "monitored"} & summed.keys()  # the newest of them had other data
    assert sizes[1] < 1.01 * sizes[0]


def test_records_of_a_file_are_summed_up_whatever_they_contain() -> None:
    """An entry may be missing or of any type."""
    strange = [{"epochs": "many"}, {"epochs": 3, "runs": -4}, {"runs": 2.5, "epochs": 2}, {}]
    summed, *newest = bounded([*strange, *({"epochs": 1} for _ in range(100))])
    assert (summed["runs"], summed["epochs"], len(newest)) == (4, 5, 100)


def test_a_figure_that_is_not_finite_does_not_prevent_saving(tmp_path: Path) -> None:
    """The History has an infinite validation cost; the weights are finite and can be saved."""
    net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = net.train([[1.0]], [1.0], epochs=1, validation=([[1e200]], [0.0]))
    assert history.validation_cost == [math.inf]
    net.save(tmp_path / "net")
    assert same_bits(Network.load(tmp_path / "net").parameters, net.parameters)


# ------------------------------------------------------------- a network in the middle of its run


KEPT = {"SGD": SGD(0.5), "momentum": SGD(0.25, momentum=0.5), "Adam": Adam(0.0625)}


def through_file(net: Network, folder: Path) -> Network:
    net.save(folder / "net")
    return Network.load(folder / "net")


@pytest.mark.parametrize("optimizer", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize(
    "kept",
    [
        through_file,
        lambda net, _: copy.deepcopy(net),
        lambda net, _: copy.copy(net),
        lambda net, _: pickle.loads(pickle.dumps(net)),
    ],
    ids=["file", "deepcopy", "copy", "pickle"],
)
def test_a_network_saved_by_a_callback_continues_like_the_run(
    tmp_path: Path, kept, optimizer
) -> None:
    """Three of seven epochs, then the rest without passing the optimizer: the same bits.

    So it is also where the run before had another optimizer, whose place is taken at once.
    """
    net, copies = network(), []

    def keep(info) -> None:
        if net.epochs == 5:
            copies.append(kept(net, tmp_path))

    net.train(X, LABELS, epochs=2, optimizer=RMSprop(0.125))
    net.train(X, LABELS, epochs=7, optimizer=optimizer, callbacks=[keep])
    (other,) = copies
    assert other.epochs == 5
    other.train(X, LABELS, epochs=4)
    assert same_bits(other.parameters, net.parameters)


def test_a_callback_may_do_anything_with_the_network(tmp_path: Path) -> None:
    """It saves, loads and trains it: those epochs count, too, and the bits are the same."""
    net, same = network(), network()

    def use(info) -> None:
        if info.epoch in {2, 5}:
            net.save(tmp_path / "net")
            before = Network.load(tmp_path / "net")
            assert net.train(X, LABELS, epochs=2, n_threads=2).best_epoch in {
                info.epoch + 1,
                info.epoch + 2,
            }
            before.train(X, LABELS, epochs=2)
            assert same_bits(before.parameters, net.parameters)

    history = net.train(X, LABELS, epochs=9, callbacks=[use], optimizer=Adam())
    same.train(X, LABELS, epochs=9, optimizer=Adam())
    assert same_bits(net.parameters, same.parameters)
    assert [entry.epoch for entry in history.epochs] == [1, 2, 5, 8, 9]
    assert net.epochs == sum(run["epochs"] for run in net.trained) == 9


def test_the_record_matches_the_epochs_at_each_callback() -> None:
    """During a run, "stopped_by" is None; the figures are those of the last complete epoch."""
    net, seen = network(), []
    net.train(X, LABELS, epochs=2)

    def look(info) -> None:
        *_, run = net.trained
        seen.append((run["epochs"], run["cost"] == info.cost, run["stopped_by"], len(net.trained)))
        assert sum(run["epochs"] for run in net.trained) == net.epochs

    net.train(X, LABELS, epochs=3, callbacks=[look])
    assert seen == [(k, True, None, 2) for k in (1, 2, 3)]
    assert [run["stopped_by"] for run in net.trained] == ["epochs", "epochs"]


def test_after_an_error_in_a_callback_the_network_continues() -> None:
    """Optimizer, moments and record are those of the complete epochs."""
    net, same = network(), network()

    def fail(info) -> None:
        if info.epoch == 4:
            raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space left"):
        net.train(X, LABELS, epochs=9, optimizer=Adam(0.125), callbacks=[fail])
    assert [(run["epochs"], run["stopped_by"]) for run in net.trained] == [(4, "error")]
    assert net.epochs == 4
    net.train(X, LABELS, epochs=2)
    same.train(X, LABELS, epochs=6, optimizer=Adam(0.125))
    assert same_bits(net.parameters, same.parameters)


def test_a_run_that_diverged_is_recorded() -> None:
    """The epochs before count, in `trained` and in `epochs`; the History says "error"."""
    net = network(activation="identity", cost="quadratic")
    with pytest.raises(DivergenceError) as caught:
        net.train(
            X, LABELS, epochs=4, optimizer=SGD(0.125),
            schedule=lambda epoch: 1e302 if epoch == 3 else 1.0,
        )  # fmt: skip
    assert net.epochs == 2
    assert [(run["epochs"], run["stopped_by"]) for run in net.trained] == [(2, "error")]
    assert caught.value.history.stopped_by == "error"


@pytest.mark.parametrize("n_threads", [1, 2])
def test_costs_whose_sum_overflows_are_a_divergence(n_threads: int) -> None:
    """The single costs and the weights are finite; nothing has changed after the error."""
    net = network(sizes=[3, 4, 1], output="identity", cost="quadratic")
    before = net.parameters.copy()
    with pytest.raises(DivergenceError, match=r"the cost is not finite.* Scale large targets"):
        net.train(X, np.full(40, 1e154), epochs=2, optimizer=SGD(1e-3), n_threads=n_threads)
    assert same_bits(net.parameters, before)
    assert net.trained[-1]["epochs"] == net.epochs == 0


# ------------------------------------------------------------------------------------ best weights


@pytest.mark.parametrize("judged_by", ["accuracy", "cost"])
@pytest.mark.parametrize("end", ["epochs", "callback", "interrupt", "exception", "divergence"])
def test_best_weights_are_restored_whatever_ended_the_run(end: str, judged_by: str) -> None:
    """The network gets the weights of the best epoch, the first of equals."""
    net, heard, kept = network(cost="quadratic"), [], []
    wrong = (LABELS[:15] + 1) % 3  # training makes these worse and worse
    judge = {"early_stopping": EarlyStopping(99, metric="validation_accuracy")}
    if judged_by == "cost":  # what the network says after two epochs
        judge = {"restore_best": True}
        twin = network(cost="quadratic")
        twin.train(X, LABELS, epochs=2, optimizer=SGD(2.0))
        wrong = twin.feedforward(VALIDATION[0])

    def stop(info) -> bool:
        heard.append(info)
        kept.append(net.parameters.copy())
        if info.epoch < 6 or end == "epochs":
            return False
        if end == "divergence":
            net.parameters[0] = np.nan
        if end in {"interrupt", "exception"}:
            raise {"interrupt": KeyboardInterrupt, "exception": ZeroDivisionError}[end]
        return end == "callback"

    expected = {
        "interrupt": pytest.warns(RuntimeWarning, match="interrupted"),
        "exception": pytest.raises(ZeroDivisionError),
        "divergence": pytest.raises(DivergenceError),
    }
    with expected.get(end, nullcontext()):
        net.train(
            X, LABELS, epochs=8, validation=(VALIDATION[0], wrong), callbacks=[stop],
            optimizer=SGD(2.0), **judge,
        )  # fmt: skip
    if judged_by == "accuracy":
        figures = [-info.validation_accuracy for info in heard]
    else:
        figures = [info.validation_cost for info in heard]
        assert figures[1] == 0
    best = figures.index(min(figures))
    assert len(heard) == (8 if end == "epochs" else 6)
    assert best < 5
    assert same_bits(net.parameters, kept[best])
    assert not same_bits(net.parameters, kept[-1])
    assert net.epochs == len(heard)


def test_without_restore_best_the_last_weights_stay() -> None:
    """They are those of the last epoch."""
    net, kept = network(), []
    history = net.train(
        X, LABELS, epochs=3, validation=(VALIDATION[0], (LABELS[:15] + 1) % 3),
        callbacks=[lambda e: kept.append(net.parameters.copy())],
    )  # fmt: skip
    assert history.best_epoch < 3
    assert same_bits(net.parameters, kept[-1])


# -------------------------------------------------------------------------------------- divergence


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_divergence_error_says_where_and_restores_the_slice(dtype: str) -> None:
    """Epoch, step, History and a cure with the numbers; the weights of the start of the slice."""
    net = network(activation="identity", cost="quadratic", dtype=dtype)
    first = net.train(X, LABELS, epochs=2, mini_batch_size=8)
    huge = np.finfo(dtype).max / 4
    poisoned = X.astype(dtype)
    poisoned[1, 20] = huge  # in the third of five mini-batches
    kept = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DivergenceError) as caught:
            net.train(
                poisoned, LABELS, epochs=3, mini_batch_size=8, shuffle=False,
                callbacks=[kept.append],
            )  # fmt: skip
    error = caught.value
    assert (error.epoch, error.step) == (3, 3)
    assert error.history.epochs == kept == []
    assert len(first.cost) == net.epochs == 2
    assert isinstance(error, ArithmeticError)
    words = (
        "epoch 3", "mini-batch 3", "cost is not finite", "Lower the learning rate", "0.5",
        f"{huge:g}", "input_scale",
    )  # fmt: skip
    assert [word for word in words if word not in str(error)] == []
    same = network(activation="identity", cost="quadratic", dtype=dtype)
    same.train(X, LABELS, epochs=2, mini_batch_size=8)
    assert same_bits(net.parameters, same.parameters)
    assert np.isfinite(net.train(X, LABELS, epochs=1, mini_batch_size=8).cost).all()


def test_divergence_in_a_later_epoch_has_the_history_of_those_before() -> None:
    """The complete epochs are in the error's History, and callbacks were called for them."""
    net, heard = network(activation="identity", cost="quadratic"), []

    def poison(info) -> None:
        heard.append(info)
        if info.epoch == 2:
            net.parameters[0] = np.inf

    with pytest.raises(DivergenceError) as caught:
        net.train(X, LABELS, epochs=5, callbacks=[poison])
    assert caught.value.history.epochs == heard
    assert len(heard) == 2
    assert (caught.value.epoch, caught.value.step) == (3, 1)
    assert net.epochs == 2


# -------------------------------------------------------------------------------- bytes as numbers


def bytes_up_to(largest: int) -> np.ndarray:
    image = np.zeros((3, 40), np.uint8)
    image[1, 5] = largest
    return image


def test_unscaled_bytes_get_one_warning_with_its_cure() -> None:
    """uint8 above 16 without input_scale: one warning, at the caller's line."""
    net = network()
    with pytest.warns(UserWarning, match=r"bytes up to 17 .*input_scale=1/255") as caught:
        net.train(bytes_up_to(17), LABELS, epochs=3)
    assert len(caught) == 1
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("inputs", "scale"),
    [
        (bytes_up_to(16), None),
        (bytes_up_to(255), 1 / 255),
        (bytes_up_to(255), 0.5),
        (bytes_up_to(255).astype(float), None),
        (bytes_up_to(255).astype(int), None),
        (bytes_up_to(255) > 0, None),
    ],
)
def test_other_numbers_get_no_warning(inputs: np.ndarray, scale: float | None) -> None:
    """Small bytes, scaled bytes and other types."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network(input_scale=scale).train(inputs, LABELS, epochs=1)


def test_the_scale_is_a_factor_on_every_input() -> None:
    """A network with a scale of 1/4 trains on X as one without trains on X/4, bit for bit."""
    image = RNG.integers(0, 256, (40, 3), np.uint8).T
    scaled, plain = network(input_scale=0.25), network()
    costs = scaled.train(image, LABELS, epochs=2).cost
    assert plain.train(image / 4, LABELS, epochs=2).cost == costs
    assert same_bits(scaled.parameters, plain.parameters)
    assert same_bits(scaled.feedforward(image), plain.feedforward(image / 4))


# ------------------------------------------------------------------------------------------ Ctrl-C


def assert_interrupted(net: Network, epochs: int, call) -> History:
    """Assert that the call returns its History with one warning on the caller's line."""
    with pytest.warns(RuntimeWarning, match=f"interrupted after {epochs} whole epochs") as caught:
        history = call()
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert history.stopped_by == "interrupt"
    assert len(history.epochs) == epochs
    assert net.trained[-1]["stopped_by"] == "interrupt"
    assert np.isfinite(net.parameters).all()
    return history


def by_raising(info) -> None:
    if info.epoch == 3:
        raise KeyboardInterrupt


def by_a_signal(info) -> None:
    if info.epoch == 3:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("press", [by_raising, by_a_signal])
def test_ctrl_c_between_epochs_keeps_the_weights(press) -> None:
    """The run returns its History with a warning; the network can continue as after any run."""
    net, same = network(), network()
    assert_interrupted(net, 3, lambda: net.train(X, LABELS, epochs=9, callbacks=[press]))
    same.train(X, LABELS, epochs=3)
    assert same_bits(net.parameters, same.parameters)
    net.train(X, LABELS, epochs=2)
    same.train(X, LABELS, epochs=2)
    assert same_bits(net.parameters, same.parameters)


ENDS = {
    "epochs": {"epochs": 3},
    "callback": {"callbacks": [lambda info: info.epoch == 3]},
    "early_stopping": {"early_stopping": EarlyStopping(2, least_change=9.0, metric="cost")},
}


@pytest.mark.parametrize("end", ENDS)
def test_ctrl_c_in_the_epoch_that_ends_the_run(end: str, tmp_path: Path) -> None:
    """The caller learns of it as of any other; for a resumed run the reason is the first one."""
    settings = {"epochs": 9, "callbacks": []} | ENDS[end]
    disturbed = settings | {"callbacks": [*settings["callbacks"], by_raising]}
    net, whole = network(), network()
    assert whole.train(X, LABELS, **settings).stopped_by == end
    assert_interrupted(net, 3, lambda: net.train(X, LABELS, checkpoint=tmp_path, **disturbed))
    assert same_bits(net.parameters, whole.parameters)
    history = net.train(X, LABELS, checkpoint=tmp_path, **settings)
    assert (history.stopped_by, len(history.epochs)) == (end, 3)
    assert same_bits(net.parameters, whole.parameters)


@pytest.fixture
def no_garbage_collection():
    """Hypothesis runs a Python function at each garbage collection, where Ctrl-C gets lost."""
    gc.disable()
    yield
    gc.enable()


def press_ctrl_c_in_training(net: Network, seconds: float) -> threading.Thread:
    """Press Ctrl-C some time after the weights begin to change, however long loading takes."""
    before = net.parameters.copy()

    def press() -> None:
        while same_bits(net.parameters, before):
            time.sleep(0.001)
        time.sleep(seconds)
        _thread.interrupt_main()

    thread = threading.Thread(target=press, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("epochs", [sys.maxsize, 10**400], ids=["2^63-1", "10^400"])
def test_any_number_of_epochs(epochs: int, tmp_path: Path) -> None:
    """A run that something else ends may name more epochs than 64 bits count, and be resumed."""
    net = network()
    for done in (2, 4):
        net.train(X, LABELS, epochs=epochs, callbacks=[lambda entry: entry.epoch % 2 == 0])
        assert net.epochs == done
    for _ in range(2):
        history = network().train(
            X, LABELS, epochs=epochs, callbacks=[lambda entry: entry.epoch == 2],
            checkpoint=tmp_path,
        )  # fmt: skip
        assert len(history.epochs) == 2


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_during_a_long_run(threads: int) -> None:
    """At any moment of many short epochs, the run ends long before its last epoch."""
    net, deadline = network(), time.monotonic() + PATIENCE
    pressing = press_ctrl_c_in_training(net, 0.1)
    with pytest.warns(RuntimeWarning, match="interrupted"):
        history = net.train(
            X, LABELS, epochs=10**9, n_threads=threads,
            callbacks=[lambda e: time.monotonic() > deadline],
        )  # fmt: skip
    pressing.join()
    assert history.stopped_by == "interrupt"
    assert net.epochs == len(history.epochs)
    assert np.isfinite(net.parameters).all()
    assert [e.epoch for e in history.epochs] == list(range(1, len(history.epochs) + 1))


@pytest.mark.usefixtures("no_garbage_collection")
def test_ctrl_c_in_the_middle_of_an_epoch() -> None:
    """An epoch of many slices ends after one of them: the steps so far are kept."""
    n = 3_000_000  # one column repeated: no memory, but an epoch of some seconds
    inputs = np.broadcast_to(np.array([[1], [2], [3]], np.uint8), (3, n))
    labels = np.broadcast_to(np.array([1], np.uint8), (n,))
    net = network(sizes=[3, 64, 64, 3])
    pressing = press_ctrl_c_in_training(net, 0.2)
    start = time.monotonic()
    assert_interrupted(
        net, 0, lambda: net.train(inputs, labels, epochs=1, mini_batch_size=1, shuffle=False)
    )
    assert time.monotonic() - start < PATIENCE
    pressing.join()
    assert net.epochs == 0
    assert not same_bits(net.parameters, network(sizes=[3, 64, 64, 3]).parameters)
    assert network(sizes=[3, 64, 64, 3]).cost(inputs[:, :1], [1]) > net.cost(inputs[:, :1], [1])


@pytest.mark.parametrize(("threads", "epochs"), [(1, 2), (3, 1)])
def test_ctrl_c_at_any_moment(threads: int, epochs: int) -> None:
    """The weights are always those of complete epochs, and the network can continue.

    The epoch that was trained last may not have been entered; what was entered is in the History.
    """
    how = {"epochs": 1, "mini_batch_size": 4, "shuffle": False, "n_threads": threads}
    part, labels = X[:, :8], LABELS[:8]
    twin = network()
    trajectory = [twin.parameters.copy()]
    for _ in range(epochs + 1):
        twin.train(part, labels, **how)
        trajectory.append(twin.parameters.copy())
    nets, moments = [], 0

    def prepare():
        nets[:] = [network()]
        return lambda: nets[0].train(part, labels, **how | {"epochs": epochs})

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for outcome in interruptions(KeyboardInterrupt, prepare):
            (net,) = nets
            if isinstance(outcome, History):
                assert len(outcome.epochs) == net.epochs
                assert outcome.stopped_by == "interrupt"
            else:
                assert isinstance(outcome, KeyboardInterrupt)
            done = [same_bits(net.parameters, weights) for weights in trajectory].index(True)
            assert done - net.epochs in {0, 1}
            moments += 1
    assert moments > 100
    net.train(part, labels, **how)
    assert same_bits(net.parameters, trajectory[done + 1])


def test_ctrl_c_at_any_moment_ends_with_the_best_weights() -> None:
    """The weights are those of the best epoch recorded; they get worse from the first on."""
    part, labels, nets, kept = X[:, :8], LABELS[:8], [], []

    def look(info) -> None:
        kept.append(nets[0].parameters.copy())

    def prepare():
        nets[:] = [network()]
        kept.clear()
        return lambda: nets[0].train(
            part, labels, epochs=2, validation=(part, (labels + 1) % 3), callbacks=[look],
            early_stopping=EarlyStopping(9, metric="validation_accuracy"),
        )  # fmt: skip

    first = network()
    first.train(part, labels, epochs=1, validation=VALIDATION)  # loads both programs
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for outcome in interruptions(KeyboardInterrupt, prepare):
            if isinstance(outcome, History) and outcome.epochs:
                assert outcome.best_epoch == 1
                assert same_bits(nets[0].parameters, first.parameters)
    assert len(kept) == 2
    assert not same_bits(*kept)


# ---------------------------------------------------------------------------- many runs, many types


def test_two_networks_train_at_the_same_time() -> None:
    """In separate threads, each with two threads, they get the same weights as one by one."""
    nets = [network(seed=seed) for seed in range(4)]
    for net in nets[:2]:
        net.train(X, LABELS, epochs=20, n_threads=2)
    meeting, failures = threading.Barrier(2, timeout=PATIENCE), []

    def train(net: Network) -> None:
        try:
            meeting.wait()
            net.train(X, LABELS, epochs=20, n_threads=2)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    same = [network(seed=seed) for seed in range(2)]
    threads = [threading.Thread(target=train, args=(net,), daemon=True) for net in same]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert failures == []
    for net, other in zip(nets[:2], same, strict=True):
        assert same_bits(net.parameters, other.parameters)


def test_two_threads_cannot_train_one_network() -> None:
    """The second is rejected, with a cure, and the first is unaffected."""
    net, same, refused = network(), network(), []

    def intrude(info) -> None:
        def train() -> None:
            with pytest.raises(ArgumentError, match=r"another thread[^$]*copy\.deepcopy") as caught:
                net.train(X, LABELS, epochs=1)
            refused.append(caught.value)
            copy.deepcopy(net).train(X, LABELS, epochs=1)

        thread = threading.Thread(target=train, daemon=True)
        thread.start()
        thread.join(PATIENCE)

    net.train(X, LABELS, epochs=3, callbacks=[intrude])
    same.train(X, LABELS, epochs=3)
    assert len(refused) == 3
    assert same_bits(net.parameters, same.parameters)
    assert len(net.trained) == 1


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_number_of_threads_changes_no_bit(threads: int, dtype: str) -> None:
    """Any number of threads, also more than columns, gives the same weights and costs."""
    one, many = network(dtype=dtype), network(dtype=dtype)
    costs = one.train(X, LABELS, epochs=3, mini_batch_size=16, weight_decay=0.01).cost
    history = many.train(
        X, LABELS, epochs=3, mini_batch_size=16, weight_decay=0.01, n_threads=threads
    )
    assert history.cost == costs
    assert same_bits(one.parameters, many.parameters)


@pytest.mark.parametrize("cost", ["cross_entropy", "log_likelihood", "quadratic"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_training_learns_in_either_type(cost: str, dtype: str) -> None:
    """Two separate clusters are classified, for every cost and type."""
    clouds = X / 8
    clouds[0] += np.where(np.arange(40) % 2, 2, -2)
    net = Network([3, 5, 2], cost=cost, dtype=dtype, seed=2)
    before = net.cost(clouds, np.arange(40) % 2)
    history = net.train(clouds, np.arange(40) % 2, epochs=60, optimizer=SGD(1.0))
    assert net.parameters.dtype == dtype
    assert history.accuracy[-1] == net.accuracy(clouds, np.arange(40) % 2) == 1
    assert net.cost(clouds, np.arange(40) % 2) < before


def test_the_shortest_data_trains() -> None:
    """One sample is a mini-batch and an epoch."""
    net = network()
    history = net.train(X[:, :1], LABELS[:1], epochs=2)
    assert net.trained[-1]["mini_batch_size"] == 1
    assert history.cost[1] < history.cost[0]
