"""The installed package: which one is tested, its public names, what its import loads."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import bpmatrix

CHECKOUT = Path(__file__).resolve().parents[1]
TABLES = ("duckdb", "narwhals", "pandas", "polars", "pyarrow")
HEAVY = ("numba", "llvmlite", "scipy", "sklearn", "matplotlib", "onnx", "skl2onnx", *TABLES)


def is_editable() -> bool:
    """Whether bpmatrix was installed with ``pip install -e``."""
    origin = metadata.distribution("bpmatrix").read_text("direct_url.json")
    return bool(origin and json.loads(origin).get("dir_info", {}).get("editable"))


def test_the_tested_package_is_the_installed_one():
    if Path(bpmatrix.__file__).resolve().parent != CHECKOUT / "bpmatrix":
        return
    if is_editable() and not os.environ.get("CI"):
        pytest.skip(
            "bpmatrix is installed with `pip install -e`, so these tests ran on the source tree. "
            "That is fine while you work; the test command of the README tests what users get."
        )
    pytest.fail(
        f"These tests run on the source tree {CHECKOUT / 'bpmatrix'}, not on an installed package. "
        "Start them as `pytest`, not `python -m pytest`, which puts the current folder first on "
        "sys.path; take the checkout out of PYTHONPATH; install with `pip install .`, without -e."
    )


def test_the_version_is_that_of_the_distribution():
    assert bpmatrix.__version__ == metadata.version("bpmatrix")


def test_every_public_name_exists():
    for name in bpmatrix.__all__:
        assert getattr(bpmatrix, name) is not None


def test_dir_lists_the_public_names_and_nothing_else():
    """Except for dunder names; each name once."""
    names = [name for name in dir(bpmatrix) if not name.startswith("__")]

    assert names == sorted(bpmatrix.__all__)


def test_type_checkers_find_the_types():
    assert Path(bpmatrix.__file__).with_name("py.typed").is_file()


def test_the_command_is_declared():
    (script,) = metadata.entry_points(group="console_scripts", name="bpmatrix")

    assert callable(script.load())


def test_the_names_in_all_exist():
    """The documentation and `import *` use `__all__`."""
    for info in pkgutil.walk_packages(bpmatrix.__path__, "bpmatrix."):
        if info.name == "bpmatrix.__main__":  # runs the command line
            continue
        module = importlib.import_module(info.name)
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"{module.__name__}.__all__ names {name}"


def test_every_class_with_slots_has_getstate():
    """Pickle protocols 0 and 1, and libraries that rely on them, ignore slots."""
    for info in pkgutil.walk_packages(bpmatrix.__path__, "bpmatrix."):
        if info.name == "bpmatrix.__main__":
            continue
        for kind in vars(importlib.import_module(info.name)).values():
            if (
                isinstance(kind, type)
                and kind.__module__ == info.name
                and {*vars(kind).get("__slots__", ())} - {"__weakref__"}
            ):
                assert kind.__getstate__ is not object.__getstate__, kind


def test_a_training_loads_no_library_of_tables():
    code = (
        "import sys, numpy, bpmatrix\n"
        "net = bpmatrix.Network([1, 2])\n"
        "net.train(numpy.eye(1), [0], epochs=1), net.predict([[1.0]])\n"
        f"print(*sorted(set(sys.modules) & {set(TABLES)!r}))"
    )
    process = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True
    )

    assert process.stdout.split() == []


@pytest.mark.parametrize(
    "statement", ["import bpmatrix", "from bpmatrix import Network", "import bpmatrix.cli"]
)
def test_import_loads_nothing_heavy(statement: str):
    """-P keeps the current folder off sys.path, so the process imports the installed package."""
    code = f"import sys\n{statement}\nprint(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    process = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False
    )

    assert process.stderr == ""
    assert process.stdout.split() == []
