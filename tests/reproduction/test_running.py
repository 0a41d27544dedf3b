"""Experiments run as defined, and are judged by their claims."""

from dataclasses import replace

import numpy as np
import pytest
from reproduction.small import NEVER, SURE, small

from bpmatrix import Network, datasets
from bpmatrix.history import History
from bpmatrix.reproduction.experiments import Claim
from bpmatrix.reproduction.running import Outcome, build, run
from bpmatrix.training.optimizers import SGD

DIGITS = datasets.load("digits")


def test_a_run_equals_network_train():
    """The curve of seed 0 is that of `Network.train` with lambda / n, with the test images."""
    net = Network([64, 10, 10], input_scale=DIGITS.scale, dtype="float32", seed=0)
    history = net.train(
        DIGITS.train.X[:, :200], DIGITS.train.labels[:200], epochs=3, optimizer=SGD(0.5),
        weight_decay=0.01, validation=(DIGITS.test.X, DIGITS.test.labels),
    )  # fmt: skip

    outcome = run(small(SURE, n_train=200, lmbda=2.0), DIGITS, print)

    assert len(outcome.curves) == 2
    assert outcome.curves[0] == tuple(100 * share for share in history.validation_accuracy)
    assert outcome.curves[0] != outcome.curves[1]


def test_validation_images_are_added_if_more_are_needed(monkeypatch):
    seen = []

    def spy(self, X, labels, **arguments):
        seen.append((X, labels))
        return History(seed=0)

    monkeypatch.setattr(Network, "train", spy)
    run(small(n_train=1500, runs=1), DIGITS, print)

    ((X, labels),) = seen
    assert (X[:, 1200:] == DIGITS.validation.X).all()
    assert (labels == np.append(DIGITS.train.labels, DIGITS.validation.labels)).all()


def test_the_test_at_the_best_validation_epoch_is_one_figure():
    experiment = replace(small(SURE, judged="test at best validation", runs=1), epochs=20)
    net = build(experiment, 0, DIGITS.scale)
    history = net.train(
        DIGITS.train.X, DIGITS.train.labels, epochs=20, optimizer=SGD(0.5), restore_best=True,
        validation=(DIGITS.validation.X, DIGITS.validation.labels),
    )  # fmt: skip
    assert history.best_epoch < 20

    assert run(experiment, DIGITS, print).curves == (
        (100 * net.accuracy(DIGITS.test.X, DIGITS.test.labels),),
    )


@pytest.mark.parametrize(
    ("statistic", "expected"), [("first", 2.0), ("best", 5.5), ("last", 4.0), ("best of runs", 6.0)]
)
def test_statistics(statistic, expected):
    outcome = Outcome(small(), ((1.0, 5.0, 4.0), (3.0, 6.0, 4.0)), 1.0)

    assert outcome.ours(Claim(statistic, 0.0, "")) == expected


def test_a_claim_holds_if_the_figure_is_in_its_band():
    outcome = Outcome(small(SURE, NEVER), ((50.0, 70.0),), 1.0)

    assert outcome.holds(SURE)
    assert not outcome.holds(NEVER)


def test_every_epoch_is_watched():
    seen = []

    run(small(), DIGITS, lambda seed, entry: seen.append((seed, entry.epoch)))

    assert seen == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)]


def test_ctrl_c_ends_all_runs(monkeypatch):
    monkeypatch.setattr(Network, "train", lambda *_, **__: History(0, stopped_by="interrupt"))

    with pytest.raises(KeyboardInterrupt):
        run(small(), DIGITS, print)
