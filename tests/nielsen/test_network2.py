"""The book's second program: costs, penalty, initial weights, monitoring, and its files."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

import book_twin as twin
import numpy as np
import pytest

from bpmatrix.engine import prediction
from bpmatrix.errors import (
    ArgumentError,
    ArrayTypeError,
    BpmatrixError,
    DataError,
    DivergenceError,
    ModelFileError,
    ShapeError,
)
from bpmatrix.nielsen import network2, problems
from bpmatrix.training import slices

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


def test_only_monitored_figures_are_returned(capsys) -> None:
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
    """A custom cost."""

    @staticmethod
    def fn(a, y):
        return 2 * network2.CrossEntropyCost.fn(a, y)

    @staticmethod
    def delta(z, a, y):
        return 2 * (a - y)


def test_a_custom_cost_is_called() -> None:
    """Doubling the cost is doubling the learning rate, except for the penalty."""
    data, _ = twin.random_data(11, 5, 3)
    seeded()
    ours = network2.Network(SIZES, cost=TwiceCrossEntropy)
    ours.SGD(list(data), 2, 4, 0.25, 2.0)
    seeded()
    engine = network2.Network(SIZES)
    engine.SGD(list(data), 2, 4, 0.5, 1.0)
    assert_same(ours, engine.biases, engine.weights)
    assert ours.total_cost(data, 2.0) == pytest.approx(2 * engine.total_cost(data, 1.0), rel=1e-10)


@pytest.mark.parametrize("cost", COSTS)
def test_an_instance_of_a_known_cost_is_the_known_cost(cost, monkeypatch, capsys, tmp_path) -> None:
    """The same bits by the same compiled programs, the same lines, the same file."""
    data, labeled = twin.random_data(23, 5, 3)
    nets, told, calls = [], [], []
    real = slices.load_program
    monkeypatch.setattr(slices, "load_program", lambda *names: calls.append(names) or real(*names))
    for given in (cost, cost()):
        seeded()
        nets.append(network2.Network(SIZES, cost=given))
        found = nets[-1].SGD(list(data), 2, 4, 0.3, 1.5, labeled, True, True, True, True)
        nets[-1].save(tmp_path / f"{len(nets)}.json")
        told.append((found, nets[-1].total_cost(data, 0.5), capsys.readouterr().out))
    assert told[0] == told[1]
    assert_same(nets[1], nets[0].biases, nets[0].weights, 0)
    assert len(calls) == 4  # one per epoch of both
    one, two = (tmp_path / f"{k}.json" for k in (1, 2))
    assert one.read_bytes() == two.read_bytes()
    assert network2.load(two).cost is cost


@dataclass
class Scaled:
    """A cost with a parameter, so it can only be used as an instance; it has no hash."""

    factor: float

    def fn(self, a, y):
        return self.factor * network2.QuadraticCost.fn(a, y)

    def delta(self, z, a, y):
        assert z.shape == a.shape == y.shape == (3, 1)
        return self.factor * network2.QuadraticCost.delta(z, a, y)


def test_an_instance_of_a_custom_cost_is_called(tmp_path) -> None:
    """Sample by sample; three times the cost is three times the learning rate."""
    data, labeled = twin.random_data(11, 5, 3)
    typed = [(x, y.astype(np.uint8)) for x, y in data]  # -y would wrap around
    seeded()
    ours = network2.Network(SIZES, cost=Scaled(3.0))
    found = ours.SGD(list(typed), 2, 4, 0.1, 3.0, labeled, True, True, True, True)
    seeded()
    engine = network2.Network(SIZES, cost=network2.QuadraticCost)
    expected = engine.SGD(list(data), 2, 4, 0.3, 1.0, labeled, True, True, True, True)
    assert_same(ours, engine.biases, engine.weights)
    for k, factor in enumerate((3, 1, 3, 1)):
        np.testing.assert_allclose(found[k], factor * np.array(expected[k]), rtol=1e-10)

    ours.save(tmp_path / "net.json")
    with pytest.raises(ModelFileError, match="cost=") as caught:
        network2.load(tmp_path / "net.json")
    assert "'Scaled'" in str(caught.value)
    same = network2.load(tmp_path / "net.json", cost=ours.cost)
    assert_same(same, ours.biases, ours.weights, 0)
    assert same.total_cost(data, 0.0) == ours.total_cost(data, 0.0)


def test_only_a_custom_cost_is_computed_sample_by_sample(monkeypatch) -> None:
    """The samples are converted once; forward and backward passes use matrices."""
    passes, columns = [], []
    forward, back = prediction.outputs, network2.Network._gradient
    monkeypatch.setattr(
        prediction, "outputs", lambda *a, **k: passes.append(np.shape(a[2])) or forward(*a, **k)
    )
    monkeypatch.setattr(
        network2.Network, "_gradient", lambda *a: columns.append(a[1].shape[1]) or back(*a)
    )
    data, labeled = twin.random_data(11, 5, 3)
    net = network2.Network(SIZES, cost=TwiceCrossEntropy)
    net.SGD(data, 1, 4, 0.25)
    assert columns == [4, 4, 3]
    net.total_cost(data, 2.0)
    net.total_cost(labeled, 2.0, convert=True)
    assert passes == [(5, 11)] * 2


class Steep:
    """A cost whose derivative overflows for large inputs."""

    @staticmethod
    def fn(a, y):
        return 1e308 * float((a - y).sum())

    @staticmethod
    def delta(z, a, y):
        return 1e308 * z


class Doubled(network2.Network):
    """A custom backprop."""

    def backprop(self, x, y):
        nabla_b, nabla_w = super().backprop(x, y)
        return [2 * n for n in nabla_b], [2 * n for n in nabla_w]


@pytest.mark.parametrize("program", [network2.Network, Doubled])
def test_divergence_with_a_custom_cost_raises_an_error(program) -> None:
    """The step that would make a weight infinite is not taken, and there is no warning."""
    net = program([1, 1], cost=Steep)
    net.weights, net.biases = [np.array([[1.0]])], [np.zeros((1, 1))]
    good, bad = np.zeros((1, 1)), np.array([[100.0]])
    with pytest.raises(DivergenceError, match="Lower eta"):
        net.update_mini_batch([(good, good), (bad, good)], 1.0, 0.0, 2)
    assert net.weights[0].tolist() == [[1.0]]
    with pytest.raises(DivergenceError):
        net.SGD([(bad, good)] * 3, 2, 1, 1.0)
    assert net.weights[0].tolist() == [[1.0]]


@pytest.mark.parametrize("wrong", ["quadratic", None, object, network2])
def test_a_cost_must_have_its_functions(wrong) -> None:
    with pytest.raises(ArgumentError, match=r"network2\.QuadraticCost"):
        network2.Network(SIZES, cost=wrong)


def test_a_cost_whose_delta_has_the_wrong_shape_is_rejected() -> None:
    class Flat(network2.CrossEntropyCost):
        @staticmethod
        def delta(z, a, y):
            return (a - y).ravel()

    data, _ = twin.random_data(4, 5, 3)
    net = network2.Network(SIZES, cost=Flat)
    weights = [w.copy() for w in net.weights]
    with pytest.raises(ShapeError, match=r"\(3, 1\)"):
        net.update_mini_batch(data, 1.0, 0.0, 4)
    assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))


@pytest.mark.parametrize("cost", [*COSTS, TwiceCrossEntropy], ids=lambda cost: cost.__name__)
def test_labels_may_be_floats(cost) -> None:
    data, labeled = twin.random_data(13, 5, 3)
    net = network2.Network(SIZES, cost=cost)
    floats = [(x, float(y)) for x, y in labeled]
    assert net.accuracy(floats) == net.accuracy(labeled) == net.accuracy(data, convert=True)
    assert net.total_cost(floats, 1.0, convert=True) == net.total_cost(data, 1.0)


def wrong_evaluation():
    data, labeled = twin.random_data(5, 5, 3)
    both, cost, accuracy = (True, True), (True, False), (False, True)
    return {
        "vectors": (data, both, ArrayTypeError),
        "vectors, accuracy": (data, accuracy, ArrayTypeError),
        "halves": ([(x, y + 0.5) for x, y in labeled], cost, ArrayTypeError),
        "a class too many": ([*labeled, (labeled[0][0], 3)], cost, DataError),
        "tables": (tuple(zip(*labeled, strict=True)), both, ArrayTypeError),
        "a number": (3, both, ArrayTypeError),
        "wide": ([(np.zeros((6, 1)), y) for _, y in labeled], both, ShapeError),
        "nothing": ([], cost, ArgumentError),
        "an empty array": (np.empty((0, 2)), accuracy, ArgumentError),
    }


@pytest.mark.parametrize("program", [network2.Network, problems.L1Network])
@pytest.mark.parametrize("cost", [network2.CrossEntropyCost, TwiceCrossEntropy])
@pytest.mark.parametrize("kind", wrong_evaluation())
def test_wrong_evaluation_data_change_nothing(kind, cost, program, capsys) -> None:
    wrong, monitored, error = wrong_evaluation()[kind]
    data, _ = twin.random_data(7, 5, 3)
    net, order = program(SIZES, cost=cost), list(data)
    weights = [w.copy() for w in net.weights]
    with pytest.raises(error):
        net.SGD(data, 2, 3, 1.0, 0.5, wrong, *monitored)
    assert all(a is b for a, b in zip(data, order, strict=True))
    assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "arguments", [(1, 2, "fast"), (1, 2, 0.5, None), (1.0, 2, 0.5), (1, "ten", 0.5)]
)
@pytest.mark.parametrize("cost", [network2.CrossEntropyCost, TwiceCrossEntropy])
def test_wrong_arguments_change_nothing(cost, arguments) -> None:
    data, _ = twin.random_data(7, 5, 3)
    net, order = network2.Network(SIZES, cost=cost), list(data)
    weights = [w.copy() for w in net.weights]
    with pytest.raises(ArgumentError):
        net.SGD(data, *arguments)
    assert all(a is b for a, b in zip(data, order, strict=True))
    assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))


@pytest.mark.parametrize("cost", [network2.CrossEntropyCost, TwiceCrossEntropy])
def test_wrong_training_data_change_nothing(cost) -> None:
    """Also in a later mini-batch, and also with a custom cost."""
    good, labeled = twin.random_data(7, 5, 3)
    x, y = good[0]
    for wrong in ([*good, labeled[0]], [*good, (x * np.nan, y)], [*good, (x[:2], y)], []):
        net, order = network2.Network(SIZES, cost=cost), list(wrong)
        weights = [w.copy() for w in net.weights]
        with pytest.raises(BpmatrixError):
            net.SGD(wrong, 1, 2, 0.5)
        assert all(a is b for a, b in zip(wrong, order, strict=True))
        assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))


@pytest.mark.parametrize(
    "call",
    [
        lambda net, data: net.total_cost(data, "much"),
        lambda net, data: net.total_cost([], 0.0),
        lambda net, data: net.update_mini_batch(data, 1.0, 0.0, 0),
        lambda net, data: net.accuracy([], convert=True),
    ],
)
@pytest.mark.parametrize("cost", [network2.CrossEntropyCost, TwiceCrossEntropy])
def test_the_other_methods_name_what_is_wrong(cost, call) -> None:
    data, _ = twin.random_data(3, 5, 3)
    with pytest.raises(BpmatrixError):
        call(network2.Network(SIZES, cost=cost), data)


def test_a_label_instead_of_a_vector_has_a_cure() -> None:
    _, labeled = twin.random_data(4, 5, 10)
    net = network2.Network([5, 10])
    with pytest.raises(ShapeError, match=r"mnist_loader\.vectorized_result"):
        net.total_cost(labeled, 0.0)
    pairs = [(x, network2.vectorized_result(y)) for x, y in labeled]  # as the error says
    assert net.total_cost(pairs, 0.0) == net.total_cost(labeled, 0.0, convert=True)


def test_a_subclass_of_a_cost_is_a_custom_cost() -> None:
    class Weighted(network2.CrossEntropyCost):
        @staticmethod
        def delta(z, a, y):
            return 0 * a

    data, _ = twin.random_data(6, 5, 3)
    net = network2.Network(SIZES, cost=Weighted)
    before = [w.copy() for w in net.weights]
    net.update_mini_batch(data, 1.0, 0.0, 6)
    assert all((a == b).all() for a, b in zip(before, net.weights, strict=True))


def test_targets_out_of_range_for_the_cost_change_nothing() -> None:
    x = np.zeros((5, 1))
    net = network2.Network(SIZES)
    with pytest.raises(DataError, match="outside the range"):
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
    """The book's own program would write and read the same."""
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


def test_weights_that_are_not_finite_are_not_saved(tmp_path) -> None:
    net = network2.Network(SIZES)
    net.biases[0][0] = np.inf
    with pytest.raises(DataError, match="not finite"):
        net.save(tmp_path / "net.json")
    assert list(tmp_path.iterdir()) == []
