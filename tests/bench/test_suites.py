"""`pytest benchmarks` measures every benchmark."""

import os
import subprocess
import sys

from benchmarks.gate.versions import ROOT


def test_every_benchmark_is_measured():
    command = [
        sys.executable, "-m", "pytest", "-q", "benchmarks", "-p", "no:cacheprovider",
        "--benchmark-max-time=0.001", "--benchmark-min-rounds=1",
    ]  # fmt: skip
    # pytest-benchmark measures nothing in a worker of pytest-xdist, as this test may run in.
    env = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env=env)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "loop-float64-1000" in done.stdout
    assert "Rounds" in done.stdout  # the table of pytest-benchmark
