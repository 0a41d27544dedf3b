"""Count calls, lines and allocations of a training call, in a worker, by the public interface."""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from importlib import import_module
from itertools import product
from typing import Any

import numpy as np
from numba.core.runtime import _nrt_python, rtsys

from benchmarks.gate.cases import GateCase
from benchmarks.gate.programs import network_and_samples, program

Call = Callable[[], object]

# So few steps that they are one slice on any machine, since the engine cuts slices by time.
BATCHES, WIDTHS, STEPS, MANY_STEPS = (1, 10, 100), (10, 30, 100), 4, 100
PEAK = GateCase("train", (784, 30, 10), 10, steps=MANY_STEPS)


class Counters:
    """Counts of a version, and the distances of its gradients from the loop's."""

    def training(self) -> dict[str, dict[str, int]]:
        """Return the counts of a training call by mini-batch size and width, and for many steps."""
        found, sizes = {}, list(product(BATCHES, WIDTHS))
        for size in sizes:  # fills the caches of the package
            _training(*size)()
        for batch, width in sizes:
            found[f"batch {batch}, width {width}"] = count(_training(batch, width))
        many = count(_training(BATCHES[0], WIDTHS[0], MANY_STEPS))
        return {**found, "many steps": many}

    def peak(self) -> int:
        """Return the peak memory of a training call in bytes, without its arguments."""
        call = program(PEAK)
        call()
        return peak_of(call)

    def distances(self, dtype: str) -> dict[str, float]:
        """Return the distances of gradients from the loop's, relative to its largest element."""
        reference = import_module("bpmatrix.reference")
        case = GateCase("gradient", (784, 30, 10), 32, dtype=dtype)
        net, X, labels = network_and_samples(case)
        layers = [[a.astype(np.float64) for a in part] for part in (net.weights, net.biases)]
        problem = *layers, ("sigmoid", "sigmoid"), "quadratic", X / 255, np.eye(10)[labels].T
        loop = _flat(reference.gradient_by_loop(*problem)) / case.columns
        matrix = _flat(reference.gradient_by_matrix(*problem)) / case.columns
        engine, step = net.gradient(X, labels).flat, _step(net, X, labels)
        figures = {"matrix": matrix, "engine": engine, "step of the engine": step}
        return {
            name: float(np.abs(gradient - loop).max() / np.abs(loop).max())
            for name, gradient in figures.items()
        }


def count(call: Call) -> dict[str, int]:
    """Return the counts of a call after a first call has loaded everything.

    "calls" are functions called from Python; "lines" are executed lines of Python; "allocations"
    is how often the memory of arrays grew from line to line, plus the allocations in kernels.

    Memory is read whenever Python enters a line. Arrays that are allocated and freed within a line
    are not counted, but a loop of such lines shows in "lines".
    """
    call()
    calls = lines = allocations = held = arrays = 0

    def look(frame: object, what: str, argument: object) -> Any:
        nonlocal lines, allocations, held, arrays
        del frame, argument
        lines += what == "line"
        if what == "line" and tracemalloc.get_traced_memory()[0] != held:
            now = _bytes_of_arrays()
            allocations += now > arrays
            arrays, held = now, tracemalloc.get_traced_memory()[0]
        return look

    def note(frame: object, what: str, argument: object) -> None:
        nonlocal calls
        del frame, argument
        calls += what in {"call", "c_call"}

    hooks = sys.gettrace(), sys.getprofile()
    with _Quiet():
        _nrt_python.memsys_enable_stats()
        before = rtsys.get_allocation_stats().alloc
        sys.settrace(look)
        sys.setprofile(note)
        try:
            call()
        finally:
            sys.setprofile(hooks[1])
            sys.settrace(hooks[0])
        in_kernels = rtsys.get_allocation_stats().alloc - before
    return {"calls": calls, "lines": lines, "allocations": allocations + in_kernels}


def peak_of(call: Call) -> int:
    """Return the peak of the memory of Python and NumPy during a call, less that before it."""
    with _Quiet():
        before = tracemalloc.get_traced_memory()[0]
        call()
        return tracemalloc.get_traced_memory()[1] - before


class _Quiet:
    """Trace memory and disable the garbage collector."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()
        tracemalloc.start()

    def __exit__(self, *exception: object) -> None:
        tracemalloc.stop()
        gc.enable()


def _bytes_of_arrays() -> int:
    """Return the traced memory of NumPy's arrays in bytes.

    The public way, a filter by domain, takes a hundred times as long.
    """
    traces = tracemalloc.take_snapshot().traces._traces  # type: ignore[attr-defined]  # noqa: SLF001
    return sum(size for domain, size, *_ in traces if domain == np.lib.tracemalloc_domain)


def _training(batch: int, width: int, steps: int = STEPS) -> Call:
    return program(GateCase("train", (784, width, 10), batch, steps=steps))


def _step(net: Any, X: Any, labels: Any) -> Any:
    """Return the gradient of a single training step, computed from the change of parameters."""
    rate, before = 64.0, net.parameters.astype(np.float64)
    net.train(
        X, labels, epochs=1, mini_batch_size=X.shape[1], shuffle=False, n_threads=1,
        optimizer=import_module("bpmatrix").SGD(learning_rate=rate),
    )  # fmt: skip
    return (before - net.parameters) / rate


def _flat(gradient: Any) -> Any:
    """Return nabla_b, nabla_W as one vector in the layout of theta."""
    return np.concatenate([part.ravel() for b, W in zip(*gradient, strict=True) for part in (W, b)])
