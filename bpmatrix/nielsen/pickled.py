"""Read the book's data file, ``mnist.pkl.gz``, without executing anything in it.

A pickle is a program, which the pickle module executes. Here only the few instructions that a
pickle of arrays needs are interpreted, on tuples, lists, text, bytes and numbers, and the few
functions that it calls create records of data. Everything else is rejected. So a file cannot call
or change any object of Python or NumPy. See docs/decisions/0038-foreign-files.md.
"""

from __future__ import annotations

import codecs
import gzip
import io
import math
import os
import pickletools
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.datasets.streams import DAMAGE, MAX_RATIO, ByteStream, open_file, read_inflated
from bpmatrix.errors import DataFileError

# The real types, as named in a pickled dtype.
KINDS = ("f4", "f8", "i4", "i8", "u1")
GZIP_MAGIC = b"\x1f\x8b"
# A gzipped file may expand to this or a hundredfold; the book's expands from 16 MB to 220 MB.
MOST_BYTES = 2**26
# The book's three pairs take some 270 instructions in the longest protocol.
MOST_INSTRUCTIONS, MOST_PAIRS = 1_000, 3

INSTRUCTIONS = {instruction.code: instruction for instruction in pickletools.opcodes}
CONSTANTS = {
    "NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": (), "MARK": NotImplemented,
}  # fmt: skip
# Instructions whose argument is the value.
LITERALS = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


@dataclass(frozen=True)
class _Name:
    """A module and a name in it, such as numpy and dtype."""

    module: str
    name: str


@dataclass
class _Type:
    """A dtype: its name and its byte order."""

    name: str
    order: str = "<"


@dataclass
class _Array:
    """An array: its shape, type, order and bytes, as NumPy pickles them."""

    state: object = None

    def array(self) -> Array:
        """Return the array, a view of its bytes."""
        match self.state:
            case (_, tuple(shape), _Type(name, order), bool(in_columns), data):
                if isinstance(data, str):
                    data = data.encode("latin1")  # bytes of Python 2
            case _:
                raise ValueError("an array without shape, type and bytes")
        if not isinstance(data, bytes | bytearray):
            raise ValueError("an array without bytes")  # noqa: TRY004 - all become one error
        if not all(type(size) is int and 0 <= size <= len(data) for size in shape):
            raise ValueError("an array of impossible shape")
        dtype = np.dtype(order + name)
        if len(data) != dtype.itemsize * math.prod(shape):
            raise ValueError(f"{len(data)} bytes for an array of shape {shape}")
        return np.frombuffer(data, dtype).reshape(shape, order="F" if in_columns else "C")


def _call(function: object, arguments: object) -> object:
    """Return the record for a call of one of the functions in a pickle of arrays."""
    match function, arguments:
        case _Name("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct"), _:
            return _Array()
        case (
            _Name("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer"),
            (data, kind, shape, order),
        ):
            return _Array((1, shape, kind, order == "F", data))  # as of protocol 5
        case _Name("numpy", "dtype"), (str(kind), *_):
            if kind not in KINDS:
                raise ValueError(f"numbers of type {kind!r}")
            return _Type(kind)
        case _Name("_codecs", "encode"), (str(text), "latin1"):
            return text  # bytes of Python 3, written for Python 2
        case _Name(str(module), str(name)), _:
            raise ValueError(f"a call of {module}.{name}")
    raise ValueError("a call of an object that is not a function")


def _build(record: object, state: object) -> None:
    """Complete the record of an array or a type."""
    if isinstance(record, _Array):
        record.state = state
    elif isinstance(record, _Type) and isinstance(state, tuple) and len(state) > 1:
        record.order = state[1] if state[1] in ("<", ">") else "<"
    else:
        raise ValueError("a state for an unknown object")


def _instructions(stream: io.BytesIO) -> Iterator[tuple[str, Any]]:
    """Yield the name and the argument of each instruction; no argument is longer than the file."""
    for _ in range(MOST_INSTRUCTIONS):
        code = stream.read(1).decode("latin1")
        instruction = INSTRUCTIONS.get(code)
        if instruction is None:
            raise ValueError(f"the instruction {code!r}" if code else "no STOP instruction")
        if instruction.name == "STRING":  # pickletools rejects what is not ASCII
            with warnings.catch_warnings(action="ignore"):  # of escapes that Python does not know
                text, _ = codecs.escape_decode(stream.readline()[1:-2])
            yield "STRING", text.decode("latin1")
        elif instruction.arg is None:
            yield instruction.name, None
        else:
            yield instruction.name, instruction.arg.reader(stream)
    raise ValueError(f"more than {MOST_INSTRUCTIONS:,} instructions")


def _pop_to_mark(stack: list[Any]) -> list[Any]:
    """Remove and return the values after the last mark, which is removed, too."""
    start = max(k for k, value in enumerate(stack) if value is NotImplemented)
    values = stack[start + 1 :]
    del stack[start:]
    return values


def _interpret(content: io.BytesIO) -> object:
    """Return the object that a pickle describes."""
    stack: list[Any] = []
    memo: dict[int, Any] = {}
    for name, argument in _instructions(content):
        match name:
            case "PROTO" | "FRAME":
                pass
            case "STOP":
                return stack.pop()
            case "PUT" | "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "GET" | "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "TUPLE":
                stack.append(tuple(_pop_to_mark(stack)))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack[-TUPLES[name] :] = [tuple(stack[-TUPLES[name] :])]
            case "EMPTY_LIST":
                stack.append([])
            case "LIST":
                stack.append(_pop_to_mark(stack))
            case "APPEND":
                value = stack.pop()
                stack[-1].append(value)
            case "APPENDS":
                values = _pop_to_mark(stack)
                stack[-1].extend(values)
            case "GLOBAL":
                stack.append(_Name(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack[-2:] = [_Name(*stack[-2:])]
            case "REDUCE":
                stack[-2:] = [_call(*stack[-2:])]
            case "BUILD":
                state = stack.pop()
                _build(stack[-1], state)
            case _ if name in CONSTANTS:
                stack.append(CONSTANTS[name])
            case _ if name in LITERALS:
                stack.append(argument)
            case _:
                raise ValueError(f"the instruction {name}")
    raise ValueError("no STOP instruction")


def _pairs(content: io.BytesIO) -> list[tuple[Array, Array]]:
    found = _interpret(content)
    if not isinstance(found, tuple | list) or len(found) > MOST_PAIRS:
        raise ValueError("an object of another kind")
    return [(images.array(), labels.array()) for images, labels in found]


def read_pickled_arrays(path: str | os.PathLike[str]) -> list[tuple[Array, Array]]:
    """Read pairs of arrays (images, labels) from a pickle, plain or gzipped.

    Parameters
    ----------
    path : path-like
        A file such as the book's ``mnist.pkl.gz``: a tuple of up to three pairs.

    Returns
    -------
    list of (images, labels)
        Read-only arrays, as they are in the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    DataFileError
        If the file is damaged or contains anything but pairs of arrays of numbers.
    """
    path = Path(path)
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        zipped = file.read(2) == GZIP_MAGIC
        file.seek(0)
        try:
            stream = cast(ByteStream, gzip.GzipFile(fileobj=file) if zipped else file)
            most = max(MOST_BYTES, MAX_RATIO * size) if zipped else size
            return _pairs(read_inflated(stream, most))
        except (*DAMAGE, ValueError, LookupError, TypeError, AttributeError) as error:
            raise DataFileError(
                f"{path} is not a file of pickled arrays",
                got=str(error) or type(error).__name__,
                expected="pairs of NumPy arrays (images, labels), as in the book's mnist.pkl.gz",
                cure="Nothing in the file was executed. Other data load as IDX, CSV or npz files.",
            ) from None
