"""Errors: their messages, their builtin base classes, copying and pickling."""

from __future__ import annotations

import copy
import pickle

import pytest

from bpmatrix import errors
from bpmatrix.errors import BpmatrixError, DivergenceError
from bpmatrix.history import EpochInfo, History

BUILTIN = {
    "ArgumentError": ValueError,
    "ArrayTypeError": TypeError,
    "AssignmentError": (TypeError, AttributeError),
    "DataError": ValueError,
    "DataFileError": ValueError,
    "DataNotFoundError": FileNotFoundError,
    "DestinationError": OSError,
    "DivergenceError": ArithmeticError,
    "DownloadError": OSError,
    "MissingPackageError": ImportError,
    "ModelFileError": ValueError,
    "ShapeError": ValueError,
    "ThreadStartError": RuntimeError,
    "UnknownArgumentError": (ValueError, TypeError),
    "UnknownAttributeError": AttributeError,
}
SIMPLE = sorted(set(BUILTIN) - {"DivergenceError"})


def through_pickle(error: Exception) -> Exception:
    return pickle.loads(pickle.dumps(error))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({}, "it is wrong"),
        ({"got": 0}, "it is wrong: got 0."),
        ({"expected": "1"}, "it is wrong: expected 1."),
        ({"got": -1, "expected": 1}, "it is wrong: got -1, expected 1."),
        ({"cure": "Do that."}, "it is wrong. Do that."),
        ({"got": 2, "expected": 3, "cure": "Do that."}, "it is wrong: got 2, expected 3. Do that."),
    ],
)
def test_message_names_what_got_expected_and_cure(parts: dict, message: str) -> None:
    """A message has what, got, expected and cure in this order; missing parts are omitted."""
    assert str(BpmatrixError("it is wrong", **parts)) == message


@pytest.mark.parametrize(
    "quoted",
    [
        "\x1b[2Jgone", "\x9b2J", "\u202eleft", "half a pair: \ud800", "a\0b", "\x7f" * 4_000_000,
        "one\n   line\n", "x" * 4_000_000, "\n" * 1_000_000 + "x",
    ],
    ids=lambda text: repr(text[:12]),
)  # fmt: skip
@pytest.mark.parametrize("part", ["what", "got", "expected"])
def test_a_message_is_a_short_line_of_printable_characters(part: str, quoted: str) -> None:
    """This holds whatever it quotes; the cure is complete, and pickling keeps the message."""
    parts = {"what": "it is wrong"} | {part: quoted}
    error = BpmatrixError(parts.pop("what"), **parts, cure="Do that.")
    assert len(str(error)) <= 2_000
    assert str(error).isprintable()
    assert str(error).endswith("Do that.")
    assert str(through_pickle(error)) == str(error)


def test_control_characters_are_escaped() -> None:
    """They are escaped as in a Python literal; letters of other scripts stay."""
    assert str(BpmatrixError("Größe", got="\x1b[2J\ud800")) == r"Größe: got \x1b[2J\ud800."


@pytest.mark.parametrize(("name", "builtin"), BUILTIN.items())
def test_every_error_is_also_a_builtin(name: str, builtin) -> None:
    """Code that does not know bpmatrix can catch each error as a builtin exception."""
    error = getattr(errors, name)
    assert issubclass(error, BpmatrixError)
    for kind in builtin if isinstance(builtin, tuple) else [builtin]:
        assert issubclass(error, kind)


def test_divergence_is_a_value_error() -> None:
    """As in scikit-learn, if weights are not finite."""
    with pytest.raises(ValueError, match="training diverged"):
        raise DivergenceError("training diverged", epoch=1, step=1, history=History(1))


def test_the_table_above_is_complete() -> None:
    """Every error in the module is in the table of this file."""
    assert set(errors.__all__) == {*BUILTIN, "BpmatrixError"}


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, through_pickle])
@pytest.mark.parametrize("name", SIMPLE)
def test_errors_are_copied_and_pickled_whole(name: str, copied) -> None:
    """A copy has the same type and message, so errors can leave a worker process."""
    error = getattr(errors, name)("wrong", got=1, expected=2, cure="Do that.")
    same = copied(error)
    assert type(same) is type(error)
    assert str(same) == str(error) == "wrong: got 1, expected 2. Do that."


def test_divergence_error_is_pickled_with_its_numbers() -> None:
    """Epoch, step and History of a DivergenceError survive pickling."""
    entry = EpochInfo(1, 3, 0.5, None, None, None, 2.0, 0.1)
    error = DivergenceError(
        "training diverged", epoch=2, step=7, history=History(5, [entry]), cure="Slow down."
    )
    same = pickle.loads(pickle.dumps(error))
    assert (same.epoch, same.step, same.history) == (2, 7, error.history)
    assert str(same) == str(error) == "training diverged. Slow down."
