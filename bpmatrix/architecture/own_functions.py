"""C functions, compiled when a network first uses them; a user's own derivatives are checked.

`kernels/programs/c_functions.py` says what they are. numba is imported here at the first of them; a
program, and with it numba, has been loaded by then (`compilation.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bpmatrix.architecture.activations import Activation, OwnActivation
from bpmatrix.architecture.costs import Cost, OwnCost
from bpmatrix.array_types import Floats
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels import codes
from bpmatrix.signals import lock_for_forks, signals_held

Named = Activation | Cost
Own = OwnActivation | OwnCost

# The step of a difference quotient, and the error allowed: twice the rounding of the values divided
# by the step, and second derivatives of the slope up to some thousands.
STEP = 1e-5
TOLERANCE = 1e-6
# The points at which slopes are compared. Kinks are rarely at such numbers, and are detected.
POINTS = {
    OwnActivation: [{"z": float(z)} for z in np.linspace(-8.0, 8.0, 47) + 0.0123],
    OwnCost: [
        {"a": a, "y": y}
        for a in (-4.13, -0.71, 0.087, 0.34, 0.77, 1.93, 6.1)
        for y in (-2.0, 0.0, 0.45, 1.0, 3.0)
    ],
}

# Compiled code is never released, since its address may be in a plan.
_compiled: dict[tuple[Named | Own, str], Any] = {}
_compiling = lock_for_forks()


def address_of(function: Named | Own, dtype: str) -> int:
    """Return the address of the C function of an activation function or cost.

    Raises
    ------
    ArgumentError
        If numba cannot compile a user's own functions, or if the derivative is wrong.
    """
    if (function, dtype) not in _compiled:
        with _compiling, signals_held():
            if isinstance(function, Own) and (function, "float64") not in _compiled:
                compiled = _compile(function, "float64")
                _check_slope(function, compiled)
                _compiled[function, "float64"] = compiled
            if (function, dtype) not in _compiled:
                _compiled[function, dtype] = _compile(function, dtype)
    return int(_compiled[function, dtype].address)


def _functions(own: Own) -> tuple[Callable[..., float], Callable[..., float]]:
    if isinstance(own, OwnActivation):
        return own.sigma, own.sigma_prime
    return own.cost, own.derivative


def _compile(function: Named | Own, dtype: str) -> Any:
    from bpmatrix.kernels.programs import c_functions  # noqa: PLC0415 - loads numba

    if isinstance(function, Activation):
        return c_functions.activation(function.name, function.keeps_z, dtype)
    if isinstance(function, Cost):
        return c_functions.cost(function.name, dtype)
    is_activation = isinstance(function, OwnActivation)
    make: Callable[..., Any] = c_functions.own_activation if is_activation else c_functions.own_cost
    try:
        return make(*_functions(function), dtype)
    except Exception as error:  # numba raises many kinds of errors
        lines = [line.strip() for line in str(error).splitlines()]
        telling = [line for line in lines if line and not line.startswith(("Failed in", "During"))]
        raise ArgumentError(
            f"numba cannot compile the functions of {function}",
            got=telling[0].rstrip(".") if telling else type(error).__name__,
            cure="Write them for single numbers, in the part of Python that numba compiles; "
            "decorate the functions that they call with numba.njit.",
        ) from error


def _check_slope(own: Own, compiled: Any) -> None:
    """Compare the derivative with difference quotients of the function at some points.

    Points without a finite difference, as of a logarithm below 0, are skipped. If the left and
    right differences differ, there may be a kink between them: anything between them or close to
    them is accepted.
    """
    checked = 0
    for point in POINTS[OwnActivation if isinstance(own, OwnActivation) else OwnCost]:
        moved = np.array([[*point.values()]] * 3)
        moved[:, 0] += (-STEP, 0.0, STEP)
        below, here, above = (_call(compiled, codes.VALUE, x) for x in moved)
        given = _call(compiled, codes.SLOPE, moved[1])
        left, right = (here - below) / STEP, (above - here) / STEP
        slope = (left + right) / 2
        if not np.isfinite(slope):
            continue
        checked += 1
        allowed = abs(right - left) + TOLERANCE * (1 + abs(slope) + abs(here))
        if not abs(given - slope) <= allowed:
            function, derivative = _functions(own)
            place = ", ".join(f"{name} = {x:.6g}" for name, x in point.items())
            raise ArgumentError(
                f"{derivative.__name__} is not the derivative of {function.__name__} at {place}",
                got=f"{given:.6g}",
                expected=f"the slope, {slope:.6g}",
                cure="Correct the formula; at a kink any slope between both sides will do.",
            )
    if not checked:
        raise ArgumentError(
            f"{own} is not finite at any of the points where its derivative is checked",
            cure="Correct the formula: it must be finite at ordinary numbers.",
        )


def _call(compiled: Any, what: int, point: Floats) -> float:
    """Call a C function as the kernels do, on a single number."""
    from ctypes import POINTER, c_double  # noqa: PLC0415 - needed only here

    # An activation function reads z from `out`, and multiplies `out` by a slope.
    x, out = point.copy(), np.array([1.0 if what == codes.SLOPE else point[0]])
    arguments = x, x[1:] if x.size > 1 else x, out
    pointers = [array.ctypes.data_as(POINTER(c_double)) for array in arguments]
    compiled.ctypes(what, 0.0, *pointers, 1)
    return float(out[0])
