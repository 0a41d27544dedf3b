"""Texts for people have no control characters; results for programs keep all bytes."""

from __future__ import annotations

import ast
import csv
import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest

import bpmatrix.cli
from bpmatrix.cli import main, show

# -P keeps the current folder off sys.path, so that the process imports the tested package.
PROGRAM = [sys.executable, "-P", "-m", "bpmatrix"]
SECONDS = 180

# Colors, a title for the window, the same with one byte, a backspace, a line drawn over, and text
# that runs from right to left.
EVIL = ("\x1b[31mred\x1b[0m", "\x1b]0;mine\x07b", "\x9b2Jc", "d\x08\x08", "e\rf", "\u202eg")


def controls(text: str) -> set[str]:
    """Return the control characters of a text."""
    return {letter for letter in text if not letter.isprintable()} - {"\n"}


def test_each_example_has_a_control_character() -> None:
    """Each has one that must not be printed."""
    assert all(controls(word) for word in EVIL)


@pytest.mark.parametrize("word", EVIL)
def test_printed_text_has_no_control_characters(
    capsys: pytest.CaptureFixture[str], word: str
) -> None:
    """In lines, facts, and headings and cells of tables."""
    show.say(word)
    show.say(word, err=True)
    show.facts([(word, word)])
    show.table((word, "n"), [(word, 3)])
    for said in capsys.readouterr():
        assert controls(said) == set()
        assert "?" in said


def test_headings_are_not_markup(capsys: pytest.CaptureFixture[str]) -> None:
    """Brackets are printed, in headings and in cells."""
    show.table(("[red]heading[/red]",), [("[bold]cell",)])
    out = capsys.readouterr().out
    assert "[red]heading[/red]" in out
    assert "[bold]cell" in out


def test_results_are_written_byte_for_byte(capfdbinary) -> None:
    """For any encoding of the stream, and after earlier output."""
    content = "\n".join([*EVIL, "ö€", ""]).encode()
    show.say("before")
    show.hand_over(content)
    assert capfdbinary.readouterr().out == b"before\n" + content


def test_results_on_a_text_stream() -> None:
    """A text stream in place of standard output gets the text."""
    with redirect_stdout(io.StringIO()) as stream:
        show.hand_over("\x1b[1mö\n".encode())
    assert stream.getvalue() == "\x1b[1mö\n"


def test_only_show_prints() -> None:
    """Commands that print otherwise would print control characters."""
    speakers = {}
    for path in Path(bpmatrix.cli.__file__).parent.glob("*.py"):
        calls = [
            node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call)
        ]  # fmt: skip
        words = [ast.unparse(call) for call in calls]
        speaking = ("print(", "click.echo(", "click.secho(", "sys.stdout.", "sys.stderr.")
        speakers[path.name] = [word for word in words if word.startswith(speaking)]
    del speakers["show.py"]
    speakers["__init__.py"].remove("click.echo(context.get_help())")  # styled by click
    assert not [word for words in speakers.values() for word in words]


# --------------------------------------------------------------------- names that come from a file


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table and a model, all of whose names have control characters."""
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    folder = tmp_path_factory.mktemp("evil")
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["a\x1b[5m", "kind\x1b]2;t\x07"])
        writer.writerows([i, EVIL[i % len(EVIL)]] for i in range(60))
    arguments = ["--target", "kind\x1b]2;t\x07", "--epochs", "3", "--seed", "1", "--save", "model"]
    done = run(folder, "train", "table.csv", *arguments)
    assert done.returncode == 0, done.stderr
    assert controls(done.stdout.decode() + done.stderr.decode()) == set()
    model, table, output = (str(folder / name) for name in ("model", "table.csv", "predicted"))
    assert main(["predict", model, table, "--probabilities", "--output", output]) == 0
    return folder


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, capture_output=True, timeout=SECONDS,
        env=os.environ | environment,
    )  # fmt: skip


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """Return the output of a command on a terminal, including standard error."""
    pty = pytest.importorskip("pty", reason="needs a terminal of its own")
    here, there = pty.openpty()
    with subprocess.Popen(
        [*PROGRAM, *arguments], cwd=folder, stdout=there, stderr=there
    ) as process:
        os.close(there)
        shown = b""
        while True:
            try:
                part = os.read(here, 1 << 16)
            except OSError:  # Linux: the other end is closed
                part = b""
            if not part:
                break
            shown += part
        assert process.wait(SECONDS) == 0
    os.close(here)
    return shown.decode().replace("\r\n", "\n")  # as the terminal's driver writes a line's end


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_a_pipe_gets_the_same_bytes_as_a_file(evil: Path, encoding: str) -> None:
    """`predict > file` and `predict --output file` write the same bytes, control characters too."""
    content = (evil / "predicted").read_bytes()
    arguments = ["predict", "model", "table.csv", "--probabilities"]
    piped = run(evil, *arguments, PYTHONIOENCODING=encoding)
    assert piped.returncode == 0
    assert piped.stdout == content
    (header, *rows) = csv.reader(io.StringIO(content.decode(), newline=""))
    assert header == ["kind\x1b]2;t\x07", *(f"p({name})" for name in sorted(EVIL))]
    assert {row[0] for row in rows} <= set(EVIL)
    assert controls(piped.stderr.decode()) == set()


def test_a_terminal_gets_no_control_characters(evil: Path) -> None:
    """The same lines, with a question mark for each control character."""
    content = (evil / "predicted").read_bytes().decode()
    shown = on_a_terminal(evil, "predict", "model", "table.csv", "--probabilities")
    shown = re.sub(r"(?m)^bpmatrix: .* \.\.\. \d+ s\n", "", shown)  # what takes long says so
    assert controls(shown) == set()
    lines = ["".join(c if c.isprintable() else "?" for c in l) for l in content.split("\n")[:-1]]
    assert shown.split("\n")[: len(lines)] == lines
    assert "?[31mred?[0m" in shown


def test_the_other_commands_on_a_terminal(evil: Path) -> None:
    """`info` prints styles, but only printable characters of names."""
    shown = on_a_terminal(evil, "info", "model")
    assert "?]0;mine?b" in shown
    for sequence in ("\x1b[31m", "\x1b[5m", "\x1b]", "\x07", "\x9b", "\x08", "\u202e"):
        assert sequence not in shown


def test_a_class_name_that_is_not_valid_unicode(evil: Path, capfdbinary, monkeypatch) -> None:
    """Half of a surrogate pair in a model file is written as a question mark."""
    model = bpmatrix.load(evil / "model")
    (member,) = model.members_
    member.classes_ = np.array([f"{k}\ud800" for k in range(len(EVIL))], dtype=object)
    member._labels = type(member._labels)(member.classes_, "multiclass")
    monkeypatch.setattr(bpmatrix, "load", lambda path: model)
    monkeypatch.chdir(evil)
    assert main(["predict", "model", "table.csv"]) == 0
    assert main(["predict", "model", "table.csv", "--output", "file"]) == 0
    content = (evil / "file").read_bytes()
    assert capfdbinary.readouterr().out == content
    assert content.split(b"\n")[1][:2] in {f"{k}?".encode() for k in range(len(EVIL))}


def test_warnings_and_errors_are_one_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Even if their text comes from a file and has several lines."""
    bpmatrix.cli._show_warning(None, "one\x1b[2J\ntwo")
    assert capsys.readouterr().err == "bpmatrix: warning: one?[2J two\n"
    assert main(["info", "no\x1b[2J\nfile"]) == 2
    err = capsys.readouterr().err
    assert controls(err) == set()
    assert err.count("\n") == 1
