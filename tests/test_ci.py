"""The steps of `.ci/run` are those of the workflows and of CONTRIBUTING."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from bpmatrix.bench.gate.command import gate

ROOT = Path(__file__).parent.parent
RUN, WORKFLOWS = ROOT / ".ci" / "run", ROOT / ".github" / "workflows"
# Run without `.ci/run`: the base of a pull request is not origin/main.
BY_ITSELF = {"gate"}
ACTION = ".github/actions/gate"

pytestmark = pytest.mark.skipif(not RUN.exists(), reason="the source distribution has no CI")


def steps() -> set[str]:
    """Return the steps defined as functions in `.ci/run`."""
    return set(re.findall(r"^step_(\w+)\(\)", RUN.read_text(encoding="utf-8"), re.MULTILINE))


def asked_for(workflow: Path) -> list[list[str]]:
    """Return the steps named in each call of `.ci/run` in a workflow."""
    calls = re.findall(r"bash \.ci/run([^\n]*)", workflow.read_text(encoding="utf-8"))
    return [call.split() for call in calls]


def test_each_step_is_in_a_lane() -> None:
    """A step without a lane would never run."""
    text = RUN.read_text(encoding="utf-8")
    lanes = re.search(r"^LANES=\((.*)\)$", text, re.MULTILINE)[1].replace('"', "").split()
    others = re.findall(r'^(?:ALONE|ASKED_FOR)="(.*)"$', text, re.MULTILINE)
    assert sorted([*lanes, *others]) == sorted(steps())


@pytest.mark.parametrize("workflow", sorted(WORKFLOWS.glob("*.yml")), ids=lambda path: path.name)
def test_the_steps_in_a_workflow_exist(workflow: Path) -> None:
    assert {name for call in asked_for(workflow) for name in call} <= steps()


def test_the_workflow_of_every_commit_runs_every_step_once() -> None:
    asked = [name for call in asked_for(WORKFLOWS / "ci.yml") for name in call]
    assert sorted(asked) == sorted(steps() - BY_ITSELF)


def test_a_release_runs_all_steps() -> None:
    assert asked_for(WORKFLOWS / "release.yml") == [[]]


def test_the_page_names_the_steps() -> None:
    """CONTRIBUTING's table has exactly one row per step."""
    page = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.split("| step | what it holds |")[1].split("\n\n")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == sorted(steps())


def test_the_steps_in_every_page_exist() -> None:
    pages = [ROOT / ".github" / "CONTRIBUTING.md", ROOT / "pyproject.toml"]
    pages += [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        asked = re.findall(r"`\.ci/run (\w+)`", page.read_text(encoding="utf-8"))
        assert set(asked) <= steps(), page


def test_the_hooks_before_a_commit_are_those_of_lint() -> None:
    """The same commands, in the same order."""
    lint = re.search(
        r"^step_lint\(\).*?^}", RUN.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    commands = re.findall(
        r'^ +"\$(?:python" -m |work/checks-env/\$bin/)(.*)$', lint[0], re.MULTILINE
    )
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    entries = re.findall(r"^ +entry: (.*)$", hooks, re.MULTILINE)
    assert entries == [command.replace('"', "") for command in commands] != []


def test_what_needs_a_large_package_is_named_after_it() -> None:
    """Otherwise the step `neighbors` would leave it out, and each other step would skip it."""
    text = RUN.read_text(encoding="utf-8")
    needs = re.search(r"^NEIGHBORS='(.*)'$", text, re.MULTILINE)[1]
    names = re.search(r'^NAMED_AFTER="(.*)"$', text, re.MULTILINE)[1].split(" or ")
    sources = {path: path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    found = [
        f"{path.name}: {node.name}"
        for path, source in sources.items()
        if re.search(needs, source)  # parsing all would take seconds
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef)
        and re.search(needs, ast.get_source_segment(source, node))
    ]
    assert [name for name in found if not any(word in name for word in names)] == []
    assert len(found) > len(names)


def test_the_action_calls_the_gate_as_the_page_says() -> None:
    """Its folder lies as deep as it says, its options exist, and the page names it."""
    text = (ROOT / ACTION / "action.yml").read_text(encoding="utf-8")
    up = re.search(r"\$GITHUB_ACTION_PATH/([./]+)", text)[1]
    assert (ROOT / ACTION / up).resolve() == ROOT.resolve()
    options = {name for parameter in gate.params for name in parameter.opts}
    used = set(re.findall(r"--\w+", text.split("python -m pip")[1].split("\n", 1)[1]))
    assert {"--base", "--markdown", "--strict"} == used <= options
    page = (ROOT / "docs" / "keep-your-code-fast.md").read_text(encoding="utf-8")
    assert f"bpmatrix/{ACTION}@v" in page
    given = re.findall(r"^  (\w+):$", text.split("inputs:")[1].split("runs:")[0], re.MULTILINE)
    assert set(given) == {"file", "base", "strict"}
    assert all(f"`{name}" in page or f"{name}: " in page for name in given)
