"""Threads that own groups of columns: the same bits for any number of them."""

from dataclasses import replace

import numpy as np
import pytest
from guarded import look, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits
from strategies import Case, cases, make_case, seeds

from bpmatrix import SGD, Adam, Network, reference
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.kernels.plan import GROUPS
from bpmatrix.samples.sparse import SparseColumns
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.slices import SliceRunner

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
RECIPES = [
    Recipe(SGD(0.1)),
    Recipe(SGD(0.1, momentum=0.9), clip_norm=0.5),
    Recipe(SGD(0.1), l1=0.01),
    Recipe(Adam(0.01)),
    Recipe(SGD(0.1), dropout=(0.25,) * 9),
]


@given(
    cases(), st.sampled_from(RECIPES), st.integers(2, 20), st.integers(1, 6), st.booleans(), seeds
)
@settings(max_examples=80)
def test_the_bits_do_not_depend_on_threads(case, recipe, m, columns, weighted, seed):
    """theta, moments and totals; also with more threads than groups, and weights of samples."""
    rng, n = np.random.default_rng(seed), case.X.shape[1]
    recipe = replace(recipe, dropout=recipe.dropout[: len(case.description.activations)])
    rates = [recipe.optimizer.learning_rate] * -(-n // m)
    how = {"recipe": recipe, "columns": columns, "seed": seed}
    how["weights"] = rng.random(n) + 0.5 if weighted else None
    order = rng.permutation(n)
    alone = steps(case, order, m, rates, 0.01, **how)
    for threads in (2, 3, 5, GROUPS + 1):
        together = steps(case, order, m, rates, 0.01, threads, **how)
        assert same_bits(together.theta, alone.theta)
        assert same_bits(together.moments, alone.moments)
        for name in ("taken", "cost", "hits", "weight"):
            assert getattr(together, name) == getattr(alone, name)


@given(cases(), st.integers(2, 20), st.integers(1, 6), st.booleans(), seeds)
@settings(max_examples=40)
def test_totals_are_those_of_the_whole_mini_batch(case, m, columns, weighted, seed):
    """Costs, hits and weights are summed in the order of the samples, whoever owns them."""
    n = case.X.shape[1]
    weights = np.random.default_rng(seed).random(n) + 0.5 if weighted else None
    rates = np.zeros(-(-n // m))
    whole = steps(case, np.arange(n), m, rates, weights=weights)
    groups = steps(case, np.arange(n), m, rates, weights=weights, columns=columns, threads=2)
    assert same_bits(groups.theta, case.theta)
    for name in ("taken", "cost", "hits", "weight"):
        assert getattr(groups, name) == getattr(whole, name)


@DTYPES
@pytest.mark.parametrize("poison", [np.nan, np.inf])
def test_a_step_whose_cost_is_not_finite_is_not_applied(poison, dtype):
    """Whichever group the bad column is in, and whichever of its blocks."""
    network = Description((5, 6, 2), ("identity", "identity"), "quadratic", dtype=dtype)
    case = make_case(network, 150, seed=1)
    before = steps(case, np.arange(100), 50, [0.01, 0.01], columns=2)
    assert before.taken == 2
    for bad in (100, 103, 126, 149):
        broken = Case(case.description, case.theta, case.X.copy(order="F"), case.Y, None)
        broken.X[1, bad] = poison
        for threads in (1, 2, 5):
            got = steps(broken, np.arange(150), 50, [0.01] * 3, threads=threads, columns=2)
            assert got.taken == 2
            assert same_bits(got.theta, before.theta)
            assert (got.cost, got.hits) == (before.cost, before.hits)


def runner_of(description, n, m, threads=1):
    """A runner over n samples, m at a time, its case, and the theta that it trains."""
    case = make_case(description, n, seed=2)
    theta = case.theta.copy()
    return SliceRunner(description, theta, case.inputs, case.targets, m, threads), case, theta


@DTYPES
def test_a_large_mini_batch_goes_by_groups(dtype):
    """Of a small network, and from as many columns on as leave each group two blocks.

    The work matrices have then room for a block for each thread, however many columns there are.
    """
    small = Description((20, 30, 4), ("tanh", "sigmoid"), "quadratic", dtype=dtype)
    block = 128 * 1024 // (2 * 54 * np.dtype(dtype).itemsize) // 12 * 12
    for m, grouped in ((2 * GROUPS * block - 1, False), (2 * GROUPS * block, True)):
        for threads in (1, 3):
            runner, _, _ = runner_of(small, m, m, threads)
            assert len(runner._fixed["sums"]) == (GROUPS if grouped else 0)
            # a[0..2], delta[1..2], z[2], y, and the scratch of 64 x 48 and 48 lines.
            columns = (20 + 2 * 30 + 4 * 4) * (block * threads if grouped else m)
            scratch = (64 * 48 + 48 * 32) * threads
            elements = runner._fixed["work"].size
            assert columns <= elements <= 1.05 * (columns + scratch) + 64 * threads
    large = Description((700, 100, 4), ("tanh", "sigmoid"), "quadratic", dtype=dtype)
    runner, _, _ = runner_of(large, 2000, 2000)
    assert len(runner._fixed["sums"]) == 0


@DTYPES
def test_training_by_groups_equals_the_book(dtype):
    """Six steps of 7,000 and of 5,000 columns: 1e-12, and as many u in float32."""
    d = Description((30, 40, 4), ("tanh", "sigmoid"), "cross_entropy", dtype=dtype)
    runner, case, theta = runner_of(d, 12_000, 7_000, threads=2)
    assert len(runner._fixed["sums"]) == GROUPS
    order = np.random.default_rng(1).permutation(12_000)
    weights, biases, *rest = case.in_float64()
    for _ in range(3):
        runner.run_epochs(order[None], 0.5, 0.05)
        biases, weights = reference.train(
            reference.gradient_by_matrix, weights, biases, *rest, order, 7_000, 0.5, 0.05
        )
    got = Parameters.of(theta, d.layout)
    for view, value in zip((*got.weights, *got.biases), (*weights, *biases), strict=True):
        error = np.linalg.norm(view - value) / np.linalg.norm(value)
        assert error <= 1e-12 * np.finfo(dtype).eps / np.finfo(np.float64).eps


def test_a_network_trains_on_all_samples_at_once():
    """With `Network`, on any threads; the records agree with an evaluation of the data."""
    rng = np.random.default_rng(3)
    n = 31_000  # 32 blocks have 960 columns each
    X, labels = rng.standard_normal((2, n)), rng.integers(0, 3, n)

    def trained(threads):
        net = Network([2, 12, 3], seed=4, cost="log_likelihood", dtype="float32")
        before = net.cost(X, labels)
        history = net.train(
            X, labels, epochs=2, mini_batch_size=n, optimizer=Adam(0.05), n_threads=threads
        )
        assert abs(history.cost[0] - before) <= 1e-6 * before
        return net.parameters, history.cost

    expected, costs = trained(1)
    assert costs[1] < costs[0]
    for threads in (2, 3, 5):
        theta, same_costs = trained(threads)
        assert same_bits(theta, expected)
        assert same_costs == costs


def test_sparse_samples_go_by_groups():
    """To the bits of the same table in full."""
    case = make_case(Description((30, 40, 4), ("tanh", "sigmoid"), "quadratic"), 3500, seed=2)
    table = np.ascontiguousarray(case.inputs.T * (case.inputs.T > 0.5))
    starts = np.concatenate([[0], np.count_nonzero(table, axis=1).cumsum()])
    columns = SparseColumns((30, 3500), starts, np.nonzero(table)[1], table[table != 0])
    found = []
    for X in (table.T, columns):
        theta = case.theta.copy()
        runner = SliceRunner(case.description, theta, X, case.targets, 3500, 2)
        assert len(runner._fixed["sums"]) == GROUPS
        found.append((runner.run_epochs(np.arange(3500)[None], 0.5), theta))
    assert found[0][0] == found[1][0]
    assert same_bits(found[0][1], found[1][1])
    assert not same_bits(found[0][1], case.theta)


def test_threads_beyond_the_groups_are_not_started():
    """They would own nothing."""
    small = Description((20, 30, 4), ("tanh", "sigmoid"), "quadratic")
    many, _, _ = runner_of(small, 4608, 4608, threads=40)
    most, _, _ = runner_of(small, 4608, 4608, threads=GROUPS)
    assert many.threads == most.threads == GROUPS
    assert many._fixed["work"].size == most._fixed["work"].size


def test_costs_are_those_of_the_network():
    """The costs of a step by groups are those that an evaluation gives, bit for bit."""
    case = make_case(Description((3, 5, 2), ("tanh", "sigmoid"), "cross_entropy"), 77, seed=1)
    done = steps(case, np.arange(77), 77, [0.1], columns=2, threads=3)
    assert done.cost == sum(look(case).costs.tolist())


def tree_sum(numbers):
    """The sum of neighbors, then of neighboring sums, and so on, in plain NumPy."""
    while len(numbers) > 1:
        numbers = numbers[::2] + numbers[1::2]
    return numbers[0]


@DTYPES
@pytest.mark.parametrize("groups", [2, 4, 16, 64])
@pytest.mark.parametrize("threads", [1, 2, 3, 4])
def test_the_groups_are_added_in_a_fixed_tree(groups, threads, dtype):
    """One step from 0 with one sample in each group: b is the mean of y, to the bit."""
    X, y = np.zeros((1, groups)), np.random.default_rng(5).random(groups)
    in_order = np.add.accumulate(y.astype(dtype))[-1]
    assert groups < 64 or tree_sum(y.astype(dtype)) != in_order
    net = Network([1, 1], activation="identity", cost="quadratic", seed=1, dtype=dtype)
    net.parameters[:] = 0
    net.train(
        X, y, epochs=1, mini_batch_size=groups, optimizer=SGD(1.0), shuffle=False, groups=groups,
        n_threads=threads,
    )  # fmt: skip
    assert net.biases[0][0] == tree_sum(y.astype(dtype)) / np.dtype(dtype).type(groups)


@pytest.mark.parametrize(
    "how",
    [
        {"optimizer": SGD(0.2, momentum=0.9), "clip_norm": 0.3, "mini_batch_size": 37},
        {"optimizer": Adam(0.01), "dropout": 0.25, "mini_batch_size": 200},
        {"l1": 0.01, "mini_batch_size": 3},  # most groups are empty
    ],
)
def test_chosen_groups_give_the_same_bits_on_any_threads(how):
    """And other groups give other bits, near those of no groups."""
    rng = np.random.default_rng(5)
    X, labels = rng.standard_normal((20, 200)), rng.integers(0, 3, 200)

    def trained(groups, threads):
        net = Network([20, 30, 3], seed=4)
        how_long = {"epochs": 2, "n_threads": threads, "groups": groups}
        history = net.train(X, labels, sample_weight=np.arange(1.0, 201.0), **how_long, **how)
        assert history.groups == groups == net.trained[-1].get("groups")
        return net.parameters, history.cost

    theta, costs = trained(8, 1)
    for threads in (2, 3, 4):
        same, same_costs = trained(8, threads)
        assert same_bits(same, theta)
        assert same_costs == costs
    alone, _ = trained(None, 1)
    assert same_bits(trained(1, 1)[0], alone)
    assert 0 < abs(alone - theta).max() < 1e-9 or how["mini_batch_size"] == 3
