"""Without scikit-learn, the error says how to install it; listing attributes works."""

from __future__ import annotations

import subprocess
import sys

import pytest


def without(package: str, program: str) -> str:
    """Return the output of a program that cannot import a package."""
    head = f"import sys; sys.modules[{package!r}] = None\nimport bpmatrix\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", head + program], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("package", ["sklearn", "scipy"])
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_error_names_the_extra(package, name):
    """It is an ImportError, also for a call with arguments or after `from bpmatrix import`."""
    program = f"""
from bpmatrix import {name}
for make in (bpmatrix.{name}, lambda: {name}((5,), alpha=1)):
    try:
        make()
    except ImportError as error:
        print(isinstance(error, bpmatrix.BpmatrixError), error)
"""
    lines = without(package, program).splitlines()

    assert len(lines) == 2
    for line in lines:
        needed = package.replace("sklearn", "scikit-learn")
        assert line.startswith(f"True an estimator of bpmatrix needs {needed}")
        assert "pip install '.[sklearn]'" in line


LOOKS = {
    "star": ("exec('from bpmatrix import *'); print(Network([2, 1]).description.sizes)", "(2, 1)"),
    "hasattr": ("print(all(hasattr(bpmatrix, name) for name in bpmatrix.__all__))", "True"),
    "members": (
        "import inspect; print({*bpmatrix.__all__} <= dict(inspect.getmembers(bpmatrix)).keys())",
        "True",
    ),
    "help": (
        "import pydoc; print('class MLPRegressor' in pydoc.plain(pydoc.render_doc(bpmatrix)))",
        "True",
    ),
    "isinstance": ("print(isinstance(bpmatrix.Network([2, 1]), bpmatrix.MLPClassifier))", "False"),
    "load": (
        "bpmatrix.Network([2, 1]).save('net'); print(bpmatrix.load('net').description.sizes)",
        "(2, 1)",
    ),
}


@pytest.mark.parametrize(("program", "printed"), LOOKS.values(), ids=LOOKS)
def test_inspection_raises_no_error(program, printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert without("sklearn", program).strip() == printed


def test_a_package_that_is_too_old_is_named():
    """An old scikit-learn lacks an imported name, which is not a ModuleNotFoundError."""
    code = (
        "from sklearn.utils import validation\n"
        "del validation.validate_data\n"
        "import bpmatrix\n"
        "try:\n    bpmatrix.MLPRegressor()\n"
        "except bpmatrix.BpmatrixError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)

    assert "needs scikit-learn, which is missing or too old" in done.stdout, done.stderr
