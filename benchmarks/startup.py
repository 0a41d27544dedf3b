"""The costs of a process: imports, cached machine code, the first compilation, memory."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict

IMPORT = "import numpy; from bpmatrix import Network"
TRAIN = """
from bpmatrix import Network, datasets

digits = datasets.load("digits")
net = Network([64, 30, 10], input_scale=digits.scale, seed=1)
net.train(digits.train.X, digits.train.labels)
"""
# Prints the bytes that a training adds to those of the process with data and programs. On Linux
# ru_maxrss includes memory of the parent at the start of the process; VmHWM does not.
TRAIN_ON_MANY = """
import resource
from pathlib import Path

import numpy as np

from bpmatrix import Network
from bpmatrix.engine.compilation import warm_up


def bytes_held(entry):
    if not Path("/proc/self/status").exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(fields[entry].split()[0])


rng = np.random.default_rng(0)
X, labels = rng.integers(256, size=(50_000, 784), dtype=np.uint8).T, rng.integers(10, size=50_000)
net = Network([784, 30, 10], input_scale=1 / 255, seed=1)
warm_up(("float64",))
before = bytes_held("VmRSS")
net.train(X, labels, epochs=1)
print(bytes_held("VmHWM") - before)
"""
MOST_IMPORT, MOST_TRAINING, MOST_COMPILATION, MOST_MEGABYTES = 0.15, 2.0, 15.0, 60.0


@click.command()
@QUICK
def startup(quick: bool) -> None:
    """Import, training with a warm cache, first compilation, and the memory of a training.

    The memory is that which an epoch of 784-30-10 on bytes of MNIST's shape adds to a process with
    the data and the compiled programs.
    """
    report = Report("The costs of a new process")
    report.columns("what", "figure", "target")
    rounds = 3 if quick else 15
    pairs = [(run(IMPORT)[0], run("import numpy")[0]) for _ in range(rounds)]
    with tempfile.TemporaryDirectory() as cache:
        cold, _ = run(TRAIN, cache)
        warm = float(np.median([run(TRAIN, cache)[0] for _ in range(rounds)]))
        added = int(run(TRAIN_ON_MANY, cache)[1]) / 1e6
    over_numpy = float(np.median([a - b for a, b in pairs]))
    for what, unit, figure, target in (
        ("import over `import numpy`", "s", over_numpy, MOST_IMPORT),
        ("training on the digits, warm cache", "s", warm, MOST_TRAINING),
        ("first compilation: cold less warm", "s", cold - warm, MOST_COMPILATION),
        ("memory that a training adds", "MB", added, MOST_MEGABYTES),
    ):
        report.row(what, f"{figure:.3g} {unit}", verdict(figure, target, at_most=True))
    report.finish()


def run(program: str, cache: str | None = None) -> tuple[float, str]:
    """Run a program in a new Python process; return its seconds from start to end, and output."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    if cache is not None:
        environment["NUMBA_CACHE_DIR"] = cache
    start = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - this Python and our own program
        [sys.executable, "-c", program],
        env=environment, check=True, text=True, stdout=subprocess.PIPE,
    )  # fmt: skip
    return time.perf_counter() - start, done.stdout
