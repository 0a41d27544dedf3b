"""Rows of the table of cures, and finding the errors of the package."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import bpmatrix
from bpmatrix import errors

__all__ = ["Row", "errors_in_the_package"]

PACKAGE = Path(bpmatrix.__file__).parent
# The names of error classes. Other builtin errors are bugs, part of a protocol of Python, or
# converted to one of these.
NAMES = {*errors.__all__, "of_extra", "ImportError"} | {
    "UsageError",
    "ClickException",
    "BadParameter",
}


@dataclass(frozen=True)
class Row:
    """An error of the package, a call that raises it, and a call that follows its cure.

    Attributes
    ----------
    where : str
        The file and the function that raise the error: ``"samples/arrays.py: as_array"``.
    what : str
        The beginning of its message, as in the source; ``{}`` for fields.
    wrong : function
        Raises the error; takes a folder to write in.
    cure : str or None
        The part of the message that says what to do, or None; `why` then says why.
    right : function or None
        Follows the cure; takes the same folder.
    why : str
        Why there is no cure, or none that a test could follow.
    needs : str
        An optional package that both calls need.
    """

    where: str
    what: str
    wrong: Callable[[Path], object]
    cure: str | None = None
    right: Callable[[Path], object] | None = None
    why: str = ""
    needs: str = ""

    def says(self, message: str) -> bool:
        """Whether a message starts with this row's text."""
        parts = (re.escape(part) for part in self.what.split("{}"))
        return re.match(".*?".join(parts), message, re.DOTALL) is not None


def errors_in_the_package() -> list[tuple[str, str]]:
    """Return where each of our errors is raised, and the beginning of its message."""
    return [
        (f"{path.relative_to(PACKAGE).as_posix()}: {scope}", _text(call.args[0]))
        for path in sorted(PACKAGE.rglob("*.py"))
        for scope, call in _calls(ast.parse(path.read_text(encoding="utf-8")), "")
        if _name(call.func) in NAMES and call.args
    ]


def _calls(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call below a node, with the function that contains it."""
    for child in ast.iter_child_nodes(node):
        inside = scope
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            inside = f"{scope}.{child.name}".lstrip(".")
        if isinstance(child, ast.Call):
            yield scope, child
        yield from _calls(child, inside)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _text(node: ast.expr) -> str:
    """Return the text of a string in the source, with {} for fields."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "{}"
