"""What an accuracy is worth: beside it what naming one class for all samples would get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmatrix.cli.show import percent, say

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["accuracy_in_words", "warn_of_a_ruling_class"]

# From this share of the samples on, an accuracy that looks good may be worth nothing.
RULES = 0.8


def accuracy_in_words(hits: int, classes: NDArray[Any], where: str = "") -> str:
    """Return an accuracy, and what the largest class alone gets where it rules.

    Parameters
    ----------
    hits : int
        How many samples are right.
    classes : ndarray of shape (n,)
        The true class of each.
    where : str, optional
        What the samples are.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy_in_words(8, np.array(["ill"] + ["well"] * 9), "the test rows")
    "80.00 % (8 of 10) on the test rows; 'well' for all of them: 90.00 %"
    >>> accuracy_in_words(3, np.array([0, 1, 1, 2]))
    '75.00 % (3 of 4)'
    """
    n = classes.size
    text = f"{percent(hits / n)} ({hits:,} of {n:,})" + (f" on {where}" if where else "")
    name, share = _largest(classes)
    return text if share < RULES else f"{text}; {name!r} for all of them: {percent(share)}"


def warn_of_a_ruling_class(classes: NDArray[Any]) -> None:
    """Warn on standard error where most of the samples to train on are of one class."""
    name, share = _largest(classes)
    if share >= RULES:
        say(
            f"bpmatrix: warning: {percent(share)} of the training samples are of class {name!r},"
            " so that many are right without any learning: an accuracy says little, compare it"
            " with that",
            err=True,
        )


def _largest(classes: NDArray[Any]) -> tuple[Any, float]:
    """Return the largest class, and its share of the samples."""
    import numpy as np  # noqa: PLC0415

    names, counts = np.unique(classes, return_counts=True)
    k = int(counts.argmax())
    return names[k].item(), float(counts[k] / classes.size)
