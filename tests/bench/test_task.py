import numpy as np
import pytest
from bench.fakes import small_task

from bpmatrix import datasets, reference
from bpmatrix.bench.contenders.book import Loop, Matrix
from bpmatrix.bench.contenders.engine import Engine
from bpmatrix.bench.task import MOST_SAMPLES, classifier, real_data
from bpmatrix.datasets import DataSet, Split
from bpmatrix.errors import DataNotFoundError


def test_weights_and_order_depend_only_on_the_seed():
    one, same, other = small_task(seed=1), small_task("float32", seed=1), small_task(seed=2)

    for a, b, c in zip(*(task.first_weights()[0] for task in (one, same, other)), strict=True):
        assert (a.astype(np.float32) == b).all()
        assert (a != c).any()
    order = one.mini_batches().take(4)
    assert (order == same.mini_batches().take(4)).all()
    assert (order != other.mini_batches().take(4)).any()


def test_a_round_has_every_sample_at_most_once():
    rows = small_task().mini_batches().take(4)

    assert np.unique(rows).size == rows.size == 20


@pytest.mark.parametrize("parts", [(1, 1, 1, 1, 1, 1, 1, 1, 1), (4, 5), (9,), (2, 7), (8, 1)])
def test_the_order_of_mini_batches_does_not_depend_on_how_many_are_taken(parts):
    mini_batches, round_ = small_task().mini_batches(), small_task().mini_batches().take(4)
    taken = np.concatenate([mini_batches.take(steps).copy() for steps in parts])

    assert (taken == np.concatenate([round_, round_, round_])[:9]).all()


def test_labels_stand_for_columns():
    task = small_task()

    assert (task.outputs().argmax(axis=0) == task.targets).all()
    assert task.outputs().flags.f_contiguous
    assert task.inputs().flags.f_contiguous


def test_the_judged_cost_is_that_of_all_samples(monkeypatch):
    monkeypatch.setattr("bpmatrix.bench.task.COLUMNS_AT_A_TIME", 7)
    task = small_task()
    W, b = task.first_weights()
    whole = reference.mean_cost(W, b, task.activations, task.cost, task.inputs(), task.outputs())

    assert task.judged_cost(W, b) == pytest.approx(whole, rel=1e-12)


def test_flops_count_the_products():
    """4-6-...: forward and gradient of both layers, backward of the upper one."""
    m, lower, upper = 5, 6 * 4, 4 * 3

    assert small_task().flops() == 2 * m * (2 * lower + 3 * upper)


@pytest.mark.parametrize("make", [Engine, Matrix, Loop])
@pytest.mark.parametrize(
    ("cost", "output"),
    [("quadratic", "tanh"), ("cross_entropy", "sigmoid"), ("log_likelihood", "softmax")],
)
def test_contenders_take_the_steps_of_the_reference(make, cost, output):
    task = small_task(cost=cost, activations=("tanh", output))
    contender = make(task, 1)
    contender.train(3)
    contender.train(4)

    assert task.judged_cost(*contender.parameters()) == pytest.approx(
        task.expected_cost(7), rel=1e-12
    )


@pytest.mark.parametrize("threads", ["auto", 1, 2])
def test_the_engine_accepts_floats_and_columns_as_targets(threads):
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((23, 6)).T, rng.uniform(0, 1, (23, 3)).T
    task = small_task(X=X, scale=1.0, targets=Y)
    engine = Engine(task, threads)
    engine.train(6)

    assert task.judged_cost(*engine.parameters()) == pytest.approx(task.expected_cost(6), rel=1e-12)


def found(n, n_inputs):
    """A data set with this many training samples."""
    split = Split(np.zeros((n_inputs, n), np.uint8), np.arange(n) % 10)
    return DataSet("mnist", split, split, split, 1 / 255, 10, "", "")


def test_without_mnist_the_digits_are_used_and_nothing_is_downloaded(monkeypatch):
    load = datasets.load

    def nowhere(name, *, download=True):
        if name == "mnist":
            assert not download
            raise DataNotFoundError("no MNIST")
        return load(name)

    monkeypatch.setattr(datasets, "load", nowhere)
    samples = real_data()

    assert samples.X.shape == (64, 1200)
    assert samples.source == "the digits in the package, 1,200 training samples"


def test_only_a_part_of_mnist_is_used(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name, download: found(MOST_SAMPLES + 1, 784))
    samples = real_data()

    assert samples.X.shape == (784, MOST_SAMPLES)
    assert samples.targets.shape == (MOST_SAMPLES,)
    assert samples.source.startswith("MNIST")


@pytest.mark.parametrize(("m", "eta"), [(1, 0.05), (10, 0.5), (1000, 0.5)])
def test_small_mini_batches_have_small_learning_rates(m, eta):
    task = classifier(real_data(), 30, m, "float32")

    assert task.sizes[1:] == (30, 10)
    assert task.learning_rate == pytest.approx(eta)
