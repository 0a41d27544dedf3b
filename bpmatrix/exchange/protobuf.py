"""Messages of Protocol Buffers, read one level at a time and only where they are asked for.

Nothing is copied, so messages take little more memory than their file; also in a file of millions
of empty ones, each of which a general parser turns into an object of a hundred bytes.
https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import numpy as np

from bpmatrix.array_types import Array

Schema = Mapping[str, int]
Value = int | memoryview

# In all messages of a file; a network of a thousand layers has some ten thousand.
MOST_FIELDS = 300_000
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5


class DamagedError(ValueError):
    """The bytes are not a message, or not the one that was expected."""


class Message:
    """The fields of a message.

    Parameters
    ----------
    data : memoryview
        Its bytes.
    schema : mapping of str to int
        The numbers of the fields that are read; all others are skipped.
    left : list of one int, optional
        How many fields the messages of the file may still have; shared by all of them.
    """

    def __init__(self, data: memoryview, schema: Schema, left: list[int] | None = None) -> None:
        self._schema, self._left = schema, [MOST_FIELDS] if left is None else left
        numbers = set(schema.values())
        self._values: dict[int, list[Value]] = {number: [] for number in numbers}
        for number, value in self._fields(data):
            if number in numbers:
                self._values[number].append(value)

    def __contains__(self, name: str) -> bool:
        return bool(self._all(name))

    def whole(self, name: str, default: int = 0) -> int:
        """Return a whole number of 64 bits."""
        value = self._one(name)
        return default if value is None else _signed(value)

    def real(self, name: str) -> float:
        """Return a float of 32 bits."""
        value = self._one(name)
        if value is None:
            return 0.0
        if len(_bytes(value)) != 4:
            raise DamagedError(f"{name} is not a float of 32 bits")
        return float(struct.unpack("<f", _bytes(value))[0])

    def text(self, name: str) -> str:
        """Return a text; empty if there is none."""
        value = self._one(name)
        return "" if value is None else _text(value)

    def texts(self, name: str) -> list[str]:
        """Return the texts of a repeated field."""
        return list(map(_text, self._all(name)))

    def wholes(self, name: str) -> list[int]:
        """Return the whole numbers of a repeated field, packed or not."""
        numbers: list[int] = []
        for value in self._all(name):
            numbers += [_signed(value)] if isinstance(value, int) else self._packed(value)
        return numbers

    def array(self, name: str, dtype: str) -> Array:
        """Return the bytes of a field, repeated or not, as numbers."""
        parts = list(map(_bytes, self._all(name)))
        content = parts[0] if len(parts) == 1 else b"".join(parts)
        if len(content) % np.dtype(dtype).itemsize:
            raise DamagedError(f"{name} has {len(content):,} bytes")
        return np.frombuffer(content, dtype)

    def message(self, name: str, schema: Schema) -> Message:
        """Return a message inside this one; an empty one if there is none."""
        value = self._one(name)
        return Message(memoryview(b"") if value is None else _bytes(value), schema, self._left)

    def messages(self, name: str, schema: Schema) -> Iterator[Message]:
        """Yield the messages of a repeated field."""
        for value in self._all(name):
            yield Message(_bytes(value), schema, self._left)

    def _all(self, name: str) -> list[Value]:
        return self._values[self._schema[name]]

    def _one(self, name: str) -> Value | None:
        """Return the value of a field that may occur only once: readers disagree about others."""
        found = self._all(name)
        if len(found) > 1:
            raise DamagedError(f"{name} occurs twice")
        return found[0] if found else None

    def _fields(self, data: memoryview) -> Iterator[tuple[int, Value]]:
        """Yield number and value of each field: a whole number without a sign, or bytes."""
        place = 0
        while place < len(data):
            self._count()
            key, place = _varint(data, place)
            number, kind = key >> 3, key & 7
            size = {EIGHT_BYTES: 8, FOUR_BYTES: 4}.get(kind, 0)
            if kind in {VARINT, LENGTH}:
                size, place = _varint(data, place)
            if kind == VARINT:
                yield number, size
                continue
            if kind not in {EIGHT_BYTES, LENGTH, FOUR_BYTES}:
                raise DamagedError(f"a field of kind {kind}")
            if size > len(data) - place:
                raise DamagedError("a field is longer than its message")
            yield number, data[place : place + size]
            place += size

    def _packed(self, data: memoryview) -> Iterator[int]:
        place = 0
        while place < len(data):
            self._count()
            value, place = _varint(data, place)
            yield _signed(value)

    def _count(self) -> None:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise DamagedError(f"more than {MOST_FIELDS:,} fields")


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """Return a number of up to 64 bits, seven bits in a byte, and the place after it."""
    value = 0
    for shift in range(0, 64, 7):
        if place == len(data):
            break
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value % (1 << 64), place
    raise DamagedError("a number does not end")


def _signed(value: Value) -> int:
    if not isinstance(value, int):
        raise DamagedError("bytes instead of a number")
    return value - (1 << 64) if value >> 63 else value


def _bytes(value: Value) -> memoryview:
    if isinstance(value, int):
        raise DamagedError("a number instead of bytes")
    return value


def _text(value: Value) -> str:
    try:
        return bytes(_bytes(value)).decode()
    except UnicodeDecodeError:
        raise DamagedError("a name that is not valid text") from None
