"""Arguments of `Network.train`: schedules, early stopping, time limit, callbacks."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
import time
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits

from bpmatrix import SGD, Adam, EarlyStopping, History, Network
from bpmatrix import history as history_module
from bpmatrix.errors import ArgumentError, DataError, DivergenceError
from bpmatrix.history import badness
from bpmatrix.schedules import Cosine, InverseScaling, ReduceOnPlateau, Step, Warmup
from bpmatrix.training import run, schedules

# Seconds after which a run counts as hanging, far more than it takes.
PATIENCE = 60
RNG = np.random.default_rng(17)
X = RNG.standard_normal((40, 3)).T
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)
VALIDATION = (X[:, :15] + 0.1, LABELS[:15])
WRONG = (X[:, :15], (LABELS[:15] + 1) % 3)  # wrong labels, whose figures go up and down


def network(**changed) -> Network:
    return Network(**{"sizes": [3, 6, 3], "seed": 4} | changed)


@cache
def worsening() -> dict:
    """The untrained network's own outputs as targets: full batches, each step makes them worse."""
    targets = network().feedforward(X[:, :15])
    return {"mini_batch_size": 40, "validation": (X[:, :15], targets)}


def halving(epoch: int) -> float:
    return 2.0 ** (1 - epoch)


# -------------------------------------------------------------------------------------- schedules


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_schedule_is_a_factor_on_the_learning_rate(dtype: str) -> None:
    """The same bits as one run per epoch, each with an optimizer of that rate."""
    scheduled, by_hand = network(dtype=dtype), network(dtype=dtype)
    history = scheduled.train(
        X, LABELS, epochs=4, optimizer=SGD(2.0), schedule=halving, weight_decay=0.01
    )
    assert history.learning_rate == [2.0, 1.0, 0.5, 0.25]
    for rate in history.learning_rate:
        by_hand.train(X, LABELS, epochs=1, optimizer=SGD(rate), weight_decay=0.01)
    assert same_bits(scheduled.parameters, by_hand.parameters)


def test_a_schedule_does_not_change_the_optimizer() -> None:
    """A further run without a schedule uses the full rate."""
    net = network()
    net.train(X, LABELS, epochs=2, optimizer=SGD(2.0), schedule=halving)
    assert net._training.optimizer == SGD(2.0)
    assert net.train(X, LABELS, epochs=1).learning_rate == [2.0]


@settings(max_examples=20)
@given(
    st.integers(0, 3), st.integers(0, 3),
    st.sampled_from([halving, Step(2), Cosine(4), InverseScaling(), Warmup(3, Step(1, 0.5))]),
    st.sampled_from([0.0, 0.25]), st.sampled_from([SGD(0.5), SGD(0.5, momentum=0.9), Adam(0.5)]),
    st.integers(1, 3),
)  # fmt: skip
def test_two_runs_with_a_schedule_are_one_long_run(
    a: int, b: int, schedule, split: float, optimizer, threads: int
) -> None:
    """Epochs are counted over all runs, the same samples are held out, and the state carries over.

    The optimizer stays equal while its rate is scheduled.
    """
    how = {"schedule": schedule, "validation_split": split, "optimizer": optimizer}
    whole, parts = network(), network()
    rates = whole.train(X, LABELS, epochs=a + b, **how).learning_rate
    first = parts.train(X, LABELS, epochs=a, n_threads=threads, **how)
    second = parts.train(X, LABELS, epochs=b, **how)
    assert first.learning_rate + second.learning_rate == rates
    assert rates == [0.5 * schedule(e) for e in range(1, a + b + 1)]
    assert same_bits(whole.parameters, parts.parameters)


def test_a_plateau_is_that_of_the_current_run() -> None:
    """The rate depends on the figures of the current run; a second run starts at the full rate."""
    schedule = ReduceOnPlateau(0.5, patience=2, metric="validation_cost")
    net, how = network(), {"optimizer": SGD(1.0), "schedule": schedule, **worsening()}
    for _ in range(2):
        history = net.train(X, LABELS, epochs=6, **how)
        assert history.validation_cost == sorted(history.validation_cost)
        assert history.learning_rate == [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]
        assert history.learning_rate == [schedule.after(history.epochs[:e]) for e in range(6)]


@pytest.mark.parametrize("factor", [-0.5, math.nan, math.inf, 1e308, "1", None, True, 1j])
def test_an_invalid_factor_raises_an_error_that_names_the_epoch(factor: object) -> None:
    """Before the epoch starts: the network has trained for the two epochs before it."""
    net, same = network(), network()
    with pytest.raises(
        ArgumentError, match=r"schedule in epoch 3 .* got " + re.escape(repr(factor))
    ):
        net.train(
            X, LABELS, epochs=5, optimizer=SGD(4.0),
            schedule=lambda epoch: factor if epoch == 3 else 1.0,
        )  # fmt: skip
    assert net.epochs == 2
    same.train(X, LABELS, epochs=2, optimizer=SGD(4.0))
    for one in (net, same):
        one.train(X, LABELS, epochs=1, optimizer=SGD(4.0))
    assert same_bits(net.parameters, same.parameters)


def test_a_factor_of_zero_changes_no_weights() -> None:
    net = network()
    history = net.train(X, LABELS, epochs=2, schedule=lambda epoch: 0)
    assert history.learning_rate == [0.0, 0.0]
    assert same_bits(net.parameters, network().parameters)


def test_divergence_by_a_schedule() -> None:
    """The error names the rate of the epoch, and has the History of the epochs before it."""
    net, same = (network(activation="identity", cost="quadratic") for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DivergenceError, match=r"epoch 3, .* \(it is 1e\+300\)") as caught:
            net.train(
                X, LABELS, epochs=5, optimizer=SGD(0.1),
                schedule=lambda epoch: 1e301 if epoch == 3 else 1.0,
            )  # fmt: skip
    assert caught.value.epoch == 3
    assert caught.value.history.learning_rate == [0.1, 0.1]
    same.train(X, LABELS, epochs=2, optimizer=SGD(0.1))
    assert same_bits(net.parameters, same.parameters)


# --------------------------------------------------------------------------------- early stopping


def expected_stop(history: History, metric: str, patience: int) -> tuple[int, int]:
    """Return the expected last epoch and best epoch, computed from the figures."""
    figures = np.array(getattr(history, metric)) * (-1 if "accuracy" in metric else 1)
    for e in range(1, figures.size + 1):
        best = int(np.argmin(figures[:e])) + 1
        if e - best >= patience:
            return e, best
    return figures.size, best


@pytest.mark.parametrize("metric", ["cost", "accuracy", "validation_cost", "validation_accuracy"])
@pytest.mark.parametrize("patience", [1, 3])
def test_early_stopping_on_any_metric(metric: str, patience: int) -> None:
    """The run ends after `patience` epochs without a better one, with the best weights."""
    how = {"epochs": 25, "optimizer": SGD(8.0), "validation": WRONG}
    whole, kept = network().train(X, LABELS, **how), []
    end, best = expected_stop(whole, metric, patience)
    assert end < 25, "the example ends early"
    net = network()
    history = net.train(
        X, LABELS, **how, early_stopping=EarlyStopping(patience, metric=metric),
        callbacks=[lambda info: kept.append(net.parameters.copy())],
    )  # fmt: skip
    assert (len(history.epochs), history.best_epoch) == (end, best)
    assert history.stopped_by == "early_stopping"
    assert history.cost == whole.cost[:end]
    assert same_bits(net.parameters, kept[best - 1])
    assert [info.is_best for info in history.epochs] == [
        all(badness(info, metric) < badness(e, metric) for e in history.epochs[:i])
        for i, info in enumerate(history.epochs)
    ]


def test_without_a_metric_early_stopping_uses_the_validation_cost() -> None:
    """Whether or not the targets are classes."""
    for Y in (LABELS, RNG.random((3, 40))):
        ends = [
            network(cost="quadratic").train(
                X, Y, epochs=40, optimizer=SGD(8.0), validation_split=0.25,
                early_stopping=EarlyStopping(2, metric=name),
            )
            for name in (None, "validation_cost")
        ]  # fmt: skip
        assert ends[0].to_dict()["epoch"] == ends[1].to_dict()["epoch"]
        assert ends[0].best_epoch == ends[1].best_epoch
        assert ends[0].stopped_by == "early_stopping"


def test_an_accuracy_that_does_not_change_ends_nothing() -> None:
    """Three validation samples have only four accuracies; their cost still improves."""
    X, labels = np.arange(-4.0, 5.0)[None, :], np.array([0] * 4 + [1] * 5)
    net = Network([1, 2], cost="log_likelihood", initializer="glorot", seed=2)
    history = net.train(
        X, labels, epochs=60, optimizer=SGD(0.05), validation=(X[:, ::4], labels[::4]),
        early_stopping=EarlyStopping(patience=5),
    )  # fmt: skip
    assert len(set(history.validation_accuracy[-20:])) == 1, "the accuracy does not change"
    assert history.stopped_by == "epochs"
    assert history.best_epoch == 60


def test_the_least_change_decides_when_to_stop_only() -> None:
    """Smaller improvements end the run; the weights are still those of the best epoch."""
    stopping = EarlyStopping(patience=3, least_change=10.0, metric="cost")
    net, kept = network(), []
    history = net.train(
        X, LABELS, epochs=9, early_stopping=stopping, mini_batch_size=40,
        callbacks=[lambda info: kept.append(net.parameters.copy())],
    )  # fmt: skip
    assert history.cost == sorted(history.cost, reverse=True)
    assert (len(history.epochs), history.best_epoch, history.stopped_by) == (
        4, 4, "early_stopping",
    )  # fmt: skip
    assert same_bits(net.parameters, kept[3])


@pytest.mark.parametrize("end", ["epochs", "callback", "interrupt", "divergence"])
def test_best_weights_however_the_run_ended(end: str) -> None:
    """Early stopping restores the best epoch's weights also if something else ended the run."""
    net, kept = network(), []

    def look(info) -> bool:
        kept.append(net.parameters.copy())
        if info.epoch == 3 and end == "interrupt":
            raise KeyboardInterrupt
        if info.epoch == 3 and end == "divergence":
            net.parameters[0] = np.nan
        return info.epoch == 3 and end == "callback"

    how = {
        "epochs": 3 + (end != "epochs"), "callbacks": [look], **worsening(),
        "early_stopping": EarlyStopping(10, metric="validation_cost"),
    }  # fmt: skip
    if end == "divergence":
        with pytest.raises(DivergenceError) as caught:
            net.train(X, LABELS, **how)
        history = caught.value.history
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = net.train(X, LABELS, **how)
        assert history.stopped_by == end
    assert len(kept) == 3
    assert history.best_epoch == 1
    assert same_bits(net.parameters, kept[0])


def test_each_run_has_its_own_patience() -> None:
    net = network()
    for _ in range(2):
        history = net.train(X, LABELS, epochs=9, early_stopping=EarlyStopping(2), **worsening())
        assert len(history.epochs) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"early_stopping": EarlyStopping()}, "early_stopping needs validation data"),
        ({"early_stopping": EarlyStopping(metric="validation_cost")}, "'validation_cost'"),
        ({"schedule": ReduceOnPlateau(metric="validation_accuracy")}, "'validation_accuracy'"),
        ({"restore_best": True}, "restore_best needs validation data"),
    ],
    ids=str,
)
def test_a_metric_that_is_not_recorded_is_rejected(arguments: dict, said: str) -> None:
    """Accuracies need classes, validation figures need validation data."""
    net = network()
    with pytest.raises(ArgumentError, match=said + r".*validation_split"):
        net.train(X, LABELS, **arguments)
    assert net.epochs == 0
    net.train(X, LABELS, **arguments, validation_split=0.25, epochs=1)


def test_accuracy_of_a_regression_is_not_recorded() -> None:
    net = network(cost="quadratic")
    for metric in ("accuracy", "validation_accuracy"):
        with pytest.raises(ArgumentError, match=f"{metric}.*cost or validation_cost"):
            net.train(
                X, RNG.random((3, 40)), validation_split=0.25,
                early_stopping=EarlyStopping(metric=metric),
            )  # fmt: skip


# ------------------------------------------------------------------------------------------- time


@pytest.mark.parametrize("stop", [{}, {"early_stopping": EarlyStopping(3)}])
def test_a_history_of_few_epochs(stop: dict) -> None:
    """It holds every seventh, the best and the last one; nothing else changes."""
    how = {"epochs": 30, "validation": VALIDATION, "optimizer": SGD(8.0), **stop}
    (net, seen), (other, heard) = (network(), []), (network(), [])
    history = net.train(X, LABELS, **how, callbacks=[seen.append], record_every=7)
    whole = other.train(X, LABELS, **how, callbacks=[heard.append])
    assert same_bits(net.parameters, other.parameters)
    assert [(e.epoch, e.cost, e.is_best) for e in seen] == [
        (e.epoch, e.cost, e.is_best) for e in heard
    ]
    last = len(whole.epochs)
    assert history.best_epoch == whole.best_epoch
    expected = sorted({7, 14, 21, 28, last, whole.best_epoch} & {*range(last + 1)})
    assert history.to_dict()["epoch"] == expected
    assert history.cost == [whole.cost[e - 1] for e in expected]
    assert history.stopped_by == whole.stopped_by
    assert net.trained == other.trained


def test_max_seconds_between_epochs() -> None:
    """Many short epochs: the run ends soon after the limit, and training can continue."""
    net, same = network(), network()
    start = time.monotonic()
    history = net.train(X, LABELS, epochs=10**9, max_seconds=0.2)
    assert time.monotonic() - start < PATIENCE
    assert history.stopped_by == net.trained[-1]["stopped_by"] == "max_seconds"
    assert net.epochs == len(history.epochs) >= 1
    assert sum(history.seconds[:-1]) < 0.2
    same.train(X, LABELS, epochs=net.epochs)
    for one in (net, same):
        one.train(X, LABELS, epochs=1)
    if len(history.epochs) < net.epochs:  # the last epoch was complete
        assert same_bits(net.parameters, same.parameters)


LONG = (
    np.broadcast_to(np.array([[1], [2], [3]], np.uint8), (3, 3_000_000)),
    np.broadcast_to(np.array([1], np.uint8), (3_000_000,)),
)  # one column repeated: no memory, but an epoch of some seconds


def test_max_seconds_in_the_middle_of_an_epoch() -> None:
    """An epoch of many slices ends after one of them: the steps taken are kept."""
    net = network(sizes=[3, 64, 64, 3])
    start = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = net.train(*LONG, epochs=1, mini_batch_size=1, shuffle=False, max_seconds=0.3)
    assert time.monotonic() - start < PATIENCE
    assert (history.stopped_by, history.epochs, history.best_epoch) == ("max_seconds", [], None)
    assert net.epochs == 0
    before = network(sizes=[3, 64, 64, 3])
    assert before.cost(LONG[0][:, :1], [1]) > net.cost(LONG[0][:, :1], [1])


def test_max_seconds_with_best_weights() -> None:
    """An incomplete epoch is not judged: the best epoch before it is kept."""
    net, kept = network(), []

    def look(info) -> None:
        kept.append(net.parameters.copy())
        time.sleep(0.02)

    history = net.train(
        X, LABELS, epochs=10**9, max_seconds=0.1, callbacks=[look], **worsening(),
        early_stopping=EarlyStopping(10**6),
    )  # fmt: skip
    assert history.stopped_by == "max_seconds"
    assert history.best_epoch == 1
    assert same_bits(net.parameters, kept[0])


def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    net, same = network(), network()
    history = net.train(X, LABELS, epochs=3, max_seconds=10 * PATIENCE)
    same.train(X, LABELS, epochs=3)
    assert (len(history.epochs), history.stopped_by) == (3, "epochs")
    assert same_bits(net.parameters, same.parameters)


@pytest.mark.parametrize(("given", "loaded"), [({}, []), ({"validation": WRONG}, ["evaluate"])])
def test_compilation_does_not_count(
    monkeypatch: pytest.MonkeyPatch, given: dict, loaded: list[str]
) -> None:
    """The program that scores validation data is compiled before the clock starts, if needed."""
    names = []

    def load_slowly(name: str, dtype: str) -> None:
        names.append(name)
        time.sleep(0.3)

    monkeypatch.setattr(run, "load_program", load_slowly)
    history = network().train(X, LABELS, epochs=2, max_seconds=0.25, **given)
    assert names == loaded
    assert len(history.epochs) >= 1


def test_divergence_before_the_limit() -> None:
    net = network(activation="identity", cost="quadratic")
    with pytest.raises(DivergenceError):
        net.train(X, LABELS, epochs=10**9, optimizer=SGD(100.0), max_seconds=PATIENCE)
    assert np.isfinite(net.parameters).all()


# -------------------------------------------------------------------------------------- callbacks


class Closing:
    """A callback that is also a context manager."""

    def __init__(self, error: type[Exception] | None = None, *, answer: object = None) -> None:
        self.log: list[object] = []
        self.error, self.answer = error, answer

    def __enter__(self) -> None:
        self.log.append("entered")

    def __call__(self, info) -> None:
        self.log.append(info.epoch)
        if self.error is not None:
            raise self.error

    def __exit__(self, kind, *_) -> object:
        self.log.append(kind)
        return self.answer


@pytest.mark.parametrize(
    "stop", [{}, {"max_seconds": 1e-9}, {"early_stopping": EarlyStopping(1, 9.0, "cost")}], ids=str
)
def test_a_callback_that_is_a_context_manager_is_exited_with_the_run(stop: dict) -> None:
    callback = Closing()
    history = network().train(X, LABELS, epochs=3, callbacks=[callback], **stop)
    numbers = [info.epoch for info in history.epochs]
    assert callback.log == ["entered", *numbers, None]


def test_it_is_exited_with_the_exception_that_ends_the_run() -> None:
    failing, other, net = Closing(ZeroDivisionError), Closing(), network(activation="identity")
    with pytest.raises(ZeroDivisionError):
        net.train(X, LABELS, callbacks=[other, failing])
    assert other.log == ["entered", 1, ZeroDivisionError]
    assert failing.log == ["entered", 1, ZeroDivisionError]
    net, other = network(activation="identity", cost="quadratic"), Closing()
    with pytest.raises(DivergenceError):
        net.train(X, LABELS, optimizer=SGD(1e300), callbacks=[other])
    assert other.log == ["entered", DivergenceError]


def test_it_cannot_suppress_the_exception_that_ends_the_run() -> None:
    """Otherwise a failed training would look like a completed one."""
    net, other = network(), Closing()
    callbacks = [other, Closing(ZeroDivisionError, answer=True)]
    with pytest.raises(ZeroDivisionError):
        net.train(X, LABELS, callbacks=callbacks)
    assert other.log == ["entered", 1, None]  # the inner one has returned True
    assert (net.epochs, net.trained[-1]["stopped_by"]) == (1, "error")
    with pytest.raises(MemoryError):  # nor one raised while entering another callback
        net.train(X, LABELS, callbacks=[Closing(answer=True), NoEntry()])
    history = net.train(X, LABELS, epochs=1, callbacks=[Closing(answer=True)])
    assert history.stopped_by == "epochs"


class NoEntry(Closing):
    """A callback that cannot be entered."""

    def __enter__(self) -> None:
        raise MemoryError


def test_nothing_is_entered_for_wrong_arguments() -> None:
    callback = Closing()
    with pytest.raises(ArgumentError):
        network().train(X, LABELS, callbacks=[callback], epochs=-1)
    assert callback.log == []


def test_a_callback_can_save_the_best_network(tmp_path: Path) -> None:
    """`is_best` tells when to save."""
    net, path = network(), tmp_path / "best.safetensors"
    history = net.train(
        X, LABELS, epochs=6, validation=WRONG,
        callbacks=[lambda info: info.is_best and net.save(path)],
    )  # fmt: skip
    saved = Network.load(path)
    assert saved.epochs == history.best_epoch
    assert saved.accuracy(*WRONG) == max(history.validation_accuracy)


def test_an_epoch_takes_no_longer_the_more_epochs_precede_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each epoch is judged once for early stopping and once for a plateau, also with callbacks."""
    judged = []

    def count(info, metric=None) -> float:
        judged.append(info.epoch)
        return badness(info, metric)

    for module in (run, schedules, history_module):
        monkeypatch.setattr(module, "badness", count)
    how = {"validation": WRONG, "early_stopping": EarlyStopping(99), "callbacks": [lambda _: None]}
    network().train(X, LABELS, epochs=20, **how, schedule=ReduceOnPlateau())
    assert sorted(judged) == sorted([*range(1, 21)] * 2)


def test_training_without_progress_does_not_import_it() -> None:
    code = (
        "import sys; from bpmatrix import Network; Network([1, 1]).train([[0., 1.]], [0., 1.]);"
        "print(*{'rich', 'bpmatrix.progress', 'pandas'} & set(sys.modules))"
    )
    process = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.split() == []


# ------------------------------------------------------------------------------------- the record


def test_the_record_has_the_arguments_of_the_run() -> None:
    """As text, which is never executed."""
    net = network()
    net.train(
        X, LABELS, epochs=1, validation_split=0.25, schedule=Warmup(3), max_seconds=60,
        early_stopping=EarlyStopping(3),
    )  # fmt: skip
    net.train(X, LABELS, epochs=1, schedule=halving)
    first, second = json.loads(json.dumps(net.trained, allow_nan=False))
    assert first["schedule"] == "Warmup(epochs=3, then=None)"
    assert first["early_stopping"] == ("EarlyStopping(patience=3, least_change=0.0, metric=None)")
    assert (first["max_seconds"], first["samples"], first["restore_best"]) == (60.0, 30, True)
    assert second["schedule"] == "halving"
    assert (second["early_stopping"], second["max_seconds"]) == (None, None)


def test_a_saved_network_continues_with_the_schedule(tmp_path: Path) -> None:
    """The number of epochs is in the file; the schedule is passed again, like all arguments."""
    net = network()
    net.train(X, LABELS, epochs=2, schedule=Step(2, 0.5), optimizer=SGD(1.0))
    net.save(tmp_path / "net")
    loaded = Network.load(tmp_path / "net")
    rates = [
        one.train(X, LABELS, epochs=3, schedule=Step(2, 0.5)).learning_rate for one in (net, loaded)
    ]
    assert rates == [[0.5, 0.5, 0.25]] * 2
    assert same_bits(net.parameters, loaded.parameters)


# ------------------------------------------------------------- targets outside the output's range


def a_line() -> tuple[np.ndarray, np.ndarray]:
    """Return inputs (2, 80) and targets (80,) from about 40 to 260."""
    rng = np.random.default_rng(8)
    X = rng.uniform(-1, 1, (2, 80))
    return X, 150 + 80 * X[0] - 30 * X[1] + rng.normal(0, 2, 80)


@pytest.mark.parametrize(
    ("how", "beyond", "reached", "words"),
    [
        ({"cost": "cross_entropy"}, 1.5, [0, 1], "the cost is not defined.*expected 0 to 1"),
        ({"cost": "quadratic"}, -0.001, [0, 1], "range of the sigmoid output.*expected 0 to 1"),
        ({"cost": "huber", "output": "sigmoid"}, 1.001, [0, 1], "range of the sigmoid output"),
        (
            {"cost": "quadratic", "activation": "tanh"},
            -1.1,
            [-1, 1],
            "range of the tanh output.*expected -1 to 1",
        ),
        (
            {"cost": "absolute", "output": "relu"},
            -2,
            [0, 900],
            "range of the relu output.*expected 0 or more",
        ),
        (
            {"cost": "quadratic", "output": "elu"},
            -1.5,
            [-1, 900],
            "range of the elu output.*expected -1 or more",
        ),
        ({"cost": "quadratic", "output": "gelu"}, -0.2, [-0.16, 900], "range of the gelu output"),
        ({"cost": "quadratic", "output": "silu"}, -0.3, [-0.27, 900], "range of the silu output"),
        ({"cost": "quantile", "output": "softplus"}, -0.1, [0, 900], "of the softplus output"),
        ({"cost": "quadratic", "output": "exp"}, -0.1, [0, 9], "range of the exp output"),
        ({"cost": "poisson"}, -1, [0, 9], "the cost is not defined.*expected 0 or more"),
    ],
)
def test_targets_outside_the_range_are_rejected(how, beyond, reached, words) -> None:
    """Before anything changes; targets within the range, including its ends, are accepted."""
    net = Network([2, 3, 1], seed=4, **how)
    before = net.parameters.copy()
    X = np.linspace(-1, 1, 6).reshape(2, 3)
    with pytest.raises(DataError, match=rf"^targets has 1 number .*{words}"):
        net.train(X, [reached[1], beyond, reached[0]])
    assert same_bits(net.parameters, before)
    assert net.epochs == 0
    net.train(X, [reached[0], *reached], epochs=1, optimizer=SGD(1e-9))
    assert net.epochs == 1


def test_the_cure_in_the_error_works() -> None:
    """output="identity" with cost="quadratic", and standardized targets."""
    X, y = a_line()
    with pytest.raises(DataError) as caught:
        Network([2, 6, 1], seed=1).train(X, y)
    for word in ('output="identity"', 'cost="quadratic"', "(y - y.mean()) / y.std()"):
        assert word in str(caught.value)
    scaled = (y - y.mean()) / y.std()
    net = Network([2, 6, 1], output="identity", cost="quadratic", seed=1)
    net.train(X, scaled)
    # The variance is 1, the noise (2 / 53)^2; a line is learned to a few percent in 30 epochs.
    assert 2 * net.cost(X, scaled) < 0.05


def test_rounding_evaluation_and_validation_may_exceed_the_range() -> None:
    """Only training targets are limited, and these up to rounding."""
    X, y = a_line()
    scaled = ((y - y.min()) / np.ptp(y)).astype(np.float32) * np.float32(1 + 2e-7)
    assert scaled.max() > 1
    net = Network([2, 3, 1], cost="quadratic", seed=1)
    net.train(X, scaled, epochs=1, validation=(X, 1.5 * scaled))
    assert net.cost(X, y) > 5000
    assert np.isfinite(net.gradient(X, y).flat).all()


def test_labels_are_in_the_range_of_every_output() -> None:
    """Their one-hot columns contain 0 and 1."""
    for output in ("sigmoid", "tanh", "relu", "elu", "gelu", "silu", "softplus", "exp"):
        net = Network([3, 4, 3], output=output, cost="quadratic", seed=1)
        net.train(X, LABELS, epochs=1, optimizer=SGD(1e-3))
