"""Checks of arguments that are not arrays: numbers, names in a table, functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from operator import index
from typing import TypeVar

import numpy as np

from bpmatrix.errors import ArgumentError
from bpmatrix.foreign import our_name

Entry = TypeVar("Entry")
Range = tuple[str, Callable[[float], bool]]

# For `real_number`: the valid range in words, and the check of a finite number.
NOT_NEGATIVE: Range = "a finite number, 0 or more", lambda number: number >= 0
POSITIVE: Range = "a finite number above 0", lambda number: number > 0
BELOW_ONE: Range = "a number from 0 to below 1", lambda number: 0 <= number < 1
FRACTION: Range = "a number from 0 to 1", lambda number: 0 <= number <= 1


def whole_number(value: object, name: str, *, least: int) -> int:
    """Return the value as an int.

    Raises
    ------
    ArgumentError
        If it is not a whole number, or smaller than `least`.

    Examples
    --------
    >>> whole_number(3, "epochs", least=0)
    3
    """
    number = least - 1
    # Older versions of NumPy accept np.bool_ as an index, with a warning.
    if not isinstance(value, bool | np.bool_):
        with suppress(TypeError):
            number = index(value)  # type: ignore[arg-type]
    if number < least:
        raise ArgumentError(
            f"{name} is not valid",
            got=repr(value),
            expected=f"a whole number, {least} or more",
        )
    return number


def real_number(
    value: object,
    name: str,
    expected: str = "a finite number",
    allowed: Callable[[float], bool] = math.isfinite,
) -> float:
    """Return the value as a float.

    Parameters
    ----------
    value : object
        Any real number that fits into a float; str and bool are rejected.
    name, expected : str
        The argument's name, and what is expected, for the error.
    allowed : callable
        Returns whether a finite number is allowed.

    Raises
    ------
    ArgumentError
        If it is not a number, not finite, or not allowed.

    Examples
    --------
    >>> real_number(3, "learning_rate", *NOT_NEGATIVE)
    3.0
    """
    number = math.nan
    # isinstance(value, SupportsFloat) is equivalent, but slower than a step of a small network.
    if hasattr(value, "__float__") and not isinstance(value, bool | np.bool_):
        try:
            number = float(value)
        except (OverflowError, TypeError, ValueError):
            number = math.nan
    if not (math.isfinite(number) and allowed(number)):
        raise ArgumentError(f"{name} is not valid", got=repr(value), expected=expected)
    return number


def set_number(owner: object, name: str, allowed: Range) -> None:
    """Check a field of a frozen dataclass with `real_number`, and convert it."""
    object.__setattr__(owner, name, real_number(getattr(owner, name), name, *allowed))


def set_whole_number(owner: object, name: str) -> None:
    """Check a field of a frozen dataclass with `whole_number`, and convert it; at least 1."""
    object.__setattr__(owner, name, whole_number(getattr(owner, name), name, least=1))


def check_in_type(
    number: float, name: str, dtype: str, *, factor: float = 1.0, zero: bool = True
) -> None:
    """Check that a number does not become infinite in a dtype, or 0 if `zero` is False.

    Subnormal numbers count as 0, since training flushes them to 0. Rounding is allowed.

    Parameters
    ----------
    number, name : float, str
        A finite number, and its name for the error.
    dtype : str
        The network's dtype.
    factor : float, default 1.0
        What the number is multiplied by before it is used.
    zero : bool, default True
        Whether the number may become 0.

    Raises
    ------
    ArgumentError
        If it becomes infinite, or 0 although `zero` is False.

    Examples
    --------
    >>> check_in_type(1e-46, "clip_norm", "float32")
    >>> check_in_type(1e-46, "epsilon", "float32", zero=False)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    bpmatrix.errors.ArgumentError: epsilon is 0 in float32: got 1e-46, expected 1.2e-38 or more. ...
    """
    limits = np.finfo(dtype)
    least, most = float(limits.tiny) / abs(factor), float(limits.max) / abs(factor)
    other = "" if dtype == "float64" else ', or take dtype="float64"'
    if abs(number) > most:
        raise ArgumentError(
            f"{name} is infinite in {dtype}",
            got=repr(number),
            expected=f"{0.95 * most:.1e} at most",
            cure=f"Pass a smaller one{other}.",
        )
    if not zero and abs(number) < least:
        raise ArgumentError(
            f"{name} is 0 in {dtype}",
            got=repr(number),
            expected=f"{1.05 * least:.1e} or more",
            cure=f"Pass a larger one{other}.",
        )


def find(table: Mapping[str, Entry], name: object, what: str) -> Entry:
    """Return the entry with that name.

    Raises
    ------
    ArgumentError
        If there is none; it lists the names, and suggests one for a name of another library.

    Examples
    --------
    >>> find({"one": 1}, "one", "number")
    1
    """
    if not isinstance(name, str) or name not in table:
        ours = our_name(name, table)
        raise ArgumentError(
            f"unknown {what}",
            got=repr(name),
            expected=" or ".join(table),
            cure=f'Write "{ours}".' if ours else None,
        )
    return table[name]


def named_function(function: object, argument: str, name: str | None) -> str:
    """Return the name of a function: the given one, or its own.

    Raises
    ------
    ArgumentError
        If it is not a function, or the name is not a string or empty.

    Examples
    --------
    >>> named_function(math.exp, "sigma", None)
    'exp'
    """
    if not callable(function):
        raise ArgumentError(
            f"{argument} must be a function",
            got=repr(function),
            cure=f"Pass the function itself: {argument}=function.",
        )
    if name is None:
        name = getattr(function, "__name__", type(function).__name__)
    if not isinstance(name, str) or not name:
        raise ArgumentError(
            "a function's name must be a string", got=repr(name), cure='Pass name="..." or None.'
        )
    return name
