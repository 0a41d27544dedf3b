"""Surveys with known figures."""

import numpy as np

from bpmatrix.bench.contest import Figure
from bpmatrix.bench.survey import Point, Survey

ROUNDS = 9
# Microseconds per mini-batch.
TIMES = {"bpmatrix": 10.0, "loop": 300.0, "numpy": 50.0, "bpmatrix float32": 8.0, "jax": 20.0}


def figure(name, factor=1.0, noise=0.0):
    """A contender with equal rounds, except for noise in its own time."""
    rng = np.random.default_rng(len(name))
    logs = np.log(TIMES[name] / TIMES["bpmatrix"]) + noise * rng.standard_normal(ROUNDS)
    times = tuple((1e-6 * factor * TIMES["bpmatrix"] * np.exp(logs)).tolist())
    return Figure(name, 1, times, () if name == "bpmatrix" else tuple(logs.tolist()))


def point(m=10, width=30, dtype="float64", names=TIMES, noise=0.0):
    figures = tuple(figure(name, m, noise) for name in names)
    return Point((784, width, 10), m, dtype, figures)


def survey(*points, notes=()):
    machine = {"processor": "an abacus", "numpy": "9.9"}
    date = "2026-01-02T03:04:05+00:00"
    return Survey("default", "some digits", date, machine, points, tuple(notes))


def default_survey(noise=0.05):
    """Like a default run: a peer at one of two mini-batch sizes."""
    without = [name for name in TIMES if name != "jax"]
    return survey(point(10, noise=noise), point(100, names=without, noise=noise), notes=["a note"])


def full_survey():
    """Like a full run: two widths, both dtypes, the loop left out once."""
    without = [name for name in TIMES if name != "loop"]
    return survey(
        point(10, 30),
        point(10, 2048, names=without),
        point(10, 30, "float32"),
        point(10, 2048, "float32", names=without),
    )
