"""How the columns of a table become numbers: one record for each kind, learned from training rows.

A record holds what `encode` needs and nothing else, so it can be kept in a model file as JSON.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bpmatrix.array_types import Array
from bpmatrix.datasets.cells import shown
from bpmatrix.errors import DataError
from bpmatrix.tables.values import (
    CATEGORY,
    DATE,
    NUMBER,
    kind_of,
    numbers_of,
    seconds_of,
    texts_of,
)

# Categories with fewer rows than this share, or beyond this number, are taken together.
RARE = 0.002
MOST_LEVELS = 50
# Text with more different values than this share of the rows identifies rows.
IDENTIFIERS = 0.5
FEWEST_IDENTIFIERS = 20
# Scaled numbers x become LINEAR * asinh(x / LINEAR): about x up to here, and a logarithm beyond, so
# that outliers are near, and still in order.
LINEAR = 3.0

DAY, YEAR = 86_400.0, 365.2425
# The truth values of the records.
FLAGS = ("rare", "missing", "has_date", "has_time")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Scale:
    """The center and scale of numbers, and whether some are missing."""

    center: float
    scale: float
    missing: bool

    @classmethod
    def of(cls, numbers: Array) -> Scale:
        """Learn from numbers, NaN where they are missing: median and interquartile range."""
        known = numbers[~np.isnan(numbers)]
        low, center, high = np.quantile(known, [0.25, 0.5, 0.75])
        scale = high - low or (known.max() - known.min()) / 2 or 1.0
        return cls(float(center), float(scale), known.size < numbers.size)

    def apply(self, numbers: Array) -> list[Array]:
        """Return scaled numbers, with 0 for missing ones, and an indicator if training had one."""
        is_missing = np.isnan(numbers)
        x = (np.where(is_missing, self.center, numbers) - self.center) / self.scale
        scaled = LINEAR * np.arcsinh(x / LINEAR)
        return [scaled, is_missing.astype(np.float64)] if self.missing else [scaled]


@dataclass(frozen=True)
class Column:
    """A column of the table that the model uses."""

    name: str
    kind: ClassVar[str]

    def encode(self, column: pa.ChunkedArray) -> list[Array]:
        """Return the numbers (n,) of each output.

        Raises
        ------
        DataError
            If the column holds something else than in training.
        """
        raise NotImplementedError

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        raise NotImplementedError

    @property
    def done(self) -> str:
        """What is done with the column, in words."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return the record as values of JSON."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Number(Column):
    """Numbers, scaled."""

    scale: Scale
    kind: ClassVar[str] = NUMBER

    def encode(self, column: pa.ChunkedArray) -> list[Array]:
        """Return the numbers (n,) of each output."""
        return self.scale.apply(numbers_of(column, self.name))

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return [self.name, f"{self.name} is missing"][: 1 + self.scale.missing]

    @property
    def done(self) -> str:
        """What is done with the column, in words."""
        filled = ", missing: median and indicator" if self.scale.missing else ""
        return f"scaled, median {self.scale.center:.4g}{filled}"


@dataclass(frozen=True)
class Plain(Column):
    """Numbers as they are, none missing: a feature of an estimator that was fitted to them."""

    kind: ClassVar[str] = NUMBER

    def encode(self, column: pa.ChunkedArray) -> list[Array]:
        """Return the numbers (n,) of each output."""
        numbers = numbers_of(column, self.name)
        if np.isnan(numbers).any():
            raise DataError(
                f"column {self.name!r} has missing numbers, which this model cannot predict from",
                got=f"none in row {int(np.isnan(numbers).argmax()) + 1}",
                cure="Fill them in, for example with the mean of the column, or drop these rows.",
            )
        return [numbers]

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        return [self.name]

    @property
    def done(self) -> str:
        """What is done with the column, in words."""
        return "as it is"


@dataclass(frozen=True)
class Category(Column):
    """Text or truth values, one-hot; unknown ones count as rare, or have no output."""

    levels: list[str]
    rare: bool
    missing: bool
    kind: ClassVar[str] = CATEGORY

    def encode(self, column: pa.ChunkedArray) -> list[Array]:
        """Return the numbers (n,) of each output."""
        text = texts_of(column, self.name)
        levels = pa.array(self.levels, pa.string())
        index = pc.index_in(text, levels)
        if index.null_count > text.null_count:
            # Files are read without the spaces around text, which a DataFrame may have kept.
            text, levels = pc.utf8_trim_whitespace(text), pc.utf8_trim_whitespace(levels)
            index = pc.coalesce(index, pc.index_in(text, levels))
        places = index.fill_null(-1).to_numpy().astype(np.int64)
        is_missing = text.is_null().to_numpy()
        found = [places == i for i in range(len(self.levels))]
        found += [(places < 0) & ~is_missing] if self.rare else []
        found += [is_missing] if self.missing else []
        return [output.astype(np.float64) for output in found]

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        others = ["is rare"] * self.rare + ["is missing"] * self.missing
        return [f"{self.name}={level}" for level in self.levels] + [
            f"{self.name} {other}" for other in others
        ]

    @property
    def done(self) -> str:
        """What is done with the column, in words."""
        others = ", rare ones together" * self.rare + ", missing" * self.missing
        return f"{len(self.levels)} categories{others}"


@dataclass(frozen=True)
class Moment(Column):
    """Dates, with or without time: the moment scaled, and where in year, week and day it is."""

    scale: Scale
    has_date: bool
    has_time: bool
    kind: ClassVar[str] = DATE

    def encode(self, column: pa.ChunkedArray) -> list[Array]:
        """Return the numbers (n,) of each output."""
        seconds = seconds_of(column, self.name)
        known = np.where(np.isnan(seconds), self.scale.center, seconds)
        days = np.floor(known / DAY)
        found = self.scale.apply(seconds)
        if self.has_date:
            found += _on_a_circle(_day_of_year(days) / YEAR)
            weekday = (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
            found += [(weekday == i).astype(np.float64) for i in range(7)]
        if self.has_time:
            found += _on_a_circle(known / DAY - days)
        return found

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs."""
        names = [self.name, f"{self.name} is missing"][: 1 + self.scale.missing]
        if self.has_date:
            names += [f"{self.name} day of year, {part}" for part in ("sine", "cosine")]
            names += [f"{self.name} is {day}" for day in WEEKDAYS]
        if self.has_time:
            names += [f"{self.name} time, {part}" for part in ("sine", "cosine")]
        return names

    @property
    def done(self) -> str:
        """What is done with the column, in words."""
        parts = ["day of year", "weekday"] * self.has_date + ["time"] * self.has_time
        return ", ".join(["scaled", *parts])


KINDS = {kind.kind: kind for kind in (Number, Category, Moment)}


def learn(name: str, column: pa.ChunkedArray) -> Column | str:
    """Return what is learned of a column, or why it is left out.

    Raises
    ------
    DataError
        If it holds nested values, numbers that are not finite, or text that identifies rows.
    """
    kind = kind_of(column, name)
    if column.null_count == len(column):
        return "it has no values"
    if kind == NUMBER:
        numbers = numbers_of(column, name)
        scale = Scale.of(numbers)
        known = numbers[~np.isnan(numbers)]
        if not scale.missing and known.min() == known.max():
            return f"it is {known[0]:g} in every row"
        return Number(name, scale)
    if kind == DATE:
        return _learned_moment(name, column)
    return _learned_category(name, column)


def _learned_moment(name: str, column: pa.ChunkedArray) -> Column | str:
    seconds = seconds_of(column, name)
    known = seconds[~np.isnan(seconds)]
    scale = Scale.of(seconds)
    if not scale.missing and known.min() == known.max():
        return f"it is {column.drop_null()[0]} in every row"
    has_date = bool(np.floor(known / DAY).any())
    return Moment(name, scale, has_date, bool((known % DAY).any()))


def _learned_category(name: str, column: pa.ChunkedArray) -> Column | str:
    text = texts_of(column, name)
    counts = sorted(
        (-pair["counts"], pair["values"]) for pair in pc.value_counts(text.drop_null()).to_pylist()
    )
    has_missing = text.null_count > 0
    if len(counts) == 1 and not has_missing:
        return f"it is {shown(counts[0][1])} in every row"
    known = len(text) - text.null_count
    if len(counts) > max(FEWEST_IDENTIFIERS, IDENTIFIERS * known):
        raise DataError(
            f"column {name!r} names single rows: text like this cannot be learned from",
            got=f"{len(counts):,} values in {known:,} rows, such as {shown(counts[0][1])}",
            cure=f"Leave it out: drop=[{name!r}].",
        )
    least = RARE * known
    levels = [level for count, level in counts[:MOST_LEVELS] if -count >= least or len(counts) <= 2]
    return Category(name, levels, len(levels) < len(counts), has_missing)


def _on_a_circle(turn: Array) -> list[Array]:
    return [np.sin(2 * math.pi * turn), np.cos(2 * math.pi * turn)]


def _day_of_year(days: Array) -> Array:
    dates = days.astype("datetime64[D]")
    first = dates.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray((dates - first).astype(np.float64))


def column_of(stored: dict[str, Any]) -> Column:
    """Return the record for values of JSON.

    Raises
    ------
    ValueError, TypeError, KeyError
        If they do not describe a column.
    """
    kind: Any = KINDS[stored["kind"]]
    values = {name: value for name, value in stored.items() if name != "kind"}
    if {*values} != {field.name for field in fields(kind)}:
        raise ValueError(f"a column has {sorted(values)}")
    if "scale" in values:
        values["scale"] = _scale_of(values["scale"])
    found: Column = kind(**values)
    texts = [found.name, *getattr(found, "levels", [])]
    flags = [value for name, value in values.items() if name in FLAGS]
    if {*map(type, texts)} != {str} or {*map(type, flags)} - {bool}:
        raise TypeError(f"a column is {stored!r}")
    return found


def _scale_of(stored: dict[str, Any]) -> Scale:
    found = Scale(**stored)
    numbers = found.center, found.scale
    if not all(type(x) is float and math.isfinite(x) for x in numbers) or found.scale <= 0:
        raise ValueError(f"a scale is {stored!r}")
    if type(found.missing) is not bool:
        raise TypeError(f"a scale is {stored!r}")
    return found
