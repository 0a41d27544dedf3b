"""The errors of bpmatrix: each says what is wrong, what came, what was expected, and the cure.

Every error is a `BpmatrixError` and also the builtin that it refines, so that code that knows
nothing of bpmatrix still catches it: ``except ValueError`` what is wrong with an argument, and a
training that diverged, which scikit-learn tells by a ValueError too.
"""

from __future__ import annotations

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


class BpmatrixError(Exception):
    """Base of all errors that bpmatrix raises on purpose.

    Parameters
    ----------
    what : str
        What is wrong, as a sentence without its full stop.
    got, expected : object, optional
        What came and what was expected.
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
        super().__init__(message)


class ShapeError(BpmatrixError, ValueError):
    """An array has the wrong number of axes, rows or columns."""


class ArrayTypeError(BpmatrixError, TypeError):
    """An argument is no array of numbers: a DataFrame, text, complex numbers."""


class DataError(BpmatrixError, ValueError):
    """The numbers in an array cannot be used: NaN, infinity, a label out of range, no samples."""


class ArgumentError(BpmatrixError, ValueError):
    """An argument that is no array has a value that bpmatrix does not take."""


class UnknownArgumentError(ArgumentError, TypeError):
    """A call has a keyword that the function does not take, as a word of another library."""


class UnknownAttributeError(BpmatrixError, AttributeError):
    """A network has no such attribute; perhaps one of another library has."""


class AssignmentError(BpmatrixError, TypeError, AttributeError):
    """Something was to be replaced that can only be written into."""


class DataFileError(BpmatrixError, ValueError):
    """A data file is damaged, truncated or of another format."""


class DataNotFoundError(BpmatrixError, FileNotFoundError):
    """A data set or file is nowhere to be found."""


class DestinationError(BpmatrixError, OSError):
    """A file cannot be written to the place that was named: no file may take the place of it."""


class DownloadError(BpmatrixError, OSError):
    """A data set could not be downloaded."""


class MissingPackageError(BpmatrixError, ImportError):
    """A package is not installed, or too old, that only a part of bpmatrix needs."""

    @classmethod
    def of_extra(cls, what: str, package: str, extra: str) -> MissingPackageError:
        """Return the error with the command that brings the package.

        Parameters
        ----------
        what : str
            What needs the package, as the subject of a sentence.
        package : str
            The package.
        extra : str
            The extra in ``pyproject.toml`` that names it.

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
    """A model file is damaged, of another format, or does not describe a network."""


class ThreadStartError(BpmatrixError, RuntimeError):
    """The system starts no further thread, or has no memory for one."""


class DivergenceError(BpmatrixError, ArithmeticError, ValueError):
    """Training met a cost or weight that is not finite.

    An ArithmeticError by what happened, a ValueError because that is what scikit-learn raises.

    Attributes
    ----------
    epoch : int
        The epoch in which it happened, counted from 1 over all the network's training.
    step : int
        The mini-batch of that epoch, counted from 1; the weights are those of the start of the
        slice of mini-batches that holds it.
    history : History
        What was recorded up to the end of the epoch before.
    """

    def __init__(
        self, what: str, *, epoch: int, step: int, history: History, cure: str | None = None
    ) -> None:
        super().__init__(what, cure=cure)
        self.epoch = epoch
        self.step = step
        self.history = history

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the finished message, since the constructor takes keywords."""
        return _restore_divergence, (self.args[0], self.epoch, self.step, self.history)


def _restore_divergence(message: str, epoch: int, step: int, history: History) -> DivergenceError:
    return DivergenceError(message, epoch=epoch, step=step, history=history)
