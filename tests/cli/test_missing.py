"""Commands that need a missing package: one line before any work, status 2."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="a model of an estimator is made")

import bpmatrix

SECONDS = 120


def run_without(packages, *arguments, cwd):
    """Run the command line in a process without these packages."""
    code = (
        "import sys\n"
        "class Nowhere:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {packages!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Nowhere())\n"
        "import importlib.util\n"
        "found = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, package=None: "
        f"None if name in {packages!r} else found(name, package)\n"
        "from bpmatrix.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=SECONDS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a table and a model of an estimator."""
    folder = tmp_path_factory.mktemp("files")
    rows = [f"{i},{i % 7},{'up' if i > 20 else 'down'}" for i in range(40)]
    (folder / "table.csv").write_text("height,weight,way\n" + "\n".join(rows) + "\n")
    X = np.arange(40.0)[:, None]
    model = bpmatrix.MLPClassifier(2, solver="lbfgs", random_state=0)
    model.fit(X, X[:, 0] > 20).save(folder / "model")
    return folder


@pytest.mark.parametrize(
    ("packages", "arguments", "extra"),
    [
        (("sklearn",), ("train", "table.csv", "--target", "way"), "tables"),
        (("scipy",), ("train", "table.csv", "--target", "way"), "tables"),
        (("pyarrow",), ("train", "table.csv", "--target", "way"), "tables"),
        (("sklearn", "scipy"), ("train", "table.csv", "--target", "nowhere"), "tables"),
        (("pyarrow",), ("predict", "model", "table.csv"), "tables"),
        (("sklearn",), ("predict", "model", "table.csv"), "sklearn"),
        (("sklearn",), ("info", "model"), "sklearn"),
        (("matplotlib",), ("train", "--plot", "pictures"), "plot"),
        (("matplotlib",), ("bench", "--plot", "pictures"), "plot"),
        (("matplotlib",), ("reproduce", "--plot", "pictures"), "plot"),
    ],
)
def test_a_missing_package_is_one_line_that_names_the_extra(folder, packages, arguments, extra):
    before = sorted(folder.iterdir())
    done = run_without(packages, *arguments, cwd=folder)

    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("bpmatrix: error: ")
    assert line.endswith(f"pip install '.[{extra}]'")
    assert sorted(folder.iterdir()) == before


def test_networks_need_no_extra(tmp_path):
    """The required packages are enough to train, predict and verify."""
    extras = (
        "sklearn",
        "scipy",
        "pyarrow",
        "matplotlib",
        "pandas",
        "jax",
        "torch",
        "threadpoolctl",
    )
    for arguments in (
        ("train", "--epochs", "1", "--save", "net"),
        ("predict", "net", "digits"),
        ("info", "net"),
        ("verify", "net", "digits"),
    ):
        done = run_without(extras, *arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
