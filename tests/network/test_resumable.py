"""A run stopped at any moment and resumed produces the same bits as an uninterrupted one."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from interruptions import interruptions
from killed import Killed, killed_after
from numeric import same_bits

from bpmatrix import (
    SGD,
    Adam,
    AdamW,
    EarlyStopping,
    History,
    Network,
    OwnActivation,
    RMSprop,
    schedules,
)
from bpmatrix.errors import ArgumentError, DivergenceError
from bpmatrix.network.resumable import ResumableRun
from bpmatrix.training import slices

RNG = np.random.default_rng(17)
X = RNG.standard_normal((40, 3)).T
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)
WEIGHTS = RNG.uniform(0.5, 2, 40)
VALIDATION = (X[:, :15] + 0.1, LABELS[:15])
SETTINGS = {
    "plain": {},
    "float32": {"dtype": "float32", "optimizer": Adam()},
    "in order": {"shuffle": False, "optimizer": SGD(0.3, momentum=0.9)},
    "nesterov": {"optimizer": SGD(0.3, momentum=0.9, nesterov=True)},
    "rmsprop": {"optimizer": RMSprop(0.01), "l1": 1e-3, "clip_norm": 0.5},
    "adam": {"optimizer": Adam(0.05), "dropout": [0.1, 0.3], "sample_weight": WEIGHTS},
    "adamw": {"optimizer": AdamW(0.01), "class_weight": "balanced", "weight_decay": 0.01},
    "schedule": {"schedule": schedules.Warmup(3, then=schedules.Step(every=2, factor=0.5))},
    "function": {"schedule": lambda epoch: 1 / epoch},
    "plateau": {
        "schedule": schedules.ReduceOnPlateau(patience=1, factor=0.5, least_change=0.05),
        "validation": VALIDATION,
    },
    "stops early": {
        "early_stopping": EarlyStopping(patience=2, least_change=0.5),
        "validation_split": 0.2,
        "epochs": 9,
    },
    "few records": {
        "early_stopping": EarlyStopping(patience=4, least_change=0.1),
        "schedule": schedules.ReduceOnPlateau(patience=2, factor=0.5, least_change=0.05),
        "validation": VALIDATION,
        "epochs": 9,
        "record_every": 3,
    },
    "the best": {"restore_best": True, "validation": VALIDATION, "optimizer": SGD(40.0)},
}


# Python looks for signals at some thousand moments of such a run.
EVERY = 97


@pytest.fixture(params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> dict:
    return {"epochs": 4, "mini_batch_size": 9} | SETTINGS[request.param]


@pytest.fixture
def _short_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each mini-batch a slice of its own."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 0.0)


def network(dtype: str = "float64") -> Network:
    return Network([3, 6, 3], seed=4, dtype=dtype)


def train(settings: dict, net: Network | None = None, **more) -> tuple[Network, History]:
    how = {name: value for name, value in (settings | more).items() if name != "dtype"}
    net = network(settings.get("dtype", "float64")) if net is None else net
    return net, net.train(X, LABELS, **how)


def untimed(history: History) -> History:
    return replace(history, epochs=[replace(entry, seconds=0.0) for entry in history.epochs])


def assert_equal(ours: tuple[Network, History], whole: tuple[Network, History]) -> None:
    """Compare all results of a run, including those that a later run depends on."""
    (net, history), (other, expected) = ours, whole
    assert same_bits(net.parameters, other.parameters)
    assert untimed(history) == untimed(expected)
    assert history.best_epoch == expected.best_epoch
    assert net.trained == other.trained
    assert (net.epochs, net.seed) == (other.epochs, other.seed)
    kept, same = net._training, other._training
    assert kept.optimizer == same.optimizer
    assert kept.optimizer_state.steps == same.optimizer_state.steps
    assert same_bits(kept.optimizer_state.moments, same.optimizer_state.moments)
    assert kept.shuffler.bit_generator.state == same.shuffler.bit_generator.state


def stopped(monkeypatch: pytest.MonkeyPatch, settings: dict, folder: Path) -> Iterator[int]:
    """Kill a run at its first check of the clock, then at its second, and so on."""
    for moment in count(1):
        try:
            with killed_after(moment, monkeypatch):
                train(settings, checkpoint=folder / str(moment))
        except Killed:
            yield moment
        else:
            return


@pytest.mark.usefixtures("_short_slices")
def test_a_run_killed_after_any_slice_resumes_to_the_same_bits(
    settings: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Within an epoch, at its end, and after the callbacks."""
    whole = train(settings)
    moments = 0
    for moment in stopped(monkeypatch, settings, tmp_path):
        assert_equal(train(settings, checkpoint=tmp_path / str(moment)), whole)
        moments += 1
    assert moments >= 4 * len(whole[1].epochs)


@pytest.mark.usefixtures("_short_slices")
def test_a_run_killed_repeatedly_produces_the_same_bits(
    settings: dict, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each process takes two slices."""
    whole = train(settings)
    for _ in range(100):
        try:
            with killed_after(2, monkeypatch):
                ours = train(settings, checkpoint=tmp_path)
            break
        except Killed:
            continue
    assert_equal(ours, whole)


@pytest.mark.filterwarnings("ignore:training was interrupted")
# Signals are deferred while a temporary file is opened; an exception from the test is not.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("per_slice", [0.0, 0.15])
def test_ctrl_c_at_any_moment_loses_nothing(
    per_slice: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The last checkpoint is a consistent state: no half epoch, no order drawn twice."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", per_slice)
    settings = {
        "epochs": 4, "mini_batch_size": 20, "optimizer": Adam(), "dropout": 0.2,
        "early_stopping": EarlyStopping(patience=2, least_change=9.0), "validation": VALIDATION,
    }  # fmt: skip
    whole = train(settings)
    assert (whole[1].stopped_by, len(whole[1].epochs)) == ("early_stopping", 3)
    number = 0

    def prepare():
        nonlocal number
        number += 1
        net, folder = network(), tmp_path / str(number)
        return lambda: train(settings, net, checkpoint=folder, n_threads=1)

    ended = set()
    for outcome in interruptions(KeyboardInterrupt, prepare, every=EVERY):
        ended.add(outcome[1].stopped_by if isinstance(outcome, tuple) else type(outcome).__name__)
        assert_equal(train(settings, checkpoint=tmp_path / str(number)), whole)
    assert {"interrupt", "KeyboardInterrupt"} <= ended


def test_ctrl_c_while_a_run_is_resumed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The network has all of the checkpoint, or nothing."""
    settings = {"epochs": 3, "optimizer": Adam()}
    whole, _ = train(settings, checkpoint=tmp_path)
    net, resume = network(), ResumableRun._resume

    def interrupted(*given) -> None:
        signal.raise_signal(signal.SIGINT)
        resume(*given)

    with monkeypatch.context() as patches:
        patches.setattr(ResumableRun, "_resume", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(settings, net, checkpoint=tmp_path)
    assert net.epochs == 3
    for each in (net, whole):
        each.train(X, LABELS, epochs=2)
    assert same_bits(net.parameters, whole.parameters)


def test_max_seconds_ends_a_resumed_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The time counts for each call separately, also within an epoch."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 0.0)
    settings = {"epochs": 3, "mini_batch_size": 4}
    whole = train(settings)
    for _ in range(100):
        net, history = train(settings, checkpoint=tmp_path, max_seconds=1e-9)
        if history.stopped_by != "max_seconds":
            break
    net, history = train(settings, net, checkpoint=tmp_path)  # the same network, in one process
    assert_equal((net, history), (whole[0], whole[1]))


# ------------------------------------------------------- faults reported of other libraries


def test_the_best_score_is_remembered(tmp_path: Path) -> None:
    """keras#17012, skorch#267: after a resume the first epoch is "best" and replaces the best."""
    wrong = (X, (LABELS + 1) % 3)  # what is learned makes it worse
    settings = {"restore_best": True, "validation": wrong, "epochs": 24}
    whole, history = train(settings)
    assert history.best_epoch <= 12
    best = []
    train(settings | {"epochs": 12}, checkpoint=tmp_path)
    net, again = train(
        settings, checkpoint=tmp_path, callbacks=[lambda info: best.append(info.is_best)]
    )
    assert again.best_epoch == history.best_epoch
    assert not any(best)
    assert same_bits(net.parameters, whole.parameters)
    assert same_bits(Network.load(tmp_path / "best.safetensors").parameters, whole.parameters)


def test_epochs_are_counted_from_the_beginning_of_the_run(tmp_path: Path) -> None:
    """keras#19179: 30 after 12 are 18 more, also where the network was trained before."""
    first = network()
    first.train(X, LABELS, epochs=5)
    first.save(tmp_path / "first.safetensors")
    seen = []
    for epochs in (2, 3, 3):
        net = Network.load(tmp_path / "first.safetensors")
        history = net.train(
            X, LABELS, epochs=epochs, checkpoint=tmp_path / "run",
            callbacks=[lambda info: seen.append((info.epoch, info.last_epoch))],
        )  # fmt: skip
    assert seen == [(6, 7), (7, 7), (8, 8)]
    assert len(history.epochs) == 3
    assert net.epochs == 8
    first.train(X, LABELS, epochs=3)
    assert same_bits(net.parameters, first.parameters)
    assert len(net.trained) == 2


def test_a_run_never_restarts_silently(tmp_path: Path) -> None:
    """skorch#1032. Nor does a finished run take further steps."""
    first, _ = train({}, epochs=2, checkpoint=tmp_path)
    files = sorted(path.name for path in tmp_path.iterdir())
    net, history = train({}, epochs=2, checkpoint=tmp_path)
    assert same_bits(first.parameters, net.parameters)
    assert history.stopped_by == "epochs"
    assert "best.safetensors" in files


@pytest.mark.usefixtures("_short_slices")
def test_the_order_within_an_epoch_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """lightning#19764, accelerate#4233: no sample is shown twice in an epoch, and none is missed.

    Each sample is an input of its own, and the weight of each tells how often it was shown.
    """
    n = 12
    how = {"epochs": 2, "mini_batch_size": 1, "optimizer": SGD(1.0)}

    def fresh() -> Network:
        net = Network([n, 1], activation="identity", cost="quadratic", bias=False, seed=3)
        net.parameters[:] = 0
        return net

    for moment in range(1, 2 * n):
        with pytest.raises(Killed), killed_after(moment, monkeypatch):
            fresh().train(np.eye(n), np.ones(n), checkpoint=tmp_path / str(moment), **how)
        net = fresh()
        net.train(np.eye(n), np.ones(n), checkpoint=tmp_path / str(moment), **how)
        whole = fresh()
        whole.train(np.eye(n), np.ones(n), **how)
        assert same_bits(net.parameters, whole.parameters)


@pytest.mark.parametrize("optimizer", [Adam(), SGD(0.1, momentum=0.9), RMSprop()])
def test_a_network_saved_in_a_callback_continues_in_the_same_way(optimizer, tmp_path: Path) -> None:
    """With its optimizer and the optimizer's state, not with a new SGD(0.5)."""
    path = tmp_path / "net.safetensors"

    def save(info) -> None:
        if info.epoch == 2:
            info.network.save(path)

    whole, _ = train({"epochs": 4, "optimizer": optimizer, "callbacks": [save]})
    net = Network.load(path)
    net.train(X, LABELS, epochs=2)
    assert same_bits(net.parameters, whole.parameters)


# ------------------------------------------------------------------- what is no difference, and is


@pytest.mark.parametrize(
    "changed",
    [
        {"epochs": 5},
        {"max_seconds": 60.0},
        {"callbacks": [lambda info: None]},
        {"n_threads": 2},
        {"checkpoint_seconds": 1},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_may_change(changed: dict, tmp_path: Path) -> None:
    """The run is resumed and produces the same weights."""
    train({}, epochs=2, checkpoint=tmp_path)
    net, history = train({"epochs": 4} | changed, checkpoint=tmp_path)
    whole, _ = train({}, epochs=len(history.epochs))
    assert same_bits(net.parameters, whole.parameters)


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"mini_batch_size": 5}, "mini_batch_size"),
        ({"optimizer": Adam(0.1)}, "optimizer"),
        ({"weight_decay": 0.1}, "weight_decay"),
        ({"l1": 0.1}, "l1"),
        ({"clip_norm": 1.0}, "clip_norm"),
        ({"dropout": 0.1}, "dropout"),
        ({"shuffle": False}, "shuffle"),
        ({"validation": VALIDATION}, "validation inputs"),
        ({"sample_weight": WEIGHTS}, "sample weights"),
        ({"schedule": schedules.Step(every=2)}, "schedule"),
        ({"early_stopping": EarlyStopping(metric="cost")}, "early_stopping"),
    ],
    ids=str,
)
def test_a_different_run_is_refused_by_name(changed: dict, name: str, tmp_path: Path) -> None:
    """Before anything has changed, in the network or in the folder."""
    train({}, epochs=2, checkpoint=tmp_path)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ArgumentError, match=f"a run with different .*{name}.*another folder"):
        train(changed, net, epochs=4, checkpoint=tmp_path)
    assert same_bits(net.parameters, before)
    assert (net.epochs, net.trained) == (0, [])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_different_data_are_refused(tmp_path: Path) -> None:
    """A single different number in the inputs or the targets is enough."""
    train({}, epochs=1, checkpoint=tmp_path)
    inputs, labels = X.copy(), LABELS.copy()
    inputs[2, 7] += 1e-12
    labels[3] = (labels[3] + 1) % 3
    with pytest.raises(ArgumentError, match="a run with different inputs"):
        network().train(inputs, LABELS, checkpoint=tmp_path)
    with pytest.raises(ArgumentError, match="a run with different targets"):
        network().train(X, labels, checkpoint=tmp_path)
    network().train(np.asfortranarray(X), LABELS, epochs=1, checkpoint=tmp_path)  # the same numbers


@pytest.mark.parametrize(
    ("other", "match"),
    [
        (Network([3, 5, 3], seed=4), "sizes"),
        (Network([3, 6, 3], seed=4, dtype="float32"), "dtype"),
        (Network([3, 6, 3], seed=4, input_scale=2.0), "input_scale"),
        (Network([3, 6, 3], seed=5), "seed"),
        (Network([3, 6, 3], seed=4, initializer="glorot"), "different weights"),
    ],
)
def test_a_different_network_is_refused(other: Network, match: str, tmp_path: Path) -> None:
    """By its description, its seed or its initial weights."""
    train({}, epochs=1, checkpoint=tmp_path)
    with pytest.raises(ArgumentError, match=match):
        other.train(X, LABELS, epochs=2, checkpoint=tmp_path)


def test_functions_are_told_apart_by_what_they_return(tmp_path: Path) -> None:
    """A function has at most a name, so its rates are compared with the recorded ones."""
    train({}, epochs=3, schedule=lambda epoch: 1 / epoch, checkpoint=tmp_path)
    with pytest.raises(ArgumentError, match=r"it gives the rate 0\.125 for epoch 2"):
        train({}, epochs=4, schedule=lambda epoch: 1 / epoch**2, checkpoint=tmp_path)


def test_a_drawn_seed_is_that_of_the_run(tmp_path: Path) -> None:
    """A script without a seed can be resumed too, with the same held-out samples."""
    how = {"epochs": 2, "validation_split": 0.2}
    first = Network([3, 6, 3])
    first.train(X, LABELS, **how, checkpoint=tmp_path)
    second = Network([3, 6, 3])
    assert second.seed != first.seed
    second.train(X, LABELS, **how | {"epochs": 4}, checkpoint=tmp_path)
    first.train(X, LABELS, **how)
    assert same_bits(first.parameters, second.parameters)
    assert first.seed == second.seed


# ---------------------------------------------------------------------------------- other ends


def test_a_run_ended_by_a_callback_is_not_continued(tmp_path: Path) -> None:
    """Otherwise a run killed after its end would train further when resumed."""
    first, history = train(
        {}, epochs=9, checkpoint=tmp_path, callbacks=[lambda info: info.epoch == 3]
    )
    net, again = train({}, epochs=9, checkpoint=tmp_path)
    assert history.stopped_by == again.stopped_by == "callback"
    assert same_bits(first.parameters, net.parameters)


@pytest.mark.filterwarnings("ignore:training was interrupted")
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("answer", [False, True])
def test_a_run_that_had_ended_before_an_error_is_not_continued(
    error: type[BaseException], answer: bool, tmp_path: Path
) -> None:
    """By early stopping, or by the callback before the one that fails."""
    stops = {"early_stopping": EarlyStopping(patience=2, least_change=9.0)}
    settings = {"epochs": 9, "validation": VALIDATION} | ({} if answer else stops)

    def fail(info) -> None:
        if info.epoch == 3 and failing:
            raise error

    failing = False
    callbacks = [lambda info: info.epoch == 3 and answer, fail]
    whole = train(settings, callbacks=callbacks)
    assert len(whole[1].epochs) == 3
    failing = True
    with suppress(RuntimeError):
        train(settings, checkpoint=tmp_path, callbacks=callbacks)
    assert_equal(train(settings, checkpoint=tmp_path), whole)


@pytest.mark.filterwarnings("ignore:training was interrupted")
def test_ctrl_c_in_place_of_early_stopping(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its last epoch is counted, but why it is the last is not noted yet."""
    stops = EarlyStopping(patience=2, least_change=9.0)
    settings = {"epochs": 9, "validation": VALIDATION, "early_stopping": stops}
    whole = train(settings)

    def interrupt(self: History, name: str, value: object) -> None:
        if value == "early_stopping":
            raise KeyboardInterrupt
        object.__setattr__(self, name, value)

    with monkeypatch.context() as patches:
        patches.setattr(History, "__setattr__", interrupt)
        assert train(settings, checkpoint=tmp_path)[1].stopped_by == "interrupt"
    assert_equal(train(settings, checkpoint=tmp_path), whole)


def test_an_error_of_a_callback_loses_no_epoch(tmp_path: Path) -> None:
    """The run resumes after the epoch for which the callback was called."""

    def fail(info) -> None:
        if info.epoch == 3:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        train({}, epochs=5, checkpoint=tmp_path, callbacks=[fail])
    assert_equal(train({}, epochs=5, checkpoint=tmp_path), train({}, epochs=5))


def test_a_run_that_diverges_diverges_again(tmp_path: Path) -> None:
    """In the same epoch and step, with the same History; the checkpoint has finite values."""
    settings = {"epochs": 50, "optimizer": SGD(0.5), "validation": VALIDATION}
    errors = []
    for _ in range(2):
        net = Network([3, 6, 3], activation="relu", cost="quadratic", seed=4, input_scale=30.0)
        with pytest.raises(DivergenceError) as caught:
            train(settings, net, checkpoint=tmp_path)
        errors.append(caught.value)
    assert (errors[0].epoch, errors[0].step) == (errors[1].epoch, errors[1].step)
    assert untimed(errors[0].history) == untimed(errors[1].history)


def test_a_network_with_custom_functions_can_be_resumed(tmp_path: Path) -> None:
    """No model file can hold it, but the caller of `train` passes the functions again."""

    def fresh() -> Network:
        square = OwnActivation(lambda z: z * z, lambda z: 2 * z)
        return Network([3, 4, 3], activation=square, cost="quadratic", seed=1)

    settings = {"optimizer": SGD(0.01), "epochs": 4}
    train(settings | {"epochs": 2}, fresh(), checkpoint=tmp_path)
    assert not (tmp_path / "best.safetensors").exists()
    assert_equal(train(settings, fresh(), checkpoint=tmp_path), train(settings, fresh()))


def test_many_epochs_between_two_readings_of_the_generator(tmp_path: Path) -> None:
    """The draws since the last reading are repeated, for any number of epochs."""
    for epochs in (1, 63, 64, 65, 130):
        train({}, epochs=epochs, checkpoint=tmp_path, checkpoint_seconds=1000)
    assert_equal(train({}, epochs=131, checkpoint=tmp_path), train({}, epochs=131))


def test_the_best_network_can_be_loaded_at_any_time(tmp_path: Path) -> None:
    """It contains its epoch and how it was trained."""
    settings = SETTINGS["the best"] | {"epochs": 6}
    _, history = train(settings, checkpoint=tmp_path)
    best = Network.load(tmp_path / "best.safetensors")
    assert best.epochs == history.best_epoch
    assert best.trained[-1]["best_epoch"] == history.best_epoch
    assert json.dumps(best.trained)
