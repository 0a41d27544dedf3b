"""The initializers: distributions, bounds, defaults. The draws are fixed by their seed.

A mean of n draws of standard deviation s has the standard error s / sqrt(n), and a sample variance
of normal draws s^2 sqrt(2 / n): five of these are the tolerance, which chance exceeds in one of
1.7 million draws.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import Network
from bpmatrix.architecture.initializers import INITIALIZERS, draw_parameters, find_initializer
from bpmatrix.architecture.parameters import Layout, Parameters
from bpmatrix.errors import ArgumentError

N_IN, N_OUT = 400, 250
SIGMAS = 5


def drawn(name: str) -> tuple[np.ndarray, np.ndarray]:
    return INITIALIZERS[name](np.random.default_rng(20), N_IN, N_OUT)


def assert_normal(values: np.ndarray, variance: float) -> None:
    n = values.size
    assert abs(values.mean()) < SIGMAS * math.sqrt(variance / n)
    assert abs(values.var() - variance) < SIGMAS * variance * math.sqrt(2 / n)
    # The fourth moment of a normal variable is 3 variance^2, with variance 96 variance^4 per draw:
    # a uniform one (1.8 variance^2) lies far outside.
    fourth = (values**4).mean() / variance**2
    assert abs(fourth - 3) < SIGMAS * math.sqrt(96 / n)


@pytest.mark.parametrize(
    ("name", "variance"),
    [("standard_normal", 1.0), ("scaled_normal", 1 / N_IN), ("he", 2 / N_IN), ("lecun", 1 / N_IN)],
)
def test_normal_weights_have_their_variance(name: str, variance: float) -> None:
    """Weights are normal with mean 0 and variance 1, 1/n_in or 2/n_in."""
    W, _ = drawn(name)
    assert W.shape == (N_OUT, N_IN)
    assert_normal(W.ravel(), variance)


@pytest.mark.parametrize("name", ["standard_normal", "scaled_normal"])
def test_biases_of_the_book_are_standard_normal(name: str) -> None:
    """Biases come from N(0, 1), however many inputs there are."""
    _, b = INITIALIZERS[name](np.random.default_rng(21), 3, 20_000)
    assert b.shape == (20_000, 1)
    assert_normal(b.ravel(), 1.0)


@pytest.mark.parametrize("name", ["glorot", "he", "lecun"])
def test_other_biases_are_zero(name: str) -> None:
    """Glorot, He and LeCun begin with biases of zero."""
    _, b = drawn(name)
    assert b.shape == (N_OUT, 1)
    assert not b.any()


def test_glorot_is_uniform_in_its_bound() -> None:
    """No weight leaves +-sqrt(6 / (n_in + n_out)), and ten equal bins hold a tenth each."""
    W, _ = drawn("glorot")
    bound = math.sqrt(6 / (N_IN + N_OUT))
    assert np.abs(W).max() <= bound
    counts, _ = np.histogram(W, bins=10, range=(-bound, bound))
    spread = math.sqrt(W.size * 0.1 * 0.9)
    assert counts.sum() == W.size
    assert np.abs(counts - W.size / 10).max() < SIGMAS * spread


@given(st.integers(1, 30), st.integers(1, 30), st.integers(0, 1000))
def test_glorot_bound_holds_for_every_layer(n_in: int, n_out: int, seed: int) -> None:
    """The bound holds whatever the layer and the seed."""
    W, _ = INITIALIZERS["glorot"](np.random.default_rng(seed), n_in, n_out)
    assert np.abs(W).max() <= math.sqrt(6 / (n_in + n_out))


def test_none_chooses_by_the_activation_function() -> None:
    """ReLU and its variants get He, layers after them Glorot, all others the book's weights."""
    for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus"):
        for before in (None, "relu", "tanh"):
            assert find_initializer(None, name, before) is INITIALIZERS["he"]
        assert find_initializer(None, "identity", name) is INITIALIZERS["glorot"]
    for name in ("sigmoid", "tanh", "exp", "identity", "softmax", "mine"):
        for before in (None, "sigmoid", "mine"):
            assert find_initializer(None, name, before) is INITIALIZERS["scaled_normal"]
    assert find_initializer("he", "softmax", "relu") is INITIALIZERS["he"]


def test_outputs_after_rectifiers_start_small() -> None:
    """Their biases are 0 and their weights in Glorot's bound; the first layer has He's."""
    net = Network([3, 40, 5], activation="relu", output="softmax", cost="log_likelihood", seed=1)
    by_name = Network(
        [3, 40, 5], activation="relu", output="softmax", cost="log_likelihood", seed=1,
        initializer=["he", "glorot"],
    )  # fmt: skip
    assert np.abs(net.weights[1]).max() <= math.sqrt(6 / 45)
    assert not net.biases[1].any()
    assert net.parameters.tolist() == by_name.parameters.tolist()


def test_each_layer_may_have_its_own() -> None:
    """None in the place of a layer chooses; a wrong count or name is refused."""
    names = ["glorot", None, "lecun"]
    net = Network([4, 5, 5, 2], activation="relu", output="sigmoid", initializer=names, seed=3)
    # By hand: Glorot, He (as for any ReLU) and LeCun, one after the other from one stream.
    rng = np.random.default_rng(np.random.SeedSequence(3).spawn(2)[0])
    bound = math.sqrt(6 / 9)
    assert net.weights[0].tolist() == rng.uniform(-bound, bound, (5, 4)).tolist()
    assert net.weights[1].tolist() == (rng.standard_normal((5, 5)) * math.sqrt(2 / 5)).tolist()
    assert net.weights[2].tolist() == (rng.standard_normal((2, 5)) / math.sqrt(5)).tolist()
    for wrong in (["he"], ["he"] * 4, ["he", "xavier", "he"], 3, []):
        with pytest.raises(ArgumentError):
            Network([4, 5, 5, 2], initializer=wrong)


@pytest.mark.parametrize("name", ["xavier", "", 3, ["he"]])
def test_an_unknown_name_lists_the_known_ones(name: object) -> None:
    """The error repeats the unknown name and lists the known ones."""
    with pytest.raises(ArgumentError) as caught:
        find_initializer(name, "sigmoid")
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in INITIALIZERS)


def test_layers_are_drawn_in_order_from_one_stream() -> None:
    """W_1, b_1, W_2, b_2 come one after the other from the generator."""
    layout = Layout([2, 3, 1], bias=True)
    parameters = Parameters.of(np.zeros(layout.size), layout)
    draw_parameters(parameters, ["tanh", "tanh"], "standard_normal", np.random.default_rng(4))
    assert parameters.flat.tolist() == np.random.default_rng(4).standard_normal(13).tolist()


@pytest.mark.parametrize("name", [*INITIALIZERS, None])
def test_dtype_and_biases_do_not_change_the_first_weights(name: str | None) -> None:
    """Of one seed, float32 weights are the float64 ones rounded, and weights need no biases."""
    nets = [
        Network([5, 4, 3], initializer=name, seed=8, **rest)
        for rest in ({}, {"dtype": "float32"}, {"bias": False})
    ]
    double, single, no_bias = nets
    assert single.parameters.dtype == np.float32
    assert single.parameters.tolist() == double.parameters.astype(np.float32).tolist()
    for W, same in zip(double.weights, no_bias.weights, strict=True):
        assert W.tolist() == same.tolist()
    assert no_bias.biases == ()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_own_arrays_go_in_through_the_views(dtype: str) -> None:
    """`weights[i][:] = ...` and `biases[i][:] = ...` change the network."""
    rng = np.random.default_rng(6)
    shapes = [(4, 3), (2, 4)]
    W = [rng.integers(-3, 4, shape).astype(float) for shape in shapes]
    b = [rng.integers(-3, 4, (shape[0], 1)).astype(float) for shape in shapes]
    net = Network([3, 4, 2], activation="relu", output="identity", cost="quadratic", dtype=dtype)
    for i in range(2):
        net.weights[i][:] = W[i]
        net.biases[i][:] = b[i]
    parts = [np.concatenate([W[i].ravel(), b[i].ravel()]) for i in range(2)]
    assert net.parameters.tolist() == np.concatenate(parts).tolist()
    # Whole numbers: nothing is rounded.
    X = rng.integers(-3, 4, (3, 5)).astype(float)
    assert net.feedforward(X).tolist() == (W[1] @ np.maximum(W[0] @ X + b[0], 0) + b[1]).tolist()


def test_own_arrays_must_have_the_right_shape() -> None:
    """A matrix of another shape is refused by NumPy, and the network stays as it was."""
    net = Network([3, 4, 2], seed=1)
    before = net.parameters.tolist()
    with pytest.raises(ValueError, match="could not broadcast"):
        net.weights[0][:] = np.ones((3, 4))
    with pytest.raises(TypeError):
        net.weights[0] = np.ones((4, 3))
    assert net.parameters.tolist() == before
