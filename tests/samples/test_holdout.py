"""Splitting off validation data: which samples, how many, and the results of training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numeric import same_bits
from strategies import seeds

from bpmatrix import Network
from bpmatrix.errors import ArgumentError, DivergenceError
from bpmatrix.network import gate
from bpmatrix.samples.arrays import as_targets
from bpmatrix.samples.holdout import hold_out
from bpmatrix.samples.samples import Samples

RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 3)).T
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)


def numbered(targets, n_outputs: int = 3) -> Samples:
    """Return samples whose only input is their index."""
    n = np.shape(targets)[-1]
    return Samples(np.arange(float(n))[None], as_targets(targets, n_outputs, n, "float64"))


def split(samples: Samples, fraction: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the samples on both sides."""
    train, validation = hold_out(samples, fraction, seed)
    return train.X[0, train.shown].astype(int), validation.X[0].astype(int)


@given(st.integers(2, 60), st.integers(1, 3), st.floats(0.01, 0.99), seeds, st.data())
def test_each_sample_is_on_one_side_and_each_class_on_both(
    n: int, classes: int, fraction: float, seed: int, data
) -> None:
    """The fraction is held out, stratified up to one sample per class."""
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), min_size=n, max_size=n)))
    samples, count = numbered(labels), round(n * fraction)
    if not 0 < count < n:
        with pytest.raises(ArgumentError, match="validation_split"):
            hold_out(samples, fraction, seed)
        return
    shown, held_out = split(samples, fraction, seed)
    assert sorted([*shown, *held_out]) == list(range(n))
    assert [*shown] == sorted(shown), "without shuffling the order is that of the data"
    assert len(held_out) == count
    train, validation = hold_out(samples, fraction, seed)
    assert validation.targets.array.tolist() == labels[held_out].tolist()
    assert train.n == n - count
    for k in range(classes):
        assert abs((labels[held_out] == k).sum() - (labels == k).sum() * count / n) < 1


@pytest.mark.parametrize(
    "targets",
    [
        np.repeat([0, 1, 2], 20),
        np.repeat(np.eye(3), 20, axis=1),
        np.repeat(RNG.random((3, 3)), 20, axis=1),
    ],
    ids=["labels", "one-hot", "regression"],
)
def test_the_split_is_random_and_determined_by_the_seed(targets: np.ndarray) -> None:
    """The same for the same seed, different for different seeds, and not the last samples."""
    samples = numbered(targets)
    held_out = [split(samples, 0.2, seed)[1].tolist() for seed in (1, 1, 2, 3)]
    assert held_out[0] == held_out[1]
    assert len({tuple(places) for places in held_out}) == 3
    assert all(places != list(range(48, 60)) for places in held_out)
    assert all(places == sorted(places) for places in held_out)


def test_every_sample_can_be_held_out() -> None:
    """Over 400 seeds each is held out about 100 times, within 5 sigma."""
    samples, counts = numbered(np.repeat([0, 1], [30, 10])), np.zeros(40)
    for seed in range(400):
        counts[split(samples, 0.25, seed)[1]] += 1
    sigma = np.sqrt(400 * 0.25 * 0.75)
    assert np.abs(counts - 100).max() < 5 * sigma


def test_one_hot_columns_are_stratified_like_labels() -> None:
    labels = np.repeat([0, 1, 2], [30, 20, 10])
    for targets in (labels, np.eye(3)[:, labels]):
        assert np.bincount(labels[split(numbered(targets), 0.5)[1]]).tolist() == [15, 10, 5]
    row = np.repeat([0.0, 1.0], [30, 10])
    assert row[split(numbered(row, 1), 0.2)[1]].sum() == 2


def test_training_samples_are_not_copied() -> None:
    samples = numbered(np.repeat([0, 1], 20))
    train, validation = hold_out(samples, 0.25, 1)
    assert train.X is samples.X
    assert validation.X.flags.f_contiguous


# ------------------------------------------------------------------------------- in Network.train


@pytest.mark.parametrize(
    "targets",
    [LABELS, np.eye(3)[:, LABELS], RNG.random((3, 40))],
    ids=["labels", "Y", "regression"],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_split_equals_separate_validation_data(targets: np.ndarray, shuffle: bool) -> None:
    """The same bits and figures as if both sides are passed explicitly."""
    apart, by_hand = (Network([3, 5, 3], cost="quadratic", seed=9) for _ in range(2))
    history = apart.train(X, targets, epochs=3, validation_split=0.3, shuffle=shuffle)
    train, _ = hold_out(gate.samples(apart._description, X, targets), 0.3, 9)
    held_out = np.setdiff1d(np.arange(40), train.shown)
    same = by_hand.train(
        X[:, train.shown], targets[..., train.shown], epochs=3, shuffle=shuffle,
        validation=(X[:, held_out], targets[..., held_out]),
    )  # fmt: skip
    assert same_bits(apart.parameters, by_hand.parameters)
    assert history.to_dict() | {"seconds": 0} == same.to_dict() | {"seconds": 0}
    assert len(history.validation_cost) == 3
    assert apart.trained[-1]["samples"] == 28


def test_a_sample_of_weight_zero_is_on_neither_side() -> None:
    """The same bits and figures as without these samples."""
    weights = RNG.integers(0, 3, 40).astype(float)
    counting = weights > 0
    assert not counting.all()
    weighted, fewer = (Network([3, 5, 3], seed=9) for _ in range(2))
    history = weighted.train(X, LABELS, epochs=2, sample_weight=weights, validation_split=0.3)
    same = fewer.train(
        X[:, counting], LABELS[counting], epochs=2, sample_weight=weights[counting],
        validation_split=0.3,
    )  # fmt: skip
    assert same_bits(weighted.parameters, fewer.parameters)
    assert history.to_dict() | {"seconds": 0} == same.to_dict() | {"seconds": 0}


def test_a_continued_training_holds_out_the_same_samples() -> None:
    """Two runs equal one long run, so the network never trains on its validation data."""
    whole, parts = (Network([3, 5, 3], seed=9) for _ in range(2))
    whole.train(X, LABELS, epochs=5, validation_split=0.3)
    for epochs in (2, 3):
        parts.train(X, LABELS, epochs=epochs, validation_split=0.3)
    assert same_bits(whole.parameters, parts.parameters)


def test_held_out_samples_do_not_make_training_diverge() -> None:
    """A huge number raises the error on the training side only."""
    net = Network([3, 3], activation="identity", cost="quadratic", seed=9)
    train, _ = hold_out(gate.samples(net._description, X, LABELS), 0.3, 9)
    for column, diverges in (
        (train.shown[5], True),
        (np.setdiff1d(range(40), train.shown)[5], False),
    ):
        poisoned = X.copy()
        poisoned[1, column] = np.finfo(float).max / 4
        if diverges:
            with pytest.raises(DivergenceError, match=r"e\+307 after scaling") as caught:
                net.train(poisoned, LABELS, validation_split=0.3, shuffle=False)
            assert (caught.value.epoch, caught.value.step) == (1, 1)
        else:
            history = net.train(poisoned, LABELS, epochs=2, validation_split=0.3)
            assert np.isfinite(history.cost).all()
            assert history.validation_cost == [np.inf] * 2


@pytest.mark.parametrize(
    "fraction", [-0.1, 1, 1.5, np.nan, "0.1", None, True, np.full(2, 0.1), 0.01, 0.99]
)
def test_a_fraction_that_leaves_one_side_empty_is_rejected(fraction: object) -> None:
    net = Network([3, 3], seed=1)
    with pytest.raises(ArgumentError, match="validation_split"):
        net.train(X, LABELS, validation_split=fraction)
    assert (net.epochs, net.trained) == (0, [])


def test_validation_data_and_a_split_cannot_be_combined() -> None:
    with pytest.raises(ArgumentError, match="cannot be combined"):
        Network([3, 3]).train(X, LABELS, validation=(X, LABELS), validation_split=0.5)
