"""Print lines, facts and tables, and results for other programs.

Names of classes, columns, machines and models come from files, so all printing happens here and
removes control characters, which could move the cursor, rename the window or hide a line. Facts
and tables are styled on a terminal; in a pipe they are plain and never cut.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TextIO, cast

import click

from bpmatrix.terminal import Line, filled

if TYPE_CHECKING:
    from rich.console import Console


WIDTH_OF_A_PIPE = 10_000  # rich needs one
GAP = 2  # between two columns
SECONDS_OF_SILENCE, SECONDS_BETWEEN_LINES = 1.0, 10.0


def say(line: object = "", *, err: bool = False) -> None:
    """Print a line on standard output, or on standard error, whose failure is ignored."""
    with suppress(OSError) if err else nullcontext():
        click.echo(printable(line), err=err)


@contextmanager
def lasting_output() -> Iterator[None]:
    """Go on if standard output can no longer be written to; raise the error at the end.

    For work with another result, which must not be lost to a full disk or a closed pipe.
    """
    output = sys.stdout
    lasting = _Lasting(output)
    sys.stdout = cast("TextIO", lasting)
    try:
        yield
    finally:
        sys.stdout = output
    if lasting.error is not None:
        raise lasting.error


class _Lasting:
    """A text stream that keeps its first error, and writes nothing afterwards."""

    error: OSError | None = None

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def _try(self, call: Callable[[], object]) -> None:
        if self.error is None:
            try:
                call()
            except OSError as error:
                error.filename = "standard output"
                self.error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def errors_reach_a_terminal() -> bool:
    """Return whether standard error is a terminal, which can show a bar."""
    return sys.stderr.isatty()


def hand_over(content: bytes) -> None:
    """Write UTF-8 lines to standard output: byte for byte, unless it is a terminal."""
    if sys.stdout.isatty():
        for line in content.decode().split("\n")[:-1]:
            say(line)
    elif hasattr(sys.stdout, "buffer"):
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:  # replaced by a text stream
        sys.stdout.write(content.decode())


def facts(rows: Iterable[tuple[str, object]]) -> None:
    """Print a line for each pair of a name and a value."""
    from rich.text import Text  # noqa: PLC0415 - rich loads only if something is printed

    console = _console()
    pairs = [(printable(name), printable(value)) for name, value in rows]
    width = 2 + max(len(name) for name, _ in pairs)
    for name, value in pairs:
        console.print(Text.assemble((f"{name:<{width}}", "bold"), value), soft_wrap=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; columns with an integer in the first row are right-aligned.

    Words are never cut: if they do not fit side by side, the terminal breaks the lines.
    """
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    body = list(rows)
    headings = [printable(heading) for heading in headings]
    texts = [[f"{v:,}" if isinstance(v, int) else printable(v) for v in row] for row in body]
    console = _console()
    widths = _widths(list(zip(headings, *texts, strict=True)), console.width - GAP * len(headings))
    console.width = max(console.width, sum(widths) + GAP * len(widths))
    grid = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for heading, value, width in zip(headings, body[0], widths, strict=True):
        grid.add_column(
            Text(heading), justify="right" if isinstance(value, int) else "left", width=width
        )
    for row in texts:
        grid.add_row(*map(Text, row))
    console.print(grid)


def _widths(columns: Sequence[Sequence[str]], total: int) -> list[int]:
    """Return the width of each column: its texts on one line, or wrapped to fit into `total`."""
    from rich.cells import cell_len  # noqa: PLC0415

    widths = [max(cell_len(word) for t in texts for word in t.split(" ")) for texts in columns]
    wanted = [max(map(cell_len, texts)) for texts in columns]
    rest = total - sum(widths)
    if rest < 0:
        return wanted
    for k, most in enumerate(wanted):
        more = min(rest, most - widths[k])
        widths[k], rest = widths[k] + more, rest - more
    return widths


@contextmanager
def progress_bar() -> Iterator[Callable[[float, str], None]]:
    """Draw a bar on standard error, if that is a terminal.

    Yield a function to call with the fraction of the work done and the name of the next step.
    """
    line, start = Line(sys.stderr), time.monotonic()

    # Drawn only when called: a drawing thread would wake up during timings.
    def watch(part: float, what: str) -> None:
        line.draw(f"{filled(part)} {time.monotonic() - start:.0f} s, {printable(what)}")

    try:
        yield watch
    finally:
        line.end()


@contextmanager
def announced(what: str) -> Iterator[None]:
    """Print what is being done on standard error once it takes long, and for how long it has."""
    done = Event()

    def announce() -> None:
        start, pause = time.monotonic(), SECONDS_OF_SILENCE
        while not done.wait(pause):
            seconds, pause = time.monotonic() - start, SECONDS_BETWEEN_LINES
            say(f"bpmatrix: {what} ... {seconds:.0f} s", err=True)

    Thread(target=announce, daemon=True).start()
    try:
        yield
    finally:
        done.set()


def size_in_words(source: str) -> str:
    """Return the name of a file and its size, or only the name if there is no such file."""
    try:
        size = Path(source).stat().st_size
    except OSError:
        return source
    return f"{source} ({size / 1e6:,.0f} MB)"


def percent(fraction: float) -> str:
    """Return a fraction as a percentage with two decimals.

    Examples
    --------
    >>> percent(0.95125)
    '95.12 %'
    """
    return f"{100 * fraction:.2f} %"


def printable(value: object) -> str:
    r"""Return a value as one line of text, with control characters replaced.

    Examples
    --------
    >>> printable("\x1b[2Jmodel"), printable("a long\n    text")
    ('?[2Jmodel', 'a long text')
    """
    line = re.sub(r"\s*\n\s*", " ", str(value))
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def quoted(path: object) -> str:
    """Return a path quoted for the shell, for a command that users copy.

    Examples
    --------
    >>> quoted("model.safetensors")
    'model.safetensors'
    """
    text = printable(path)
    return subprocess.list2cmdline([text]) if os.name == "nt" else shlex.quote(text)


def _console() -> Console:
    from rich.console import Console  # noqa: PLC0415

    width = None if sys.stdout.isatty() else WIDTH_OF_A_PIPE
    return Console(width=width)
