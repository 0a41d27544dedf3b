"""The machine and the versions of a measurement."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import bpmatrix
from bpmatrix.engine.places import count_processors

PACKAGES = ("numpy", "numba", "llvmlite", "jax", "torch", "scikit-learn", "scipy")


def describe_machine() -> dict[str, str]:
    """Return processor, cores, system, load and versions as text for a report.

    Examples
    --------
    >>> "processor" in describe_machine()
    True
    """
    machine = {
        "processor": _processor(),
        "processors that may be used": str(count_processors()),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "bpmatrix": bpmatrix.__version__,
    }
    if hasattr(os, "getloadavg"):
        machine["load before the run"] = f"{os.getloadavg()[0]:.2f}"
    for package in PACKAGES:
        try:
            machine[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            machine[package] = "not installed"
    return machine


def _processor() -> str:
    """Return the name of the processor, which on Linux is only in /proc/cpuinfo."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
