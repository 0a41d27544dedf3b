"""Accuracies, compared with that of a constant prediction if one class dominates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpmatrix.cli.show import percent, say

if TYPE_CHECKING:
    from bpmatrix import History, Network
    from bpmatrix.array_types import Array


# If one class has this share of the samples, a constant prediction is as accurate.
DOMINANT = 0.8


def accuracy_in_words(hits: int, classes: Array, where: str = "") -> str:
    """Return an accuracy, and that of always predicting the largest class if it dominates.

    Parameters
    ----------
    hits : int
        How many samples are classified correctly.
    classes : ndarray of shape (n,)
        Their true classes.
    where : str, optional
        How to call the samples.

    Examples
    --------
    >>> import numpy as np
    >>> accuracy_in_words(8, np.array(["ill"] + ["well"] * 9), "the test rows")
    "80.00 % (8 of 10) on the test rows; always 'well': 90.00 %"
    >>> accuracy_in_words(3, np.array([0, 1, 1, 2]))
    '75.00 % (3 of 4)'
    """
    n = classes.size
    text = f"{percent(hits / n)} ({hits:,} of {n:,})" + (f" on {where}" if where else "")
    name, share = _largest(classes)
    return text if share < DOMINANT else f"{text}; always {name!r}: {percent(share)}"


def warn_of_imbalance(classes: Array) -> None:
    """Warn on standard error if most training samples are of one class."""
    name, share = _largest(classes)
    if share >= DOMINANT:
        say(
            f"bpmatrix: warning: {percent(share)} of the training samples are of class {name!r}:"
            " compare accuracies with the one of always predicting it",
            err=True,
        )


def _largest(classes: Array) -> tuple[Any, float]:
    """Return the largest class, and its share of the samples."""
    import numpy as np  # noqa: PLC0415

    names, counts = np.unique(classes, return_counts=True)
    k = int(counts.argmax())
    return names[k].item(), float(counts[k] / classes.size)


def time_in_words(history: History, epochs: int, seconds: float) -> str:
    """Return the duration of the training and what ended it, in words."""
    end, before = history.stopped_by.replace("_", " "), len(history.epochs) - epochs
    after = f", after {before} earlier ones" if before else ""
    why = {"epochs": "", "converged": ", converged"}.get(end, f", ended by {end}")
    return f"{seconds:.2f} s for {epochs} epochs{after}{why}"


def origin_of_weights(net: Network, history: History, *, is_kept: bool) -> str:
    """Return from which epoch the network's weights are."""
    if is_kept and history.best_epoch is not None:
        return f"of epoch {history.best_epoch}"
    text = f"after epoch {net.epochs}"
    if history.stopped_by in {"interrupt", "max_seconds"}:
        text += f" and a part of epoch {net.epochs + 1}"
    return text
