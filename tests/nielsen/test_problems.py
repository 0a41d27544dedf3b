"""The problems of chapter 3, compared with the plain loop with the book's formula."""

from __future__ import annotations

import random

import book_twin as twin
import numpy as np
import pytest

from bpmatrix.errors import ArgumentError, BpmatrixError
from bpmatrix.nielsen import network2, problems

SIZES = [5, 7, 3]
ETA, LMBDA, N = 0.4, 2.0, 11


def seeded() -> None:
    random.seed(1)
    np.random.seed(1)


def trained(net):
    data, _ = twin.random_data(N, 5, 3)
    net.SGD(data, 3, 4, ETA, LMBDA)
    return net


def expect(net, step) -> None:
    """The weights are those of the plain loop with this step."""
    data, _ = twin.random_data(N, 5, 3)
    seeded()
    start = twin.draw(SIZES, scaled=True)
    biases, weights = twin.train(*start, data, 3, 4, ETA, step=step, cross_entropy=True)
    for ours, plain in zip((*net.biases, *net.weights), (*biases, *weights), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-10)


def test_l1_moves_every_weight_by_the_same_amount() -> None:
    seeded()
    net = trained(problems.L1Network(SIZES))

    def step(biases, weights, nabla_b, nabla_w):
        return (
            [b - ETA * n for b, n in zip(biases, nabla_b, strict=True)],
            [
                w - ETA * LMBDA / N * np.sign(w) - ETA * n
                for w, n in zip(weights, nabla_w, strict=True)
            ],
        )

    expect(net, step)
    data, _ = twin.random_data(N, 5, 3)
    cost = twin.mean_cost(net.biases, net.weights, data, 0.0, cross_entropy=True)
    penalty = LMBDA / N * sum(np.abs(w).sum() for w in net.weights)
    assert net.total_cost(data, LMBDA) == pytest.approx(cost + penalty, rel=1e-12)


@pytest.mark.parametrize("mu", [0.0, 0.5, 0.9])
def test_momentum_keeps_velocities(mu) -> None:
    seeded()
    net = trained(problems.MomentumNetwork(SIZES, mu=mu))
    v = None

    def step(biases, weights, nabla_b, nabla_w):
        nonlocal v
        slopes = [*nabla_b, *(n + LMBDA / N * w for n, w in zip(nabla_w, weights, strict=True))]
        v = v or [0 * s for s in slopes]
        v = [mu * old - ETA * s for old, s in zip(v, slopes, strict=True)]
        moved = [p + d for p, d in zip((*biases, *weights), v, strict=True)]
        return moved[: len(biases)], moved[len(biases) :]

    expect(net, step)


class Scripted(network2.Network):
    """Trains nothing and returns given accuracies."""

    def __init__(self, accuracies):
        super().__init__([1, 1])
        self.accuracies, self.rates = iter(accuracies), []

    def SGD(self, training_data, epochs, mini_batch_size, eta, *rest, **flags):
        assert (epochs, flags) == (1, {"monitor_evaluation_accuracy": True})
        self.rates.append(eta)
        return [], [next(self.accuracies)], [], []


def test_no_improvement_in_n_epochs_ends_the_training() -> None:
    """An equal accuracy is not an improvement."""
    net = Scripted([5, 7, 6, 8, 8, 7, 1, 99])
    found = problems.train_until_no_improvement(net, [], 10, 0.5, 0.0, [], n=3)
    assert found == [5, 7, 6, 8, 8, 7, 1]


def test_the_learning_rate_is_halved_down_to_a_128th() -> None:
    """Seven halvings; an improvement resets the count."""
    accuracies = [5, 5, 6, 6, 6, 7, 6, 6] + [1] * 20
    net = Scripted(accuracies)
    found = problems.train_with_halving(net, [], 10, 1.28, 0.0, [], n=2)
    # 5 | 5 6 6 6 halve | 7 6 6 halve | then two epochs per rate, until 0.01 would be next
    rates = [1.28] * 5 + [0.64] * 3 + [r for r in (0.32, 0.16, 0.08, 0.04, 0.02) for _ in "ab"]
    assert net.rates == pytest.approx(rates)
    assert found == list(zip(net.rates, accuracies[: len(rates)], strict=True))


@pytest.mark.parametrize(
    "train", [problems.train_until_no_improvement, problems.train_with_halving]
)
def test_the_schedules_train(train, capsys) -> None:
    """On a real network, with data that can be read only once."""
    data, labeled = twin.random_data(30, 5, 3)
    net = network2.Network(SIZES)
    before = net.weights
    found = train(net, iter(data), 10, 0.5, 0.0, iter(labeled), n=1)
    accuracies = [entry[1] if isinstance(entry, tuple) else entry for entry in found]
    assert capsys.readouterr().out.splitlines() == [
        f"Epoch {j}: {accuracy} / 30" for j, accuracy in enumerate(accuracies)
    ]
    assert (net.weights[0] != before[0]).any()


@pytest.mark.parametrize(
    "train", [problems.train_until_no_improvement, problems.train_with_halving]
)
@pytest.mark.parametrize(
    ("name", "wrong"),
    [("eta", "fast"), ("n", 0), ("evaluation_data", 3), ("training_data", None), ("lmbda", None)],
)
def test_wrong_arguments_of_a_schedule_change_nothing(train, name, wrong) -> None:
    data, labeled = twin.random_data(6, 5, 3)
    net, order = network2.Network(SIZES), list(data)
    weights = [w.copy() for w in net.weights]
    arguments = {"training_data": data, "mini_batch_size": 2, "eta": 0.5, "lmbda": 0.0}
    with pytest.raises(BpmatrixError):
        train(net, **arguments | {"evaluation_data": labeled, name: wrong})
    assert all(a is b for a, b in zip(data, order, strict=True))
    assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))


def test_a_momentum_that_is_not_a_number_is_rejected_at_once() -> None:
    with pytest.raises(ArgumentError, match="mu"):
        problems.MomentumNetwork(SIZES, mu="heavy")
