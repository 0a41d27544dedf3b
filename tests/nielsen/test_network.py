"""The book's first program: its interface, printed lines, random numbers and weights."""

from __future__ import annotations

import copy
import pickle
import random

import book_twin as twin
import numpy as np
import pytest

from bpmatrix.engine import evaluation, prediction
from bpmatrix.errors import ArgumentError, ArrayTypeError, DataError, DivergenceError, ShapeError
from bpmatrix.nielsen import bridge, mnist_loader, network
from bpmatrix.training import slices

SIZES = [5, 7, 4, 3]


def seeded(seed: int = 1) -> None:
    random.seed(seed)
    np.random.seed(seed)


def assert_same(net, biases, weights, tolerance: float = 1e-10) -> None:
    for ours, theirs in zip((*net.biases, *net.weights), (*biases, *weights), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


def test_it_draws_as_the_book_does() -> None:
    seeded()
    net = network.Network(SIZES)
    seeded()
    biases, weights = twin.draw(SIZES)

    assert_same(net, biases, weights, 0)
    assert net.num_layers == 4
    assert net.sizes is SIZES
    assert isinstance(net.biases, list)
    assert isinstance(net.weights, list)


@pytest.mark.parametrize("size", [1, 3, 10, 23, 1000])
@pytest.mark.parametrize("sizes", [SIZES, [5, 3]], ids=str)
def test_the_weights_are_those_of_a_plain_run(sizes, size, capsys) -> None:
    """With the same seeds, also for a short last mini-batch and one larger than the data."""
    data, _ = twin.random_data(23, 5, 3)
    seeded()
    net = network.Network(sizes)
    ours = list(data)
    net.SGD(ours, 3, size, 3.0)
    after = random.random(), np.random.random()

    seeded()
    theirs = list(data)
    biases, weights = twin.train(*twin.draw(sizes), theirs, 3, size, 3.0)
    assert_same(net, biases, weights)
    # The list ends in the same order, and the generators in the same state.
    assert all(a is b for a, b in zip(ours, theirs, strict=True))
    assert after == (random.random(), np.random.random())
    assert capsys.readouterr().out == "Epoch 0 complete\nEpoch 1 complete\nEpoch 2 complete\n"


def test_an_epoch_of_the_digits_is_that_of_a_plain_run(capsys) -> None:
    """The book's call on images, with the same number of hits as a plain run."""
    training_data, _, test_data = mnist_loader.load_data_wrapper("digits")
    copy = list(training_data)
    seeded()
    net = network.Network([64, 30, 10])
    net.SGD(training_data, 1, 10, 3.0, test_data=test_data)

    seeded()
    biases, weights = twin.train(*twin.draw([64, 30, 10]), copy, 1, 10, 3.0)
    assert_same(net, biases, weights)
    hits = sum(int(twin.outputs(biases, weights, x).argmax()) == y for x, y in test_data)
    assert capsys.readouterr().out == f"Epoch 0: {hits} / 297\n"
    assert hits > 100


def test_the_engine_does_the_work(monkeypatch) -> None:
    """SGD, update_mini_batch and evaluate call the compiled programs."""
    calls = []
    for module in (slices, evaluation, prediction):
        real = module.load_program
        monkeypatch.setattr(
            module, "load_program", lambda *names, real=real: calls.append(names[0]) or real(*names)
        )
    data, labeled = twin.random_data(6, 5, 3)
    net = network.Network(SIZES)

    net.SGD(data, 1, 2, 1.0)
    net.update_mini_batch(data, 1.0)
    assert calls == ["train_slice"] * 2
    net.evaluate(labeled)
    assert calls[2:] == ["evaluate"]


def test_parameters_are_copied_only_if_a_script_has_replaced_them(monkeypatch) -> None:
    """After drawing or training, they are in the engine's vector already."""
    copies = []
    real = bridge.pack
    data, labeled = twin.random_data(6, 5, 3)
    net, x = network.Network(SIZES), data[0][0]

    def agrees() -> bool:
        expected = twin.outputs(net.biases, net.weights, x)
        with monkeypatch.context() as patch:  # training packs, too
            patch.setattr(bridge, "pack", lambda *lists: copies.append(1) or real(*lists))
            return np.allclose(net.feedforward(x), expected, rtol=1e-12, atol=0)

    assert agrees()
    net.SGD(list(data), 1, 2, 1.0)
    net.update_mini_batch(data, 1.0)
    net.weights[0][:, 1] = 0.5
    assert agrees()
    assert net.evaluate(labeled) >= 0
    assert copies == []
    for change in (
        lambda: net.weights.__setitem__(1, net.weights[1] + 1),
        lambda: setattr(net, "biases", [2 * b for b in net.biases]),
        lambda: setattr(net, "weights", [w.tolist() for w in net.weights]),
    ):
        change()
        assert agrees()
    assert len(copies) == 3


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_a_copy_is_independent(copied) -> None:
    """Its matrices are not views of the original's vector."""
    data, _ = twin.random_data(6, 5, 3)
    net, x = network.Network(SIZES), data[0][0]
    other = copied(net)
    other.update_mini_batch(data, 1.0)
    other.weights[0][:] = 0.25
    for one in (net, other):
        expected = twin.outputs(one.biases, one.weights, x)
        np.testing.assert_allclose(one.feedforward(x), expected, rtol=1e-12)
    assert (net.weights[0] != 0.25).any()
    if copied is not copy.copy:  # which shares the arrays, as for any object
        again = copied(net)
        again.weights[0][:] = 0.5
        expected = twin.outputs(again.biases, again.weights, x)
        np.testing.assert_allclose(again.feedforward(x), expected, rtol=1e-12)


def test_a_step_is_the_mean_gradient_times_eta() -> None:
    data, _ = twin.random_data(4, 5, 3)
    net = network.Network(SIZES)
    biases, weights = net.biases, net.weights
    kept = [array.copy() for array in (*biases, *weights)]

    net.update_mini_batch(data, 0.7)

    nabla_b, nabla_w = twin.mean_gradient(biases, weights, data)
    assert_same(
        net,
        [b - 0.7 * n for b, n in zip(biases, nabla_b, strict=True)],
        [w - 0.7 * n for w, n in zip(weights, nabla_w, strict=True)],
        1e-14,
    )
    # The old lists still have the old numbers.
    assert all((a == b).all() for a, b in zip(kept, (*biases, *weights), strict=True))


@pytest.mark.parametrize("m", [1, 2, 9])
def test_backprop_of_matrices_is_the_sum_over_the_columns(m) -> None:
    """The book's problem."""
    data, _ = twin.random_data(m, 5, 3)
    net = network.Network(SIZES)
    X, Y = (np.hstack(part) for part in zip(*data, strict=True))

    nabla_b, nabla_w = net.backprop(X, Y)

    expected = twin.mean_gradient(net.biases, net.weights, data)
    for ours, mean in zip((*nabla_b, *nabla_w), (*expected[0], *expected[1]), strict=True):
        np.testing.assert_allclose(ours, m * mean, rtol=0, atol=1e-13 * m)


def test_the_lists_may_be_changed_and_replaced() -> None:
    """Each computation uses the current lists, also with layers of other sizes."""
    data, labeled = twin.random_data(8, 5, 3)
    x = data[0][0]
    net = network.Network(SIZES)
    net.weights[1][:] = 0
    net.biases[0] = np.ones((7, 1))
    np.testing.assert_allclose(
        net.feedforward(x), twin.outputs(net.biases, net.weights, x), rtol=1e-12
    )
    net.biases, net.weights = twin.draw([5, 2, 3])
    biases, weights = net.biases, net.weights
    net.update_mini_batch(data, 2.0)
    nabla_b, nabla_w = twin.mean_gradient(biases, weights, data)
    assert_same(
        net,
        [b - 2 * n for b, n in zip(biases, nabla_b, strict=True)],
        [w - 2 * n for w, n in zip(weights, nabla_w, strict=True)],
        1e-13,
    )
    hits = sum(twin.outputs(net.biases, net.weights, x).argmax() == y for x, y in labeled)
    assert net.evaluate(labeled) == hits


class Louder(network.Network):
    """A custom cost: twice the book's."""

    def cost_derivative(self, output_activations, y):
        return 2 * (output_activations - y)


class Deaf(network.Network):
    """A custom backprop."""

    def backprop(self, x, y):
        nabla_b, nabla_w = super().backprop(x, y)
        return nabla_b, [2 * n for n in nabla_w]


class Counted(network.Network):
    """A custom step, which calls the book's."""

    steps = 0

    def update_mini_batch(self, mini_batch, eta):
        self.steps += 1
        super().update_mini_batch(mini_batch, eta)


@pytest.mark.parametrize(
    ("program", "factors"), [(Louder, (2, 2)), (Deaf, (1, 2)), (Counted, (1, 1))]
)
def test_methods_overridden_by_a_subclass_are_called(program, factors) -> None:
    data, _ = twin.random_data(11, 5, 3)
    seeded()
    net = program(SIZES)
    net.SGD(list(data), 2, 4, 0.5)

    def step(biases, weights, nabla_b, nabla_w):
        return (
            [b - 0.5 * factors[0] * n for b, n in zip(biases, nabla_b, strict=True)],
            [w - 0.5 * factors[1] * n for w, n in zip(weights, nabla_w, strict=True)],
        )

    seeded()
    assert_same(net, *twin.train(*twin.draw(SIZES), list(data), 2, 4, 0.5, step=step))
    assert getattr(net, "steps", 6) == 6


def test_an_overridden_feedforward_is_called() -> None:
    class Constant(network.Network):
        def feedforward(self, a):
            return np.array([[0.0], [1.0], [0.0]])

    _, labeled = twin.random_data(20, 5, 3)
    assert Constant(SIZES).evaluate(labeled) == sum(label == 1 for _, label in labeled)


@pytest.mark.parametrize("kind", [iter, tuple])
def test_data_need_not_be_a_list(kind, capsys) -> None:
    """Python 3 scripts pass the result of zip."""
    data, labeled = twin.random_data(9, 5, 3)
    seeded()
    net = network.Network(SIZES)
    net.SGD(kind(data), 1, 3, 1.0, test_data=kind(labeled))
    seeded()
    assert_same(net, *twin.train(*twin.draw(SIZES), list(data), 1, 3, 1.0))
    assert capsys.readouterr().out == f"Epoch 0: {net.evaluate(labeled)} / 9\n"


def test_feedforward_takes_one_column_or_many() -> None:
    net = network.Network(SIZES)
    X = np.random.default_rng(1).standard_normal((5, 6))
    whole = net.feedforward(X)
    assert whole.shape == (3, 6)
    np.testing.assert_allclose(whole, twin.outputs(net.biases, net.weights, X), rtol=1e-12)
    assert (net.feedforward(X[:, 2:3]) == whole[:, 2:3]).all()


def test_sigmoid_and_its_derivative() -> None:
    z = np.array([-2.0, 0.0, 3.0])
    np.testing.assert_allclose(network.sigmoid(z), twin.squash(z), rtol=1e-15)
    np.testing.assert_allclose(network.sigmoid_prime(z), twin.slope(z), rtol=1e-14)
    # Even for large z there is no warning, which would be an error here.
    assert network.sigmoid(np.array([-1e4, 1e4])).tolist() == [0.0, 1.0]
    step = 1e-6
    slope = (network.sigmoid(z + step) - network.sigmoid(z - step)) / (2 * step)
    np.testing.assert_allclose(network.sigmoid_prime(z), slope, atol=1e-9)


def bad_data():
    good, labeled = twin.random_data(4, 5, 3)
    x, y = good[0]
    flat, short = [*good, (x.ravel(), y)], [*good, (x[:3], y)]
    nan = [*good, (np.full((5, 1), np.nan), y)]
    return {
        "flat x": (flat, ShapeError),
        "short x": (short, ShapeError),
        "labels": (labeled, ShapeError),
        "nan": (nan, DataError),
        "empty": ([], DataError),
        "text": ([(np.full((5, 1), "a"), y)], ArrayTypeError),
    }


@pytest.mark.parametrize("kind", bad_data())
def test_wrong_data_change_nothing(kind) -> None:
    data, error = bad_data()[kind]
    net, before = network.Network(SIZES), list(data)
    weights = [w.copy() for w in net.weights]
    for call in (lambda: net.SGD(data, 1, 2, 1.0), lambda: net.update_mini_batch(data, 1.0)):
        with pytest.raises(error):
            call()
    assert all(a is b for a, b in zip(data, before, strict=True))
    assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))


@pytest.mark.parametrize("arguments", [(1, 0, 1.0), (1, 2.5, 1.0), (-1, 2, 1.0), (1, 2, np.nan)])
def test_wrong_arguments_change_nothing(arguments) -> None:
    data, _ = twin.random_data(4, 5, 3)
    order = list(data)
    with pytest.raises(ArgumentError):
        network.Network(SIZES).SGD(data, *arguments)
    assert all(a is b for a, b in zip(data, order, strict=True))


def wrong_forms():
    """Common mistakes in test data, by name."""
    pairs, labeled = twin.random_data(4, 5, 3)
    images, labels = np.zeros((4, 5)), np.zeros(4, int)
    return {
        "training data": (pairs, ArrayTypeError, "load_data_wrapper"),
        "one vector among labels": ([*labeled, pairs[0]], ArrayTypeError, "label"),
        "tables": ((images, labels), ArrayTypeError, "pairs"),
        "a number": (5, ArrayTypeError, "pairs"),
        "inputs alone": ([x for x, _ in pairs], ArrayTypeError, "pairs"),
        "text labels": ([(x, str(y)) for x, y in labeled], ArrayTypeError, "label"),
        "halves": ([(x, y + 0.5) for x, y in labeled], ArrayTypeError, r"got \d\.5,"),
        "no number": ([(x, np.nan) for x, _ in labeled], ArrayTypeError, "nan"),
        "flat inputs": ([(x.ravel(), y) for x, y in labeled], ShapeError, "reshape"),
        "longer inputs": ([(np.zeros((6, 1)), y) for _, y in labeled], ShapeError, "first layer"),
    }


@pytest.mark.parametrize("kind", wrong_forms())
def test_wrong_test_data_change_nothing(kind, capsys) -> None:
    wrong, error, words = wrong_forms()[kind]
    data, _ = twin.random_data(9, 5, 3)
    net, order = network.Network(SIZES), list(data)
    weights = [w.copy() for w in net.weights]
    with pytest.raises(error, match=words):
        net.evaluate(wrong)
    with pytest.raises(error, match=words):
        net.SGD(data, 2, 3, 1.0, test_data=wrong)
    assert all(a is b for a, b in zip(data, order, strict=True))
    assert all((a == b).all() for a, b in zip(weights, net.weights, strict=True))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("wrong", [7, (np.zeros((4, 5)), np.zeros((4, 3))), [np.zeros((5, 1))]])
def test_training_data_must_be_pairs(wrong) -> None:
    net = network.Network(SIZES)
    for call in (lambda: net.SGD(wrong, 1, 2, 1.0), lambda: net.update_mini_batch(wrong, 1.0)):
        with pytest.raises(ArrayTypeError, match="pairs"):
            call()


@pytest.mark.parametrize("kind", [float, np.float32, np.uint8, np.int64, lambda y: np.array([y])])
def test_a_label_is_a_whole_number_of_any_type(kind, capsys) -> None:
    """In a float table, labels are 0.0, 1.0, 2.0."""
    data, labeled = twin.random_data(21, 5, 3)
    net = network.Network(SIZES)
    expected = sum(twin.outputs(net.biases, net.weights, x).argmax() == y for x, y in labeled)
    typed = [(x, kind(y)) for x, y in labeled]
    assert net.evaluate(typed) == expected
    net.SGD(data, 1, 7, 0.0, test_data=typed)
    assert capsys.readouterr().out == f"Epoch 0: {expected} / 21\n"


def test_an_overridden_evaluate_is_called(capsys) -> None:
    """With the data as passed."""

    class Named(network.Network):
        def evaluate(self, test_data):
            return len(test_data[0])

    data, _ = twin.random_data(4, 5, 3)
    Named(SIZES).SGD(data, 1, 2, 1.0, test_data=["abc", "def"])
    assert capsys.readouterr().out == "Epoch 0: 3 / 2\n"


@pytest.mark.parametrize("sizes", [[5], [], [5, 0], [5, 2.5], 5, "53"])
def test_sizes_must_describe_a_network(sizes) -> None:
    with pytest.raises(ArgumentError, match="sizes"):
        network.Network(sizes)


def test_weights_that_do_not_fit_are_named() -> None:
    net = network.Network(SIZES)
    net.weights[1] = net.weights[1].T
    with pytest.raises(ShapeError, match="do not fit together"):
        net.feedforward(np.zeros((5, 1)))


def test_divergence_ends_in_an_error() -> None:
    """The book's program would continue with weights of NaN."""
    net = network.Network([1, 1])
    net.weights, net.biases = [np.zeros((1, 1))], [np.zeros((1, 1))]
    huge = np.array([[1e200]])
    with pytest.raises(DivergenceError, match="Lower eta") as caught:
        net.SGD([(huge, np.ones((1, 1)))], 3, 1, 1e200)
    assert (caught.value.epoch, caught.value.step) == (1, 1)
    assert net.weights[0].tolist() == [[0.0]]


def test_ctrl_c_leaves_the_weights_of_the_last_mini_batch(monkeypatch) -> None:
    """The next call continues from there."""
    data, _ = twin.random_data(6, 5, 3)
    net, other = network.Network(SIZES), network.Network(SIZES)
    other.weights, other.biases = net.weights, net.biases
    real = bridge.descend

    def interrupted(*arguments):
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(bridge, "descend", interrupted)
    with pytest.raises(KeyboardInterrupt):
        net.update_mini_batch(data, 1.0)
    monkeypatch.undo()
    other.update_mini_batch(data, 1.0)
    assert_same(net, other.biases, other.weights, 0)
