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

    assert "pip install 'bpmatrix[sklearn]'" in done.stdout, done.stderr
