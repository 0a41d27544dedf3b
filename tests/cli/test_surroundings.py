"""The command line in unusual environments: no network, no home, odd paths, narrow terminals."""

from __future__ import annotations

import os
import re
import shlex
import struct
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import bpmatrix
from bpmatrix import Network
from bpmatrix.cli import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs terminals and pipes of POSIX")

PROGRAM = [sys.executable, "-P", "-m", "bpmatrix"]
# A first run compiles kernels.
SECONDS = 300

STYLE = re.compile(r"\x1b\[[0-9;]*m")

# Python runs this first; it disables the network.
NO_NETWORK = """
import socket

def refuse(*_, **__):
    raise OSError("there is no network")

socket.socket.connect = socket.socket.bind = refuse
socket.getaddrinfo = socket.create_connection = refuse
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    path = str(tmp_path_factory.mktemp("models") / "digits.safetensors")
    assert main(["train", "--epochs", "1", "--seed", "1", "--save", path]) == 0
    return path


def on_a_terminal(*arguments: str, columns: int, cwd: Path, **environment: str) -> tuple[int, str]:
    """Run the program on a terminal of this width; return its status and output."""
    fcntl, pty, termios = map(import_module, ("fcntl", "pty", "termios"))  # Windows has none
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*PROGRAM, *arguments], cwd=cwd, env=environment,
        stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    try:
        while part := os.read(master, 1 << 16):
            shown += part
    except OSError:  # on Linux, when the other end was closed
        pass
    os.close(master)
    return process.wait(SECONDS), shown.decode()


def complaints(errors: str) -> list[str]:
    """Return the lines of standard error, except announcements of long steps."""
    told = re.compile(r"bpmatrix compiles its|bpmatrix: .* \.\.\. \d+ s$")
    return [line for line in errors.splitlines() if not told.match(line)]


def test_the_first_command_in_strange_surroundings(tmp_path: Path) -> None:
    """An odd path; no home, network or locale. `.ci/run train` also compiles in such a place."""
    place = tmp_path / "Ein Örtchen, 数"
    place.mkdir()
    (place / "sitecustomize.py").write_text(NO_NETWORK)
    folders = os.pathsep.join(map(str, (place, Path(bpmatrix.__file__).parents[1])))
    status, shown = on_a_terminal(
        "train", columns=40, cwd=place,
        PATH=os.defpath, PYTHONPATH=folders, LC_ALL="C", TERM="xterm",
    )  # fmt: skip
    assert status == 0, shown
    plain = STYLE.sub("", shown)
    assert len(re.findall(r"(?m)^ ?\d+/30 ", plain)) == 30
    assert float(re.search(r"test accuracy +([\d.]+) %", plain)[1]) > 90
    assert not {"\x1b", "…"} & set(plain)


@pytest.mark.parametrize("command", ["train", "info", "verify"])
def test_nothing_is_cut_on_a_narrow_terminal(command, model, tmp_path) -> None:
    """The terminal breaks long lines; each word and number is there."""
    arguments = {
        "train": ["train", "--epochs", "1", "--seed", "1"],
        "info": ["info", model],
        "verify": ["verify"],
    }[command]
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"TERM": "xterm"}
    for columns in (40, 80):
        status, shown = on_a_terminal(*arguments, columns=columns, cwd=tmp_path, **environment)
        plain = STYLE.sub("", shown)
        words = {
            "train": {"64-30-10,", "cross_entropy,", "accuracy"},
            "info": {"1,920", "activation", "sigmoid", "biases"},
            "verify": {"64-40-20-10", "tanh-softmax", "log_likelihood", "differences"},
        }[command]
        assert status == 0
        assert "…" not in plain
        assert words <= set(plain.split())


@pytest.mark.parametrize(
    "command", ["train", "--help", "--version", "info", "predict", "verify", "warmup"]
)
def test_a_pipe_that_is_closed_at_once(command, model, tmp_path) -> None:
    """The program ends silently, with the shell's status for SIGPIPE."""
    arguments = {"info": ["info", model], "predict": ["predict", model, "digits"]}
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.run(
        [*PROGRAM, *arguments.get(command, [command])], cwd=tmp_path,
        stdout=writer, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
    )  # fmt: skip
    os.close(writer)
    assert (process.returncode, complaints(process.stderr)) == (141, [])


def test_a_pipe_that_closes_after_the_first_line(tmp_path: Path) -> None:
    """bpmatrix train | head -1, also with 2>&1."""
    for errors in (subprocess.PIPE, subprocess.STDOUT):
        process = subprocess.Popen(
            [*PROGRAM, "train", "--epochs", "1000000"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        assert process.stdout.readline().startswith("network")
        process.stdout.close()
        assert process.wait(SECONDS) == 141
        if process.stderr is not None:
            assert complaints(process.stderr.read()) == []
            process.stderr.close()


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_from_the_start(closed, tmp_path) -> None:
    """Output is discarded, not written to a file with the stream's number."""
    command = shlex.join([*PROGRAM, "train", "--epochs", "2", "--save", "kept"])
    process = subprocess.run(
        ["sh", "-c", f"{command} {closed}; echo $? >status"], cwd=tmp_path, timeout=SECONDS
    )
    assert process.returncode == 0
    assert (tmp_path / "status").read_text() == "0\n"
    assert Network.load(tmp_path / "kept").epochs == 2
    wrong = subprocess.run(
        ["sh", "-c", f"{shlex.join([*PROGRAM, 'info', 'nothing'])} {closed}"], cwd=tmp_path
    )
    assert wrong.returncode == 2


@pytest.mark.parametrize("name", ["my model.safetensors", "Größe (1)", "it's $mine"])
def test_the_suggested_command_works(name, tmp_path, monkeypatch, capsys) -> None:
    """As printed, for any name of the file."""
    monkeypatch.chdir(tmp_path)
    assert main(["train", "--epochs", "1", "--save", name]) == 0
    proposed = re.search(r"try: bpmatrix (.*)", capsys.readouterr().out)[1]
    assert main(shlex.split(proposed)) == 0
    assert name in capsys.readouterr().out
