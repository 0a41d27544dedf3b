"""What holds for every test: hypothesis profiles, and a line that says which bpmatrix is tested."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A Python that a test starts would otherwise put the current folder, the checkout, on its sys.path
# and import the source tree instead of the installed package.
os.environ["PYTHONSAFEPATH"] = "1"

# No deadline and no complaint about slow input: the first example of a test may compile kernels.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run: a failure in CI is one that anybody can repeat.
settings.register_profile("ci", settings.get_profile("dev"), derandomize=True, print_blob=True)
# For questions to the installation, not to the arithmetic: pytest --hypothesis-profile=quick
settings.register_profile("quick", settings.get_profile("ci"), max_examples=10)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


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
