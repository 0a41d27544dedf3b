"""The compiled programs, loaded at the first computation; a compilation is announced."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, get_type_hints

from bpmatrix.kernels.arguments import Evaluate, InputGradient, LevenbergMarquardt, TrainSlice
from bpmatrix.signals import lock_for_forks, signals_held
from bpmatrix.terminal import say

Program = Callable[..., Any]

# For each program: its module, the types of the arguments that belong to one thread in numba's
# notation, the structure of the arguments that all threads share, and its purpose.
SHARE = "int64, int64, int64[::1], real[::1]"
THREAD = "int64, int64, int64[::1]"
PROGRAMS = {
    "train_slice": ("epoch", THREAD, TrainSlice, "training"),
    "levenberg_marquardt": ("levenberg_marquardt", THREAD, LevenbergMarquardt, "damped steps"),
    "evaluate": ("evaluate", SHARE, Evaluate, "prediction"),
    "input_gradient": ("input_gradient", SHARE, InputGradient, "gradient by the inputs"),
}

_loaded: dict[tuple[str, str], Program] = {}
_complaints: list[str] = []

# numba must not be imported by two threads at once: one sees half-initialized modules, and may
# leave a lock of llvmlite held forever.
_loading = lock_for_forks()


def load_program(name: str, dtype: str) -> Program:
    """Return a compiled program for a dtype, from memory or from disk, or compile it.

    Compilation happens once per machine and version. It takes some seconds and is announced on
    standard error, and so is machine code that cannot be saved on disk.

    Ctrl-C takes effect at the end: after an interrupted import of numba or an interrupted
    compilation, the next one in the same process may fail.

    Parameters
    ----------
    name : {"train_slice", "levenberg_marquardt", "evaluate", "input_gradient"}
        The program.
    dtype : {"float64", "float32"}
        The dtype that it computes in.
    """
    if (name, dtype) not in _loaded:
        with _loading, signals_held(), _compilation_announced(PROGRAMS[name][-1], dtype):
            if (name, dtype) not in _loaded:
                _loaded[name, dtype] = _load(name, dtype)
    return _loaded[name, dtype]


def warm_up(dtypes: tuple[str, ...] = ("float64", "float32")) -> float:
    """Load or compile the programs for training and prediction; return the seconds it took.

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
    """Load a program from disk, or compile it for the types of its arguments."""
    from numba.core.sigutils import normalize_signature  # noqa: PLC0415 - numba loads here

    module, own, structure, _ = PROGRAMS[name]
    program = getattr(import_module(f"bpmatrix.kernels.programs.{module}"), name)
    fields = get_type_hints(structure, include_extras=True).values()
    shared = ", ".join(field.__metadata__[0] for field in fields)
    text = f"({own}, Tuple(({shared})))".replace("real", dtype)
    types, _ = normalize_signature(text)  # type: ignore[no-untyped-call]
    program.compile(types)  # from text, the cache key would differ from that of a call
    return program  # type: ignore[no-any-return]


@contextmanager
def _compilation_announced(work: str, dtype: str) -> Iterator[None]:
    """Announce on standard error any compilation that begins within the context.

    If the machine code cannot be saved for the next process, say once what that costs, and the
    cure.
    """
    from numba.core import event  # noqa: PLC0415 - numba loads here

    from bpmatrix.kernels.machine.cache import why_not_kept  # noqa: PLC0415 - likewise

    starts: list[float] = []

    class Announcer(event.Listener):
        def on_start(self, event: object) -> None:  # noqa: ARG002 - numba's interface
            if not starts:
                how_often = "" if why_not_kept() else ", once on this machine"
                say(f"bpmatrix compiles its {work} in {dtype}{how_often} ...")
            starts.append(time.perf_counter())

        def on_end(self, event: object) -> None:
            pass

    with event.install_listener("numba:compile", Announcer()):
        yield
    reason = why_not_kept()
    if starts and reason and not _complaints:
        _complaints.append(reason)
        say(
            f"bpmatrix cannot keep what it compiled ({reason}). Every process compiles it anew, "
            f"which took this one {time.perf_counter() - starts[0]:.0f} s. Set the environment "
            "variable NUMBA_CACHE_DIR to a folder on a disk with room, which only you can write to."
        )
