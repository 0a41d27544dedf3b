"""Write the parts of the documentation that are generated from the code.

    python docs/build.py            writes the code included in docs/*.md, the figures in README.md
                                    and docs/benchmarks.md, the same in Chinese, the pictures and
                                    the notebooks
    python docs/build.py --bench    measures the figures first, into docs/bench.json
    python docs/build.py --check    exits with 1 if any of these files is out of date

Needs the extra ``dev``; to measure, also ``bench``, and an otherwise idle machine.

Code is included between ``<!-- include FILE NAME -->`` and ``<!-- end -->``: NAME is a function or
class in that file; without it, the whole file. The report of `bpmatrix bench` goes between
``<!-- bench PART -->`` and ``<!-- end -->``: PART is ``summary`` or ``markdown``. Lists and tables
of operations go between ``<!-- records PART -->`` and ``<!-- end -->`` (`tables.py`).

The pictures in docs/tutorial.md are drawn by its own program; docs/layout.svg shows the import
contract in pyproject.toml (`drawing.py`). `pictures.py` draws
functions, schedules, first weights and dropout. The notebooks are made from pages (`notebooks.py`).
Sphinx builds the site from all of this (`conf.py`).
"""

import ast
import contextlib
import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from chinese import with_blocks_in_chinese
from drawing import drawing
from notebooks import PAGES, PROGRAM, notebook
from pictures import pictures
from tables import with_names, with_records

from bpmatrix import cli
from bpmatrix.bench import plots, report
from bpmatrix.bench.survey import Survey, from_json

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NETWORK = ROOT / "bpmatrix" / "network" / "network.py"
FIGURES, PICTURE = DOCS / "bench.json", DOCS / "speed-up.svg"
TUTORIAL = DOCS / "tutorial.md"
CHINESE = [ROOT / "README.zh-CN.md", *sorted((DOCS / "zh-CN").glob("*.md"))]
PICTURES = re.compile(r"^!\[.*?\]\((\S+\.svg)\)$", re.MULTILINE)
BENCH = re.compile(r"<!-- bench (summary|markdown) -->\n.*?<!-- end -->", re.DOTALL)
INCLUDE = re.compile(r"<!-- include (\S+)(?: (\S+))? -->\n.*?<!-- end -->", re.DOTALL)


def included(match: re.Match[str]) -> str:
    """Return an include block, filled with its code."""
    file, name = match.groups()
    source = (ROOT / file).read_text(encoding="utf-8")
    if name is not None:
        found = [
            node
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name
        ]
        lines = source.splitlines()
        start = min([found[0].lineno, *(d.lineno for d in found[0].decorator_list)])
        source = "\n".join(lines[start - 1 : found[0].end_lineno]) + "\n"
    head = f"<!-- include {file}{' ' + name if name else ''} -->"
    # `py`, not `python`: a test runs the blocks marked `python`.
    return f"{head}\n```py\n{source}```\n<!-- end -->"


def with_figures(page: str, survey: Survey) -> str:
    """Return a page whose bench blocks report the survey."""

    def block(match: re.Match[str]) -> str:
        head = match[0].splitlines()[0]
        return f"{head}\n{getattr(report, match[1])(survey)}<!-- end -->"

    return BENCH.sub(block, page)


def pictures_of_the_tutorial() -> dict[Path, str]:
    """Return the tutorial's pictures, drawn by its program, or none if it has not changed.

    The bytes depend on the version of matplotlib, so a picture records a digest of its program.
    """
    text = TUTORIAL.read_text(encoding="utf-8")
    program = "".join(PROGRAM.findall(text))
    digest = hashlib.sha256(program.encode()).hexdigest()
    mark = f"<!-- of docs/tutorial.md, sha256 of its program: {digest} -->\n"
    shown = [DOCS / name for name in PICTURES.findall(text)]
    if all(path.exists() and mark in path.read_text(encoding="utf-8") for path in shown):
        return {}
    # No date, the same element ids each time, text as outlines of matplotlib's font.
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    look = {"svg.hashsalt": "bpmatrix", "svg.fonttype": "path"}
    with tempfile.TemporaryDirectory() as folder, mpl.rc_context(look), contextlib.chdir(folder):
        exec(compile(program, TUTORIAL, "exec"), {"__name__": "__main__"})  # noqa: S102 - ours
        drawn = {path: Path(path.name).read_text(encoding="utf-8") for path in shown}
    return {path: svg.replace("<svg ", mark + "<svg ", 1) for path, svg in drawn.items()}


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every generated file, with its text."""
    yield NETWORK, with_names(NETWORK.read_text(encoding="utf-8"))
    survey = from_json(FIGURES.read_text(encoding="utf-8"), FIGURES.name)
    written = {
        page: with_figures(
            with_records(INCLUDE.sub(included, page.read_text(encoding="utf-8"))), survey
        )
        for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *CHINESE]
    }
    written |= {page: with_blocks_in_chinese(written[page]) for page in CHINESE}
    written |= {DOCS / f"{name}.ipynb": notebook(written[DOCS / f"{name}.md"]) for name in PAGES}
    # The bytes depend on the version of matplotlib, so the picture records which figures it shows.
    shown = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    if plots.signature(survey) not in shown:
        written[PICTURE] = plots.pictures(survey)[PICTURE.name].decode()
    written[DOCS / "layout.svg"] = drawing(ROOT)
    yield from (written | pictures_of_the_tutorial() | dict(pictures(DOCS))).items()


def main() -> int:
    """Write the files, or with ``--check`` compare them."""
    if "--bench" in sys.argv and cli.main(["bench", "--json", str(FIGURES)]):
        return 1
    stale = []
    for page, text in pages():
        if page.exists() and page.read_text(encoding="utf-8") == text:
            continue
        stale.append(page.relative_to(ROOT))
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
    for page in stale:
        print(("stale: " if "--check" in sys.argv else "written: ") + str(page))
    return int(bool(stale) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
