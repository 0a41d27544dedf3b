"""Blocks, compiled at the first network that has them; the slopes of a user's own are checked.

`kernels/programs/blocks.py` says what a block is. Numba is imported here at the first of them; by
then a program has been loaded, and numba with it (`compilation.py`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bpmatrix.architecture.activations import Activation, OwnActivation
from bpmatrix.architecture.costs import Cost, OwnCost
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels import codes
from bpmatrix.signals import signals_held

__all__ = ["address_of"]

Named = Activation | Cost
Own = OwnActivation | OwnCost

# The step of a difference, and how far it may be from a derivative: twice the rounding of the
# values divided by the step, and a curvature of the slope up to some thousands.
STEP = 1e-5
TOLERANCE = 1e-6
# Where slopes are compared. Kinks are seldom at such numbers, and are noticed.
PLACES = np.linspace(-8.0, 8.0, 47) + 0.0123
OUTPUTS = (-4.13, -0.71, 0.087, 0.34, 0.77, 1.93, 6.1)
TARGETS = (-2.0, 0.0, 0.45, 1.0, 3.0)

# Compiled code is never given back: its address may stand in a plan.
_compiled: dict[tuple[Named | Own, str], Any] = {}
# A fork waits for whoever compiles, as the child could never go on.
_compiling = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_compiling.acquire,
        after_in_parent=_compiling.release,
        after_in_child=_compiling.release,
    )


def address_of(function: Named | Own, dtype: str) -> int:
    """Return the address of the block of an activation function or cost, ours or one's own.

    Raises
    ------
    ArgumentError
        If numba cannot compile one's own functions, or if the derivative is not the slope.
    """
    if (function, dtype) not in _compiled:
        with _compiling, signals_held():
            if isinstance(function, Own) and (function, "float64") not in _compiled:
                block = _compile(function, "float64")
                _check_slope(function, block)
                _compiled[function, "float64"] = block
            if (function, dtype) not in _compiled:
                _compiled[function, dtype] = _compile(function, dtype)
    return int(_compiled[function, dtype].address)


def _functions(own: Own) -> tuple[Callable[..., float], Callable[..., float]]:
    if isinstance(own, OwnActivation):
        return own.sigma, own.sigma_prime
    return own.cost, own.derivative


def _compile(function: Named | Own, dtype: str) -> Any:
    from bpmatrix.kernels.programs import blocks  # noqa: PLC0415 - numba loads at a first computation

    if isinstance(function, Activation):
        return blocks.activation(function.name, function.keeps_z, dtype)
    if isinstance(function, Cost):
        return blocks.cost(function.name, dtype)
    of_an_activation = isinstance(function, OwnActivation)
    make: Callable[..., Any] = blocks.own_activation if of_an_activation else blocks.own_cost
    try:
        return make(*_functions(function), dtype)
    except Exception as error:  # numba fails in many ways at what it does not know
        lines = [line.strip() for line in str(error).splitlines()]
        telling = [line for line in lines if line and not line.startswith(("Failed in", "During"))]
        raise ArgumentError(
            f"numba cannot compile the functions of {function}",
            got=telling[0].rstrip(".") if telling else type(error).__name__,
            cure="Write them for single numbers, in the part of Python that numba compiles; "
            "functions that they call need its decorator njit.",
        ) from error


def _check_slope(own: Own, block: Any) -> None:
    """Compare the derivative with differences of the function at some places.

    A function may have no value at some of them, as a logarithm has; and where the slopes on both
    sides differ, there may be a kink between: whatever lies among them, or near, will do.
    """
    checked = 0
    for place in _places(own):
        moved = np.array([place, place, place])
        moved[:, 0] += (-STEP, 0.0, STEP)
        below, here, above = (_ask(block, codes.VALUE, where) for where in moved)
        given = _ask(block, codes.SLOPE, moved[1])
        left, right = (here - below) / STEP, (above - here) / STEP
        slope = (left + right) / 2
        if not np.isfinite(slope):
            continue
        checked += 1
        allowed = abs(right - left) + TOLERANCE * (1 + abs(slope) + abs(here))
        if not abs(given - slope) <= allowed:
            raise ArgumentError(
                f"{_functions(own)[1].__name__} is not the derivative of "
                f"{_functions(own)[0].__name__} at {_said(own, place)}",
                got=f"{given:.6g}",
                expected=f"the slope, {slope:.6g}",
                cure="Correct the formula; near a kink any slope between both sides will do.",
            )
    if not checked:
        raise ArgumentError(
            f"{own} is finite nowhere, so that its derivative cannot be checked",
            cure="Correct the formula: it needs finite values at ordinary numbers.",
        )


def _places(own: Own) -> Iterator[tuple[float, ...]]:
    if isinstance(own, OwnActivation):
        yield from ((float(z),) for z in PLACES)
    else:
        yield from ((a, y) for a in OUTPUTS for y in TARGETS)


def _said(own: Own, place: Sequence[float]) -> str:
    names = ("z",) if isinstance(own, OwnActivation) else ("a", "y")
    return ", ".join(f"{name} = {x:.6g}" for name, x in zip(names, place, strict=True))


def _ask(block: Any, what: int, place: NDArray[np.float64]) -> float:
    """Call a block as the kernels do, on a single number."""
    from ctypes import POINTER, c_double  # noqa: PLC0415 - as numba

    # An activation function takes its z from `out`, and multiplies slopes onto it.
    x, out = place.copy(), np.array([1.0 if what == codes.SLOPE else place[0]])
    arguments = x, x[1:] if x.size > 1 else x, out
    pointers = [array.ctypes.data_as(POINTER(c_double)) for array in arguments]
    block.ctypes(what, 0.0, *pointers, 1)
    return float(out[0])
