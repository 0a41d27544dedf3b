"""The compiled programs, loaded at the first computation; a first compilation says so."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import numpy as np

from bpmatrix.architecture.description import Description
from bpmatrix.engine.workspace import input_columns, workspace
from bpmatrix.kernels.plan import Step
from bpmatrix.signals import signals_held

__all__ = ["load_program", "warm_up"]

Program = Callable[..., Any]

WORK = {
    "train_slice": "training",
    "evaluate": "prediction",
    "input_gradient": "gradient by the inputs",
}

_loaded: dict[tuple[str, str], Program] = {}
_complaints: list[str] = []

# numba cannot be imported by two threads at once: one finds its modules half made, and may leave a
# lock of llvmlite held for ever. A fork waits for whoever loads, as the child could never go on.
_loading = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_loading.acquire,
        after_in_parent=_loading.release,
        after_in_child=_loading.release,
    )


def load_program(name: str, dtype: str) -> Program:
    """Return a compiled program, ready for the type: from memory, from disk, or compiled now.

    A compilation happens once per machine and version. It takes some seconds, and a line on
    standard error says so; another one says so where the machine code cannot be kept on disk.

    Ctrl-C waits for the end: an import or a compilation by numba that was interrupted can leave a
    process in which the next one fails.

    Parameters
    ----------
    name : {"train_slice", "evaluate", "input_gradient"}
        Which of the programs.
    dtype : {"float64", "float32"}
        The type that it computes in.
    """
    if (name, dtype) not in _loaded:
        with _loading, signals_held():
            for module in ("epoch", "evaluate"):
                import_module(f"bpmatrix.kernels.programs.{module}")
            with _compilation_announced(WORK[name], dtype):
                if (name, dtype) not in _loaded:
                    _loaded[name, dtype] = _load(name, dtype)
    return _loaded[name, dtype]


def warm_up(dtypes: tuple[str, ...] = ("float64", "float32")) -> float:
    """Make training and prediction ready; return the seconds that it took.

    Examples
    --------
    >>> seconds = warm_up(("float64",))
    >>> seconds >= 0
    True
    """
    start = time.perf_counter()
    for dtype in dtypes:
        for name in ("train_slice", "evaluate"):
            load_program(name, dtype)
    return time.perf_counter() - start


def _load(name: str, dtype: str) -> Program:
    """Call the program once with arguments of the right types, which compiles or loads it."""
    table, work = workspace(Description((1, 1), ("identity",), "quadratic", dtype=dtype), 1)
    sample = np.zeros(1)
    data = input_columns(sample[None, :], 1.0)
    theta, costs, hits = np.zeros(2, dtype), np.zeros(1), np.zeros(1, np.int64)
    if name == "train_slice":
        from bpmatrix.kernels.programs.epoch import train_slice  # noqa: PLC0415 - numba loads here

        control, order, totals = np.zeros(32, np.int64), np.zeros(1, np.int64), np.zeros((1, 3))
        moments = sums = np.zeros((0, theta.size), dtype)
        memory = table, theta, moments, sums, work
        samples = data, data, data, order, np.array([[0, 1, 0]])
        step = Step(*[0.0] * len(Step._fields))._replace(longest=np.inf)  # there is room for no sum
        how = 0, np.array([step]), 0, 0
        records = costs, hits, totals, np.zeros((0, 2))
        train_slice(0, 1, control, *memory, *samples, *how, *records)
        return train_slice
    if name == "input_gradient":
        from bpmatrix.kernels.programs.input_gradient import input_gradient  # noqa: PLC0415

        input_gradient(table, theta, work, data, data, -1, 0, 1, np.zeros(1, dtype))
        return input_gradient
    from bpmatrix.kernels.programs.evaluate import evaluate  # noqa: PLC0415

    outputs = np.zeros((1, 1), dtype)
    results = outputs, costs, hits, theta.copy(), np.zeros(2)
    evaluate(table, theta, work, data, data, data, 0, 1, False, *results)
    return evaluate


@contextmanager
def _compilation_announced(work: str, dtype: str) -> Iterator[None]:
    """Say on standard error that compilation has begun, if it does begin within the block.

    Where the machine code is not kept for the next process, say once what that costs, and the cure.
    """
    from numba.core import event  # noqa: PLC0415 - numba loads here

    from bpmatrix.kernels.machine.cache import why_not_kept  # noqa: PLC0415 - likewise

    starts: list[float] = []

    class Announcer(event.Listener):
        def on_start(self, event: object) -> None:  # noqa: ARG002 - numba's interface
            if not starts:
                how_often = "" if why_not_kept() else ", once on this machine"
                _say(f"bpmatrix compiles its {work} in {dtype}{how_often} ...")
            starts.append(time.perf_counter())

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", Announcer()):
        yield
    reason = why_not_kept()
    if starts and reason and not _complaints:
        _complaints.append(reason)
        _say(
            f"bpmatrix cannot keep what it compiled ({reason}). Every process compiles it anew, "
            f"which took this one {time.perf_counter() - starts[0]:.0f} s. Set the environment "
            "variable NUMBA_CACHE_DIR to a folder on a disk with room, which only you can write to."
        )


def _say(line: str) -> None:
    """Print a line on standard error; where nobody can hear it, the work goes on."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)
