"""Steps on ranks against threads, and a model of more ranks than there are here."""

import json
import subprocess
import sys
from math import log2
from pathlib import Path
from shutil import which

import click

from benchmarks.options import QUICK
from benchmarks.report import Report, verdict

NUMBERS = 784 * 512 + 512 + 512 * 512 + 512 + 512 * 10 + 10  # of 784-512-512-10
LEAST, FROM = 1.5, 2048  # two ranks against one, at so many columns
# Seconds per message and bytes per second: round numbers that are assumed, not measured.
NETWORKS = {
    "Ethernet, 1 Gbit/s": (50e-6, 0.125e9),
    "Ethernet, 25 Gbit/s": (20e-6, 3.1e9),
    "InfiniBand, 200 Gbit/s": (2e-6, 25e9),
}
Measured = tuple[float, str, float, float]


def job(ranks: int, m: int, threads: int, steps: int) -> Measured:
    """Return the seconds of a step, a digest of the weights, and the seconds of two exchanges."""
    mpiexec = which("mpiexec", path=str(Path(sys.executable).parent)) or which("mpiexec")
    if mpiexec is None:
        raise click.ClickException("there is no mpiexec: pip install '.[mpi]' mpich")
    words = ["-m", "benchmarks.ranks_job", *map(str, (m, threads, steps))]
    done = subprocess.run(  # noqa: S603 - this Python
        [mpiexec, "-n", str(ranks), sys.executable, *words],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise click.ClickException(done.stderr.strip() or f"mpiexec failed: {done.returncode}")
    step, digest, small, large = json.loads(done.stdout.splitlines()[-1])
    return step, digest, small, large


def predicted(one: float, ranks: int, latency: float, bandwidth: float) -> float:
    """Return the seconds of a step: arithmetic, and two exchanges of float32."""
    if ranks == 1:
        return one
    sent = 2 * 4 * NUMBERS * (ranks - 1) / ranks
    return one / ranks + 3 * latency * log2(ranks) + sent / bandwidth


@click.command()
@QUICK
def ranks(quick: bool) -> None:
    """Measure steps of 784-512-512-10 in float32 on 1 and 2 ranks against 1 and 2 threads.

    The weights of all are compared first. A model (arithmetic divided by ranks, latency, bandwidth)
    predicts 2 ranks from one and from the measured exchanges, and computes up to 16 ranks for three
    kinds of network.
    """
    report = Report("Seconds per step on ranks and threads, and computed for more ranks")
    report.columns("columns", "1 rank", "2 threads", "2 ranks", "model", "2 ranks / 1", "target")
    m, one = 0, 0.0
    for m in (128, 2048) if quick else (128, 512, 2048, 8192, 16384):
        steps = 4 if quick else 20
        alone, threads, both = job(1, m, 1, steps), job(1, m, 2, steps), job(2, m, 1, steps)
        if len({alone[1], threads[1], both[1]}) > 1:
            raise click.ClickException(f"the weights differ at {m} columns")
        one, bandwidth = alone[0], 4 * NUMBERS / max(both[3] - both[2], 1e-9)
        model = predicted(one, 2, both[2] / 2, bandwidth)
        judged = verdict(one / both[0], LEAST if m == FROM else None)
        cells = [f"{1e3 * s:.2f} ms" for s in (one, threads[0], both[0], model)]
        report.row(f"{m:,}", *cells, f"{one / both[0]:.2f}", judged)
    notes = ["1 rank, 2 threads and 2 ranks: measured, with the same weights; model: computed"]
    for name, link in NETWORKS.items():
        times = ", ".join(f"{r}: {1e3 * predicted(one, r, *link):.1f}" for r in (1, 2, 4, 8, 16))
        notes.append(f"computed, not measured: {name}, {m:,} columns, ms on so many ranks: {times}")
    report.finish(notes)
