"""Callbacks that show the progress of `Network.train`."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Self, TextIO

from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo, History
from bpmatrix.markup import curves, table
from bpmatrix.terminal import Line, filled, in_notebook

__all__ = ["Bar", "Curve", "bar", "counter", "curve", "lines"]

# Outside these bounds a number with four decimals has too few digits or takes too much space.
PLAIN_FROM, PLAIN_TO = 1e-3, 1e4
SECONDS_BETWEEN_DRAWINGS = 0.1
# A notebook stores and sends the whole picture each time.
SECONDS_BETWEEN_CURVES = 0.5
CURVE = (360, 120)  # width and height in pixels


def lines(
    stream: TextIO | None = None, *, monitored: str = "validation"
) -> Callable[[EpochInfo], None]:
    """Return a callback that writes a heading, and one line per epoch.

    Parameters
    ----------
    stream : text stream, optional
        Where to write; flushed after each line. None means standard output.
    monitored : str, default "validation"
        What to call the ``validation`` samples in the heading.

    Returns
    -------
    callable
        For ``callbacks=[...]``. Create a new one for each run.

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
    _check_stream(stream, "lines")
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


class Bar:
    """A callback that redraws one line; created by `bar`."""

    def __init__(self, stream: TextIO | None, monitored: str) -> None:
        self._line = Line(sys.stdout if stream is None else stream)
        self._monitored = monitored
        self._begin()

    def _begin(self) -> None:
        self._text, self._epochs, self._seconds, self._drawn_at = "", 0, 0.0, -math.inf

    def __enter__(self) -> Self:
        """Begin a run."""
        self._begin()
        return self

    def __call__(self, entry: EpochInfo) -> None:
        """Redraw the line, unless it was drawn a moment ago."""
        self._epochs += 1
        self._seconds += entry.seconds
        self._text = self._text_of(entry)
        if self._seconds - self._drawn_at >= SECONDS_BETWEEN_DRAWINGS:
            self._line.draw(self._text)
            self._drawn_at = self._seconds

    def __exit__(self, *_: object) -> None:
        """Draw the last state and end the line, however the run ended."""
        self._line.draw(self._text)
        self._line.end()

    def _text_of(self, entry: EpochInfo) -> str:
        left = entry.last_epoch - entry.epoch
        (_, place), *cells, _ = _cells(entry, self._monitored).items()
        figures = ", ".join(f"{name.strip()} {value}" for name, value in cells)
        seconds = f"{self._seconds / self._epochs * left:.0f} s left"
        place = f"{place:>{2 * len(str(entry.last_epoch)) + 1}}"
        return f"{place} {filled(self._epochs / (self._epochs + left))} {figures}, {seconds}"


def bar(stream: TextIO | None = None, *, monitored: str = "validation") -> Bar:
    """Return a callback that draws a bar in a terminal or a notebook, and nothing elsewhere.

    Parameters
    ----------
    stream : text stream, optional
        Where to draw. None means standard output.
    monitored : str, default "validation"
        What to call the ``validation`` samples.

    Returns
    -------
    callable
        For ``callbacks=[...]``, for one run at a time.

    Examples
    --------
    >>> from bpmatrix import Network, progress
    >>> net = Network([1, 1], seed=1)
    >>> history = net.train([[0.0, 1.0]], [0.0, 1.0], callbacks=[progress.bar()])  # no terminal
    """
    _check_stream(stream, "bar")
    return Bar(stream, monitored)


class Curve:
    """A callback that redraws curves in a notebook; created by `curve`."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._history, self._drawn_at, self._seconds = History(seed=0), -math.inf, 0.0
        self._cell: Any = None

    def __enter__(self) -> Self:
        """Begin a run."""
        self._begin()
        return self

    def __call__(self, entry: EpochInfo) -> None:
        """Redraw the curves, unless they were drawn a moment ago."""
        self._history.epochs.append(entry)
        self._seconds += entry.seconds
        if self._seconds - self._drawn_at >= SECONDS_BETWEEN_CURVES:
            self._draw()

    def __exit__(self, *_: object) -> None:
        """Draw the last state, however the run ended."""
        if self._history.epochs:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = self._seconds
        page = import_module("IPython.display").HTML(self._page())
        if self._cell is None:
            self._cell = import_module("IPython.display").display(page, display_id=True)
        else:
            self._cell.update(page)

    def _page(self) -> str:
        history, last = self._history, self._history.epochs[-1]
        shown = {
            "cost": (history.cost, history.validation_cost),
            "accuracy": (history.accuracy, history.validation_accuracy),
        }
        rows = [
            [
                name,
                curves(*filter(None, pair), width=CURVE[0], height=CURVE[1]),
                *(f"{values[-1]:.4g}" if values else "" for values in pair),
            ]
            for name, pair in shown.items()
            if any(pair)
        ]
        title = f"epoch {last.epoch}/{last.last_epoch}, {self._seconds:.0f} s"
        return table(title, ["", "by epoch", "training", "validation (dashed)"], rows)


def curve(stream: TextIO | None = None) -> Curve | Bar:
    """Return a callback that draws the learning curves of a run in a notebook, as it goes.

    Elsewhere it is the same as `bar`.

    Parameters
    ----------
    stream : text stream, optional
        Where to draw the bar. None means standard output.

    Returns
    -------
    callable
        For ``callbacks=[...]``, for one run at a time.

    Examples
    --------
    >>> from bpmatrix import Network, progress
    >>> net = Network([1, 1], seed=1)
    >>> history = net.train([[0.0, 1.0]], [0.0, 1.0], callbacks=[progress.curve()])  # no notebook
    """
    _check_stream(stream, "curve")
    return Curve() if stream is None and in_notebook() else bar(stream)


def counter(stream: TextIO | None = None) -> Callable[[int, int], None]:
    """Return a function for ``progress=`` of `train_many`: how many are done, a rate, what is left.

    Parameters
    ----------
    stream : text stream, optional
        Where to draw, if it is a terminal or a notebook. None means standard output.

    Returns
    -------
    callable
        For one call. What was done before it, from a file of results, counts for no rate.

    Examples
    --------
    >>> from bpmatrix import Network, progress, train_many
    >>> nets = [Network([1, 1], seed=seed) for seed in range(2)]
    >>> outcomes = train_many(nets, [[0.0, 1.0]], [0, 1], progress=progress.counter())
    """
    _check_stream(stream, "counter")
    line, start, before = Line(sys.stdout if stream is None else stream), time.perf_counter(), -1

    def draw(done: int, of: int) -> None:
        nonlocal before, start
        if before < 0:
            before, start = done, time.perf_counter()
        seconds, here = time.perf_counter() - start, done - before
        rate = here / seconds if seconds and here else math.inf
        left = f", {rate:.3g} per second, {(of - done) / rate:.0f} s left" if here else ""
        line.draw(f"{done}/{of} {filled(done / of if of else 1.0)} networks{left}")
        if done == of:
            line.end()

    return draw


def _check_stream(stream: object, name: str) -> None:
    """Check that the stream can be written to: ``callbacks=[progress.bar]`` would pass an epoch."""
    if not (stream is None or hasattr(stream, "write")):
        raise ArgumentError(
            f"progress.{name} needs a stream to write to",
            got=type(stream).__name__,
            cure=f"Call it: callbacks=[progress.{name}()].",
        )


def _cells(entry: EpochInfo, monitored: str) -> dict[str, str]:
    """Return the figures of an epoch by heading; headings are as wide as any value."""
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
