"""``pytest benchmarks`` measures; a benchmark that compiles inside of the clock fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

# Behind the installed package, which is what is measured.
sys.path.append(str(Path(__file__).resolve().parents[1]))

from benchmarks.gate.compilations import Compilations


class CleanBenchmark(BenchmarkFixture):  # type: ignore[misc]  # pytest-benchmark ships no types
    """The fixture of pytest-benchmark; nothing may compile while it measures."""

    def __call__(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Measure a function, which was called once before."""
        with no_compilation():
            return super().__call__(function, *arguments, **named)

    def pedantic(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Measure a function so many times."""
        with no_compilation():
            return super().pedantic(function, *arguments, **named)


@contextmanager
def no_compilation() -> Iterator[None]:
    """Fail if a compilation begins in the block."""
    compilations = Compilations()
    try:
        yield
    finally:
        compilations.close()
    if compilations.begun:
        pytest.fail(
            f"{compilations.begun} compilations began while the clock ran:"
            " call the function once before it is measured"
        )


def pytest_configure(config: pytest.Config) -> None:
    """Measure: pyproject.toml switches measuring off for the tests, not for this folder."""
    if "--benchmark-disable" not in config.invocation_params.args:
        config.option.benchmark_enable = True


@pytest.fixture
def benchmark(benchmark: BenchmarkFixture) -> BenchmarkFixture:
    """Return the fixture of pytest-benchmark, made strict about compilation."""
    benchmark.__class__ = CleanBenchmark
    return benchmark
