"""The machine code of the tiles for a processor that may not be this one."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

# LLVM's model of this processor asks for loops of any size to be unrolled.
ZEN = {
    "NUMBA_CPU_NAME": "znver5",
    "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx512f,+avx512bw,+avx512cd,+avx512dq,+avx512vl",
}
COMPILE = """
from compiled import weighted_input_alone
from numba import float64

weighted_input_alone.compile((*[float64[:, ::1]] * 4, float64[::1]))
(text,) = weighted_input_alone.inspect_asm().values()
print(text)
"""


@pytest.mark.skipif(
    platform.machine().lower() not in {"x86_64", "amd64"},
    reason="the machine code that is looked at is that of an x86 processor",
)
def test_the_sums_of_a_dot_tile_stay_in_registers(tmp_path):
    """The loop over the terms, which asks for memory too, holds the terms of one step, no more.

    Unrolled, its loads came first and drove the 24 sums of the largest tile out of the registers.
    """
    tests = str(Path(__file__).parents[2])
    environment = {**os.environ, **ZEN, "NUMBA_CACHE_DIR": str(tmp_path)}
    environment["PYTHONPATH"] = os.pathsep.join([tests, *filter(None, sys.path)])
    text = subprocess.run(
        [sys.executable, "-c", COMPILE], env=environment, capture_output=True, text=True, check=True
    ).stdout
    blocks = re.split(r"^\S+:.*$", text, flags=re.MULTILINE)
    loops = [block for block in blocks if "prefetch" in block and "vfmadd" in block]
    multiplications = [len(re.findall(r"\bvfmadd\w+", loop)) for loop in loops]
    assert max(multiplications) == 8 * 6 // 2  # two columns of the largest tile in a register
    for loop in loops:
        spilled = re.findall(r"vmov\w+\s+%zmm\d+, -?\d*\(%rsp\)", loop)
        assert not spilled, loop
