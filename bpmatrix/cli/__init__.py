"""The command line: one module per command, and what they share.

Modules here import numba, NumPy and rich inside functions, never at the top, so that ``--help``
answers at once. They define options and print results; the work is done in lower layers.
"""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

import bpmatrix
from bpmatrix.cli import (
    bench,
    book_to_idx,
    export,
    info,
    page,
    predict,
    reproduce,
    train,
    verify,
    warmup,
)
from bpmatrix.cli.show import say
from bpmatrix.cli.wording import in_options
from bpmatrix.errors import BpmatrixError
from bpmatrix.signals import INTERRUPTED

__all__ = ["main"]

# The last is what a shell says of a program that has ended for writing where nobody reads.
WRONG_USE, NOBODY_READS = 2, 141


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Start with:  bpmatrix train",
)
@click.version_option(bpmatrix.__version__, prog_name="bpmatrix", message="%(prog)s %(version)s")
@click.pass_context
def group(context: click.Context) -> None:
    """Train multilayer perceptrons on CPU, a whole mini-batch as one matrix."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for module in (train, predict, info, page, export, bench, verify, reproduce, book_to_idx, warmup):
    group.add_command(module.command)
group.add_command(book_to_idx.old_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands after the name of the program; None takes it from ``sys.argv``.

    Returns
    -------
    int
        0; 2 after wrong use, bad data or a file that cannot be used, which one line on standard
        error explains; 130 after Ctrl-C; 141 where standard output is a pipe that was closed.

    Examples
    --------
    >>> main(["train", "--epochs", "none"])
    2
    """
    _open_streams()
    said = sys.argv[1:] if arguments is None else arguments
    command = next((group.commands[word] for word in said if word in group.commands), None)
    with warnings.catch_warnings():
        warnings.showwarning = partial(_show_warning, command)
        try:
            status = group.main(arguments, prog_name="bpmatrix", standalone_mode=False)
        except SystemExit:  # by click or rich, for a pipe that was closed
            return NOBODY_READS
        except click.ClickException as error:
            return _fail(_usage(error))
        except click.Abort as end:
            if isinstance(end.__cause__, EOFError):  # click takes it for the end of a terminal
                raise end.__cause__ from None
            say("bpmatrix: interrupted", err=True)
            return INTERRUPTED
        except BpmatrixError as error:
            return _fail(in_options(str(error), command))
        except OSError as error:
            return _fail(_system(error))
        except MemoryError as error:
            return _fail(str(error) or "out of memory")
    return status if isinstance(status, int) else 0


def _open_streams() -> None:
    """Make the streams exist and accept any text; text for a closed one is discarded."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names in a C locale


def _fail(message: str) -> int:
    say(f"bpmatrix: error: {' '.join(message.splitlines())}", err=True)
    return WRONG_USE


def _usage(error: click.ClickException) -> str:
    message = error.format_message()
    context = getattr(error, "ctx", None)
    if message.startswith("Got unexpected extra argument"):  # of a pattern that the shell expanded
        message += ". Several files are one argument: a folder, or a pattern in quotes."
    return f"{message} Try {context.command_path} --help." if context else message


def _system(error: OSError) -> str:
    """Say which file the system refused, and why."""
    parts = (error.filename, error.strerror)
    return ": ".join(str(part) for part in parts if part) or str(error)


def _show_warning(
    command: click.Command | None, message: Warning | str, *_: object, **__: object
) -> None:
    """Show a warning as one line: the place in our code helps no user of the command line."""
    line = " ".join(in_options(str(message), command).splitlines())
    say(f"bpmatrix: warning: {line}", err=True)
