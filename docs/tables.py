"""Lists and tables in the pages: operations from their records, layers from the import contract."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path

from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.costs import COSTS
from bpmatrix.training.optimizers import OPTIMIZERS

ROOT = Path(__file__).parent.parent
NAMES = re.compile(r"^( +)Activation functions: .*?Optimizers: [^.]*\.$", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"<!-- records (\w+) -->\n.*?<!-- end -->", re.DOTALL)
WIDTH = 100


def with_records(page: str) -> str:
    """Return a page whose blocks list the records."""
    return BLOCK.sub(
        lambda block: f"<!-- records {block[1]} -->\n{PARTS[block[1]]()}\n<!-- end -->", page
    )


def with_names(source: str) -> str:
    """Return Python source with the names of all operations in its docstring."""
    return NAMES.sub(lambda found: textwrap.indent(names(WIDTH - len(found[1])), found[1]), source)


def activations() -> str:
    """Return the table of the activation functions."""
    return _table(
        ("activation", "a = sigma(z)", "sigma'(z)"),
        (
            (f'`"{f.name}"`', ", ".join(filter(None, (f.formula, f.remark))), f.derivative)
            for f in ACTIVATIONS.values()
        ),
    )


def costs() -> str:
    """Return the table of the costs."""
    rows = []
    for cost in COSTS.values():
        name = f'`"{cost.name}"`' + (f", `{cost.parameter()!r}`" if cost.parameter else "")
        formula = "; ".join(filter(None, (cost.formula, cost.remark)))
        rows.append((name, formula, cost.partner or "any element-wise"))
    return _table(("cost", "of a sample with the outputs a and the targets y", "output"), rows)


def optimizers() -> str:
    """Return the list of optimizers: calls with default values, and their docstrings."""
    lines = []
    for name, kind in OPTIMIZERS.items():
        arguments = ", ".join(
            field.name + ("" if field.default is MISSING else f"={field.default!r}")
            for field in fields(kind)
        )
        summary, rule, *_ = str(inspect.getdoc(kind)).split("\n\n")
        lines.append(f"- `{name}({arguments})`: {summary} {' '.join(rule.split())}")
    return "\n".join(_filled(line) for line in lines)


def names(width: int = WIDTH) -> str:
    """Return the names of all operations."""
    elementwise = (f.name for f in ACTIVATIONS.values() if f.elementwise)
    at_the_output = (f.name for f in ACTIVATIONS.values() if not f.elementwise)
    return _filled(
        f"Activation functions: {', '.join(elementwise)}, and {', '.join(at_the_output)} at the "
        f"output. Costs: {', '.join(COSTS)}. Optimizers: {', '.join(OPTIMIZERS)}.",
        width,
    )


def layers() -> str:
    """Return the tables of the folders and modules in `bpmatrix/` and `bpmatrix/kernels/`.

    Layers come from the contracts "layers" and "kernels" in pyproject.toml.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {c["id"]: c.get("layers", ()) for c in project["tool"]["importlinter"]["contracts"]}
    tables = []
    for folder, contract in ((ROOT / "bpmatrix", "layers"), (ROOT / "bpmatrix/kernels", "kernels")):
        rows = [
            (
                str(k),
                f"`{module}{'/' if (folder / module).is_dir() else '.py'}`",
                _job(folder / module),
            )
            for k, layer in enumerate(contracts[contract], start=1)
            for module in layer.split(" | ")
        ]
        tables.append(_table(("layer", f"in `{folder.relative_to(ROOT)}/`", "job"), rows))
    return "\n\n".join(tables)


def _job(module: Path) -> str:
    """Return the first line of the docstring of a module or a folder."""
    path = module / "__init__.py" if module.is_dir() else module.with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


PARTS = {
    "activations": activations,
    "costs": costs,
    "optimizers": optimizers,
    "layers": layers,
    "names": names,
}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (head, *rows)]
    first, *others = (f"| {line} |" for line in lines)
    return "\n".join([first, re.sub(r"[^|]+", "---", first.replace("\\|", "")), *others])


def _filled(line: str, width: int = WIDTH) -> str:
    indent = "  " if line.startswith("- ") else ""
    return textwrap.fill(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
