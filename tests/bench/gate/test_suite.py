"""What a worker says of benchmarks, in this process."""

import os
import sys

import numpy as np
import pytest

from bpmatrix.bench.gate.suite import Functions, agree, open_suite, reproducible


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """The benchmarks of a text, beside a module of the repository."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for place in ("checkout", "root"):
        (tmp_path / place).mkdir()

    def opened(text, module="checkout"):
        (tmp_path / module / "measured_by_a_test.py").write_text("x = 1\n")
        if module == "root":
            sys.path.append(str(tmp_path / "root"))
        (tmp_path / "checkout" / "all.py").write_text(f"import measured_by_a_test\n{text}\n")
        return open_suite(str(tmp_path / "checkout"), "all.py", str(tmp_path / "elsewhere"))

    return opened


def test_names_are_those_of_functions(suite):
    found = suite("from operator import neg as bench_b\ndef bench_a(): pass\nbench_c = 1\nx = 2")
    assert isinstance(found, Functions)
    assert found.names() == ["bench_b", "bench_a"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def bench_a(n): pass", "takes arguments"),
        ("def bench_a(*, n): pass", "takes arguments"),
        ("def bench_a(): yield", "coroutine or generator"),
        ("async def bench_a(): pass", "coroutine or generator"),
        ("def bench_b(): pass", "has no bench_a"),
    ],
)
def test_functions_that_cannot_be_measured(suite, text, said):
    with pytest.raises(ValueError, match=said):
        suite(text).prepare("bench_a", "bench_a")


@pytest.mark.parametrize("text", ["def bench_a(n=3): return n", "def bench_a(*n): return 3"])
def test_a_benchmark_is_called_without_arguments(suite, text):
    found = suite(text)
    assert found.prepare("a", "bench_a") == (3,)
    found.run("a", 5)
    assert found.compilations_inside() == 0


def test_modules_of_the_working_tree_are_not_measured(suite, tmp_path):
    found = suite("def bench_a(): pass", module="root")
    found.root = str(tmp_path / "root")
    with pytest.raises(ValueError, match="from the working tree, not from the checkout"):
        found.prepare("a", "bench_a")


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1, True),
        (1, 2, False),
        (10**400, 10**400, True),
        (0.1 + 0.2, 0.3, True),
        (0.1, 0.1001, False),
        (float("nan"), float("nan"), True),
        (1, "1", False),
        ([1, {"a": (2.0, None)}], [1, {"a": (2.0, None)}], True),
        ([1, 2], [1, 2, 3], False),
        ([1, 2], (1, 2), False),
        ({"a": 1}, {"b": 1}, False),
        (np.ones((2, 3)), np.ones((2, 3)), True),
        (np.ones((2, 3)), np.ones((3, 2)), False),
    ],
)
def test_results_agree(one, other, equal):
    assert agree(one, other) is equal


@pytest.mark.parametrize("value", [object(), [object()], {1: {2}}, np.array([object()]), len])
def test_other_results_are_not_compared(value):
    assert reproducible(value, value) is None


def test_results_that_change_from_call_to_call_are_not_compared():
    assert reproducible(1, 2) is None
    assert reproducible([1.5], [1.5]) == ([1.5],)
