"""Adding an operation takes three places: apply CONTRIBUTING's patches to a copy of the package."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bpmatrix

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATCHES = dict(re.findall(r"### (An? \w+.*)\n(?:(?!###).*\n)*?```diff\n((?:.*\n)*?)```", PAGE))
PLACES = {
    "An activation function": [
        "bpmatrix/kernels/functions/activations.py",
        "bpmatrix/architecture/activations.py",
        "bpmatrix/reference.py",
    ],
    "A cost": [
        "bpmatrix/kernels/functions/distances.py",
        "bpmatrix/architecture/costs.py",
        "bpmatrix/reference.py",
    ],
    "An optimizer": [
        "bpmatrix/kernels/rules.py",
        "bpmatrix/training/optimizers.py",
        "tests/rule_twin.py",
    ],
}


def files_of(patch: str) -> dict[str, list[str]]:
    """Return the hunks of a patch for each file."""
    parts = re.split(r"^--- (.*)\n", patch, flags=re.MULTILINE)[1:]
    return {
        name: re.split(r"^@@\n", hunks, flags=re.MULTILINE)
        for name, hunks in zip(parts[::2], parts[1::2], strict=True)
    }


def apply(hunk: str, path: Path) -> None:
    """Replace the old lines of a hunk with the new ones."""
    lines = [(line[:1], line[1:]) for line in hunk.splitlines(keepends=True)]
    old, new = ("".join(line for mark, line in lines if mark != other) for other in "+-")
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{path.name} must contain this exactly once:\n{old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("operation", PLACES)
def test_a_patch_changes_only_the_three_places(operation: str) -> None:
    assert list(files_of(PATCHES[operation])) == PLACES[operation]


USE = """
import contextlib, io, sys
from pathlib import Path

import numpy as np

import bpmatrix
from bpmatrix import Network, cli, reference, verify
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.training.optimizers import Adagrad
from rule_twin import RuleTwin

assert Path(bpmatrix.__file__).is_relative_to(Path.cwd()), bpmatrix.__file__


def error_of(call):
    try:
        call()
    except bpmatrix.BpmatrixError as error:
        return str(error)
    raise AssertionError("it raises")


# The gradient agrees with reference.py and with central differences.
rng = np.random.default_rng(1)
X, Y = 2 * rng.standard_normal((3, 9)), rng.uniform(-0.9, 0.9, (2, 9))
for output in ("identity", "hard_tanh"):
    net = Network([3, 4, 2], activation="hard_tanh", output=output, cost="quartic", seed=1)
    agreement = verify(net, X, Y)
    assert agreement.is_good and agreement.n_parameters > 9, agreement
assert (abs(net.trace(X, Y).layers[0].z) > 1).any(), "both sides of the kinks are tried"

# The update rule equals its twin.
optimizer, layout = Adagrad(0.1, epsilon=0.01), net.description.layout
twin = RuleTwin(optimizer, net.parameters.copy(), np.full(layout.size, True))
for _ in range(5):
    p, g = (Parameters.of(flat, layout) for flat in (twin.theta, np.empty(layout.size)))
    nabla_b, nabla_W = reference.gradient_by_loop(
        p.weights, p.biases, net.description.activations, "quartic", X, Y
    )
    for view, sums in zip((*g.biases, *g.weights), (*nabla_b, *nabla_W), strict=True):
        view[:] = sums / 9
    twin.step(g.flat, 0.1)
before = net.parameters.copy()
net.train(X, Y, epochs=5, mini_batch_size=9, optimizer=optimizer)
assert abs(net.parameters - before).max() > 0.1
np.testing.assert_allclose(net.parameters, twin.theta, rtol=0, atol=1e-12)

# Training continues after saving and loading.
net.save("model")
again = Network.load("model")
assert again.description == net.description
for each in (net, again):
    each.train(X, Y, epochs=2)
assert (again.parameters == net.parameters).all()
assert not (net.parameters == twin.theta).all()

# Help and errors list the new names.
with contextlib.redirect_stdout(io.StringIO()) as shown:
    assert cli.main(["train", "--help"]) == 0
for name in ("hard_tanh", "quartic", "adagrad"):
    assert name in shown.getvalue(), name
assert "hard_tanh" in error_of(lambda: Network([3, 2], activation="none of them"))
assert "quartic" in error_of(lambda: Network([3, 2], cost="none of them"))
assert "Adagrad(learning_rate=...)" in error_of(lambda: net.train(X, Y, optimizer="none of them"))
given = "--activation hard_tanh --output hard_tanh --cost quartic --optimizer adagrad --epochs 1"
with contextlib.redirect_stdout(io.StringIO()) as shown:
    assert cli.main(["train", *given.split()]) == 0
assert "adagrad, learning rate 0.01" in shown.getvalue()
"""


def test_the_added_operations_work_everywhere(tmp_path: Path) -> None:
    """Gradient, update rule, model files, help and errors; in one process, to compile only once."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(bpmatrix.__file__).parent, tmp_path / "bpmatrix", ignore=leave)
    (tmp_path / "tests").mkdir()
    shutil.copy(TESTS / "rule_twin.py", tmp_path / "tests")
    for patch in PATCHES.values():
        for name, hunks in files_of(patch).items():
            for hunk in hunks:
                apply(hunk, tmp_path / name)

    folders = os.pathsep.join(map(str, (tmp_path, tmp_path / "tests", TESTS)))
    env = {
        **os.environ,
        "PYTHONPATH": folders,
        "NUMBA_CACHE_DIR": str(tmp_path / "code"),
        "NUMBA_OPT": "0",  # compiles in two thirds of the time
    }
    run = subprocess.run(
        [sys.executable, "-c", USE], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
