"""Lists and tables of operations in the pages, generated from their records (`build.py`)."""

import inspect
import re
import textwrap
from collections.abc import Iterable
from dataclasses import MISSING, fields

from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.costs import COSTS
from bpmatrix.training.optimizers import OPTIMIZERS

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


PARTS = {
    "activations": activations,
    "costs": costs,
    "optimizers": optimizers,
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
