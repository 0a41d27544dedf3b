"""The training program: the book's descent, the same bits however it is run, divergence undone."""

from dataclasses import replace

import numpy as np
import pytest
from guarded import look, steps
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import flat, gradient_bound, same_bits, smallest_normal, unit_roundoff
from strategies import Case, cases, gate, make_case

from bpmatrix import SGD, Adam, Network, reference
from bpmatrix.architecture.description import Description
from bpmatrix.kernels.arguments import TrainSlice
from bpmatrix.training import slices
from bpmatrix.training.recipe import Recipe
from bpmatrix.training.slices import NotFiniteError, SliceRunner

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
GRADIENTS = pytest.mark.parametrize(
    "gradient", [reference.gradient_by_loop, reference.gradient_by_matrix]
)
THREADS = (1, 2, 3, 5)


def runner_of(case, m, threads=1):
    """A runner and the theta that it trains."""
    theta = case.theta.copy()
    return SliceRunner(case.description, theta, case.inputs, case.targets, m, threads), theta


@GRADIENTS
@pytest.mark.parametrize("m", [1, 3, 8, 23])
@pytest.mark.parametrize(
    ("activations", "cost"),
    [
        (("sigmoid", "tanh", "sigmoid"), "cross_entropy"),
        (("tanh", "relu", "softmax"), "log_likelihood"),
        (("sigmoid", "identity", "tanh"), "quadratic"),
    ],
)
def test_training_equals_the_book(activations, cost, m, gradient):
    """Many steps with decay and a short last mini-batch: 1e-12, and as many u in float32."""
    order = np.random.default_rng(m).permutation(23)
    for dtype in ("float64", "float32"):
        case = make_case(Description((9, 7, 6, 4), activations, cost, dtype=dtype), 23, seed=3)
        runner, theta = runner_of(case, m)
        for _ in range(3):
            runner.run_epochs(order[None], 0.05, 0.05)
        weights, biases, *rest = case.in_float64()
        for _ in range(3):
            biases, weights = reference.train(
                gradient, weights, biases, *rest, order, m, 0.05, 0.05
            )
        expected = flat(biases, weights, case.description)
        error = np.linalg.norm(theta - expected) / np.linalg.norm(expected)
        assert error <= 1e-12 * unit_roundoff(dtype) / unit_roundoff("float64")


@given(cases(), st.integers(1, 20), st.floats(0.001, 0.05), st.floats(0, 0.1))
@settings(max_examples=80)
def test_each_step_is_within_the_rounding_error(case, m, eta, weight_decay):
    """From any weights, the engine's step equals the book's within the error of the gradient."""
    d, n = case.description, case.X.shape[1]
    m = min(m, n)
    theta = case.theta
    for start in list(range(0, n, m))[:2] + list(range(0, n, m))[-1:]:
        here = np.arange(start, min(start + m, n))
        before = Case(d, theta, case.X, case.Y, case.labels)
        weights, biases, activations, cost, X, Y = before.in_float64()
        with np.errstate(over="ignore"):  # e^-z of the book's sigmoid, which is 0 then
            biases, weights = reference.train(
                reference.gradient_by_loop, weights, biases, activations, cost, X, Y, here, m,
                eta, weight_decay,
            )  # fmt: skip
            off = gradient_bound(*before.in_float64()[:4], X[:, here], Y[:, here], d.dtype)
        after = steps(before, here, m, [eta], weight_decay)
        expected, allowed = flat(biases, weights, d), flat(*off, d)
        # Of the step: eta/m, its product, the sum; of the weight: 1 - eta decay, its product.
        sizes = np.abs(before.theta) + np.abs(expected)
        step = 8 * (unit_roundoff(d.dtype) * sizes + smallest_normal(d.dtype))
        allowed = 2.2 * eta * allowed + step
        assert after.taken == 1
        assert (np.abs(after.theta - expected) <= allowed).all()
        theta = after.theta.copy()
        # Long steps lead to where numbers overflow: those of exp soon, others once the weights are
        # so large that numbers grow from layer to layer.
        if d.activations[-1] == "exp" or np.abs(theta).max() > 100:
            break


@given(cases(), st.integers(1, 20))
@settings(max_examples=40)
def test_the_bits_do_not_depend_on_threads_or_slices(case, m):
    """With 1, 2, 3 or 5 threads, all steps in one call or one call per step."""
    n = case.X.shape[1]
    m = min(m, n)
    order = np.random.default_rng(n).permutation(n)
    rates = np.full(-(-n // m), 0.05)
    expected = steps(case, order, m, rates, 0.01)
    for threads in THREADS[1:]:
        got = steps(case, order, m, rates, 0.01, threads)
        assert same_bits(got.theta, expected.theta)
        assert (got.taken, got.cost, got.hits) == (expected.taken, expected.cost, expected.hits)
    theta, cost = case.theta, 0.0
    for i, rate in enumerate(rates[: expected.taken]):
        here = Case(case.description, theta, case.X, case.Y, case.labels)
        # The sum goes on from step to step, so it is taken up sample by sample.
        part = order[i * m : (i + 1) * m]
        for value in look(here).costs[part]:
            cost += value
        theta = steps(here, part, m, [rate], 0.01).theta.copy()
    assert same_bits(theta, expected.theta)
    assert cost == expected.cost


@DTYPES
@pytest.mark.parametrize("threads", THREADS)
def test_the_length_of_slices_does_not_matter(threads, dtype, monkeypatch):
    """Slices of one step each, and one slice for all: the calls differ, the weights do not."""
    network = Description((9, 8, 3), ("tanh", "softmax"), "log_likelihood", dtype=dtype)
    case = make_case(network, 31, seed=1)
    order = np.random.default_rng(2).permutation(31)
    results = []
    for seconds, expected_slices in ((0.0, 7), (1e6, 1)):
        monkeypatch.setattr(slices, "SECONDS_PER_SLICE", seconds)
        runner, theta = runner_of(case, 5, threads)
        lengths, program = [], runner._program
        runner._program = lambda t, of, control, given, p=program, ls=lengths: (
            ls.append(len(TrainSlice(*given).batches)) if t == 0 else None,
            p(t, of, control, given),
        )[1]
        totals = runner.run_epochs(order[None], 0.3, 0.02)
        assert len(lengths) == expected_slices
        assert sum(lengths) == 7
        results.append((theta, totals))
    (one, totals), (other, same_totals) = results
    assert same_bits(one, other)
    assert totals == same_totals


@DTYPES
@pytest.mark.parametrize(
    ("recipe", "weighted"),
    [
        (Recipe(SGD(0.3)), False),
        (Recipe(SGD(0.3), dropout=(0.4, 0.5)), True),
        (Recipe(Adam(0.01)), False),
        (Recipe(SGD(0.3, momentum=0.9), clip_norm=0.5), False),
    ],
)
@pytest.mark.parametrize(
    ("sizes", "activations", "bias"),
    [((40, 21, 3), ("tanh", "softmax"), True), ((40, 21), ("softmax",), False)],
)
def test_threads_that_own_rows_of_the_first_layer(
    sizes, activations, bias, recipe, weighted, dtype
):
    """Whether they go forward by columns or by rows, the bits are those of one thread."""
    d = Description(sizes, activations, "log_likelihood", bias=bias, dtype=dtype)
    case = make_case(d, 31, seed=1)
    recipe = replace(recipe, dropout=recipe.dropout[: len(activations)])
    order, rates = np.random.default_rng(2).permutation(31), [recipe.optimizer.learning_rate] * 4
    weights = np.random.default_rng(3).random(31) + 0.5 if weighted else None
    how = {"recipe": recipe, "weights": weights, "seed": 5}
    alone = steps(case, order, 9, rates, 0.01, **how)
    assert alone.plan.own_inputs == 0
    assert not same_bits(alone.theta, case.theta)
    for threads in THREADS[1:]:
        together = steps(case, order, 9, rates, 0.01, threads, **how)
        first, extent = together.plan.a[0], together.plan.own_inputs
        copies = together.work[first : first + threads * extent].reshape(threads, extent)
        assert extent >= 9 * 40
        assert not np.isnan(copies[:, : 9 * 40]).any()  # what each thread has fetched
        assert (copies[:, : 9 * 40] == copies[0, : 9 * 40]).all()
        assert same_bits(together.theta, alone.theta)
        assert same_bits(together.moments, alone.moments)
        assert (together.taken, together.cost, together.hits) == (4, alone.cost, alone.hits)


@pytest.mark.parametrize(
    ("sizes", "columns", "threads", "by_rows"),
    [
        ((784, 30, 10), 10, 1, [False, False]),  # with nobody to share
        ((784, 30, 10), 10, 2, [True, True]),
        ((784, 32, 10), 10, 8, [True, True]),
        ((784, 31, 10), 10, 8, [False, False]),  # less than a tile for each
        ((64, 100, 10), 64, 2, [True, True]),
        ((64, 100, 10), 65, 2, [False, False]),  # z[1] is more than W[1]
        ((784, 128, 64, 10), 128, 2, [False, True]),  # more than a cache in float64
        ((30, 64, 64, 1), 16, 2, [False, False]),  # W[1] is less than half of it all
    ],
)
def test_when_threads_share_rows_in_the_forward_pass(sizes, columns, threads, by_rows):
    """In float64 and in float32."""
    for dtype, expected in zip(("float64", "float32"), by_rows, strict=True):
        d = Description(sizes, ("sigmoid",) * (len(sizes) - 1), "quadratic", dtype=dtype)
        assert (d.plan(columns, threads=threads)[0].own_inputs > 0) == expected


@DTYPES
def test_a_network_trains_to_the_same_bits_on_any_threads(dtype):
    """Through the face: several epochs, a short last mini-batch, shuffled."""
    case = make_case(Description((9, 8, 3), ("tanh", "softmax"), "log_likelihood"), 31, 1)
    labels = np.arange(31) % 3

    def trained(threads):
        net = Network([9, 14, 3], activation="tanh", cost="log_likelihood", dtype=dtype, seed=4)
        history = net.train(
            case.X, labels, epochs=3, mini_batch_size=7, optimizer=SGD(0.2), weight_decay=0.01,
            n_threads=threads,
        )  # fmt: skip
        return net.parameters, [epoch.cost for epoch in history.epochs]

    expected, costs = trained(1)
    for threads in THREADS[1:]:
        theta, same_costs = trained(threads)
        assert same_bits(theta, expected)
        assert same_costs == costs


@given(cases(), st.integers(1, 20))
@settings(max_examples=40)
def test_totals_are_costs_and_hits_from_before_the_update(case, m):
    """With a rate of zero they are those of all samples; else those of the first mini-batch."""
    n = case.X.shape[1]
    m = min(m, n)
    seen = look(case)
    still = steps(case, np.arange(n), m, np.zeros(-(-n // m)))
    assert still.cost == sum(seen.costs.tolist())
    assert still.hits == seen.hits.sum()
    first = steps(case, np.arange(m), m, [10.0])
    assert first.cost == sum(seen.costs[:m].tolist())
    assert first.hits == seen.hits[:m].sum()


@DTYPES
@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("poison", [np.nan, np.inf])
@pytest.mark.parametrize("sizes", [(5, 6, 2), (12, 20, 2)])
def test_a_step_whose_cost_is_not_finite_is_not_applied(sizes, poison, threads, dtype):
    """Every thread stops before it, whichever thread's column was bad; the steps before stand."""
    network = Description(sizes, ("identity", "identity"), "quadratic", dtype=dtype)
    case = make_case(network, 30, seed=1)
    before = steps(case, np.arange(20), 10, [0.01, 0.01])
    for bad in (20, 24, 29):
        broken = Case(case.description, case.theta, case.X.copy(order="F"), case.Y, None)
        broken.X[1, bad] = poison
        got = steps(broken, np.arange(30), 10, [0.01] * 3, threads=threads)
        assert got.taken == 2
        assert same_bits(got.theta, before.theta)
        assert (got.cost, got.hits) == (before.cost, before.hits)


@DTYPES
@pytest.mark.parametrize("threads", THREADS)
def test_divergence_restores_theta(threads, dtype):
    """A cost that overflows: theta is bit for bit that of the start of the slice."""
    network = Description((5, 6, 2), ("identity", "identity"), "quadratic", dtype=dtype)
    case = make_case(network, 30, seed=1)
    runner, theta = runner_of(case, 5, threads)
    with pytest.raises(NotFiniteError) as caught:
        runner.run_epochs(np.arange(30)[None], 1e30, 0.0)
    assert 1 < caught.value.step <= 6
    assert caught.value.what == "the cost"
    assert same_bits(theta, case.theta)


@DTYPES
@pytest.mark.parametrize("threads", THREADS)
def test_theta_is_restored_if_a_weight_overflows(threads, dtype):
    """The last step of a slice leaves a finite cost behind and an infinite weight."""
    case = make_case(Description((5, 2), ("identity",), "quadratic", dtype=dtype), 5, 1)
    runner, theta = runner_of(case, 5, threads)
    with pytest.raises(NotFiniteError) as caught:
        runner.run_epochs(np.arange(5)[None], float(np.finfo(dtype).max), 0.0)
    assert caught.value.what == "a weight"
    assert caught.value.step == 1
    assert same_bits(theta, case.theta)


@DTYPES
def test_divergence_in_a_later_slice_keeps_the_slices_before(dtype, monkeypatch):
    """Only the slice with the bad step is undone."""
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 0.0)
    case = make_case(Description((5, 2), ("identity",), "quadratic", dtype=dtype), 30, 1)
    kept = steps(case, np.arange(20), 10, [0.01, 0.01]).theta
    large = np.finfo(dtype).max
    case.Y[:, 25] = large / 2  # finite, but its square is not
    runner, theta = runner_of(case, 10)
    with pytest.raises(NotFiniteError) as caught:
        runner.run_epochs(np.arange(30)[None], 0.01, 0.0)
    assert caught.value.step == 3
    assert same_bits(theta, kept)


@DTYPES
def test_labels_train_as_their_one_hot_columns(dtype):
    """Both forms of the targets give the same bits."""
    d = Description((6, 5, 4), ("relu", "softmax"), "log_likelihood", dtype=dtype)
    case = make_case(d, 19, seed=1, labeled=True)
    as_matrix = Case(d, case.theta, case.X, case.Y, None)
    assert case.targets.are_labels
    assert not gate(d, case.Y).are_labels
    rates = [0.3] * 4
    assert same_bits(
        steps(case, np.arange(19), 5, rates).theta, steps(as_matrix, np.arange(19), 5, rates).theta
    )
