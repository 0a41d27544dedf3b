"""Machine code on disk: what is damaged is replaced, and without a place to write all is computed.

The programs here are small, so that each is compiled in a moment, and lie in a folder of their own.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba import float64
from numba.core import config
from numba.core.caching import UserWideCacheLocator

from bpmatrix.kernels.machine import cache, jit

pytestmark = pytest.mark.skipif(bool(config.DISABLE_JIT), reason="the compiler is switched off")


def triple(x):
    return 3 * x


def double(x):
    return 2 * x


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Cache machine code in an empty folder, and forget earlier failures."""
    monkeypatch.setattr(cache, "_reasons", [])
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "kept"))
    config.reload_config()
    yield tmp_path / "kept"
    monkeypatch.undo()
    config.reload_config()


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def loads(function=triple, x=7.0) -> bool:
    """Run a function as a fresh process does, right or not at all; return whether it was loaded."""
    program = jit.program(function)
    assert program(x) == function(x)
    return sum(program.stats.cache_hits.values()) == 1


# --------------------------------------------------------------------------------- files of its own


def test_compiled_code_is_loaded_afterwards(folder):
    assert [loads(), loads(), loads()] == [False, True, True]
    assert len(files(folder)) == 1
    assert cache.why_not_kept() is None


def test_each_function_and_type_has_a_file(folder):
    """No index that two processes could write at once, each without the other's entry."""
    calls = [(triple, 7.0), (triple, 7), (triple, np.float32(7)), (double, 7.0)]
    first, second = ([loads(*call) for call in calls] for _ in range(2))

    assert (first, second) == ([False] * 4, [True] * 4)
    assert len(files(folder)) == 4


def test_a_c_function_is_cached(folder):
    made = [jit.c_function(triple, float64(float64), cached=True) for _ in range(2)]

    assert [function.cache_hits for function in made] == [0, 1]
    assert [function.ctypes(7.0) for function in made] == [21.0, 21.0]


# -------------------------------------------------------------------------------- what is not whole


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


DAMAGES = {
    "empty": lambda content: b"",
    "cut within the digest": lambda content: content[:20],
    "the digest alone": lambda content: content[:32],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "zeros": lambda content: bytes(len(content)),
    "zeros behind the digest": lambda content: content[:32].ljust(len(content), b"\0"),
    "zeros at the end": lambda content: content[:-512] + bytes(512),
    "longer": lambda content: content + b"\0",
    "words": lambda content: b"version https://git-lfs.github.com/spec/v1\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew_and_replaced(folder, damage: str):
    loads()
    [path] = files(folder)
    content = path.read_bytes()
    path.write_bytes(DAMAGES[damage](content))

    assert [loads(), loads()] == [False, True]
    assert files(folder) == [path]


def test_a_file_with_a_flipped_bit_is_not_run(folder):
    """Whether the bit is in the machine code or in the bytes around it."""
    loads()
    [path] = files(folder)
    content, bits = path.read_bytes(), random.Random(2)
    for _ in range(25):
        path.write_bytes(flipped(content, bits.randrange(8 * len(content))))
        assert not loads()
    assert loads()


def test_a_file_under_the_name_of_another_is_replaced(folder):
    """A wrong copy: the code is intact, but belongs to another function."""
    loads(double), loads(triple), loads(triple, 7)
    contents = {path: path.read_bytes() for path in files(folder)}
    for path, other in zip(contents, [*contents][1:] + [*contents][:1], strict=True):
        shutil.copy(other, path)

    assert [loads(double), loads(triple), loads(triple, 7)] == [False] * 3
    assert [loads(double), loads(triple), loads(triple, 7)] == [True] * 3


def test_a_pickle_with_a_missing_name_is_replaced(folder):
    """An intact file that refers to another package, which has changed since."""
    program = jit.program(triple)
    key = program._cache._key((float64,), program.targetctx.codegen())
    path = program._cache._path(key)
    path.write_bytes(cache._sealed(key, b"cnumba.no_such_module\nnothing\n."))

    assert [loads(), loads()] == [False, True]


# ----------------------------------------------------------------------------- no place to write to


def test_a_failed_write_is_reported(folder):
    """The call has its answer, no part of a file is left, and there is a reason to tell."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    try:
        loaded = loads()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert not loaded
    assert files(folder) == []
    assert str(folder) in cache.why_not_kept()
    assert "too large" in cache.why_not_kept()
    assert [loads(), loads()] == [False, True]


def test_a_folder_in_the_place_of_a_file_is_reported(folder):
    loads()
    [path] = files(folder)
    path.unlink()
    path.mkdir()

    assert not loads()
    assert str(folder) in cache.why_not_kept()


def test_a_missing_cache_folder_is_reported(folder, tmp_path, monkeypatch):
    """Neither that of the variable, nor one beside the source, nor one of the user."""
    script = tmp_path / "package" / "script.py"
    script.parent.mkdir()
    script.write_text("def triple(x):\n    return 3 * x\n")
    for place in ("kept", "home", "package/__pycache__"):
        (tmp_path / place).write_text("a file, in which nobody makes a folder\n")
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    names: dict = {}
    exec(compile(script.read_text(), script, "exec"), names)

    if sys.platform != "win32":  # which knows the user's folder by other means
        assert not loads(names["triple"])
        assert cache.why_not_kept() == "there is no folder that it may write to"


@pytest.mark.skipif(sys.platform != "linux", reason="its variable")
def test_a_user_without_a_home_has_no_cache(folder, tmp_path, monkeypatch):
    """Else code would be kept below the current folder, and run from whichever that is."""
    monkeypatch.setenv("XDG_CACHE_HOME", "~/.cache")
    monkeypatch.chdir(tmp_path)

    assert cache.UserFolder.from_function(triple, __file__) is None
    assert list(tmp_path.iterdir()) == []
    assert UserWideCacheLocator.from_function(triple, __file__) is not None  # numba's would


# -------------------------------------------------------------------------------- what decides code

READS_BEYOND = """
import sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from script import read
try:
    print(read(np.arange(8.0)[:2], 5), sum(read.stats.cache_hits.values()))
except IndexError:
    print("IndexError", sum(read.stats.cache_hits.values()))
"""


def test_only_the_process_that_asked_checks_bounds(tmp_path):
    """The next process does not load its machine code."""
    text = "from bpmatrix.kernels.machine.jit import program\n"
    text += "@program\ndef read(x, i):\n    return x[i]\n"
    (tmp_path / "script.py").write_text(text)

    def run(**settings: str) -> str:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kept"), **settings}
        command = [sys.executable, "-c", READS_BEYOND, str(tmp_path)]
        return subprocess.check_output(command, env=environment, text=True).strip()

    assert run(NUMBA_BOUNDSCHECK="1") == "IndexError 0"
    assert run() == "5.0 0"
    assert run(NUMBA_BOUNDSCHECK="1") == "IndexError 1"


def key() -> bytes:
    program = jit.program(triple)
    return program._cache._key((float64,), program.targetctx.codegen())


@pytest.mark.parametrize(
    "setting",
    [
        "BOUNDSCHECK=1", "DEBUGINFO=1", "DEBUG_JIT=1", "DEBUG_NRT=1",
        "DEVELOPER_MODE=1", "ENABLE_PROFILING=1", "EXTEND_VARIABLE_LIFETIMES=1",
        "FULL_TRACEBACKS=1", "LLVM_REFPRUNE_FLAGS=per_bb", "LLVM_REFPRUNE_PASS=0",
        "LOOP_VECTORIZE=0", "OPT=2", "OPT=max", "SLP_VECTORIZE=1",
    ],
)  # fmt: skip
def test_settings_that_change_the_code_are_in_its_key(folder, monkeypatch, setting: str):
    before = key()
    monkeypatch.setenv(*f"NUMBA_{setting}".split("="))

    assert key() != before


@pytest.mark.parametrize("setting", ["DISABLE_PERFORMANCE_WARNINGS=1", "NUM_THREADS=1"])
def test_other_settings_are_not_in_the_key(folder, monkeypatch, setting: str):
    before = key()
    monkeypatch.setenv(*f"NUMBA_{setting}".split("="))

    assert key() == before


def test_nothing_is_cached_after_a_setting_has_changed(folder, monkeypatch):
    """Code compiled afterwards may contain kernels compiled before the change."""
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")

    assert not loads()
    assert files(folder) == []
    assert "settings" in cache.why_not_kept()
