"""The memory of training besides its data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.data import load_samples
from benchmarks.options import JSON
from benchmarks.report import Report, verdict

MOST_MEGABYTES = 60.0

# Prints the memory of the process before training, and the peak after it. On Linux ru_maxrss
# includes memory of the parent at the start of the process; VmHWM does not.
TRAIN = """
import json, resource, sys
from pathlib import Path
import numpy as np
from bpmatrix import Network
from bpmatrix.engine.compilation import load_program

def bytes_held(entry):
    if not Path("/proc/self/status").exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(fields[entry].split()[0])

X, labels = np.load(sys.argv[1]).T, np.load(sys.argv[2])
if sys.argv[3] == "loaded":
    load_program("train_slice", "float64")
before = bytes_held("VmRSS")
net = Network([784, 30, 10], input_scale=1 / 255, seed=1)
net.train(X, labels, epochs=1)
print(json.dumps([before, bytes_held("VmHWM"), X.nbytes]))
"""


@click.command()
@JSON
def memory(json_file: str | None) -> None:
    """Peak memory of training 784-30-10 on MNIST as uint8, less the memory before."""
    report = Report("Memory that one epoch on MNIST as uint8 adds, MB", json_file)
    report.columns("compiled programs", "added", "target")
    samples = load_samples("mnist")
    with tempfile.TemporaryDirectory() as folder:
        X, labels = Path(folder, "X.npy"), Path(folder, "labels.npy")
        np.save(X, samples.X.T)
        np.save(labels, samples.targets)
        peaks(X, labels, "loaded")  # compiles if necessary
        for when, words in (("loaded", "loaded before"), ("new", "loaded by the training")):
            before, after = peaks(X, labels, when)
            added = (after - before) / 1e6
            report.row(words, f"{added:.1f}", verdict(added, MOST_MEGABYTES, at_most=True))
            report.record(programs=words, megabytes=added)
    report.finish([samples.source])


def peaks(X: Path, labels: Path, when: str) -> tuple[int, int]:
    """Return the memory of a new process before training, and its peak, in bytes."""
    environment = dict(os.environ)
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    done = subprocess.run(  # noqa: S603 - this Python and our own program
        [sys.executable, "-c", TRAIN, str(X), str(labels), when],
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
    )
    before, after, data = json.loads(done.stdout)
    if not data < before < after:
        raise click.ClickException(f"{before} and {after} bytes: the measurement failed")
    return before, after
