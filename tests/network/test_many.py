"""Many networks at once: the bits of `train`, errors as results, lines of JSON, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bpmatrix import SGD, Adam, EarlyStopping, Network, progress, train_many
from bpmatrix.errors import DivergenceError, ShapeError

RNG = np.random.default_rng(7)
X, LABELS = RNG.standard_normal((4, 50)), RNG.integers(0, 3, 50)


def nets(count: int, **keywords: Any) -> list[Network]:
    return [Network([4, 5, 3], seed=seed, **keywords) for seed in range(count)]


@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "arguments",
    [
        {"epochs": 30},
        {"epochs": 3, "validation_split": 0.2, "early_stopping": EarlyStopping(2)},
        {"epochs": 7, "optimizer": Adam(), "dropout": 0.3, "shuffle": False, "clip_norm": 1.0},
        {"epochs": 5, "schedule": lambda epoch: 1 / epoch, "record_every": 2},
    ],
)
def test_the_bits_are_those_of_train(arguments, dtype, n_threads):
    together, alone = nets(4, dtype=dtype), nets(4, dtype=dtype)
    outcomes = train_many(together, X, LABELS, n_threads=n_threads, **arguments)
    for net, outcome in zip(alone, outcomes, strict=True):
        history = net.train(X, LABELS, n_threads=1, **arguments)
        assert np.array_equal(net.parameters, outcome.network.parameters)
        assert [*map(_figures, history.epochs)] == [*map(_figures, outcome.history.epochs)]
        assert history.best_epoch == outcome.history.best_epoch
        # The next run goes on from the same state, also of the shuffling.
        assert net.train(X, LABELS, epochs=2).epochs[-1].cost == (
            outcome.network.train(X, LABELS, epochs=2).epochs[-1].cost
        )


def _figures(entry: Any) -> tuple[Any, ...]:
    return entry.epoch, entry.cost, entry.accuracy, entry.validation_cost, entry.is_best


def test_settings_and_data_may_belong_to_one_network():
    groups = [{"X": X[:, k != LABELS], "targets": LABELS[k != LABELS]} for k in range(3)]
    settings = [group | {"weight_decay": 0.1 * k} for k, group in enumerate(groups)]
    net = Network([4, 5, 3], seed=3)
    before = net.parameters.copy()
    outcomes = train_many(net, settings=settings, epochs=4)
    assert np.array_equal(net.parameters, before), "copies are trained"
    for one, outcome in zip(settings, outcomes, strict=True):
        same = Network([4, 5, 3], seed=3)
        same.train(**one, epochs=4)
        assert np.array_equal(same.parameters, outcome.network.parameters)


def test_a_network_that_diverges_has_an_error_and_the_others_go_on():
    relu = {"activation": "relu", "output": "identity", "cost": "quadratic"}
    settings = [{"optimizer": SGD(0.01)}, {"optimizer": SGD(1e9)}, {"optimizer": SGD(0.01)}]
    Y = np.eye(3)[:, LABELS]
    outcomes = train_many(nets(3, **relu), X, Y, settings=settings, epochs=20)
    assert [outcome.error is None for outcome in outcomes] == [True, False, True]
    assert isinstance(outcomes[1].error, DivergenceError)
    with pytest.raises(DivergenceError) as alone:
        nets(3, **relu)[1].train(X, Y, epochs=20, optimizer=SGD(1e9))
    assert str(outcomes[1].error) == str(alone.value)
    assert outcomes[1].line["error"].startswith("DivergenceError")


def test_a_wrong_argument_of_one_network_is_an_error_before_any_is_trained():
    together = nets(3)
    before = [net.parameters.copy() for net in together]
    with pytest.raises(ShapeError):
        train_many(together, X, LABELS, settings=[{}, {}, {"X": X[:3]}])
    assert all(np.array_equal(a, net.parameters) for a, net in zip(before, together, strict=True))


def test_what_is_done_is_skipped(tmp_path: Path):
    path = tmp_path / "lines.json"
    first = train_many(nets(3), X, LABELS, epochs=3, results=path)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert sorted(line["place"] for line in lines) == [0, 1, 2]
    with path.open("a", encoding="utf-8") as file:
        file.write('{"key": "cut o')  # a call that was killed while it wrote
    again = train_many([*nets(3), Network([4, 5, 3], seed=9)], X, LABELS, epochs=3, results=path)
    assert [outcome.history is None for outcome in again] == [True, True, True, False]
    assert [outcome.line for outcome in again[:3]] == [outcome.line for outcome in first]
    for changed in (
        {"epochs": 4},
        {"weight_decay": 0.1},
        {"X": X + 1},
        {"targets": (LABELS + 1) % 3},
    ):
        other = {"X": X, "targets": LABELS, "epochs": 3} | changed
        outcomes = train_many(nets(1), results=path, **other)
        assert outcomes[0].history is not None, changed
    assert len(path.read_text(encoding="utf-8").splitlines()) == 8


def test_an_error_that_is_not_ours_ends_the_call():
    def fail(entry):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train_many(nets(5), X, LABELS, epochs=3, callbacks=[fail])


@pytest.mark.skipif(os.name == "nt", reason="SIGINT cannot be sent to one process on Windows")
def test_ctrl_c_leaves_what_is_done():
    first_done = threading.Event()

    def press(done: int, of: int) -> None:
        if done >= 1 and not first_done.is_set():
            first_done.set()
            os.kill(os.getpid(), signal.SIGINT)

    # Enough work that the others are not done by then.
    settings = [{"epochs": 1}] + [{"epochs": 10**7}] * 2 + [{"epochs": 5}]
    with pytest.warns(RuntimeWarning, match="interrupted after 1 of 4 networks"):
        outcomes = train_many(nets(4), X, LABELS, settings=settings, n_threads=2, progress=press)
    assert outcomes[0].line is not None
    assert outcomes[1].history.stopped_by == "interrupt"
    assert outcomes[1].line is None
    assert outcomes[3] == (outcomes[3].network, None, None, None)
    assert outcomes[1].network.epochs == len(outcomes[1].history.epochs) > 0


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_has_a_rate_and_the_time_that_is_left():
    stream = Terminal()
    train_many(nets(3), X, LABELS, epochs=2, progress=progress.counter(stream))
    last = stream.getvalue().split("\r")[-1]
    assert last.startswith("3/3 [#")
    assert "per second, 0 s left" in last
    silent = io.StringIO()
    train_many(nets(3), X, LABELS, epochs=2, progress=progress.counter(silent))
    assert silent.getvalue() == ""
