"""The time of a process before it trains: imports, cached machine code, the first compilation."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.options import JSON, QUICK
from benchmarks.report import Report, verdict

IMPORT_NUMPY = "import numpy"
IMPORT_BOTH = "import numpy; from bpmatrix import Network"
TRAIN = """
from bpmatrix import Network, datasets
digits = datasets.load("digits")
net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
net.train(digits.train.X, digits.train.labels)
"""
MOST_IMPORT, MOST_TRAINING, MOST_COMPILATION = 0.15, 2.0, 15.0


def seconds_of(program: str, cache: str | None = None) -> float:
    """Return the seconds that a program takes in a new Python process, start and end included."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    start = time.perf_counter()
    subprocess.run(  # noqa: S603 - this Python and our own program
        [sys.executable, "-c", program], env=environment, check=True, stderr=subprocess.DEVNULL
    )
    return time.perf_counter() - start


@click.command()
@QUICK
@JSON
def startup(quick: bool, json_file: str | None) -> None:
    """Seconds of whole processes: import, training with a warm cache, first compilation."""
    report = Report("Processes, seconds", json_file)
    report.columns("what", "seconds", "target")
    rounds = 3 if quick else 15
    pairs = [(seconds_of(IMPORT_BOTH), seconds_of(IMPORT_NUMPY)) for _ in range(rounds)]
    with tempfile.TemporaryDirectory() as cache:
        cold = seconds_of(TRAIN, cache)
        warm = float(np.median([seconds_of(TRAIN, cache) for _ in range(rounds)]))
    figures = (
        ("import over `import numpy`", float(np.median([a - b for a, b in pairs])), MOST_IMPORT),
        ("training on the digits, warm cache", warm, MOST_TRAINING),
        ("first compilation: cold less warm", cold - warm, MOST_COMPILATION),
    )
    for what, seconds, target in figures:
        report.row(what, f"{seconds:.3f}", verdict(seconds, target, at_most=True))
        report.record(what=what, seconds=seconds, target=target)
    report.finish()
