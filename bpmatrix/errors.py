"""The errors of bpmatrix: each says what is wrong, what was passed, what was expected, what to do.

Every error is a `BpmatrixError` and also a builtin exception, so that code written without bpmatrix
in mind catches it: ``except ValueError`` catches wrong arguments, and also a training that
diverged, since scikit-learn raises a ValueError there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bpmatrix.history import History

__all__ = [
    "ArgumentError",
    "ArrayTypeError",
    "AssignmentError",
    "BpmatrixError",
    "DataError",
    "DataFileError",
    "DataNotFoundError",
    "DestinationError",
    "DivergenceError",
    "DownloadError",
    "MissingPackageError",
    "ModelFileError",
    "ShapeError",
    "ThreadStartError",
    "UnknownArgumentError",
    "UnknownAttributeError",
]


# A message may quote a file of any size; it is cut in the middle, so that the cure remains.
MOST_LETTERS, LETTERS_AFTER_THE_CUT = 2_000, 700


class BpmatrixError(Exception):
    """Base of all errors that bpmatrix raises on purpose.

    The message is one line of at most 2,000 printable characters, although it may quote a file: a
    longer one is shortened in the middle, and control characters are escaped.

    Parameters
    ----------
    what : str
        What is wrong, as a sentence without the final period.
    got, expected : object, optional
        What was passed and what was expected.
    cure : str, optional
        What to do about it, as a sentence.

    Examples
    --------
    >>> print(BpmatrixError("epochs is wrong", got=-1, expected="0 or more", cure="Pass 1."))
    epochs is wrong: got -1, expected 0 or more. Pass 1.
    """

    def __init__(
        self, what: str, *, got: object = None, expected: object = None, cure: str | None = None
    ) -> None:
        parts = []
        if got is not None:
            parts.append(f"got {got}")
        if expected is not None:
            parts.append(f"expected {expected}")
        message = what + (": " + ", ".join(parts) if parts else "")
        if parts or cure:
            message += "."
        if cure:
            message += " " + cure
        super().__init__(_on_a_line(message))


class ShapeError(BpmatrixError, ValueError):
    """An array has the wrong number of axes, rows or columns."""


class ArrayTypeError(BpmatrixError, TypeError):
    """An argument is not an array of real numbers: text, dates, complex numbers."""


class DataError(BpmatrixError, ValueError):
    """The numbers in an array cannot be used: NaN, infinity, a label out of range, no samples."""


class ArgumentError(BpmatrixError, ValueError):
    """An argument other than an array has an invalid value."""


class UnknownArgumentError(ArgumentError, TypeError):
    """A call has an unknown keyword, perhaps one of another library."""


class UnknownAttributeError(BpmatrixError, AttributeError):
    """A network does not have this attribute; perhaps it is one of another library."""


class AssignmentError(BpmatrixError, TypeError, AttributeError):
    """An array was assigned to an attribute that can only be changed in place."""


class DataFileError(BpmatrixError, ValueError):
    """A data file is damaged, truncated or in another format."""


class DataNotFoundError(BpmatrixError, FileNotFoundError):
    """A data set or file was not found."""


class DestinationError(BpmatrixError, OSError):
    """The destination is not a file: writing would replace a folder, a device or a pipe."""


class DownloadError(BpmatrixError, OSError):
    """A data set could not be downloaded."""


class MissingPackageError(BpmatrixError, ImportError):
    """An optional package is missing or too old."""

    @classmethod
    def of_extra(cls, what: str, package: str, extra: str) -> MissingPackageError:
        """Return the error with the command that installs the package.

        Parameters
        ----------
        what : str
            What needs the package, as the subject of a sentence.
        package : str
            The package.
        extra : str
            The extra in ``pyproject.toml`` that lists it.

        Examples
        --------
        >>> print(MissingPackageError.of_extra("it", "jax", "bench"))
        it needs jax, which is missing or too old. In a clone of bpmatrix: pip install '.[bench]'
        """
        return cls(
            f"{what} needs {package}, which is missing or too old",
            cure=f"In a clone of bpmatrix: pip install '.[{extra}]'",
        )


class ModelFileError(BpmatrixError, ValueError):
    """A model file is damaged, in another format, or does not describe a network."""


class ThreadStartError(BpmatrixError, RuntimeError):
    """The system cannot start another thread, for example for lack of memory."""


class DivergenceError(BpmatrixError, ArithmeticError, ValueError):
    """A cost or weight became NaN or infinite during training.

    Also a ValueError, because that is what scikit-learn raises.

    Attributes
    ----------
    epoch : int
        The epoch in which it happened, counted from 1 over all training of the network.
    step : int
        The mini-batch of that epoch, counted from 1; the weights are those from the start of its
        slice of mini-batches.
    history : History
        What was recorded up to the end of the previous epoch.
    """

    def __init__(
        self, what: str, *, epoch: int, step: int, history: History, cure: str | None = None
    ) -> None:
        super().__init__(what, cure=cure)
        self.epoch = epoch
        self.step = step
        self.history = history

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the complete message, since the constructor takes keywords."""
        return _restore_divergence, (self.args[0], self.epoch, self.step, self.history)


def _on_a_line(message: str) -> str:
    """Return the message on one line, short and without control characters."""
    line = _shortened(message)
    if not line.isprintable():
        line = re.sub(r"\s*\n\s*", " ", line)
        line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)
    return _shortened(line)


def _shortened(text: str) -> str:
    if len(text) <= MOST_LETTERS:
        return text
    mark = " ... "
    first = MOST_LETTERS - len(mark) - LETTERS_AFTER_THE_CUT
    return text[:first] + mark + text[-LETTERS_AFTER_THE_CUT:]


def _restore_divergence(message: str, epoch: int, step: int, history: History) -> DivergenceError:
    return DivergenceError(message, epoch=epoch, step=step, history=history)
