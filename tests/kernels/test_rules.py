"""The update rules: those of the papers and of PyTorch, the same bits for any number of threads."""

from itertools import repeat

import numpy as np
import pytest
from guarded import steps
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits
from rule_twin import FadingTwin, RuleTwin, TorchMomentum
from strategies import Case, cases, make_case, seeds

from bpmatrix import SGD, Adam, AdamW, Network, RMSprop, reference
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.samples.arrays import as_targets
from bpmatrix.training import optimizers
from bpmatrix.training.recipe import OptimizerState, Recipe
from bpmatrix.training.slices import SliceRunner

CHOSEN = (
    SGD(0.1),
    SGD(0.1, momentum=0.9),
    SGD(0.1, momentum=0.5, nesterov=True),
    RMSprop(0.01, rho=0.8),
    Adam(0.01),
    AdamW(0.02, beta_1=0.8, beta_2=0.99, epsilon=1e-6, weight_decay=0.3),
)
# A new one is tested with its defaults, until somebody chooses better numbers.
OPTIMIZERS = (
    *CHOSEN,
    *(
        kind()
        for kind in optimizers.OPTIMIZERS.values()
        # The steps of the others have no rule: see training/test_full_batch.py.
        if kind not in set(map(type, CHOSEN)) and not issubclass(kind, optimizers.FullBatch)
    ),
)
# (weight_decay, l1, clip_norm): the plain rule, each alone, all together.
EXTRAS = ((0.0, 0.0, np.inf), (0.1, 0.0, np.inf), (0.0, 0.02, np.inf), (0.0, 0.0, 0.05),
          (0.1, 0.02, 0.05))  # fmt: skip
any_optimizer = st.sampled_from(OPTIMIZERS)
extras = st.sampled_from(EXTRAS)


def free_parameters(description):
    """Which parameters are biases."""
    p = Parameters.of(np.zeros(description.layout.size), description.layout)
    for b in p.biases:
        b[:] = 1
    return p.flat == 1


def mean_gradient(case: Case, theta, columns):
    """The gradient of the mean cost over some columns, by the book's loop in float64."""
    p = Parameters.of(theta, case.description.layout)
    _, biases, activations, cost, X, Y = case.in_float64()
    biases = list(p.biases) or biases
    nabla_b, nabla_w = reference.gradient_by_loop(
        list(p.weights), biases, activations, cost, X[:, columns], Y[:, columns]
    )
    out = Parameters.of(np.empty_like(theta), case.description.layout)
    for view, value in zip((*out.weights, *out.biases), (*nabla_w, *nabla_b), strict=False):
        view[:] = value
    return out.flat / len(columns)


def twin_of(case: Case, order, m, optimizer, extra, rates=None):
    """Return theta after the steps of the twin."""
    l2, l1, clip_norm = extra
    free = free_parameters(case.description)
    theta = case.theta.astype(np.float64)
    twin = RuleTwin(optimizer, theta, free, l2=l2, l1=l1, clip_norm=clip_norm)
    return after_steps(twin, case, order, m, rates or repeat(optimizer.learning_rate))


def after_steps(twin, case: Case, order, m, rates):
    """Return the theta of a twin after its steps, one for each m samples of an order."""
    for start, rate in zip(range(0, len(order), m), rates, strict=False):
        twin.step(mean_gradient(case, twin.theta, order[start : start + m]), rate)
    return twin.theta


@pytest.mark.parametrize("extra", EXTRAS, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("sizes", [(9, 7, 6, 4), (70, 33, 2), (3, 1)], ids=str)
def test_the_rule_equals_the_paper(sizes, optimizer, extra):
    """Seven steps, the last on a short mini-batch: the book's gradient, and the rule on it.

    A rule that divides by a root turns a gradient that is only rounding into a step of its full
    length; the gradients of these cases are far from that, so 1e-11 holds for all of them.
    """
    activations = ("tanh",) * (len(sizes) - 2) + ("sigmoid",)
    case = make_case(Description(sizes, activations, "cross_entropy"), 20, seed=5)
    order = np.random.default_rng(1).permutation(20)
    l2, l1, clip_norm = extra
    rates = [optimizer.learning_rate] * 7
    for threads, columns in ((1, None), (3, None), (2, 2)):
        recipe = Recipe(optimizer, l1=l1, clip_norm=clip_norm)
        done = steps(case, order, 3, rates, l2, threads, recipe, columns=columns)
        expected = twin_of(case, order, 3, optimizer, extra)
        np.testing.assert_allclose(done.theta, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_a_changing_rate_applies_step_by_step(optimizer):
    """A warm-up, a fall, a pause at 0 and a rise, against the formulas of the papers."""
    case = make_case(Description((9, 7, 4), ("tanh", "sigmoid"), "cross_entropy"), 20, seed=5)
    order = np.random.default_rng(1).permutation(20)
    rates = [optimizer.learning_rate * factor for factor in (0.25, 0.5, 1, 0.1, 0, 0, 2)]
    for threads in (1, 3):
        done = steps(case, order, 3, rates, 0.1, threads, Recipe(optimizer))
        expected = twin_of(case, order, 3, optimizer, (0.1, 0.0, np.inf), rates)
        np.testing.assert_allclose(done.theta, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_equals_pytorch_while_the_rate_is_constant(nesterov):
    """A velocity contains the rates of its steps, as in the book; PyTorch's does not."""
    optimizer = SGD(0.5, momentum=0.8, nesterov=nesterov)
    case = make_case(Description((9, 7, 4), ("tanh", "sigmoid"), "cross_entropy"), 20, seed=5)
    order = np.tile(np.arange(20), 6)

    def ours_and_theirs(factors):
        rates = [optimizer.learning_rate * factor for factor in factors]
        theirs = TorchMomentum(optimizer, case.theta.astype(np.float64))
        done = steps(case, order[: 20 * len(rates)], 20, rates, 0.0, 1, Recipe(optimizer))
        return done, after_steps(theirs, case, order, 20, rates)

    done, theirs = ours_and_theirs([1] * 6)
    np.testing.assert_allclose(done.theta, theirs, rtol=1e-11, atol=1e-12)
    _, stopped = ours_and_theirs([1] * 4)
    done, theirs = ours_and_theirs([1, 1, 1, 1, 0, 0])
    assert same_bits(theirs, stopped)  # at a rate of 0 PyTorch stands still ...
    # ... and ours coasts along v: mu v + mu^2 v, or of Nesterov's step mu^2 v + mu^3 v.
    four, _ = ours_and_theirs([1] * 4)
    v, mu = four.moments[0], optimizer.momentum
    coasted = four.theta + (mu + mu**2) * (mu if nesterov else 1) * v
    np.testing.assert_allclose(done.theta, coasted, rtol=1e-12, atol=1e-14)
    assert np.abs(v).max() > 1e-3


@settings(max_examples=60)
@given(cases(), any_optimizer, extras, st.integers(1, 8), seeds)
def test_the_bits_do_not_depend_on_threads(case, optimizer, extra, m, seed):
    """theta and the moments, in both types, for every shape."""
    order = np.random.default_rng(seed).permutation(case.X.shape[1])
    l2, l1, clip_norm = extra
    recipe = Recipe(optimizer, l1=l1, clip_norm=clip_norm)
    rates = [optimizer.learning_rate] * -(-order.size // m)
    alone = steps(case, order, m, rates, l2, 1, recipe)
    for threads in (2, 3, 5):
        together = steps(case, order, m, rates, l2, threads, recipe)
        assert same_bits(alone.theta, together.theta)
        assert same_bits(alone.moments, together.moments)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
def test_float32_stays_close_to_float64(optimizer):
    """One step changes a parameter by at most about its learning rate; a root costs a few u more.

    In the first step of Adam v / sqrt(s) is +-1, however small the gradient: a gradient that
    rounding alone decides would change its sign. The inputs keep all of them away from zero.
    """
    d = Description((6, 5, 3), ("tanh", "sigmoid"), "quadratic", dtype="float32")
    case = make_case(d, 12, seed=2)
    done = steps(case, np.arange(12), 12, [optimizer.learning_rate], 0.1, 1, Recipe(optimizer))
    expected = twin_of(case, np.arange(12), 12, optimizer, (0.1, 0.0, np.inf))
    moved = np.abs(expected - case.theta).max()
    assert moved > 1e-4  # it can fail
    np.testing.assert_allclose(done.theta, expected, rtol=1e-5, atol=2e-3 * moved)


@pytest.mark.parametrize(
    ("optimizer", "name", "arguments"),
    [
        (SGD(0.1, momentum=0.9), "SGD", {"momentum": 0.9}),
        (SGD(0.1, momentum=0.9, nesterov=True), "SGD", {"momentum": 0.9, "nesterov": True}),
        (RMSprop(0.01, rho=0.9), "RMSprop", {"alpha": 0.9}),
        (Adam(0.01), "Adam", {}),
        (AdamW(0.01, weight_decay=0.2), "AdamW", {"weight_decay": 0.2}),
    ],
    ids=repr,
)
def test_the_rule_equals_pytorch(optimizer, name, arguments):
    """Ten steps on the same gradients; weights alone, as PyTorch lets biases decay, too.

    At a rate that stays, and but for momentum also at one that changes.
    """
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    d = Description((9, 4), ("sigmoid",), "cross_entropy", bias=False)
    case = make_case(d, 20, seed=8)
    parameter = torch.nn.Parameter(torch.tensor(case.theta))
    kind = getattr(torch.optim, name)
    theirs = kind([parameter], lr=optimizer.learning_rate, **arguments)
    falls = 1.0 if isinstance(optimizer, SGD) else 0.7
    rates = [optimizer.learning_rate * falls**k for k in range(10)]
    for rate in rates:
        theirs.param_groups[0]["lr"] = rate
        gradient = mean_gradient(case, parameter.detach().numpy().copy(), np.arange(20))
        parameter.grad = torch.tensor(gradient)
        theirs.step()
    order = np.tile(np.arange(20), 10)
    done = steps(case, order, 20, rates, 0.0, 2, Recipe(optimizer))
    np.testing.assert_allclose(done.theta, parameter.detach().numpy(), rtol=1e-10, atol=1e-12)


DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


@DTYPES
@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.6), RMSprop(0.01, rho=0.5), Adam(0.01)])
def test_fading_moments_do_not_stay_subnormal(optimizer, dtype):
    """A pixel that is white in one sample alone: its moments end at 0, and are never subnormal."""
    X = np.random.default_rng(1).uniform(0.1, 1, (3, 3000))
    X[0, 1:] = 0
    net = Network([3, 2], dtype=dtype, seed=1)
    net.train(
        X, np.arange(3000) % 2, epochs=1, mini_batch_size=1, optimizer=optimizer, shuffle=False
    )
    moments = net._training.optimizer_state.moments
    faded = moments.reshape(len(moments), -1)[:, [0, 3]]  # of W_1's first column
    sizes = np.abs(moments[moments != 0])
    assert sizes.min() >= np.finfo(dtype).tiny
    if not isinstance(optimizer, Adam):  # whose 0.999^3000 is not next to nothing
        assert (faded == 0).all()


# Each fades with these factors of the penalties; that of l1 is in units of the smallest normal
# number. Where a weight is next to nothing, a step of Adam is eta l2 / epsilon of it.
FADING = (
    (SGD(0.5), 0.1, 0.0),
    (SGD(0.5), 0.1, 1.7),
    (SGD(0.1, momentum=0.8), 0.5, 0.0),
    (SGD(0.1, momentum=0.9, nesterov=True), 0.5, 0.0),
    (SGD(0.2, momentum=0.5), 0.0, 3.1),
    (RMSprop(0.01, rho=0.8), 1e-7, 0.0),
    (Adam(0.01, beta_2=0.9), 1e-7, 0.0),
    (AdamW(0.02, beta_1=0.8, beta_2=0.5, weight_decay=3.0), 0.0, 0.0),
)
# What is summed at once: some rows, as it is or to be clipped, or groups of columns.
WAYS = {"rows": (6, 2, np.inf), "clipped": (6, 2, 1.0), "groups": (6000, 6000, np.inf)}


def fading_run(optimizer, l2, l1, dtype, way="rows", threads=1):
    """Return what takes some steps without a gradient, with numbers near the end of the range.

    The inputs are 0, and so are the outputs and the targets.
    """
    d = Description((40, 30), ("identity",), "quadratic", bias=False, dtype=dtype)
    rng, tiny, size = np.random.default_rng(3), float(np.finfo(dtype).tiny), d.layout.size
    numbers = tiny * np.exp(rng.uniform(0, 7, (3, size))) * rng.choice([-1, 1], size)
    theta, *moments = numbers.astype(dtype)
    state = OptimizerState(optimizer, np.empty((optimizer.rule[1], size), dtype), steps=10**6)
    for row, values in zip(state.moments, moments, strict=False):
        row[:] = np.abs(values)
    n, m, clip_norm = WAYS[way]
    run = SliceRunner(
        d, theta, np.zeros((40, n)), as_targets(np.zeros((30, n)), 30, n, dtype), m, threads,
        recipe=Recipe(optimizer, l1=l1 * tiny, clip_norm=clip_norm), state=state,
    )  # fmt: skip

    def take_steps():
        run.run_epochs(np.arange(n)[None], optimizer.learning_rate, l2)
        return [run.theta, *state.moments]

    return [theta, *state.moments], take_steps


def no_subnormal_numbers(arrays):
    return all(((x == 0) | (np.abs(x) >= np.finfo(x.dtype).tiny)).all() for x in arrays)


@DTYPES
@pytest.mark.parametrize(("optimizer", "l2", "l1"), FADING, ids=repr)
def test_fading_moments_have_the_bits_of_the_twin(optimizer, l2, l1, dtype):
    """Numbers below the normal range are flushed to 0, wherever they occur."""
    first, take_steps = fading_run(optimizer, l2, l1, dtype)
    w, v, s = [*first, *[np.zeros_like(first[0])] * 2][:3]
    twin = FadingTwin(optimizer, w, v, s, l2=l2, l1=l1 * float(np.finfo(dtype).tiny))
    for _ in range(60):
        for _ in range(3):
            twin.step()
        got = take_steps()
        assert no_subnormal_numbers(got)
        for x, y in zip(got, twin.numbers(), strict=False):
            np.testing.assert_array_equal(x, y)
    assert any((x == 0).mean() > 0.99 for x in got)


@DTYPES
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("optimizer", "l2", "l1"), FADING, ids=repr)
def test_fading_moments_have_the_same_bits_for_any_number_of_threads(optimizer, l2, l1, way, dtype):
    """In each of the ways in which threads share the work."""
    found = []
    for threads in (1, 2, 3, 7):
        _, take_steps = fading_run(optimizer, l2, l1, dtype, way, threads)
        for _ in range(4):
            take_steps()
        found.append(take_steps())
        assert no_subnormal_numbers(found[-1])
        for x, y in zip(found[-1], found[0], strict=True):
            assert same_bits(x, y)
