"""Progress as callbacks: what `Network.train` tells of each epoch, for people to read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from bpmatrix.history import EpochInfo

__all__ = ["lines"]

# Outside of these bounds a number with four decimals says too little or takes too much room.
PLAIN_FROM, PLAIN_TO = 1e-3, 1e4


def lines(
    stream: TextIO | None = None, *, monitored: str = "validation"
) -> Callable[[EpochInfo], None]:
    """Return a callback that writes a line for each epoch, below a line with the names.

    Parameters
    ----------
    stream : text stream, optional
        Where to write; flushed after each line. None is standard output.
    monitored : str, default "validation"
        What the samples passed as ``validation`` are called in the heading.

    Returns
    -------
    callable
        For ``callbacks=[...]`` of one run of training; a second run takes a new one.

    Examples
    --------
    >>> from bpmatrix import Network, datasets, progress
    >>> digits = datasets.load("digits")
    >>> net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
    >>> history = net.train(
    ...     digits.train.X,
    ...     digits.train.labels,
    ...     epochs=2,
    ...     validation=(digits.validation.X, digits.validation.labels),
    ...     callbacks=[progress.lines()],
    ... )  # doctest: +ELLIPSIS
    epoch       cost  validation accuracy  seconds
      1/2     2.8...              5... %     ...
      2/2     1.4...              9... %     ...
    """
    begun = False

    def write(entry: EpochInfo) -> None:
        nonlocal begun
        file = sys.stdout if stream is None else stream
        cells = _cells(entry, monitored)
        if not begun:
            print(*cells, sep="  ", file=file)
            begun = True
        row = (f"{value:>{len(heading)}}" for heading, value in cells.items())
        print(*row, sep="  ", file=file, flush=True)

    return write


def _cells(entry: EpochInfo, monitored: str) -> dict[str, str]:
    """Return what is known of an epoch, under headings as wide as any value."""
    last = str(entry.last_epoch)
    cells = {
        f"{'epoch':>{2 * len(last) + 1}}": f"{entry.epoch}/{last}",
        f"{'cost':>9}": _number(entry.cost),
    }
    if entry.validation_accuracy is not None:
        cells[f"{monitored} accuracy"] = f"{100 * entry.validation_accuracy:.2f} %"
    elif entry.validation_cost is not None:
        cells[f"{monitored} cost"] = _number(entry.validation_cost)
    return cells | {"seconds": f"{entry.seconds:.2f}"}


def _number(value: float) -> str:
    return f"{value:.4f}" if PLAIN_FROM <= abs(value) < PLAIN_TO else f"{value:.3e}"
