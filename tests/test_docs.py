"""Every example in README, docs and docstrings runs, in reading order.

Python blocks fenced with `python` are executed; excerpts fenced with `py` must equal the source.
"""

from __future__ import annotations

import doctest
import importlib
import re
import runpy
import tomllib
import warnings
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

import bpmatrix
from bpmatrix.storage import checkpoints

PACKAGE = Path(bpmatrix.__file__).parent
ROOT = Path(__file__).parent.parent
# test_chinese.py compares them with the English pages, whose code runs here.
CHINESE = {ROOT / "README.zh-CN.md", *(ROOT / "docs" / "zh-CN").glob("*.md")}
PAGES = sorted({ROOT / "README.md", *(ROOT / "docs").rglob("*.md")} - CHINESE)
# Its examples need packages that no other page does.
EXCHANGE = ROOT / "docs" / "exchange.md"
MANY_NETWORKS = ROOT / "docs" / "many-networks.md"
BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
# Pages with links; a link is text in brackets and a target, outside code.
LINKING = sorted({*PAGES, *CHINESE, ROOT / "CHANGELOG.md", ROOT / ".github/CONTRIBUTING.md"})
LINK = re.compile(r"\]\(([^()\s]+)\)")
INLINE = re.compile(r"`[^`\n]+`")
PRINTED = re.compile(r"`(print\([^`\n]+\))`")
# The other languages of a page: commands, run by the tests of the command line, C and plain text.
OTHER_LANGUAGES = {"", "c", "sh", "text", "toml", "yaml", "json", "bibtex"}


def modules() -> list[str]:
    """Return the names of all modules, as dotted paths."""
    paths = (path.relative_to(PACKAGE.parent) for path in PACKAGE.rglob("*.py"))
    names = (".".join(path.with_suffix("").parts) for path in paths)
    return sorted(name.removesuffix(".__init__") for name in names)


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """Return the first line number and the text of each block of a language."""
    text = page.read_text(encoding="utf-8")
    return [
        (text[: match.start(3)].count("\n") + 1, match[3])
        for match in BLOCK.finditer(text)
        if match[2] == language
    ]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", modules())
def test_examples_in_docstrings(name: str) -> None:
    """Each example in a module's docstrings gives the documented result, and none is overlooked.

    doctest skips objects that are not Python functions, such as compiled kernels.
    """
    module = importlib.import_module(name)
    results = doctest.testmod(module, raise_on_error=False, report=True)
    source = Path(module.__file__).read_text(encoding="utf-8")
    written = re.findall(r"^\s*>>> ", source, re.MULTILINE)
    assert results.failed == 0
    assert results.attempted == len(written)


def test_examples_in_the_page_about_onnx_pandas_and_torch() -> None:
    pytest.importorskip("onnx", reason="the page writes files with it")
    for package in ("onnxruntime", "pandas", "pyarrow", "skl2onnx", "torch"):
        pytest.importorskip(package, reason="an example needs it")
    test_examples_in_pages(EXCHANGE)


def test_examples_in_the_page_about_optuna() -> None:
    pytest.importorskip("optuna", reason="the page searches with it")
    test_examples_in_pages(MANY_NETWORKS)


# The last runs on several processes: `engine/test_ranks.py`.
APART = (EXCHANGE, MANY_NETWORKS, ROOT / "docs" / "many-machines.md")


@pytest.mark.parametrize("page", [page for page in PAGES if page not in APART], ids=name_of)
def test_examples_in_pages(page: Path) -> None:
    """The Python blocks of a page run one after the other, as one program.

    Then the `print(...)` calls in its text work, too.
    """
    if "plots" in page.read_text(encoding="utf-8"):
        pytest.importorskip("matplotlib", reason="the page draws with matplotlib")
    namespace = {"__name__": "__main__"}
    for line, block in blocks(page, "python"):
        # Prepend empty lines, so that a traceback has the line number of the page.
        exec(compile("\n" * (line - 1) + block, page, "exec"), namespace)
    for printed in PRINTED.findall(page.read_text(encoding="utf-8")):
        exec(printed, namespace)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_excerpts_in_pages_equal_the_source(page: Path) -> None:
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")]
    for line, block in blocks(page, "py"):
        assert any(block in source for source in sources), f"{name_of(page)}:{line} is out of date"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_has_a_known_language(page: Path) -> None:
    """A block that is neither executed nor compared has another language; all are closed."""
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r"^ *```", text, re.MULTILINE)) == 2 * len(BLOCK.findall(text))
    assert {match[2] for match in BLOCK.finditer(text)} <= {"python", "py", *OTHER_LANGUAGES}


def test_lists_of_operations_are_up_to_date() -> None:
    tables = runpy.run_path(str(ROOT / "docs" / "tables.py"))
    texts = {page: page.read_text(encoding="utf-8") for page in PAGES}
    assert sum(text.count("<!-- records ") for text in texts.values()) == 4
    stale = [page for page, text in texts.items() if tables["with_records"](text) != text]
    source = (ROOT / "bpmatrix" / "network" / "network.py").read_text(encoding="utf-8")
    assert source.count("Activation functions: ") == 1
    stale += [] if tables["with_names"](source) == source else ["network.py"]
    assert not stale, "python docs/build.py writes them"


def test_install_commands_work_in_a_clone() -> None:
    """bpmatrix is not on PyPI: commands install the current folder, with existing extras.

    Only one sentence of the README mentions installing from PyPI.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = [*PAGES, *PACKAGE.rglob("*.py"), ROOT / ".github" / "CONTRIBUTING.md"]
    texts = {path: path.read_text(encoding="utf-8") for path in files}
    extras = re.findall(r"pip install (?:-e )?'\.\[([\w,]+)\]'", "".join(texts.values()))
    assert len(extras) >= 4
    assert {name for group in extras for name in group.split(",")} <= set(
        project["optional-dependencies"]
    )
    published = r"pip install (?:-\S+ )*'?bpmatrix\b"
    found = {path: re.findall(published, text) for path, text in texts.items()}
    assert {path: len(hits) for path, hits in found.items() if hits} == {ROOT / "README.md": 1}


def test_tutorial_pages_have_examples() -> None:
    with_examples = {name_of(page) for page in PAGES if blocks(page, "python")}
    assert with_examples >= {
        "README.md",
        "docs/equations.md",
        "docs/file-format.md",
        "docs/from-column-to-matrix.md",
        "docs/lessons.md",
        "docs/the-book.md",
        "docs/tutorial.md",
    }


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub's html-pipeline generates them.

    Lower case; only letters, digits, underscores, hyphens and blanks are kept; blanks become
    hyphens; repeated anchors get a number.
    """
    names: Counter[str] = Counter()
    found = set()
    for line in BLOCK.sub("", page.read_text(encoding="utf-8")).splitlines():
        if heading := re.match(r"#{1,6} (.*)", line):
            kept = (c for c in heading[1].strip().lower() if c.isalnum() or c in "_- ")
            name = "".join(kept).replace(" ", "-")
            found.add(f"{name}-{names[name]}" if names[name] else name)
            names[name] += 1
    return found


@pytest.mark.parametrize("page", LINKING, ids=name_of)
def test_links_within_the_repository_work(page: Path) -> None:
    """The file and the heading exist."""
    text = INLINE.sub("`code`", BLOCK.sub("", page.read_text(encoding="utf-8")))
    broken = []
    for target in LINK.findall(text):
        if re.match(r"[a-z]+:", target):  # another site
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert not broken


def test_the_reference_lists_the_public_names() -> None:
    """Every name of the package, or for a module itself or something in it."""
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    listed = re.findall(r"^   bpmatrix\.(\w+)", page, re.MULTILINE)
    assert set(bpmatrix.__all__) - {"BpmatrixError"} <= set(listed)  # it is in bpmatrix.errors


@pytest.mark.parametrize("kind", ["Network", "MLPRegressor"])
def test_the_page_of_the_file_format_names_what_is_in_a_checkpoint(tmp_path: Path, kind) -> None:
    """All keys and tensors; and those in the table are in the checkpoint of a network."""
    X, y = [[0.0, 1.0, 2.0]], [0.0, 1.0, 0.0]
    if kind == "Network":
        bpmatrix.Network([1, 1], seed=1).train(
            X, y, epochs=1, early_stopping=bpmatrix.EarlyStopping(1, metric="cost"),
            schedule=bpmatrix.schedules.ReduceOnPlateau(metric="cost"), checkpoint=tmp_path / "run",
        )  # fmt: skip
    else:
        pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
        model = bpmatrix.MLPRegressor(max_iter=1, random_state=1, tol=9.0)
        with warnings.catch_warnings(action="ignore"):  # it has not converged
            model.fit(list(zip(*X, strict=True)), y, checkpoint=tmp_path / "run")
    found = checkpoints.read(max((tmp_path / "run").glob("checkpoint-*")))
    text = (ROOT / "docs" / "file-format.md").read_text(encoding="utf-8")
    _, section = text.split("## Checkpoints")
    named = set(re.findall(r"`([\w.*]+)`", section))
    tensors = {"history.*" if name.startswith("history") else name for name in found.arrays}
    assert found.values.keys() | tensors <= named
    if kind == "Network":
        rows = re.findall(r"(?m)^\| (`.+?`) \|", section)
        assert set(re.findall(r"\w+", " ".join(rows))) <= found.values.keys()


def test_the_index_of_decisions_lists_every_decision() -> None:
    """docs/decisions/README.md has the number, file, title and date of each, in order."""
    folder = ROOT / "docs" / "decisions"
    row = r"^\| \[(\d+)\]\((\S+)\) \| (.+?) \| [^|]+ \| (\S+) \|$"
    index = (folder / "README.md").read_text(encoding="utf-8")
    listed = re.findall(row, index, re.MULTILINE)
    decisions = []
    for path in sorted(folder.glob("[0-9]*.md")):
        head = r"# (\d+)\. (.+)\n\n\*\*Date:\*\* (\d{4}-\d\d-\d\d)\n"
        found = re.match(head, path.read_text(encoding="utf-8"))
        assert found, f"{path.name} does not begin with '# N. Title' and '**Date:** YYYY-MM-DD'"
        number, title, date = found.groups()
        assert int(number) == int(path.name[:4])
        decisions.append((number, path.name, title, date))
    assert listed == decisions
    assert len({number for number, *_ in listed}) == len(listed)
