"""The benchmarks of a file, in a worker process.

Workers load this file by its path and may have another version of `bpmatrix`, or one that is under
test, so it imports nothing else of the package.
"""

from __future__ import annotations

import ast
import gc
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from bpmatrix.bench.serving import UnsuitedError, load_file

PREFIX = "bench_"
SERVING = str(sys.modules[load_file.__module__].__file__)
PLAIN = (bool, int, float, complex, str, bytes, type(None))

Call = Callable[[], object]
# A result in a tuple, or None if it cannot be compared with that of another process.
Result = tuple[Any] | None


def open_suite(folder: str, file: str, root: str) -> Suite:
    """Return the benchmarks of a file in a checkout, which becomes the current folder.

    Parameters
    ----------
    folder : str
        The checkout: its ``src`` and itself come first on ``sys.path``.
    file : str
        The file, relative to the checkout.
    root : str
        The working tree of the repository, which is removed from ``sys.path``.
    """
    ours = [str(Path(folder, "src")), folder, str(Path(folder, file).parent)]
    theirs = {root, str(Path(root, "src")), str(Path.cwd().resolve())}
    sys.path[:] = ours + [entry for entry in sys.path if str(Path(entry).resolve()) not in theirs]
    os.environ["PYTHONPATH"] = os.pathsep.join(ours)  # for processes that a benchmark starts
    os.chdir(folder)
    # Unpickling the request has imported the package around this file; the checkout may be another.
    for name in [name for name in sys.modules if name.partition(".")[0] == "bpmatrix"]:
        if name not in {__name__, load_file.__module__}:
            del sys.modules[name]
    text = Path(file).read_text(encoding="utf-8")
    kind = Functions if any(name.startswith(PREFIX) for name in _names_at_the_top(text)) else Tests
    return kind(folder, file, root)


class Suite:
    """Benchmarks by name."""

    def __init__(self, folder: str, file: str, root: str) -> None:
        self.folder, self.file, self.root = folder, file, root

    def names(self) -> list[str]:
        """Return the names of all benchmarks."""
        raise NotImplementedError

    def prepare(self, label: str, name: str) -> Result:
        """Call a benchmark twice, and return what it returns if both times agree."""
        gc.collect()
        result = self._start(label, name)
        sources = set(self._sources())
        strays = [f for f in sources if _within(f, self.root) and not _within(f, sys.prefix)]
        strays = [file for file in strays if not _within(file, self.folder)]
        if strays:
            raise ValueError(f"imports {strays[0]} from the working tree, not from the checkout")
        if not any(_within(file, self.folder) for file in sources):
            raise ValueError(
                f"uses no module of the repository: {self.file} has to import what it measures, and"
                " src/ and the repository's top folder are searched"
            )
        return result

    def _start(self, label: str, name: str) -> Result:
        raise NotImplementedError

    def _sources(self) -> Iterator[str]:
        """Yield the files of all modules but the suite and the two that every worker loads."""
        own = {os.path.realpath(name) for name in (self.file, __file__, SERVING)}
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if file and os.path.realpath(file) not in own:
                yield file

    def compilations_inside(self) -> int:
        """Return 0: only our own programs count what they compile."""
        return 0


class Functions(Suite):
    """The functions of a file that are named ``bench_*``."""

    def __init__(self, folder: str, file: str, root: str) -> None:
        super().__init__(folder, file, root)
        module = load_file(Path(file).stem, str(Path(folder, file)))
        self._all = {
            name: value
            for name, value in vars(module).items()
            if name.startswith(PREFIX) and callable(value)
        }
        self._ready: dict[str, Call] = {}

    def names(self) -> list[str]:
        """Return the names of all benchmarks."""
        return list(self._all)

    def _start(self, label: str, name: str) -> Result:
        if name not in self._all:
            raise ValueError(f"{self.file} has no {name}")
        function = self._all[name]
        if any(map(_is_needed, inspect.signature(function).parameters.values())):
            raise ValueError(f"{name} takes arguments: a benchmark is called without any")
        kinds = (
            inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction
        )  # fmt: skip
        if any(kind(function) for kind in kinds):
            raise ValueError(f"{name} is a coroutine or generator: calling it does no work")
        self._ready[label] = function
        return reproducible(function(), function())

    def run(self, label: str, calls: int) -> None:
        """Call a benchmark this many times; this is timed."""
        call = self._ready[label]
        for _ in range(calls):
            call()


class Tests(Suite):
    """The tests of a file with the fixture ``benchmark`` of pytest-benchmark."""

    _test: RunningTest | None = None

    def names(self) -> list[str]:
        """Return the names of all benchmarks."""
        collected = _Collected()
        _run_pytest([self.file, "--collect-only"], collected)
        if collected.failure:
            raise ValueError(collected.failure)
        return collected.names

    def _start(self, label: str, name: str) -> Result:
        del label  # the test before ends here
        if self._test is not None:
            self._test.end()
        self._test = RunningTest(f"{self.file}::{name}")
        result: Result = self._test.wait()
        return result

    def run(self, label: str, calls: int) -> None:
        """Call a benchmark this many times; this is timed."""
        del label
        if self._test is None:
            raise ValueError("no test was prepared")
        self._test.call(calls)


class _Collected:
    """A plugin of pytest that keeps names, and why something failed or was skipped."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.failure = self.skipped = ""

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Keep the names of tests with the fixture."""
        tests = [item for item in items if "benchmark" in getattr(item, "fixturenames", ())]
        self.names = [item.nodeid.partition("::")[2] for item in tests]

    def pytest_collectreport(self, report: Any) -> None:
        """Keep why a file cannot be imported."""
        self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep why a test failed or was skipped."""
        if report.skipped:
            self.skipped = str(report.longrepr[2])
        elif report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message if crash else str(report.longrepr).strip().splitlines()[-1]
            self.failure = text.splitlines()[0].strip()


class RunningTest(_Collected):
    """A test in a thread of pytest, stopped where it calls ``benchmark``, with all its fixtures."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._requests: SimpleQueue[int | None] = SimpleQueue()
        self._replies: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._thread = Thread(target=self._pytest, args=(name,), daemon=True)
        self._thread.start()

    def wait(self) -> Any:
        """Return the result of the benchmark, once the test has called it twice."""
        kind, value = self._replies.get()
        if kind == "ready":
            return value
        raise (UnsuitedError if self.skipped else ValueError)(value)

    def call(self, calls: int) -> None:
        """Call the benchmark in the test's thread."""
        self._requests.put(calls)
        kind, value = self._replies.get()
        if kind != "ready":
            raise ValueError(value)

    def end(self) -> None:
        """Let the test end, with its fixtures."""
        self._requests.put(None)
        self._thread.join()

    def serve(self, function: Callable[..., Any], *args: Any, **keywords: Any) -> Any:
        """Call a benchmark as often as requested; pytest-benchmark would do this by itself."""
        first, result = function(*args, **keywords), function(*args, **keywords)
        self._replies.put(("ready", reproducible(first, result)))
        while (calls := self._requests.get()) is not None:
            for _ in range(calls):
                function(*args, **keywords)
            self._replies.put(("ready", None))
        return result

    def _pytest(self, name: str) -> None:
        said = f"{name} was not run"
        try:
            _run_pytest([name], self)
            said = self.failure or self.skipped or f"{name} does not call the fixture benchmark"
        except Exception as error:  # noqa: BLE001 - the worker's thread raises it
            said = f"{type(error).__name__}: {error}"
        self._replies.put(("ended", said))


def _run_pytest(arguments: list[str], plugin: _Collected) -> None:
    """Run pytest without the project's options, which may share tests between processes."""
    try:
        import pytest  # noqa: PLC0415
        from pytest_benchmark.fixture import BenchmarkFixture  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ValueError(
            f"has no function {PREFIX}*, and as a suite of pytest-benchmark it needs {error.name}"
        ) from error

    def call(fixture: Any, function: Any, *args: Any, **keywords: Any) -> Any:
        fixture._mode = "benchmark(...)"  # noqa: SLF001 - else it warns that it was not used
        return plugin.serve(function, *args, **keywords)  # type: ignore[attr-defined]

    def pedantic(
        fixture: Any, target: Any, args: Any = (), kwargs: Any = None, setup: Any = None,
        teardown: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        if setup or teardown:
            pytest.skip("benchmark.pedantic with setup or teardown is not measured")
        return call(fixture, target, *args, **(kwargs or {}))

    for name, function in {"__call__": call, "pedantic": pedantic}.items():
        setattr(BenchmarkFixture, name, function)
    os.environ.pop("PYTEST_ADDOPTS", None)
    ours = ["-o", "addopts=", "--rootdir=.", "--import-mode=importlib", "--capture=sys", "-q"]
    # Beside the checkout, since pytest deletes the folders of earlier runs of the user.
    ours += ["-p", "no:cacheprovider", f"--basetemp={Path.cwd()}.tmp"]
    with redirect_stdout(StringIO()) as output:
        status = pytest.main([*ours, *arguments], plugins=[plugin])
    if status in {pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.USAGE_ERROR}:
        said = output.getvalue().strip().splitlines() or ["see above"]
        raise ValueError(f"pytest failed: {said[-1]}")


def reproducible(first: Any, second: Any) -> Result:
    """Return a result that two calls agree on, if it is plain."""
    return (second,) if is_plain(first) and is_plain(second) and agree(first, second) else None


def is_plain(value: Any) -> bool:
    """Return whether a value consists of numbers, text and arrays of numbers."""
    if type(value) in PLAIN:
        return True
    if type(value) in {list, tuple}:
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(map(is_plain, [*value, *value.values()]))
    return type(value).__module__ == "numpy" and getattr(value, "dtype", None) is not None and (
        value.dtype.kind in "biufc"
    )  # fmt: skip


def agree(one: Any, other: Any) -> bool:
    """Return whether two plain values are equal; numbers to nine digits, NaN to NaN."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(agree(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        pairs = zip(one, other, strict=True) if _alike(one, other) else ()
        return _alike(one, other) and all(agree(*pair) for pair in pairs)
    if isinstance(one, int) and isinstance(other, int):
        return one == other
    if _is_number(one) and _is_number(other):
        import numpy as np  # noqa: PLC0415 - not in workers without numbers

        same_shape = np.shape(one) == np.shape(other)
        return same_shape and bool(np.allclose(one, other, rtol=1e-9, atol=0, equal_nan=True))
    return type(one) is type(other) and bool(one == other)


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and len(one) == len(other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex) or hasattr(value, "dtype")


def _is_needed(parameter: inspect.Parameter) -> bool:
    variable = parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    return parameter.default is parameter.empty and not variable


def _within(file: str, folder: str) -> bool:
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def _names_at_the_top(text: str) -> Iterator[str]:
    """Yield the names that the statements of a module define."""
    for node in ast.parse(text).body:
        yield getattr(node, "name", "")  # functions and classes
        for alias in getattr(node, "names", ()):  # imports
            yield str(getattr(alias, "asname", None) or getattr(alias, "name", ""))
        for target in getattr(node, "targets", ()):
            yield getattr(target, "id", "")
