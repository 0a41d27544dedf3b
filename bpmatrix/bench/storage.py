"""Surveys as JSON in the format of pytest-benchmark, so that its tools read them, and back.

Each contender at each point is one benchmark, in seconds per mini-batch. What pytest-benchmark has
no place for is under the key ``bpmatrix`` and in each benchmark's ``extra_info``.
"""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import astuple
from itertools import groupby
from typing import Any

import numpy as np

import bpmatrix
from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.survey import Figure, Point, Survey
from bpmatrix.errors import DataFileError

__all__ = ["from_json", "to_json"]

SCHEMA = 1


def to_json(survey: Survey) -> str:
    """Return a survey as text that `from_json` reads."""
    content = {
        "machine_info": dict(survey.machine),
        "commit_info": {"id": f"bpmatrix-{bpmatrix.__version__}", "dirty": False},
        "benchmarks": [_benchmark(p, figure) for p in survey.points for figure in p.figures],
        "datetime": survey.date,
        "version": "5.0.0",  # of pytest-benchmark, whose format this is
        "bpmatrix": {
            "schema": SCHEMA,
            "plan": survey.plan,
            "data": survey.data,
            "notes": list(survey.notes),
        },
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def from_json(text: str, name: str) -> Survey:
    """Return the survey that `to_json` wrote.

    Raises
    ------
    DataFileError
        If it is something else; the message calls it `name`.
    """
    try:
        content = json.loads(text)
        own = content["bpmatrix"]
        _check(own["schema"] == SCHEMA and content["benchmarks"], f"schema {own['schema']}")
        groups = groupby(content["benchmarks"], key=lambda benchmark: benchmark["group"])
        return Survey(
            plan=str(own["plan"]),
            data=str(own["data"]),
            date=str(content["datetime"]),
            machine={str(k): str(v) for k, v in content["machine_info"].items()},
            points=tuple(_point(list(members)) for _, members in groups),
            notes=tuple(map(str, own["notes"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise DataFileError(
            f"{name} cannot be read as a benchmark",
            got=f"{type(error).__name__}: {error}",
            expected="a file that bpmatrix bench --json wrote",
        ) from None


def _check(fine: object, what: str) -> None:
    if not fine:
        raise ValueError(what)


def _benchmark(point: Point, figure: Figure) -> dict[str, Any]:
    network = "-".join(map(str, point.sizes))
    group = f"{network}, mini-batch {point.mini_batch_size}, {point.dtype}"
    param = f"{network}-{point.mini_batch_size}-{point.dtype}"
    name = f"{figure.name}[{param}]"
    return {
        "group": group,
        "name": name,
        "fullname": f"bpmatrix bench::{name}",
        "params": {
            "contender": figure.name,
            "sizes": list(point.sizes),
            "mini_batch_size": point.mini_batch_size,
            "dtype": point.dtype,
        },
        "param": param,
        "extra_info": {
            "threads": figure.threads,
            "log_ratios": list(figure.log_ratios),
            "share_of_peak": None if point.peak is None else astuple(point.peak),
        },
        "options": {"timer": "perf_counter", "disable_gc": True, "warmup": True},
        "stats": _stats(figure.times),
    }


def _stats(times: tuple[float, ...]) -> dict[str, Any]:
    """Return the fields of pytest-benchmark's statistics."""
    data = sorted(times)
    mean, median = statistics.fmean(data), statistics.median(data)
    deviation = statistics.stdev(data) if len(data) > 1 else 0.0
    q1, _, q3 = statistics.quantiles(data, method="inclusive") if len(data) > 1 else [median] * 3
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    inner = [value for value in data if low <= value <= high]
    outside = len(data) - len(inner)
    far = sum(abs(value - mean) > deviation for value in data)
    return {
        "min": data[0],
        "max": data[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outside,
        "stddev_outliers": far,
        "outliers": f"{far};{outside}",
        "ld15iqr": inner[0],
        "hd15iqr": inner[-1],
        "ops": 1 / mean,
        "total": sum(data),
        "data": list(times),
        "iterations": 1,
    }


def _point(benchmarks: list[dict[str, Any]]) -> Point:
    params, peak = benchmarks[0]["params"], benchmarks[0]["extra_info"]["share_of_peak"]
    figures = tuple(
        Figure(
            str(benchmark["params"]["contender"]),
            int(benchmark["extra_info"]["threads"]),
            tuple(map(float, benchmark["stats"]["data"])),
            tuple(map(float, benchmark["extra_info"]["log_ratios"])),
        )
        for benchmark in benchmarks
    )
    for figure in figures:
        positive = all(0 < seconds < math.inf for seconds in figure.times)
        _check(figure.times and positive, f"the times of {figure.name}")
        _check(np.isfinite(figure.log_ratios).all(), f"the ratios of {figure.name}")
    rounds = {len(figure.log_ratios) for figure in figures if figure.name != CHAMPION}
    _check(len(rounds) <= 1 and 0 not in rounds, f"rounds {sorted(rounds)}")
    _check(len(params["sizes"]) == 3, f"sizes {params['sizes']}")
    return Point(
        tuple(map(int, params["sizes"])),
        int(params["mini_batch_size"]),
        str(params["dtype"]),
        figures,
        None if peak is None else Ratio(*map(float, peak)),
    )
