"""How fast tables are read, and how much memory it takes."""

import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict
from benchmarks.startup import run

MEGABYTES = 200
MOST_TIMES = 1.5

# Prints the processor time of a reader, and the most memory of its process.
MEASURE = """
import resource, time
from pyarrow import csv
from bpmatrix.tables.reading import read_table

start = time.process_time()
{call}
print(time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
READERS = {
    "pyarrow": "csv.read_csv({path!r})",
    "bpmatrix": "read_table({path!r}, progress=lambda done: None)",
}


def _write(path: Path, megabytes: int) -> None:
    """Write a table of 18 columns of numbers, one of text, and a target."""
    rng = np.random.default_rng(1)
    names = [*(f"x{i}" for i in range(18)), "kind", "y"]
    kinds = np.array(["red", "green", "blue"])
    with path.open("w", encoding="utf-8") as file:
        print(*names, sep=",", file=file)
        while file.tell() < megabytes * 1_000_000:
            X, k = rng.normal(size=(5_000, 19)), kinds[rng.integers(3, size=5_000)]
            for x, kind in zip(X, k, strict=True):
                print(*(f"{v:.7g}" for v in x[:-1]), kind, f"{x[-1]:.6g}", sep=",", file=file)


@click.command()
@QUICK
def reading(quick: bool) -> None:
    """Reading a table of 200 MB, compared with pyarrow's reader.

    In processor time, which does not depend on what else runs. The memory is that of the process.
    """
    report = Report("Reading a table of text")
    report.columns("reader", "seconds of the processor", "MB of memory", "times pyarrow's")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        _write(path, MEGABYTES // 10 if quick else MEGABYTES)
        for name, call in READERS.items():
            program = MEASURE.format(call=call.format(path=str(path)))
            runs = [[float(figure) for figure in run(program)[1].split()] for _ in range(3)]
            found[name] = np.min(runs, axis=0)
    for name, (seconds, megabytes) in found.items():
        times = seconds / found["pyarrow"][0]
        target = "" if name == "pyarrow" else verdict(times, MOST_TIMES, at_most=True)
        report.row(name, f"{seconds:.2f}", f"{megabytes:.0f}", f"{times:.2f} {target}")
    report.finish()
