"""What a row of the table of cures is, and how the errors of the package are found."""

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
# By the name that is called. Builtin errors, but for a package that is missing, are our own slips,
# or told by an error of ours: one of a damaged file, a protocol of Python.
NAMES = {*errors.__all__, "of_extra", "ImportError", "UsageError", "BadParameter"}


@dataclass(frozen=True)
class Row:
    """An error of the package, a call that gets it, and a call that does what its cure says.

    Attributes
    ----------
    where : str
        The file and the function that make the error: ``"samples/arrays.py: as_array"``.
    what : str
        How its message begins, as it stands in the source; ``{}`` for what is put in.
    wrong : function
        Gets the error; takes a folder to write in.
    cure : str or None
        A part of the message that says what to do. None: it says nothing, and `why` says why.
    right : function or None
        Follows the cure to success; takes the same folder.
    why : str
        Why there is no cure, or none that a test could follow.
    needs : str
        A package that both calls need and the tests can do without.
    """

    where: str
    what: str
    wrong: Callable[[Path], object]
    cure: str | None = None
    right: Callable[[Path], object] | None = None
    why: str = ""
    needs: str = ""

    def says(self, message: str) -> bool:
        """Whether a message begins as this row says."""
        parts = (re.escape(part) for part in self.what.split("{}"))
        return re.match(".*?".join(parts), message, re.DOTALL) is not None


def errors_in_the_package() -> list[tuple[str, str]]:
    """Return where each error of ours is made, and how its message begins."""
    return [
        (f"{path.relative_to(PACKAGE).as_posix()}: {scope}", _text(call.args[0]))
        for path in sorted(PACKAGE.rglob("*.py"))
        for scope, call in _calls(ast.parse(path.read_text(encoding="utf-8")), "")
        if _name(call.func) in NAMES and call.args
    ]


def _calls(node: ast.AST, scope: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call below a node, and the function that it stands in."""
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
    """Return the text of a string in the source, with {} for what is put in."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_text, node.values))
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "{}"
