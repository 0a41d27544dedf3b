"""What holds for every test: hypothesis profiles, and a line that says which bpmatrix is tested."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# A Python that a test starts would otherwise put the current folder, the checkout, on its sys.path
# and import the source tree instead of the installed package.
os.environ["PYTHONSAFEPATH"] = "1"

# The same examples in every run and on every machine: a failure is one that anybody can repeat.
# No deadline and no complaint about slow input: the first example of a test may compile kernels.
settings.register_profile(
    "same",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    print_blob=True,
)
# Fewer of them, for questions to the installation, not to the arithmetic.
settings.register_profile("quick", settings.get_profile("same"), max_examples=10)
# Others in every run: pytest -m hypothesis --hypothesis-profile=random. `.ci/run random` names the
# seed that it has drawn; --hypothesis-seed=N takes it again.
settings.register_profile("random", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


def pytest_report_header() -> str:
    """Say which bpmatrix is tested."""
    try:
        import bpmatrix  # noqa: PLC0415 - not before pytest has set its warning filters
    except ModuleNotFoundError as error:
        raise pytest.UsageError(f"{error}. Install what is tested: pip install '.[test]'") from None
    return f"bpmatrix {bpmatrix.__version__} from {Path(bpmatrix.__file__).parent}"


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard():
    """Hear SIGINT also where the tests were started in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Begin each test with the same global random numbers, which the book's programs draw from."""
    random.seed(0)
    np.random.seed(0)
