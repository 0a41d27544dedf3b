"""The book's second program: costs, penalty, first weights, what it monitors, and its files."""

from __future__ import annotations

import json
import random

import book_twin as twin
import numpy as np
import pytest

from bpmatrix.errors import ArgumentError, DataError, ModelFileError
from bpmatrix.nielsen import network2

SIZES = [5, 7, 4, 3]
COSTS = {network2.CrossEntropyCost: True, network2.QuadraticCost: False}


def seeded(seed: int = 1) -> None:
    random.seed(seed)
    np.random.seed(seed)


def assert_same(net, biases, weights, tolerance: float = 1e-10) -> None:
    for ours, theirs in zip((*net.biases, *net.weights), (*biases, *weights), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@pytest.mark.parametrize("scaled", [True, False])
def test_it_draws_as_the_book_does(scaled) -> None:
    seeded()
    net = network2.Network(SIZES)
    if not scaled:
        seeded()
        net.large_weight_initializer()
    seeded()
    assert_same(net, *twin.draw(SIZES, scaled=scaled), 0)
    assert net.cost is network2.CrossEntropyCost


@pytest.mark.parametrize("lmbda", [0.0, 3.0])
@pytest.mark.parametrize("cost", COSTS)
def test_weights_and_figures_are_those_of_a_plain_run(cost, lmbda, capsys) -> None:
    """Two epochs with everything monitored: the weights, the four lists, and the lines."""
    data, _ = twin.random_data(23, 5, 10)
    evaluation, labeled = twin.random_data(9, 5, 10, seed=1)
    sizes, known = [5, 6, 10], {"cross_entropy": COSTS[cost]}
    seeded()
    net = network2.Network(sizes, cost=cost)
    found = net.SGD(list(data), 2, 4, 0.5, lmbda, labeled, True, True, True, True)

    seeded()
    biases, weights = twin.draw(sizes, scaled=True)
    theirs, expected, lines = list(data), ([], [], [], []), []
    for j in range(2):
        biases, weights = twin.train(biases, weights, theirs, 1, 4, 0.5, lmbda=lmbda, **known)

        def hits(pairs, biases=biases, weights=weights):
            named = [twin.outputs(biases, weights, x).argmax() for x, _ in pairs]
            return sum(int(y.argmax() == k) for k, (_, y) in zip(named, pairs, strict=True))

        expected[0].append(twin.mean_cost(biases, weights, evaluation, lmbda, **known))
        expected[1].append(hits(evaluation))
        expected[2].append(twin.mean_cost(biases, weights, data, lmbda, **known))
        expected[3].append(hits(data))
        lines += [
            f"Epoch {j} training complete",
            f"Cost on training data: {found[2][j]}",
            f"Accuracy on training data: {expected[3][j]} / 23",
            f"Cost on evaluation data: {found[0][j]}",
            f"Accuracy on evaluation data: {expected[1][j]} / 9",
            "",
        ]
    assert_same(net, biases, weights)
    for ours, plain in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-10)
    assert capsys.readouterr().out.splitlines() == lines


def test_nothing_is_returned_that_was_not_monitored(capsys) -> None:
    data, _ = twin.random_data(5, 5, 3)
    net = network2.Network(SIZES)
    assert net.SGD(data, 2, 2, 0.1) == ([], [], [], [])
    assert capsys.readouterr().out == "Epoch 0 training complete\n\nEpoch 1 training complete\n\n"
    with pytest.raises(ArgumentError, match="evaluation_data"):
        net.SGD(data, 1, 2, 0.1, monitor_evaluation_cost=True)


@pytest.mark.parametrize("cost", COSTS)
def test_costs_by_hand(cost) -> None:
    a, y = np.array([[0.25], [0.5]]), np.array([[0.0], [1.0]])
    z = np.log(a / (1 - a))
    fn = {
        network2.QuadraticCost: 0.5 * (0.25**2 + 0.5**2),
        network2.CrossEntropyCost: -np.log(0.75) - np.log(0.5),
    }[cost]
    assert cost.fn(a, y) == pytest.approx(fn, rel=1e-14)
    step = 1e-6
    for k in range(2):  # delta is dC/dz
        push = np.zeros((2, 1))
        push[k] = step
        rise = cost.fn(twin.squash(z + push), y) - cost.fn(twin.squash(z - push), y)
        assert cost.delta(z, a, y)[k, 0] == pytest.approx(rise / (2 * step), rel=1e-6)


def test_cross_entropy_of_saturated_outputs() -> None:
    """0 ln 0 is 0; the engine's cost of a wrong output is |z|, not the largest number."""
    one = np.array([[1.0]])
    assert network2.CrossEntropyCost.fn(one, one) == 0
    assert network2.CrossEntropyCost.fn(one, 0 * one) > 1e300
    net = network2.Network([1, 1])
    net.weights, net.biases = [np.array([[800.0]])], [np.array([[0.0]])]
    assert net.total_cost([(one, 0 * one)], 0.0) == 800


class TwiceCrossEntropy:
    """A cost that the engine does not know."""

    @staticmethod
    def fn(a, y):
        return 2 * network2.CrossEntropyCost.fn(a, y)

    @staticmethod
    def delta(z, a, y):
        return 2 * (a - y)


def test_a_cost_of_ones_own_is_called() -> None:
    """Doubling the cost is doubling the learning rate, but for the penalty's share."""
    data, _ = twin.random_data(11, 5, 3)
    seeded()
    ours = network2.Network(SIZES, cost=TwiceCrossEntropy)
    ours.SGD(list(data), 2, 4, 0.25, 2.0)
    seeded()
    engine = network2.Network(SIZES)
    engine.SGD(list(data), 2, 4, 0.5, 1.0)
    assert_same(ours, engine.biases, engine.weights)
    assert ours.total_cost(data, 2.0) == pytest.approx(2 * engine.total_cost(data, 1.0), rel=1e-10)


def test_a_class_derived_from_a_cost_is_another_cost() -> None:
    class Weighted(network2.CrossEntropyCost):
        @staticmethod
        def delta(z, a, y):
            return 0 * a

    data, _ = twin.random_data(6, 5, 3)
    net = network2.Network(SIZES, cost=Weighted)
    before = [w.copy() for w in net.weights]
    net.update_mini_batch(data, 1.0, 0.0, 6)
    assert all((a == b).all() for a, b in zip(before, net.weights, strict=True))


def test_targets_outside_of_the_cost_change_nothing() -> None:
    x = np.zeros((5, 1))
    net = network2.Network(SIZES)
    with pytest.raises(DataError, match="no meaning"):
        net.SGD([(x, np.full((3, 1), 2.0))], 1, 1, 1.0)


@pytest.mark.parametrize("cost", COSTS)
def test_a_network_comes_back_bit_for_bit(cost, tmp_path) -> None:
    net = network2.Network(SIZES, cost=cost)
    net.save(tmp_path / "net.json")
    same = network2.load(tmp_path / "net.json")
    assert same.cost is cost
    assert (same.sizes, same.num_layers) == (SIZES, 4)
    assert_same(same, net.biases, net.weights, 0)


def test_the_file_has_the_books_form(tmp_path) -> None:
    """What the book's own program would write, and read."""
    net = network2.Network(SIZES, cost=network2.QuadraticCost)
    net.save(str(tmp_path / "net.json"))
    content = json.loads((tmp_path / "net.json").read_text())
    assert content == {
        "sizes": SIZES,
        "weights": [w.tolist() for w in net.weights],
        "biases": [b.tolist() for b in net.biases],
        "cost": "QuadraticCost",
    }


def damaged():
    good = {
        "sizes": [2, 1],
        "weights": [[[1.0, 2.0]]],
        "biases": [[[0.5]]],
        "cost": "CrossEntropyCost",
    }
    return {
        "no JSON": "{",
        "a list": "[]",
        "deep": "[" * 100_000,
        "no biases": json.dumps({k: v for k, v in good.items() if k != "biases"}),
        "another name": json.dumps({**good, "cost": "Network"}),
        "no name": json.dumps({**good, "cost": ["QuadraticCost"]}),
        "other sizes": json.dumps({**good, "sizes": [10**9, 1]}),
        "ragged": json.dumps({**good, "weights": [[[1.0], [2.0, 3.0]]]}),
        "text": json.dumps({**good, "weights": [[["a", "b"]]]}),
        "not finite": json.dumps({**good, "biases": [[[float("nan")]]]}),
        "no layers": json.dumps({**good, "sizes": [], "weights": [], "biases": []}),
    }


@pytest.mark.parametrize("kind", damaged())
def test_damaged_files_are_refused(kind, tmp_path) -> None:
    path = tmp_path / "net.json"
    path.write_text(damaged()[kind])
    with pytest.raises(ModelFileError, match=r"net\.json"):
        network2.load(path)


def test_what_is_not_finite_is_not_saved(tmp_path) -> None:
    net = network2.Network(SIZES)
    net.biases[0][0] = np.inf
    with pytest.raises(DataError, match="not finite"):
        net.save(tmp_path / "net.json")
    assert list(tmp_path.iterdir()) == []
