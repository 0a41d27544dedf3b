"""A survey: times of contenders by sizes of network and mini-batch, and its JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bpmatrix.array_types import Floats
from bpmatrix.bench.contest import CHAMPION, Figure
from bpmatrix.bench.statistics import Ratio, median_ratio
from bpmatrix.errors import DataFileError

# Names of contenders in reports.
LOOP, MATRIX, SINGLE = "loop", "numpy", "bpmatrix float32"
# The network and mini-batch of the headline: the book's.
HEADLINE = (30, 10, "float64")
# The format of the JSON file; 0.1.0 wrote another.
SCHEMA = 2


@dataclass(frozen=True, slots=True)
class Point:
    """The measurements of a network with one hidden layer and a mini-batch size.

    Attributes
    ----------
    figures : tuple of Figure
        The contenders with correct results; empty if bpmatrix is not among them.
    """

    sizes: tuple[int, ...]
    mini_batch_size: int
    dtype: str
    figures: tuple[Figure, ...]

    def figure(self, name: str) -> Figure | None:
        """Return the measurements of a contender, if it took part."""
        return next((figure for figure in self.figures if figure.name == name), None)

    def gain(self, name: str, over: str) -> Ratio | None:
        """Return the speed-up of one contender over another, if both took part.

        Each was measured against bpmatrix in every round; their ratio is the quotient of the two.
        """
        a, b = self._log_ratios(name), self._log_ratios(over)
        return None if a is None or b is None else median_ratio(b - a)

    def _log_ratios(self, name: str) -> Floats | None:
        figure = self.figure(name)
        if figure is None:
            return None
        if name != CHAMPION:
            return np.array(figure.log_ratios)
        rounds = max((len(other.log_ratios) for other in self.figures), default=0)
        return np.zeros(rounds) if rounds else None


@dataclass(frozen=True, slots=True)
class Survey:
    """All points of a run, and the machine.

    Attributes
    ----------
    run : str
        "quick", "default" or "full".
    data : str
        The training data.
    date : str
        The time of the start in UTC, ISO 8601.
    machine : mapping
        Processor, load and versions as text.
    """

    run: str
    data: str
    date: str
    machine: Mapping[str, str]
    points: tuple[Point, ...]
    notes: tuple[str, ...] = ()

    @property
    def contenders(self) -> list[str]:
        """The names of all contenders, in the order of the runs."""
        return list(dict.fromkeys(f.name for point in self.points for f in point.figures))

    @property
    def headline(self) -> Point | None:
        """The point of the headline, if the loop and bpmatrix were compared there."""
        for point in self.points:
            place = point.sizes[1], point.mini_batch_size, point.dtype
            if place == HEADLINE and point.gain(CHAMPION, LOOP) is not None:
                return point
        return None


def to_json(survey: Survey) -> str:
    """Return the attributes of a survey as JSON, for `from_json`."""
    return json.dumps({"schema": SCHEMA, **asdict(survey)}, indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str) -> Survey:
    """Return the survey that `to_json` wrote.

    Raises
    ------
    DataFileError
        If the text is something else; the message calls it `name`.
    """
    try:
        content = json.loads(text)
        _check(content["schema"] == SCHEMA and content["points"], f"schema {content['schema']}")
        return Survey(
            run=str(content["run"]),
            data=str(content["data"]),
            date=str(content["date"]),
            machine={str(k): str(v) for k, v in content["machine"].items()},
            points=tuple(map(_point, content["points"])),
            notes=tuple(map(str, content["notes"])),
        )
    except (
        ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError
    ) as error:  # fmt: skip
        raise DataFileError(
            f"{name} cannot be read as a benchmark",
            got=f"{type(error).__name__}: {error}",
            expected="a file written by bpmatrix bench --json",
        ) from None


def _point(content: dict[str, Any]) -> Point:
    sizes = tuple(map(int, content["sizes"]))
    figures = tuple(map(_figure, content["figures"]))
    rounds = {len(figure.log_ratios) for figure in figures if figure.name != CHAMPION}
    _check(len(rounds) <= 1 and 0 not in rounds, f"rounds {sorted(rounds)}")
    _check(len(sizes) == 3, f"sizes {sizes}")
    return Point(sizes, int(content["mini_batch_size"]), str(content["dtype"]), figures)


def _figure(content: dict[str, Any]) -> Figure:
    name, times = str(content["name"]), tuple(map(float, content["times"]))
    log_ratios = tuple(map(float, content["log_ratios"]))
    positive = all(0 < seconds < math.inf for seconds in times)
    _check(times and positive, f"the times of {name}")
    _check(all(map(math.isfinite, log_ratios)), f"the ratios of {name}")
    return Figure(name, int(content["threads"]), times, log_ratios)


def _check(valid: object, what: str) -> None:
    if not valid:
        raise ValueError(what)
