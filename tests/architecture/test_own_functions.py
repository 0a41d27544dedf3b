"""C functions: a user's own are compiled, checked and called; those with a name are cached."""

import copy
import math
import os
import pickle
import re
import subprocess
import sys
import threading

import numba
import numpy as np
import pytest
from numeric import same_bits
from strategies import make_case

import bpmatrix
from bpmatrix import Network, OwnActivation, OwnCost, verify
from bpmatrix.architecture import own_functions
from bpmatrix.architecture.description import Description
from bpmatrix.errors import ArgumentError, DivergenceError
from bpmatrix.kernels import codes
from bpmatrix.training.slices import SliceRunner


def bump(z):
    return z / (1 + z * z)


def bump_slope(z):
    return (1 - z * z) / (1 + z * z) ** 2


def log_cosh(a, y):
    return math.log(math.cosh(a - y))


def log_cosh_slope(a, y):
    return math.tanh(a - y)


def with_an_import(z):
    import cmath  # noqa: PLC0415

    return cmath.sin(z).real


BUMP, LOG_COSH = OwnActivation(bump, bump_slope), OwnCost(log_cosh, log_cosh_slope)
rng = np.random.default_rng(1)
X, Y = rng.standard_normal((3, 20)), rng.standard_normal((2, 20))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("output", ["identity", "softplus", BUMP])
def test_the_gradient_with_own_functions(output, dtype):
    """Own functions above and below others, against the book's loop and central differences."""
    net = Network([3, 4, 5, 2], activation=["gelu", BUMP, output], cost=LOG_COSH, dtype=dtype)
    agreement = verify(net, X, Y)
    assert agreement.is_good
    assert agreement.loop < (1e-12 if dtype == "float64" else 1e-5)


def test_an_own_function_is_as_good_as_a_name():
    """Identity and the quadratic cost, written by hand, train to the bits of the built-in ones."""
    own = OwnActivation(lambda z: z, lambda z: 1.0, name="same")
    cost = OwnCost(lambda a, y: 0.5 * (a - y) * (a - y), lambda a, y: a - y)
    by_hand = Network([3, 5, 2], activation=own, output=own, cost=cost, seed=1)
    by_name = Network([3, 5, 2], activation="identity", cost="quadratic", seed=1)
    for net in (by_hand, by_name):
        net.train(X, Y, epochs=3)
    assert same_bits(by_hand.parameters, by_name.parameters)
    assert by_hand.cost(X, Y) == by_name.cost(X, Y)


@pytest.mark.parametrize("sizes", [(7, 11, 3), (3, 256, 2)])
def test_the_same_bits_for_any_number_of_threads(sizes):
    """C functions are element-wise, wherever the columns are cut."""
    d = Description(sizes, (BUMP, "silu"), LOG_COSH)
    results = []
    for threads in (1, 2, 3, 5):
        case = make_case(d, 40, seed=1)
        SliceRunner(d, case.theta, case.inputs, case.targets, 16, threads).run_epochs(
            np.arange(40)[None], 0.01, 0.0
        )
        results.append(case.theta)
    assert all(same_bits(theta, results[0]) for theta in results)


def test_equal_functions_share_their_machine_code():
    again = OwnActivation(bump, bump_slope)
    assert again == BUMP
    assert hash(again) == hash(BUMP)
    assert network_with(again).description == network_with(BUMP).description
    assert own_functions.address_of(again, "float64") == own_functions.address_of(BUMP, "float64")
    assert own_functions.address_of(BUMP, "float64") >= codes.FIRST_ADDRESS
    assert OwnActivation(bump, bump_slope, "other") != BUMP


def test_many_threads_that_ask_at_once_get_one_address():
    own = OwnActivation(lambda z: 2 * z, lambda z: 2.0, "twice")
    addresses = []

    def ask():
        addresses.append(own_functions.address_of(own, "float64"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(addresses) == 4
    assert len(set(addresses)) == 1


def test_copies_and_pickles_are_the_same_network():
    net = Network([3, 4, 2], activation=BUMP, cost=LOG_COSH, seed=1)
    here = copy.deepcopy(net)
    assert here.description == net.description
    assert same_bits(here.feedforward(X), net.feedforward(X))
    quantile = Network([3, 2], cost=bpmatrix.Quantile(0.9), seed=1)
    assert pickle.loads(pickle.dumps(quantile)).description == quantile.description
    assert pickle.loads(pickle.dumps(OwnActivation(math.sin, math.cos))).sigma is math.sin


def test_they_are_shown_by_name():
    net = Network([3, 4, 2], activation=BUMP, cost=LOG_COSH, seed=1)
    assert "bump-identity, log_cosh" in repr(net)
    assert net.trace(X, Y).layers[0].activation == "bump"
    assert str(OwnCost(log_cosh, log_cosh_slope, name="soft absolute")) == "soft absolute"


def test_a_file_is_refused_and_none_is_left(tmp_path):
    net = Network([3, 4, 2], activation=BUMP, seed=1)
    with pytest.raises(ArgumentError, match=r"got bump.*numpy\.save"):
        net.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


def network_with(own):
    if isinstance(own, OwnCost):
        return Network([3, 2], cost=own, seed=1)
    return Network([3, 2], output=own, cost="quadratic", seed=1)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (OwnActivation(lambda z: z * z, lambda z: 2 * z + 1e-3), "at z = -7.9877: got -15.9744"),
        (OwnActivation(lambda z: z * z, lambda z: 2 * z if z < 7 else 0.0), "at z = 7."),
        (OwnActivation(lambda z: z, lambda z: math.nan), "at z = -7.9877: got nan"),
        (OwnCost(log_cosh, lambda a, y: math.tanh(y - a)), "at a = -4.13, y = -2"),
        (OwnCost(lambda a, y: (a - y) ** 2, lambda a, y: a - y), "at a = -4.13, y = -2"),
    ],
)
def test_a_wrong_derivative_is_reported_with_its_point(own, said):
    """At the first computation, with the value given and the slope."""
    with pytest.raises(ArgumentError, match="is not the derivative of") as caught:
        network_with(own).cost(X, Y)
    assert said in str(caught.value)
    assert "expected the slope, " in str(caught.value)


def test_a_wrong_derivative_is_reported_at_each_computation():
    """In float32 too: it is compared in float64."""
    own = OwnActivation(lambda z: z * z, lambda z: z)
    for dtype in ("float32", "float64", "float32"):
        with pytest.raises(ArgumentError, match="is not the derivative of"):
            own_functions.address_of(own, dtype)


PLACE = own_functions.POINTS[OwnActivation][30]["z"]


@pytest.mark.parametrize(
    "own",
    [
        # A kink at a place that is compared, with the slope of either side and with one between.
        OwnActivation(lambda z: abs(z - PLACE), lambda z: 1.0 if z > PLACE else -1.0),
        OwnActivation(lambda z: abs(z - PLACE), lambda z: 1.0 if z >= PLACE else -1.0),
        OwnActivation(lambda z: abs(z - PLACE), lambda z: np.sign(z - PLACE)),
        # Not finite everywhere, large, steep, and strongly curved.
        OwnActivation(lambda z: 2 * math.sqrt(z), lambda z: 1 / math.sqrt(z)),
        OwnActivation(lambda z: 1e6 * z, lambda z: 1e6),
        OwnActivation(lambda z: math.exp(2 * z), lambda z: 2 * math.exp(2 * z)),
        OwnActivation(lambda z: math.sin(20 * z), lambda z: 20 * math.cos(20 * z)),
        OwnCost(
            lambda a, y: -y * math.log(a) - (1 - y) * math.log(1 - a),
            lambda a, y: (a - y) / (a * (1 - a)),
        ),
    ],
)
def test_a_right_derivative_is_accepted(own):
    assert own_functions.address_of(own, "float64") >= codes.FIRST_ADDRESS


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (OwnActivation(lambda z: 2 * undefined, lambda z: z), "undefined"),  # noqa: F821
        (OwnActivation(lambda z: "text", lambda z: z), "numba cannot compile"),
        (OwnActivation(lambda z, y: z, lambda z: z), "numba cannot compile"),
        (OwnCost(lambda a: a, lambda a, y: a), "numba cannot compile"),
        (OwnActivation(lambda z: math.nan, lambda z: z), "not finite at any"),
        # Where numba fails with an error that is none of its own kind.
        (OwnActivation(np.tanh, lambda z: z), "numba cannot compile the functions of tanh"),
        (OwnActivation(math.tanh, lambda z: z), "numba cannot compile the functions of tanh"),
        (OwnActivation(lambda z, **more: z, lambda z: z), "numba cannot compile"),
        (OwnActivation(with_an_import, lambda z: z), "unsupported opcode"),
    ],
)
def test_functions_that_cannot_be_compiled_or_checked_are_refused(own, words):
    with pytest.raises(ArgumentError, match=words):
        network_with(own).cost(X, Y)


@pytest.mark.parametrize(
    "make",
    [
        lambda: OwnActivation("sigmoid", bump_slope),
        lambda: OwnActivation(bump, None),
        lambda: OwnCost(3, log_cosh_slope),
        lambda: OwnCost(log_cosh, log_cosh_slope, name=""),
        lambda: OwnCost(log_cosh, log_cosh_slope, name=7),
    ],
)
def test_functions_and_names_are_checked_at_once(make):
    with pytest.raises(ArgumentError):
        make()


def test_a_function_that_raises_ends_the_run():
    """Its numbers become NaN; the weights are those of before, and nothing is printed."""

    def sigma(z):
        if z > 8.5:
            raise ValueError("too large")
        return z

    net = Network([1, 1], output=OwnActivation(sigma, lambda z: 1.0), cost="quadratic", seed=1)
    net.weights[0][:], net.biases[0][:] = 1, 0
    before = net.parameters.copy()
    with pytest.raises(DivergenceError):
        net.train([[1.0, 9.0]], [1.0, 2.0], epochs=1, mini_batch_size=2)
    assert same_bits(net.parameters, before)
    assert net.feedforward([[8.0]]).tolist() == [[8.0]]


@pytest.mark.parametrize("compile_it", [lambda f: f, numba.njit])
def test_an_own_function_may_make_arrays(compile_it):
    """The engine's kernels allocate none, and are compiled without reference counting."""
    sigma = compile_it(lambda z: np.array([z, 2 * z]).sum())
    own = OwnActivation(sigma, compile_it(lambda z: np.full(3, 1.0).sum()))
    X = np.array([[1.0, -2.0]])
    net = Network([1, 1], output=own, cost="quadratic", seed=1)

    np.testing.assert_allclose(net.feedforward(X), 3 * (net.weights[0] @ X + net.biases[0]))
    assert verify(net, X, np.zeros((1, 2))).is_good


def test_own_functions_compile_no_program_anew():
    from bpmatrix.engine.compilation import load_program  # noqa: PLC0415

    programs = [load_program(name, "float64") for name in ("train_slice", "evaluate")]
    before = [len(program.signatures) for program in programs]
    net = Network([3, 4, 2], activation=OwnActivation(lambda z: 3 * z, lambda z: 3.0), seed=1)
    net.train(X, (Y > 0).astype(float), epochs=1)
    assert [len(program.signatures) for program in programs] == before


FRESH = """
from bpmatrix.architecture import own_functions
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.costs import COSTS
for record in (*ACTIVATIONS.values(), *COSTS.values()):
    if record.code is None:
        assert own_functions.address_of(record, "float64") >= 4096
        print(record, "hits", own_functions._compiled[record, "float64"].cache_hits)
"""


def test_c_functions_with_names_are_cached_on_disk(tmp_path):
    """The second process compiles none of them and adds no file."""
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    files = []
    for hits in (0, 1):
        run = subprocess.run(
            [sys.executable, "-c", FRESH], env=env, capture_output=True, text=True, check=True
        )
        assert run.stdout.count(f"hits {hits}") == 10
        files.append(sorted(path.name for path in tmp_path.rglob("*") if path.is_file()))
    assert files[0] == files[1]
    assert len([name for name in files[0] if re.search(r"\.nbc$", name)]) == 10
