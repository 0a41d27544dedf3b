"""Disable AVX-512 for all contenders: the targets were set for AVX2."""

import os
import platform
import re
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

import click
import llvmlite.binding as llvm

X86 = {"x86_64", "amd64"}

# The variables that limit the libraries to registers of 32 bytes.
LIMITS = {
    "NUMBA_CPU_NAME": "haswell",
    "OPENBLAS_CORETYPE": "Haswell",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
}


def limit_to_avx2() -> None:
    """Limit worker processes that start from now on to AVX2."""
    if platform.machine().lower() not in X86:
        raise click.UsageError(
            f"--avx2 needs an x86-64 processor, and this one is {platform.machine()}"
        )
    features = llvm.get_host_cpu_features().flatten()
    os.environ.update(
        LIMITS,
        NUMBA_CPU_FEATURES=re.sub(r"\+(avx512|evex512)", r"-\1", features),
        XLA_FLAGS=_flags_of_xla(),
    )


def _flags_of_xla() -> str:
    """Return the flags that limit the installed JAX to AVX2.

    Products of YNNPACK, which JAX 0.10 uses if it can, ignore the limit; those of Eigen and oneDNN
    obey it. JAX aborts on unknown flags.
    """
    flags = ["--xla_cpu_max_isa=AVX2"]
    with suppress(PackageNotFoundError):
        if [int(number) for number in re.findall(r"\d+", version("jaxlib"))[:2]] >= [0, 10]:
            flags.append("--xla_cpu_experimental_ynn_fusion_type=")
    return " ".join(flags)
