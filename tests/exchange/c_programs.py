"""Programs of many headers: compiled once, run on samples, read back as arrays."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bpmatrix.exchange.c_header import header
from bpmatrix.exchange.model import Model

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-Wconversion", "-Wdouble-promotion"]
LANGUAGES = {"c99": ["-x", "c", "-std=c99"], "c++17": ["-x", "c++", "-std=c++17"]}
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
REALS = {"float32": "float", "float64": "double"}


class Given(NamedTuple):
    """A model, the type of its header, and its samples as rows."""

    model: Model
    dtype: str
    rows: np.ndarray


class Found(NamedTuple):
    """What a program computed: outputs one by one and as a batch, classes, and its self-test."""

    outputs: np.ndarray
    batch: np.ndarray
    classes: np.ndarray
    self_test: int


def compiler(language: str) -> str | None:
    """Return the system's compiler of a language, or None."""
    names = ("cc", "gcc", "clang") if language == "c99" else ("c++", "g++", "clang++")
    return next(filter(None, map(shutil.which, names)), None)


def compile_program(
    source: Path, language: str, flags: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Compile a file to a program beside it, without a suffix."""
    command = [
        compiler(language), *LANGUAGES[language], *WARNINGS, *flags,
        str(source), "-o", str(source.with_suffix("")), "-lm",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True)


def output(program: Path, *, given: bytes = b"") -> bytes:
    """Return what a program prints; it must succeed."""
    # Memory checkers would look for leaks, which need ptrace.
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([str(program)], input=given, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout


def run_all(
    folder: Path, given: dict[str, Given], language: str, flags: tuple[str, ...] = ()
) -> dict[str, Found]:
    """Write a header for each model, compile one program of them all, and run it."""
    for name, (model, dtype, _) in given.items():
        (folder / f"{name}.h").write_bytes(header(model, name, dtype))
    source = folder / f"all_{language[:3]}.c"
    source.write_text(_program(given))
    done = compile_program(source, language, flags)
    assert done.returncode == 0, done.stderr[:3000]
    samples = [np.ascontiguousarray(g.rows, g.dtype).tobytes() for g in given.values()]
    return _read(output(source.with_suffix(""), given=b"".join(samples)), given)


def _classifies(model: Model) -> bool:
    n_outputs = model.description.sizes[-1]
    is_network = n_outputs > 1 or model.activations[-1] == "sigmoid"
    return is_network if model.kind == "network" else model.kind != "regressor"


def _program(given: dict[str, Given]) -> str:
    tests = "".join(f"#define {name}_SELF_TEST\n" for name in given)
    headers = "".join(f'#include "{name}.h"\n' for name in given)
    functions = "".join(_function(name, *g) for name, g in given.items())
    calls = "".join(f"    run_{name}();\n" for name in given)
    return (
        f"#include <stdio.h>\n{tests}{headers}{functions}"
        f"int main(void)\n{{\n{calls}    return 0;\n}}\n"
    )


def _function(name: str, model: Model, dtype: str, rows: np.ndarray) -> str:
    count = "1"
    classify = ""
    if _classifies(model):
        classify = f"k[i] = {name}_classify(y + i * {name}_OUTPUTS);"
        if model.kind == "multilabel-indicator":
            count = f"{name}_OUTPUTS"
            classify = f"{name}_classify(y + i * {name}_OUTPUTS, k + i * {name}_OUTPUTS);"
    return f"""
static void run_{name}(void)
{{
    enum {{ n = {len(rows)} }};
    static {REALS[dtype]} x[n * {name}_INPUTS], y[n * {name}_OUTPUTS], scratch[{name}_SCRATCH];
    static int k[n * {count}];
    size_t i, got = fread(x, sizeof x, 1, stdin);
    if (got != 1)
        return;
    for (i = 0; i < n; ++i) {{
        {name}_predict(x + i * {name}_INPUTS, y + i * {name}_OUTPUTS, scratch);
        {classify}
    }}
    fwrite(y, sizeof y, 1, stdout);
    fwrite(k, sizeof k, 1, stdout);
    {name}_predict_batch(x, y, n, scratch);
    fwrite(y, sizeof y, 1, stdout);
    k[0] = {name}_self_test(scratch);
    fwrite(k, sizeof k[0], 1, stdout);
}}
"""


def _read(data: bytes, given: dict[str, Given]) -> dict[str, Found]:
    """Return the results in the order in which `_function` writes them."""
    place, found = 0, {}

    def take(dtype: Any, *shape: int) -> np.ndarray:
        nonlocal place
        count = int(np.prod(shape))
        array = np.frombuffer(data, dtype, count, place).reshape(shape)
        place += array.nbytes
        return array

    for name, (model, dtype, rows) in given.items():
        n, outputs = len(rows), 2 if model.kind == "binary" else model.description.sizes[-1]
        labels = (outputs,) if model.kind == "multilabel-indicator" else ()
        y, classes = take(dtype, n, outputs), take(np.int32, n, *labels)
        found[name] = Found(y, take(dtype, n, outputs), classes, int(take(np.int32)))
    assert place == len(data)
    return found
