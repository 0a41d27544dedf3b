"""One copy of the package with a cache of its own, compiled once for all tests that need that."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.codegen import get_host_cpu_features

import bpmatrix

# Some training whose bits must not depend on the length of the processor's registers.
TRAINING = """
import hashlib
import numpy as np
from strategies import make_case
from bpmatrix.architecture.description import Description
from bpmatrix.training.slices import SliceRunner

def digest_of_training():
    digest = hashlib.sha256()
    for sizes in ((13, 11, 7, 5), (150, 40, 3), (3, 70, 33, 1)):
        for activation in ("relu", "tanh", "sigmoid"):
            d = Description(sizes, (*[activation] * (len(sizes) - 2), "identity"), "quadratic")
            case = make_case(d, 150, seed=1)
            for m in (7, 140):
                runner = SliceRunner(d, case.theta, case.inputs, case.targets, m, 2)
                runner.run_epochs(np.arange(150)[None], 0.001, 0.1)
                digest.update(case.theta.tobytes())
    return digest.hexdigest()
"""

# All shapes from 1 to 17 in each dimension of a product, with one, two and five threads.
EVERY_SHAPE = (
    TRAINING
    + """
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.evaluation import gradient, outputs
from bpmatrix.kernels.machine.instructions import CHECKED

assert CHECKED
for n_in in range(1, 18):
    for n_out in range(1, 18):
        d = Description((n_in, n_out), ("identity",), "quadratic")
        case = make_case(d, 17, seed=1)
        X, targets = case.inputs, case.targets
        for m in range(1, 18):
            SliceRunner(d, case.theta, X, targets, m, 1).run_epochs(np.arange(m)[None], 0.01, 0.0)
for n in range(1, 18):
    for bias in (True, False):
        d = Description((n, 18 - n, n), ("relu", "softmax"), "log_likelihood", bias=bias)
        case = make_case(d, 17, seed=1, labeled=True)
        X, targets = case.inputs, case.targets
        outputs(d, case.theta, X), gradient(d, case.theta, case.samples)
        for threads in (1, 2, 5):
            runner = SliceRunner(d, case.theta, X, targets, n, threads)
            runner.run_epochs(np.arange(17)[None], 0.01, 0.0)
print("every shape is inside")

for name in ("theta", "work"):
    try:
        runner = SliceRunner(d, case.theta, X, targets, 17, 1)
        runner._fixed[name] = runner._fixed[name][:-1]
        runner.run_epochs(np.arange(17)[None], 0.01, 0.0)
    except IndexError:
        print(name, "is too short")
print("training gives", digest_of_training())
for name in ("train_slice", "evaluate"):
    stats = load_program(name, "float64").stats
    print(name, "hits", sum(stats.cache_hits.values()), "misses", sum(stats.cache_misses.values()))
"""
)


class Build:
    """A copy of the package, its cache, and what its first process said."""

    training = TRAINING

    def __init__(self, folder: Path) -> None:
        self.package = folder / "bpmatrix"
        self.cache = folder / "cache"
        source = Path(bpmatrix.__file__).parent
        shutil.copytree(source, self.package, ignore=shutil.ignore_patterns("__pycache__"))
        self.cache.mkdir()
        self.first = self.run(EVERY_SHAPE)
        self.files = self.cached_files()

    def run(self, script: str, **environment: str) -> subprocess.CompletedProcess:
        """Run a script in a fresh process that imports the copy, with checks of bounds.

        Where the processor has registers of 64 bytes, the process makes do with 32.
        """
        paths = [str(self.package.parent), str(Path(__file__).parents[1])]
        env = {
            **os.environ,
            "BPMATRIX_CHECKED": "1",
            "NUMBA_CPU_FEATURES": get_host_cpu_features().replace("+avx512", "-avx512"),
            "NUMBA_CACHE_DIR": str(self.cache),
            "PYTHONPATH": os.pathsep.join(paths),
            "PYTHONDONTWRITEBYTECODE": "1",
            **environment,
        }
        return subprocess.run(
            [sys.executable, "-c", script], env=env, cwd=self.cache, capture_output=True, text=True
        )

    def cached_files(self) -> dict[str, bytes]:
        """The files in the cache and what they hold."""
        found = sorted(path for path in self.cache.rglob("*") if path.is_file())
        return {path.name: path.read_bytes() for path in found}


@pytest.fixture(scope="session")
def checked_build(tmp_path_factory) -> Build:
    """Compile both programs for float64 with checks of bounds, and run them over every shape."""
    return Build(tmp_path_factory.mktemp("build"))
