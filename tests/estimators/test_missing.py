"""Without scikit-learn the error says how to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["sklearn", "scipy"])
def test_the_error_names_the_extra(package):
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "import bpmatrix\n"
        "try:\n    bpmatrix.MLPClassifier\n"
        "except ImportError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)

    assert "pip install '.[sklearn]'" in done.stdout, done.stderr


def test_a_package_that_is_too_old_is_no_bug_of_ours():
    """An old scikit-learn lacks a name that is imported, which is no ModuleNotFoundError."""
    code = (
        "from sklearn.utils import validation\n"
        "del validation.validate_data\n"
        "import bpmatrix\n"
        "try:\n    bpmatrix.MLPRegressor\n"
        "except bpmatrix.BpmatrixError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)

    assert "needs scikit-learn, which is missing or too old" in done.stdout, done.stderr
