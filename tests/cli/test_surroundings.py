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
from bpmatrix.storage.files import write_whole

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
    """The terminal breaks long lines; each word and number is there. A wider one cuts no more."""
    arguments = {
        "train": ["train", "--epochs", "1", "--seed", "1"],
        "info": ["info", model],
        "verify": ["verify"],
    }[command]
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"} | {"TERM": "xterm"}
    status, shown = on_a_terminal(*arguments, columns=40, cwd=tmp_path, **environment)
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


TABLE = "größe,art\n" + "".join(f"{k % 6},{('ä', 'ß')[k % 6 > 2]}\n" for k in range(60))
TRAININGS = {
    "network": ["train", "--epochs", "3", "--save", "kept"],
    "estimator": ["train", "table.csv", "--target", "art", "--epochs", "3", "--save", "kept"],
}


def full_device() -> Path:
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    return Path("/dev/full")


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("kind", ["full disk", "closed pipe"])
def test_a_model_is_saved_though_its_lines_are_not_printed(kind, training, tmp_path) -> None:
    """The exit status and a line on standard error report the failure."""
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    reader, writer = os.pipe()
    os.close(reader)
    if kind == "full disk":
        os.close(writer)
        writer = os.open(full_device(), os.O_WRONLY)
    process = subprocess.run(
        [*PROGRAM, *TRAININGS[training]], cwd=tmp_path,
        stdout=writer, stderr=subprocess.PIPE, text=True, timeout=SECONDS,
    )  # fmt: skip
    os.close(writer)
    model = bpmatrix.load(tmp_path / "kept")
    assert (model.epochs if training == "network" else model.members_[0].n_iter_) == 3
    if kind == "full disk":
        said = ["bpmatrix: error: standard output: No space left on device"]
        assert (process.returncode, complaints(process.stderr)) == (2, said)
    else:
        assert (process.returncode, complaints(process.stderr)) == (141, [])


def test_standard_error_on_a_full_disk(tmp_path, model) -> None:
    """Notes and warnings are lost, but not results."""
    with full_device().open("wb") as full:
        for arguments in (["predict", model, "digits"], TRAININGS["network"]):
            process = subprocess.run(
                [*PROGRAM, *arguments], cwd=tmp_path, stdout=subprocess.PIPE, stderr=full,
                timeout=SECONDS,
            )  # fmt: skip
            assert process.returncode == 0
            assert process.stdout
        wrong = subprocess.run([*PROGRAM, "info", "nothing"], cwd=tmp_path, stderr=full)
    assert wrong.returncode == 2
    assert Network.load(tmp_path / "kept").epochs == 3


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("free", ["work", "home", "temporary", "nothing"])
def test_a_model_is_saved_elsewhere_if_its_disk_is_full(
    free, training, tmp_path, monkeypatch, capsys
) -> None:
    """It is in the current folder, the home folder or a temporary one, under a new name."""
    disk, *others = places = [tmp_path / name for name in ("disk", "work", "home", "temporary")]
    for place in places:
        place.mkdir()
    (others[0] / "table.csv").write_text(TABLE, encoding="utf-8")
    monkeypatch.chdir(others[0])
    monkeypatch.setattr(Path, "home", lambda: others[1])
    monkeypatch.setattr("tempfile.tempdir", str(others[2]))

    def write(path: Path, *content: bytes) -> None:
        if not path.absolute().is_relative_to(tmp_path / free):
            raise OSError(28, "No space left on device", str(path))
        write_whole(path, *content)

    monkeypatch.setattr("bpmatrix.storage.tensor_files.write_whole", write)
    assert main([*TRAININGS[training][:-1], str(disk / "kept.safetensors")]) == 2
    seen = capsys.readouterr()
    (line,) = complaints(seen.err)
    rescued = list(tmp_path.rglob("kept*"))
    if free == "nothing":
        assert (rescued, "No space left on device" in line) == ([], True)
        return
    (found,) = rescued
    assert bpmatrix.load(found)
    assert re.fullmatch(r"kept-[0-9a-f]{8}\.safetensors", found.name)
    assert str(found) in seen.out
    assert line.startswith(f"bpmatrix: error: cannot write {disk / 'kept.safetensors'}: got No spa")
    assert f"The model is in {found}; move it" in line


IN_TURN = """
import ast, sys
from bpmatrix.cli import main
for arguments in ast.literal_eval(sys.argv[1]):
    assert main(arguments) == 0, arguments
    print("the next command", flush=True)
"""


def test_names_that_the_encoding_of_the_terminal_lacks(tmp_path) -> None:
    """They are escaped, and predictions are UTF-8 whatever the locale."""
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    predict = ["predict", "kept", "table.csv", "--probabilities"]
    commands = [TRAININGS["estimator"], ["info", "kept"], predict]
    process = subprocess.run(
        [sys.executable, "-P", "-c", IN_TURN, ascii(commands)], cwd=tmp_path,
        env=os.environ | locale, capture_output=True, timeout=SECONDS,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    _, info, predictions, _ = process.stdout.split(b"the next command\n")
    assert rb"gr\xf6\xdfe" in info
    assert re.match(r"art,p\(ß\),p\(ä\)\n[äß],", predictions.decode())


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
