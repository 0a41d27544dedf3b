"""House rules checked on the syntax tree. Checks by other tools are in `.ci/run lint`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import bpmatrix

PACKAGE = Path(bpmatrix.__file__).parent
KERNELS = PACKAGE / "kernels"
DECORATORS = KERNELS / "machine" / "jit.py"
FILES = sorted(PACKAGE.rglob("*.py"))

# Without docstrings.
MOST_LINES_OF_A_FILE = 300
MOST_LINES_OF_A_FUNCTION = 50

# The files that contain LLVM code: numba's extension interface changes with its releases, so the
# code that depends on it should be in few places.
LOW_LEVEL = {
    "kernels/functions/exponential.py",
    "kernels/machine/formats.py",
    "kernels/machine/instructions.py",
    "kernels/machine/underflow.py",
    "kernels/machine/vectors.py",
    "kernels/threads.py",
    "kernels/products/tiles.py",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions_in(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def imports_in(tree: ast.AST) -> Iterator[str]:
    """Yield the full names of imports: ``numba.njit`` for ``from numba import njit``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from (f"{module}.{alias.name}" for alias in node.names)


def lines_of_docstrings(tree: ast.AST) -> set[int]:
    """Return the line numbers of docstrings."""
    documented = (ast.Module, ast.ClassDef, *Function.__args__)
    texts = [
        node.body[0]
        for node in ast.walk(tree)
        if isinstance(node, documented) and ast.get_docstring(node) is not None
    ]
    return {line for text in texts for line in range(text.lineno, text.end_lineno + 1)}


def own_length(function: Function) -> int:
    """Count the lines of a function without its docstring and without nested functions.

    Nested functions are counted separately: intrinsics of numba contain one.
    """
    lines = set(range(function.lineno, function.end_lineno + 1)) - lines_of_docstrings(function)
    for inner in functions_in(ast.Module(function.body, [])):
        lines -= set(range(inner.lineno, inner.end_lineno + 1))
    return len(lines)


def decorators_of_jit() -> set[str]:
    """Return the names of the decorators of compiled code: the public functions of jit.py."""
    tree = tree_of(DECORATORS)
    return {node.name for node in tree.body if isinstance(node, Function) and node.name[0] != "_"}


def compiled_functions() -> list:
    """Return one pytest case for each compiled function."""
    decorators = decorators_of_jit()
    return [
        pytest.param(function, id=f"{path.stem}.{function.name}")
        for path in sorted(KERNELS.rglob("*.py"))
        for function in functions_in(tree_of(path))
        if decorators & {ast.unparse(decorator) for decorator in function.decorator_list}
    ]


def test_the_rules_find_the_code():
    """A rule that checks nothing would always pass."""
    assert "kernel" in decorators_of_jit()
    assert len(compiled_functions()) > 10
    assert {"errors.py", "reference.py", "kernels/backprop.py"} <= {name_of(path) for path in FILES}


@pytest.mark.parametrize("function", compiled_functions())
def test_a_kernel_has_a_docstring(function: Function):
    docstring = ast.get_docstring(function)

    assert docstring


@pytest.mark.parametrize("function", compiled_functions())
def test_a_kernel_does_not_raise(function: Function):
    """Other threads would wait for it at the barrier forever."""
    forbidden = [node for node in ast.walk(function) if isinstance(node, ast.Raise | ast.Assert)]

    assert not forbidden, f"line {forbidden[0].lineno}"


@pytest.mark.parametrize("function", compiled_functions())
def test_a_kernel_does_not_print(function: Function):
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]

    assert "print" not in {ast.unparse(call) for call in calls}


@pytest.mark.parametrize("function", compiled_functions())
def test_a_kernel_reads_before_it_chooses(function: Function):
    """a[k] = 0 if ... else a[k] is a branch around a store, which LLVM may not vectorize (0006)."""
    stores = [node for node in ast.walk(function) if isinstance(node, ast.Assign)]
    choices = [(node, choice) for node in stores for choice in ast.walk(node.value)
               if isinstance(choice, ast.IfExp)]  # fmt: skip
    left_in_memory = [
        f"line {node.lineno}: {ast.unparse(branch)}"
        for node, choice in choices
        for branch in (choice.body, choice.orelse)
        if isinstance(branch, ast.Subscript)
        and ast.unparse(branch) in map(ast.unparse, node.targets)
    ]

    assert not left_in_memory


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_llvm_stays_in_its_files(path: Path):
    if name_of(path) in LOW_LEVEL:
        return
    speaks_llvm = [
        name
        for name in imports_in(tree_of(path))
        if name.startswith(("llvmlite", "numba.extending"))
    ]

    assert not speaks_llvm


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_compiler_flags_have_one_home(path: Path):
    if path == DECORATORS:
        return
    compilers = {"numba.njit", "numba.jit", "numba.vectorize", "numba.guvectorize", "numba.cfunc"}

    assert not compilers & set(imports_in(tree_of(path)))


def test_the_reference_needs_only_numpy():
    outside = {name.split(".")[0] for name in imports_in(tree_of(PACKAGE / "reference.py"))}

    assert outside - set(sys.stdlib_module_names) == {"numpy"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_is_short_enough(path: Path):
    lines = path.read_text(encoding="utf-8").count("\n")

    assert lines - len(lines_of_docstrings(tree_of(path))) <= MOST_LINES_OF_A_FILE


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_fits_on_a_screen(path: Path):
    long = {
        function.name: own_length(function)
        for function in functions_in(tree_of(path))
        if own_length(function) > MOST_LINES_OF_A_FUNCTION
    }

    assert not long


def test_every_module_has_tests_of_its_name_or_is_listed():
    """CONTRIBUTING lists exactly the modules without tests of the same name."""
    tests = Path(__file__).parent
    page = (tests.parent / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.split("<!-- tests of another name -->")[1].split("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if ".py`" in line]
    listed = [name for modules, _ in rows for name in re.findall(r"`(\S+)`", modules)]
    others = {name for _, files in rows for name in re.findall(r"`(\S+)`", files)}
    names = [name_of(path) for path in FILES if not path.name.startswith("__")]
    without = [
        name for name in names if not (tests / name).with_name(f"test_{Path(name).name}").exists()
    ]

    assert sorted(listed) == sorted(without)
    assert not [name for name in others if not (tests / name).exists()]


@pytest.mark.parametrize("folder", sorted({path.parent for path in FILES}), ids=name_of)
def test_every_folder_has_a_docstring(folder: Path):
    text = ast.get_docstring(tree_of(folder / "__init__.py"))

    assert text
