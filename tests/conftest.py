"""Settings for all tests: hypothesis profiles, and a line that says which bpmatrix is tested."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Otherwise a Python started by a test would put the current folder, the checkout, on its sys.path
# and import the source tree instead of the installed package.
os.environ["PYTHONSAFEPATH"] = "1"

# The folder `benchmarks` as a package, without the checkout on sys.path.
BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
if "benchmarks" not in sys.modules:
    spec = spec_from_file_location(
        "benchmarks", BENCHMARKS / "__init__.py", submodule_search_locations=[str(BENCHMARKS)]
    )
    sys.modules["benchmarks"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["benchmarks"])

# The same examples in every run and on every machine, so that failures can be reproduced. No
# deadline and no check for slow input: the first example of a test may compile kernels.
settings.register_profile(
    "same",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    print_blob=True,
)
# Fewer examples, for checks of the installation rather than the arithmetic.
settings.register_profile("quick", settings.get_profile("same"), max_examples=10)
# Other examples in every run: pytest -m hypothesis --hypothesis-profile=random. `.ci/run random`
# prints the seed; --hypothesis-seed=N repeats a run.
settings.register_profile("random", settings.get_profile("same"), derandomize=False)
settings.load_profile("same")


SECONDS_TO_COMPILE = 120.0


# Files with tests of many seconds.
LONG = {
    "test_adding.py", "test_fuzz.py", "test_instructions.py", "test_jit.py", "test_kills.py",
    "test_machine_code.py", "test_processes.py", "test_surroundings.py", "test_workers.py",
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long tests first: at the end, the workers of pytest-xdist share out only short ones."""
    items.sort(key=lambda item: item.path.name not in LONG)


def pytest_report_header() -> str:
    """Say which bpmatrix is tested."""
    try:
        import bpmatrix  # noqa: PLC0415 - not before pytest has set its warning filters
    except ModuleNotFoundError as error:
        raise pytest.UsageError(f"{error}. Install what is tested: pip install '.[test]'") from None
    return f"bpmatrix {bpmatrix.__version__} from {Path(bpmatrix.__file__).parent}"


@pytest.fixture(scope="session", autouse=True)
def _no_program_is_compiled_twice(tmp_path_factory) -> None:
    """Divide the programs between two workers of pytest-xdist, which otherwise both compile all."""
    from bpmatrix.engine import compilation  # noqa: PLC0415 - not before pytest's warning filters

    assert not compilation._loaded, "a module of tests computes while it is imported"
    types = {"gw0": "float64", "gw1": "float32"}
    mine = types.get(os.environ.get("PYTEST_XDIST_WORKER", ""))
    if mine is None or int(os.environ["PYTEST_XDIST_WORKER_COUNT"]) < len(types):
        return
    compiled = tmp_path_factory.getbasetemp().parent  # of all workers
    compilation.warm_up((mine,))
    (compiled / mine).touch()
    end = time.monotonic() + SECONDS_TO_COMPILE  # the other worker may have died
    while not all((compiled / name).exists() for name in types.values()):
        if time.monotonic() > end:
            return
        time.sleep(0.1)


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_handled():
    """Handle SIGINT also if the tests run in the background, where it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def _same_random_numbers():
    """Seed the global random numbers, which the book's programs use, before each test."""
    random.seed(0)
    np.random.seed(0)
