"""Write the parts of the documentation that are generated from the code.

    python docs/build.py            writes docs/api.md, the code included in docs/*.md, the figures
                                    in README.md and docs/benchmarks.md, and the pictures
    python docs/build.py --bench    measures the figures first, into docs/bench.json
    python docs/build.py --check    exits with 1 if any of these files is out of date

Needs the extra ``dev``; to measure, also ``bench``, and an otherwise idle machine.

Code is included between ``<!-- include FILE NAME -->`` and ``<!-- end -->``: NAME is a function or
class in that file; without it, the whole file. The report of `bpmatrix bench` goes between
``<!-- bench PART -->`` and ``<!-- end -->``: PART is ``summary`` or ``markdown``. Lists and tables
of operations go between ``<!-- records PART -->`` and ``<!-- end -->`` (`tables.py`).

The pictures in docs/tutorial.md are drawn by its own program; docs/layout.svg shows the import
contract in pyproject.toml (`drawing.py`). Links in docs/api.md lead to its headings (`links.py`).
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

import griffe
import matplotlib as mpl
from drawing import drawing
from griffe2md import default_config, render_object_docs
from links import with_links
from tables import with_names, with_records

from bpmatrix import cli
from bpmatrix.bench import plots, report
from bpmatrix.bench.survey import Survey, from_json

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
NETWORK = ROOT / "bpmatrix" / "network" / "network.py"
FIGURES, PICTURE = DOCS / "bench.json", DOCS / "speed-up.svg"
TUTORIAL = DOCS / "tutorial.md"
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PICTURES = re.compile(r"^!\[.*?\]\((\S+\.svg)\)$", re.MULTILINE)
BENCH = re.compile(r"<!-- bench (summary|markdown) -->\n.*?<!-- end -->", re.DOTALL)
INCLUDE = re.compile(r"<!-- include (\S+)(?: (\S+))? -->\n.*?<!-- end -->", re.DOTALL)

# The public interface, in the order of a first reading.
PUBLIC = (
    "network.network.Network",
    "architecture.activations.OwnActivation",
    "architecture.costs.Huber",
    "architecture.costs.Quantile",
    "architecture.costs.OwnCost",
    "training.optimizers.SGD",
    "training.optimizers.RMSprop",
    "training.optimizers.Adam",
    "training.optimizers.AdamW",
    "training.schedules.Step",
    "training.schedules.Cosine",
    "training.schedules.InverseScaling",
    "training.schedules.Warmup",
    "training.schedules.ReduceOnPlateau",
    "training.stopping.EarlyStopping",
    "callbacks.save_best",
    "samples.blocks.Blocks",
    "history.History",
    "history.EpochInfo",
    "architecture.parameters.Parameters",
    "engine.trace.Trace",
    "engine.trace.LayerTrace",
    "inspection.gradcheck.verify",
    "inspection.gradcheck.Agreement",
    "inspection.diagnosis.diagnose",
    "inspection.diagnosis.Diagnosis",
    "inspection.symptoms.Finding",
    "inspection.symptoms.LayerHealth",
    "plots.pictures",
    "datasets.load",
    "datasets.DataSet",
    "datasets.Split",
    "progress",
    "engine.compilation.warm_up",
    "loading.load",
    "estimators.classifier.MLPClassifier",
    "estimators.regressor.MLPRegressor",
    "bench.comparing.compare",
    "bench.comparing.Comparison",
    "bench.statistics.Ratio",
    "nielsen.network",
    "nielsen.network2",
    "nielsen.base.BookNetwork",
    "nielsen.mnist_loader",
    "nielsen.problems",
    "lessons",
    "errors",
)
HEAD = """# The public interface

Generated from the docstrings by `python docs/build.py`. Columns are samples throughout: layer l has
`n_l` units; `m` or `n` is the number of samples.

"""


def api() -> str:
    """Return the text of docs/api.md."""
    loader = griffe.GriffeLoader(
        search_paths=[str(ROOT)], docstring_parser=griffe.Parser.numpy, docstring_options={}
    )
    package = loader.load("bpmatrix")
    loader.resolve_aliases()
    config = {
        **default_config,
        "docstring_style": "numpy",
        "heading_level": 2,
        "filters": ["!^_"],
        "show_if_no_docstring": False,
        "show_object_full_path": False,
        "members_order": "source",
        "summary": False,
    }
    objects = [package[name] for name in PUBLIC]
    for found in objects:
        for name, member in list(found.members.items()):
            if member.is_alias and not member.target_path.startswith("bpmatrix."):
                del found.members[name]  # imported names are not part of the interface
    page = HEAD + "\n".join(render_object_docs(found, config) for found in objects)

    def path_of(name: str) -> str | None:
        try:
            return str(package[name.removeprefix("bpmatrix.")].canonical_path)
        except KeyError:
            return None

    return with_links(page, path_of)


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
    yield NETWORK, with_names(NETWORK.read_text(encoding="utf-8"))  # first: the API quotes it
    survey = from_json(FIGURES.read_text(encoding="utf-8"), FIGURES.name)
    written = {
        page: with_figures(
            with_records(INCLUDE.sub(included, page.read_text(encoding="utf-8"))), survey
        )
        for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
        if page.name != "api.md"
    }
    written[DOCS / "api.md"] = api().rstrip() + "\n"
    # The bytes depend on the version of matplotlib, so the picture records which figures it shows.
    shown = PICTURE.read_text(encoding="utf-8") if PICTURE.exists() else ""
    if plots.signature(survey) not in shown:
        written[PICTURE] = plots.pictures(survey)[PICTURE.name].decode()
    written[DOCS / "layout.svg"] = drawing(ROOT)
    yield from (written | pictures_of_the_tutorial()).items()


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
