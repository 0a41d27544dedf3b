"""Compilation happens once: the cache hits in a new process, and misses after a change."""

import math
import os
import re
import subprocess
import sys

import pytest
from numba import njit
from numba.core.codegen import CPUCodeLibrary

from bpmatrix.engine.compilation import load_program
from bpmatrix.kernels.machine import jit

SECOND_PROCESS = """
from bpmatrix.engine.compilation import load_program
for name in ("train_slice", "evaluate"):
    stats = load_program(name, "float64").stats
    print(name, "hits", sum(stats.cache_hits.values()), "misses", sum(stats.cache_misses.values()))
"""

# Looks for the files that would be loaded, and compiles nothing.
LOOK_INTO_THE_CACHE = """
import pathlib, sys
import numpy as np
import bpmatrix
from bpmatrix.engine.compilation import load_program

signatures = {name: load_program(name, "float64").signatures[0] for name in NAMES}

def kept():
    for name in [name for name in sys.modules if name.startswith("bpmatrix.kernels")]:
        del sys.modules[name]
    from bpmatrix.kernels.programs.epoch import train_slice
    from bpmatrix.kernels.programs.evaluate import evaluate
    programs = {"train_slice": train_slice, "evaluate": evaluate}
    found = []
    for name, program in programs.items():
        key = program._cache._key(signatures[name], program.targetctx.codegen())
        found.append(program._cache._path(key).exists())
    return found

print("unchanged", *kept())
kernels = pathlib.Path(bpmatrix.__file__).parent / "kernels"
for path in sorted(kernels.rglob("*.py")):
    text = path.read_bytes()
    times = path.stat()
    path.write_bytes(text + b"# changed\\n")
    print(path.relative_to(kernels).as_posix(), *kept())
    path.write_bytes(text)
    import os
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
print("restored", *kept())
""".replace("NAMES", '("train_slice", "evaluate")')

PLAIN_PYTHON = """
import numpy as np
from bpmatrix.kernels.programs import epoch, evaluate
from bpmatrix.kernels import threads
from bpmatrix.kernels.products import products
from bpmatrix.kernels.plan import lay_out_work

assert not hasattr(epoch.train_slice, "signatures")
for grain in (1, 4):
    for n in range(20):
        for count in range(1, 6):
            parts = [threads.share(n, t, count, grain) for t in range(count)]
            assert [i for a, b in parts for i in range(a, b)] == list(range(n))

for rows in (1, 3, 4, 17, 33):
    for columns in (1, 16, 17, 100):
        for count in range(1, 6):
            owners = np.zeros((rows, columns), int)
            for t in range(count):
                i0, i1, k0, k1 = threads.own_part(rows, columns, t, count)
                owners[i0:i1, k0:k1] += 1
            assert (owners == 1).all()

for left in range(1, 30):
    while left > 0:
        n = products.cut(left, (4, 2, 1))
        assert n in (4, 2, 1) and n <= left
        left -= n

assert threads.barrier(np.zeros(32, np.int64), 1)

sizes = np.array([5, 3, 2])
keeps_z, drops = np.array([False, False, True]), np.array([True, True, False])
work, _ = lay_out_work(sizes, keeps_z, drops, 7, 2)
a, z, seen = work["a"], work["z"], work["seen"]
assert (z[1], z[2] != a[2]) == (a[1], True)
assert (seen[0], seen[1] != a[1], seen[2]) == (a[0], True, a[2])
print("plain Python agrees")
"""


def lines_of(process):
    """The lines that a process printed, if it ended well."""
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def announcements(process):
    """The lines on standard error that speak of compilation."""
    return [line for line in process.stderr.splitlines() if "compiles its" in line]


def test_a_first_compilation_is_announced(checked_build):
    """One line on standard error for each program and type, before it begins."""
    assert announcements(checked_build.first) == [
        "bpmatrix compiles its training in float64, once on this machine ...",
        "bpmatrix compiles its prediction in float64, once on this machine ...",
    ]
    assert {"train_slice hits 0 misses 1", "evaluate hits 0 misses 1"} <= set(
        lines_of(checked_build.first)
    )


def test_a_second_process_finds_the_machine_code(checked_build):
    """It loads both programs, compiles and prints nothing, and does not change the cache."""
    second = checked_build.run(SECOND_PROCESS)
    assert lines_of(second) == ["train_slice hits 1 misses 0", "evaluate hits 1 misses 0"]
    assert second.stderr == ""
    assert checked_build.cached_files() == checked_build.files
    assert len([name for name in checked_build.files if name.endswith(".nbc")]) == 2


def test_a_change_to_any_file_of_the_kernels_misses(checked_build):
    """No machine code outlives the source that it came from, whichever file that was in."""
    unchanged, *edited, restored = lines_of(checked_build.run(LOOK_INTO_THE_CACHE))
    kernels = checked_build.package / "kernels"
    sources = [path.relative_to(kernels).as_posix() for path in sorted(kernels.rglob("*.py"))]
    assert unchanged == "unchanged True True"
    assert edited == [f"{name} False False" for name in sources]
    assert restored == "restored True True"


def test_machine_code_with_checks_is_kept_apart(checked_build):
    """A process without BPMATRIX_CHECKED does not run code that a checked one has compiled."""
    script = "from bpmatrix.kernels.machine import cache; print(cache._digest_of_sources())"
    with_checks = lines_of(checked_build.run(script))
    without = lines_of(checked_build.run(script, BPMATRIX_CHECKED=""))
    assert with_checks != without


def test_no_kernel_uses_fast_math():
    """Each such flag lets the compiler choose the bits."""
    assert jit.FLAGS == {"nogil": True, "error_model": "numpy"}
    assert jit.OURS == {**jit.FLAGS, "_nrt": False}


@pytest.mark.parametrize("name", ["train_slice", "evaluate"])
def test_no_program_counts_references(name):
    """Each count is a locked addition, and a small mini-batch had many of them."""
    program = load_program(name, "float64")
    for entry in program.overloads.values():
        compiled = str(entry.library._get_module_for_linking())
        assert program.__name__ in compiled
        assert "NRT_" not in compiled


@jit.kernel
def _square(x):
    return x * x


@jit.kernel
def _sum_of_squares(x, y):
    return _square(x) + _square(y)


def test_a_kernel_is_optimized_with_its_program_alone(monkeypatch):
    """LLVM's passes take most of a compilation, and need to see each kernel once."""
    optimize, optimized = CPUCodeLibrary._optimize_final_module, []

    def spy(library):
        optimized.append(library.name)
        optimize(library)

    monkeypatch.setattr(CPUCodeLibrary, "_optimize_final_module", spy)

    @njit
    def length(x, y):
        return math.sqrt(_sum_of_squares(x, y))

    assert length(3.0, 4.0) == 5.0
    assert [name for name in optimized if "length" in name]
    assert not [name for name in optimized if "square" in name]


def test_python_cannot_call_a_kernel():
    """It has no entry point, and the error names what has one."""
    with pytest.raises(TypeError, match=r"_square is a kernel: .* `program`"):
        _square(3.0)


def test_only_a_template_is_compiled_for_constants():
    """Copies of what LLVM inlines anyway would take a tenth of a compilation."""

    def power(x, n):
        return x**n

    of_types, of_constants = jit.kernel(power), jit.template(power)

    @njit
    def powers(x, n):
        general = of_types(x, 1) + of_types(x, 2) + of_types(x, n)
        return general, of_constants(x, 1) + of_constants(x, 2) + of_constants(x, n)

    assert powers(2.0, 3) == (14.0, 14.0)
    assert (len(of_types.signatures), len(of_constants.signatures)) == (1, 3)


def test_no_call_of_a_step_copies_the_plan():
    """Kernels that only pass it on are inlined; the products, which take matrices, are called."""
    names = "_long_sums", "feedforward", "backpropagate", "gradient_descent"
    for entry in load_program("train_slice", "float64").overloads.values():
        text = str(entry.library._get_module_for_linking())
        called = {name for name in names if re.search(rf"\bcall\b.*@\w*\d{name}B", text)}
        assert called == {"_long_sums"}


def test_kernels_of_integers_run_as_plain_python():
    """With NUMBA_DISABLE_JIT=1, kernels without machine instructions are ordinary Python."""
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    process = subprocess.run(
        [sys.executable, "-c", PLAIN_PYTHON], env=env, capture_output=True, text=True
    )
    assert lines_of(process) == ["plain Python agrees"]
