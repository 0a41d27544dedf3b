"""House rules checked on the syntax tree. Checks by other tools are in `.ci/run lint`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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


@cache
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


@cache
def compiled_functions() -> dict[str, Function]:
    """Return all compiled functions, by file and name."""
    decorators = decorators_of_jit()
    return {
        f"{name_of(path)}: {function.name}, line {function.lineno}": function
        for path in sorted(KERNELS.rglob("*.py"))
        for function in functions_in(tree_of(path))
        if decorators & {ast.unparse(decorator) for decorator in function.decorator_list}
    }


# Each rule is one test over all files, and lists everything that breaks it.


def test_the_rules_find_the_code():
    """A rule that checks nothing would always pass."""
    assert "kernel" in decorators_of_jit()
    assert len(compiled_functions()) > 10
    assert {"errors.py", "reference.py", "kernels/backprop.py"} <= {name_of(path) for path in FILES}


def test_a_kernel_has_a_docstring():
    assert not [
        name for name, kernel in compiled_functions().items() if not ast.get_docstring(kernel)
    ]


def test_a_kernel_does_not_raise():
    """Other threads would wait for it at the barrier forever."""
    assert not [
        f"{name}: line {node.lineno}"
        for name, kernel in compiled_functions().items()
        for node in ast.walk(kernel)
        if isinstance(node, ast.Raise | ast.Assert)
    ]


def test_a_kernel_does_not_print():
    assert not [
        f"{name}: line {node.lineno}"
        for name, kernel in compiled_functions().items()
        for node in ast.walk(kernel)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    ]


def test_a_kernel_reads_before_it_chooses():
    """a[k] = 0 if ... else a[k] is a branch around a store, which LLVM may not vectorize (0006)."""
    assert not [
        f"{name}: line {store.lineno}: {ast.unparse(branch)}"
        for name, kernel in compiled_functions().items()
        for store in ast.walk(kernel)
        if isinstance(store, ast.Assign)
        for choice in ast.walk(store.value)
        if isinstance(choice, ast.IfExp)
        for branch in (choice.body, choice.orelse)
        if isinstance(branch, ast.Subscript)
        and ast.unparse(branch) in map(ast.unparse, store.targets)
    ]


def test_llvm_stays_in_its_files():
    speaks_llvm = {
        name_of(path)
        for path in FILES
        if any(
            name.startswith(("llvmlite", "numba.extending")) for name in imports_in(tree_of(path))
        )
    }

    assert speaks_llvm <= LOW_LEVEL


def test_compiler_flags_have_one_home():
    compilers = {"numba.njit", "numba.jit", "numba.vectorize", "numba.guvectorize", "numba.cfunc"}

    importers = {name_of(path) for path in FILES if compilers & set(imports_in(tree_of(path)))}
    assert importers == {name_of(DECORATORS)}


def test_the_reference_needs_only_numpy():
    outside = {name.split(".")[0] for name in imports_in(tree_of(PACKAGE / "reference.py"))}

    assert outside - set(sys.stdlib_module_names) == {"numpy"}


def test_a_file_is_short_enough():
    lengths = {
        name_of(path): path.read_text(encoding="utf-8").count("\n")
        - len(lines_of_docstrings(tree_of(path)))
        for path in FILES
    }

    assert not {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FILE}


def test_a_function_fits_on_a_screen():
    lengths = {
        f"{name_of(path)}: {function.name}": own_length(function)
        for path in FILES
        for function in functions_in(tree_of(path))
    }

    assert not {name: n for name, n in lengths.items() if n > MOST_LINES_OF_A_FUNCTION}


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


def test_every_folder_has_a_docstring():
    folders = sorted({path.parent for path in FILES})

    assert not [f for f in folders if not ast.get_docstring(tree_of(f / "__init__.py"))]
