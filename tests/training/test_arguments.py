"""The gate for arguments that are no arrays."""

from __future__ import annotations

import numpy as np
import pytest

from bpmatrix import SGD, EarlyStopping, Network
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
        "recorded": ("cost",),
        "description": Description((2, 3), ("sigmoid",), "quadratic"),
    }
    arguments |= {"n": n, **changed}
    return checked_training_arguments(arguments.pop("description"), **arguments)


@pytest.mark.parametrize("value", [0, 3, np.int8(3), np.uint64(2**40), 10**30])
def test_whole_numbers_of_any_type_become_int(value: object) -> None:
    """Python's and NumPy's integers are taken."""
    number = whole_number(value, "epochs", least=0)
    assert type(number) is int
    assert number == value


@pytest.mark.parametrize("value", [-1, 1.0, "1", None, True, np.bool_(1), [1], np.ones(2, int), 1j])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    """The error names the argument, repeats the value and says what would do."""
    with pytest.raises(ArgumentError) as caught:
        whole_number(value, "epochs", least=0)
    assert str(caught.value).startswith("epochs ")
    assert f"got {value!r}, expected a whole number, 0 or more" in str(caught.value)


def test_the_least_number_itself_is_taken() -> None:
    """The bound belongs to the numbers that are taken."""
    assert whole_number(1, "n", least=1) == 1
    with pytest.raises(ArgumentError):
        whole_number(0, "n", least=1)


@pytest.mark.parametrize("n", [1, 9, 10, 11, 1000])
def test_the_default_mini_batch_shrinks_to_small_data(n: int) -> None:
    """Without a size, a mini-batch holds 10 samples, or all where there are fewer."""
    assert DEFAULT_MINI_BATCH_SIZE == 10
    assert checked(n).mini_batch_size == min(10, n)


def test_an_explicit_larger_mini_batch_raises() -> None:
    """A size above the number of samples names both numbers; as many as there are is fine."""
    assert checked(7, mini_batch_size=7).mini_batch_size == 7
    with pytest.raises(ArgumentError, match=r"mini_batch_size=8 for 7 samples.*mini_batch_size=7"):
        checked(7, mini_batch_size=8)


def test_defaults() -> None:
    """Nothing given means SGD(0.5), no penalty, one thread, no callback."""
    settings = checked()
    assert settings.recipe.optimizer == DEFAULT_OPTIMIZER == SGD(0.5)
    assert (settings.epochs, settings.weight_decay, settings.shuffle) == (3, 0.0, True)
    assert (settings.threads, settings.callbacks, settings.restore_best) == (1, (), False)
    assert (settings.schedule, settings.early_stopping, settings.max_seconds) == (None,) * 3


def test_numbers_of_numpy_are_taken() -> None:
    """NumPy's scalars serve as Python's do, and end up as Python's."""
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
def test_callbacks_of_any_iterable_are_kept(callbacks) -> None:
    """A list, a tuple or an iterator of functions is a sequence of callbacks."""
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
    ("validation_split", -0.1),
    ("validation_split", 1.0),
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=brief)
def test_wrong_arguments_of_train_change_nothing(name: str, value: object) -> None:
    """Each ends in an ArgumentError that names it, before anything has changed."""
    net, untouched = Network([2, 3], seed=1), Network([2, 3], seed=1)
    said = "callback" if name == "callbacks" else "mini-batch" if value is WRONG[6][1] else name
    with pytest.raises(ArgumentError, match=said):
        net.train(X, LABELS, **{"epochs": 1, name: value})
    assert net.parameters.tolist() == untouched.parameters.tolist()
    assert (net.epochs, net.trained) == (0, [])
    net.train(X, LABELS, epochs=1)
    untouched.train(X, LABELS, epochs=1)
    assert net.parameters.tolist() == untouched.parameters.tolist()
