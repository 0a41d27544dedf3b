"""Checks of arguments that are not arrays."""

from __future__ import annotations

import re

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix import SGD, Adam, AdamW, EarlyStopping, Network, RMSprop
from bpmatrix.architecture.description import Description
from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError
from bpmatrix.schedules import Step
from bpmatrix.training.arguments import (
    DEFAULT_MINI_BATCH_SIZE,
    DEFAULT_OPTIMIZER,
    checked_training_arguments,
)

X, LABELS = np.arange(12.0).reshape(2, 6), np.array([0, 1, 2, 0, 1, 2])


def brief(value: object) -> str:
    return repr(value)[:12]


def checked(n: int = 100, **changed):
    """Return the settings of a run on n samples, with some arguments changed."""
    arguments = {
        "epochs": 3,
        "mini_batch_size": None,
        "optimizer": None,
        "weight_decay": 0.0,
        "l1": 0.0,
        "clip_norm": None,
        "dropout": 0.0,
        "shuffle": True,
        "n_threads": "auto",
        "callbacks": (),
        "restore_best": False,
        "schedule": None,
        "early_stopping": None,
        "max_seconds": None,
        "record_every": 1,
        "recorded": ("cost",),
        "description": Description((2, 3), ("sigmoid",), "quadratic"),
    }
    arguments |= {"n": n, **changed}
    return checked_training_arguments(arguments.pop("description"), **arguments)


@pytest.mark.parametrize("value", [0, 3, np.int8(3), np.uint64(2**40), 10**30])
def test_whole_numbers_of_any_type_become_int(value: object) -> None:
    """Python's and NumPy's integers are accepted."""
    number = whole_number(value, "epochs", least=0)
    assert type(number) is int
    assert number == value


@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True, np.bool_(1), [1], np.ones(2, int), 1j])
def test_anything_but_a_whole_number_is_rejected(value: object) -> None:
    """The error shows the argument's name, its value and what was expected."""
    with pytest.raises(ArgumentError) as caught:
        whole_number(value, "epochs", least=0)
    assert str(caught.value).startswith("epochs ")
    assert f"got {value!r}, expected a whole number, 0 or more" in str(caught.value)


def test_the_least_number_is_accepted() -> None:
    """The bound is inclusive."""
    assert whole_number(1, "n", least=1) == 1
    with pytest.raises(ArgumentError):
        whole_number(0, "n", least=1)


@pytest.mark.parametrize("n", [1, 9, 10, 11, 1000])
def test_the_default_mini_batch_shrinks_to_small_data(n: int) -> None:
    """The default is min(10, n)."""
    assert DEFAULT_MINI_BATCH_SIZE == 10
    assert checked(n).mini_batch_size == min(10, n)


def test_an_explicit_larger_mini_batch_raises() -> None:
    """The error shows both numbers; n itself is accepted."""
    assert checked(7, mini_batch_size=7).mini_batch_size == 7
    with pytest.raises(ArgumentError, match=r"mini_batch_size=8 for 7 samples.*mini_batch_size=7"):
        checked(7, mini_batch_size=8)


def test_defaults() -> None:
    """The defaults are SGD(0.5), no penalty, one thread, no callback."""
    settings = checked()
    assert settings.recipe.optimizer == DEFAULT_OPTIMIZER == SGD(0.5)
    assert (settings.epochs, settings.weight_decay, settings.shuffle) == (3, 0.0, True)
    assert (settings.threads, settings.callbacks, settings.restore_best) == (1, (), False)
    assert (settings.schedule, settings.early_stopping, settings.max_seconds) == (None,) * 3


def test_numpy_numbers_are_accepted() -> None:
    """NumPy's scalars are converted to Python's."""
    settings = checked(
        epochs=np.int32(2), mini_batch_size=np.uint8(4), weight_decay=np.float32(0.5),
        n_threads=np.int64(2),
    )  # fmt: skip
    assert (settings.epochs, settings.mini_batch_size, settings.threads) == (2, 4, 2)
    assert settings.weight_decay == 0.5
    assert type(settings.weight_decay) is float


@pytest.mark.parametrize(
    "callbacks", [[len], (len,), iter([len]), (f for f in [len])], ids=["list", "tuple", *"ig"]
)
def test_callbacks_of_any_iterable_are_accepted(callbacks) -> None:
    """A list, a tuple or an iterator of functions."""
    assert checked(callbacks=callbacks).callbacks == (len,)


WRONG = [
    ("epochs", -1),
    ("epochs", 1.5),
    ("epochs", True),
    ("mini_batch_size", 0),
    ("mini_batch_size", -10),
    ("mini_batch_size", 2.0),
    ("mini_batch_size", 7),
    ("optimizer", "sgd"),
    ("optimizer", 0.5),
    ("optimizer", 0),
    ("optimizer", SGD),
    ("weight_decay", -0.1),
    ("weight_decay", np.nan),
    ("weight_decay", np.inf),
    ("weight_decay", "0.1"),
    ("weight_decay", None),
    ("weight_decay", 10**400),
    ("n_threads", 0),
    ("n_threads", -1),
    ("n_threads", 1.0),
    ("n_threads", True),
    ("n_threads", None),
    ("n_threads", "all"),
    ("n_threads", np.ones(2, int)),
    ("callbacks", print),
    ("callbacks", 5),
    ("callbacks", [print, 5]),
    ("callbacks", "fn"),
    ("restore_best", True),
    ("validation", ()),
    ("validation", (X,)),
    ("validation", (X, LABELS, LABELS, LABELS)),
    ("validation", X),
    ("validation", 5),
    ("schedule", 0.5),
    ("schedule", "cosine"),
    ("schedule", Step),
    ("early_stopping", 5),
    ("early_stopping", True),
    ("early_stopping", EarlyStopping),
    ("max_seconds", 0),
    ("max_seconds", -1),
    ("max_seconds", np.inf),
    ("max_seconds", np.nan),
    ("max_seconds", "60"),
    ("max_seconds", True),
    ("record_every", 0),
    ("record_every", 1.5),
    ("record_every", None),
    ("validation_split", -0.1),
    ("validation_split", 1.0),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=brief)
def test_wrong_arguments_of_train_change_nothing(name: str, value: object) -> None:
    """Each raises an ArgumentError with its name before anything has changed."""
    net, untouched = Network([2, 3], seed=1), Network([2, 3], seed=1)
    said = "callback" if name == "callbacks" else "mini-batch" if value is WRONG[6][1] else name
    with pytest.raises(ArgumentError, match=said):
        net.train(X, LABELS, **{"epochs": 1, name: value})
    assert net.parameters.tolist() == untouched.parameters.tolist()
    assert (net.epochs, net.trained) == (0, [])
    net.train(X, LABELS, epochs=1)
    untouched.train(X, LABELS, epochs=1)
    assert net.parameters.tolist() == untouched.parameters.tolist()


def small(dtype: str, **how) -> tuple[Network, np.ndarray, np.ndarray]:
    """Return a network, inputs with a second row of zeros, and targets."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((3, 40)).astype(dtype)
    X[1] = 0
    given = {"activation": "tanh", "output": "identity", "cost": "quadratic", "seed": 2, **how}
    return Network([3, 4, 1], dtype=dtype, **given), X, X[:1] - 0.5 * X[2:]


# A setting out of range for float32 or float64, and its name.
NOT_IN_THE_TYPE = (
    ("float32", "epsilon", lambda e: {"optimizer": Adam(epsilon=e)}, 3e-45),
    ("float32", "epsilon", lambda e: {"optimizer": Adam(epsilon=e)}, 2e-38),  # corrected: 6e-40
    ("float32", "epsilon", lambda e: {"optimizer": AdamW(epsilon=e)}, 1e-60),
    ("float32", "epsilon", lambda e: {"optimizer": RMSprop(epsilon=e)}, 9e-39),
    ("float64", "epsilon", lambda e: {"optimizer": RMSprop(epsilon=e)}, 1e-312),
    ("float64", "epsilon", lambda e: {"optimizer": Adam(beta_2=0.99, epsilon=e)}, 1e-307),
    ("float32", "learning_rate", lambda rate: {"optimizer": SGD(rate)}, 4e38),
    ("float32", "weight_decay", lambda rate: {"optimizer": AdamW(weight_decay=rate)}, 1e40),
    ("float32", "weight_decay", lambda decay: {"weight_decay": decay}, 1e39),
    ("float32", "l1", lambda l1: {"l1": l1}, 1e300),
)


@pytest.mark.parametrize(("dtype", "name", "arguments", "value"), NOT_IN_THE_TYPE)
def test_a_setting_out_of_range_for_the_type_is_rejected(dtype, name, arguments, value) -> None:
    """The error names setting and type, and nothing has changed; its advice is accepted."""
    net, X, Y = small(dtype)
    before, words = net.parameters.copy(), "infinite" if value > 1 else "0"
    with pytest.raises(ArgumentError) as caught:
        net.train(X, Y, **arguments(value))
    assert str(caught.value).startswith(f"{name} is {words} in {dtype}: got {value!r}, expected ")
    assert same_bits(net.parameters, before)
    assert not net.trained

    limit = float(re.search(r"expected (\S+) (or more|at most)", str(caught.value))[1])
    how = arguments(limit)
    if words == "0":
        net.train(X, Y, epochs=30, **how)
        assert np.isfinite(net.parameters).all()
        assert not same_bits(net.parameters, before)
        # The weights of the input that is always 0 have no gradient.
        np.testing.assert_array_equal(net.weights[0][:, 1] != 0, before[1:12:3] != 0)
    else:  # nearly infinite: the weights diverge, but without this error
        checked(description=net.description, **how)
    if dtype == "float32":
        assert str(caught.value).endswith('or take dtype="float64".')
        wide, X, Y = small("float64")
        checked(description=wide.description, **arguments(value))


@pytest.mark.parametrize(
    ("how", "as_good_as"),
    [
        ({"optimizer": SGD(2e-46)}, {"optimizer": SGD(0.0)}),
        ({"optimizer": SGD(0.1), "l1": 3e-50}, {"optimizer": SGD(0.1), "clip_norm": 1e30}),
        ({"optimizer": SGD(0.1), "weight_decay": 1e-50}, {"optimizer": SGD(0.1)}),
        ({"optimizer": SGD(0.1), "dropout": 1e-12}, {"optimizer": SGD(0.1)}),
        ({"clip_norm": 1e-50, "optimizer": SGD(0.1)}, {"optimizer": SGD(0.0)}),
        ({"clip_norm": 1e39, "optimizer": SGD(0.1)}, {"clip_norm": 1e30, "optimizer": SGD(0.1)}),
    ],
    ids=str,
)
def test_a_setting_that_means_the_same_as_zero_or_infinity_is_accepted(how, as_good_as) -> None:
    """The result has the same bits as with 0 or infinity."""
    found = []
    for arguments in (how, as_good_as):
        net, X, Y = small("float32")
        net.train(X, Y, epochs=5, **arguments)
        found.append(net.parameters)
    assert same_bits(*found)


@pytest.mark.parametrize(
    "optimizer",
    [
        SGD(0.01, momentum=1 - 1e-9),
        SGD(0.01, momentum=1 - 1e-9, nesterov=True),
        RMSprop(0.001, rho=1 - 1e-10),
        Adam(0.01, beta_1=1 - 1e-8, beta_2=1 - 1e-9),
    ],
    ids=repr,
)
def test_a_decay_rate_that_float32_rounds_to_one_works(optimizer) -> None:
    """What does not stay is less than a rounding of each step; 1 - beta is not computed from it.

    Twenty steps, each with some roundings of numbers of the size of the weights or less.
    """
    found = {}
    for dtype in ("float32", "float64"):
        net, X, Y = small(dtype)
        first = net.parameters.copy()
        net.train(X, Y, epochs=5, mini_batch_size=10, optimizer=optimizer, shuffle=False)
        found[dtype] = net.parameters
    assert np.abs(found["float64"] - first).max() > 1e-3
    scale = np.abs(found["float64"]).max()
    difference = np.abs(found["float32"].astype(np.float64) - found["float64"]).max()
    assert difference <= 20 * 50 * np.finfo(np.float32).eps * scale
