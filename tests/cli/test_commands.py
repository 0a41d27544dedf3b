"""The command line, as a process only if that matters."""

from __future__ import annotations

import errno
import gzip
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from numba.core import event

import bpmatrix
from bpmatrix import SGD, Network, datasets, plots, schedules
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.costs import COSTS
from bpmatrix.architecture.description import DTYPES
from bpmatrix.architecture.initializers import INITIALIZERS
from bpmatrix.cli import main, options
from bpmatrix.engine import compilation
from bpmatrix.errors import DataError
from bpmatrix.kernels.machine import cache
from bpmatrix.plots import figures
from bpmatrix.training.arguments import DEFAULT_MINI_BATCH_SIZE, DEFAULT_OPTIMIZER

# -P keeps the current folder off sys.path, so that the process imports the tested package.
PROGRAM = [sys.executable, "-P", "-m", "bpmatrix"]
COMMANDS = (
    "train", "predict", "info", "export", "bench", "verify", "reproduce", "book-to-idx", "warmup",
)  # fmt: skip
# A first run compiles kernels.
SECONDS = 180

Captured = pytest.CaptureFixture[str]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=cwd, capture_output=True, text=True, timeout=SECONDS
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let every command run in an empty folder, and return that."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    return empty


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the path of a small model of the digits."""
    path = str(tmp_path_factory.mktemp("models") / "digits.safetensors")
    assert main(["train", "--epochs", "2", "--seed", "1", "--save", path]) == 0
    return path


def refused(capsys: Captured, *arguments: str) -> str:
    """Run a command that fails; check the form of its message and return it."""
    before = sorted(Path.cwd().rglob("*"))
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("bpmatrix: error: ")
    assert sorted(Path.cwd().rglob("*")) == before
    return line.removeprefix("bpmatrix: error: ")


# ------------------------------------------------------------------------------ as a process


def test_train_save_predict_info(folder: Path):
    trained = run("train", "--epochs", "30", "--seed", "1", "--save", "my.safetensors", cwd=folder)

    assert trained.returncode == 0
    assert (
        len(re.findall(r"(?m)^ ?\d+/30 +\d\.\d{4} +\d+\.\d\d % +\d+\.\d\d$", trained.stdout)) == 30
    )
    accuracy = float(re.search(r"(?m)^test accuracy +([\d.]+) %", trained.stdout)[1])
    assert accuracy >= 94
    assert "\x1b" not in trained.stdout, "styles are for terminals"
    assert set(trained.stderr.splitlines()) <= {
        f"bpmatrix compiles its {work} in float64, once on this machine ..."
        for work in ("training", "prediction")
    }
    assert [path.name for path in folder.iterdir()] == ["my.safetensors"]

    predicted = run("predict", "my.safetensors", "digits", cwd=folder)
    assert predicted.returncode == 0
    test = datasets.load("digits").test
    expected = Network.load("my.safetensors").predict(test.X)
    assert predicted.stdout.split() == [str(k) for k in expected]
    hits = (expected == test.labels).sum()
    assert (
        f"accuracy {accuracy:.2f} % ({hits} of 297) on the test part of digits" in predicted.stderr
    )

    told = run("info", "my.safetensors", cwd=folder).stdout
    assert re.search(r"(?m)^parameters +2,260$", told)
    assert re.search(r"(?m)^run 1 +30 epochs on 1200 samples of digits, mini-batches of 10, ", told)


def test_wrong_usage_is_one_line_on_standard_error(folder: Path):
    process = run("train", "no-such-file.npz", cwd=folder)

    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.startswith("bpmatrix: error: there is no data set, file or folder")
    assert process.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to whole consoles")
def test_ctrl_c_keeps_what_was_trained(folder: Path):
    # Shells start background jobs with SIGINT ignored.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from bpmatrix.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", code, "train", "--epochs", "1000000", "--save", "kept"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.lstrip().startswith("1/1000000"):
                process.send_signal(signal.SIGINT)
                break
        stdout, stderr = process.communicate(timeout=SECONDS)
    finally:
        process.kill()

    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "bpmatrix: warning: training was interrupted after" in stderr
    assert re.search(r"(?m)^test accuracy +[\d.]+ % ", stdout)
    assert Network.load(folder / "kept").epochs >= 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise on Windows")
def test_a_closed_pipe_is_not_an_error(folder: Path):
    process = subprocess.Popen(
        [*PROGRAM, "train", "--epochs", "1000000"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline().startswith("network")
        process.stdout.close()
        process.wait(timeout=SECONDS)
    finally:
        process.kill()

    assert "Error" not in process.stderr.read()
    process.stderr.close()


def test_help_loads_no_compiler_and_no_tables():
    code = (
        "import sys; from bpmatrix.cli import main; main(['train', '--help']);"
        "print(*{'numba', 'llvmlite', 'rich', 'pooch'} & set(sys.modules), file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)

    assert process.stderr.split() == []


# ------------------------------------------------------------------------------------- help


def test_version(capsys: Captured):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"bpmatrix {bpmatrix.__version__}\n"


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_help_names_the_commands(capsys: Captured, arguments: list[str]):
    assert main(arguments) == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        (line,) = re.findall(rf"(?m)^  {command} .*$", shown)
        assert line.endswith("."), "click cuts long texts with dots"
        assert not line.endswith("..")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_has_an_example(capsys: Captured, command: str):
    assert main([command, "--help"]) == 0
    assert f"\n    bpmatrix {command}" in capsys.readouterr().out


def test_help_lists_the_choices(capsys: Captured):
    main(["train", "--help"])
    shown = capsys.readouterr().out
    for name in (*ACTIVATIONS, *COSTS, *INITIALIZERS, *DTYPES):
        assert name in shown


def test_defaults_are_those_of_the_library():
    assert DEFAULT_OPTIMIZER.learning_rate == options.optimizers()["sgd"].learning_rate
    assert DEFAULT_MINI_BATCH_SIZE == options.MINI_BATCH_SIZE


# ------------------------------------------------------------------------------------ train


def test_same_seed_same_output(capsys: Captured):
    def told() -> str:
        assert main(["train", "--epochs", "2", "--seed", "7", "--threads", "2"]) == 0
        return re.sub(r"\d+\.\d\d( s.*)?$", "", capsys.readouterr().out, flags=re.MULTILINE)

    assert told() == told()


def test_train_equals_the_library(folder: Path):
    given = "--activation tanh --output sigmoid --cost quadratic --initializer glorot "
    given += "--layers 64,12,10 --dtype float32 --learning-rate 0.25 --weight-decay 0.001 "
    given += "--mini-batch-size 16 --epochs 2 --seed 3 --no-shuffle --save model"
    assert main(["train", *given.split()]) == 0

    digits = datasets.load("digits")
    net = Network(
        [64, 12, 10],
        activation="tanh",
        output="sigmoid",
        cost="quadratic",
        initializer="glorot",
        input_scale=1 / 16,
        dtype="float32",
        seed=3,
    )
    net.train(
        digits.train.X,
        digits.train.labels,
        epochs=2,
        mini_batch_size=16,
        optimizer=bpmatrix.SGD(learning_rate=0.25),
        weight_decay=0.001,
        shuffle=False,
    )
    saved = Network.load("model")
    assert saved.description == net.description
    np.testing.assert_array_equal(saved.parameters, net.parameters)


@pytest.mark.parametrize(
    ("said", "optimizer"),
    [
        ("--optimizer momentum", bpmatrix.SGD(0.05, momentum=0.9)),
        ("--optimizer rmsprop", bpmatrix.RMSprop(0.001)),
        ("--optimizer adam --learning-rate 0.01", bpmatrix.Adam(0.01)),
        ("--optimizer adamw", bpmatrix.AdamW(0.001)),
    ],
)
def test_an_optimizer_and_dropout(capsys: Captured, said: str, optimizer):
    given = f"--layers 64,8,10 --epochs 1 --seed 3 --dropout 0.25 --save model {said}"
    assert main(["train", *given.split()]) == 0
    assert f"learning rate {optimizer.learning_rate:g}" in capsys.readouterr().out
    digits = datasets.load("digits")
    net = Network([64, 8, 10], input_scale=1 / 16, seed=3)
    net.train(
        digits.train.X, digits.train.labels, epochs=1, mini_batch_size=10, optimizer=optimizer,
        dropout=0.25,
    )  # fmt: skip
    np.testing.assert_array_equal(Network.load("model").parameters, net.parameters)


def test_an_activation_for_each_layer():
    given = "--layers 64,20,20,10 --activation relu,tanh,sigmoid --epochs 1 --save model"
    assert main(["train", *given.split()]) == 0
    assert Network.load("model").description.activations == ("relu", "tanh", "sigmoid")


def test_monitor_test_scores_the_test_images(capsys: Captured):
    assert main(["train", "--epochs", "1", "--monitor", "test", "--save", "model"]) == 0
    shown = capsys.readouterr().out
    (line,) = re.findall(r"(?m)^  1/1 .*$", shown)
    (accuracy,) = re.findall(r"(?m)^test accuracy +(\S+ %)", shown)
    assert "  test accuracy  seconds\n" in shown
    assert accuracy in line
    main(["info", "model"])
    assert f"test accuracy {accuracy}" in capsys.readouterr().out


def test_restore_best_keeps_the_weights_of_the_best_epoch(capsys: Captured):
    # At this rate epochs differ by many percent.
    given = "--epochs 6 --seed 1 --learning-rate 4 --restore-best --save model"
    assert main(["train", *given.split()]) == 0
    (best,) = re.findall(
        r"(?m)^best epoch +\d+: (\S+) % .*, weights kept$", capsys.readouterr().out
    )
    validation = datasets.load("digits").validation
    kept = Network.load("model").accuracy(validation.X, validation.labels)
    assert f"{100 * kept:.2f}" == best


@pytest.mark.parametrize("said", [[], ["--restore-best"], ["--early-stopping", "5"]])
def test_the_epoch_of_the_saved_weights_is_printed(capsys: Captured, said: list[str]):
    """Another training for this many epochs gives the weights in the file."""
    given = ["--epochs", "12", "--seed", "1", "--learning-rate", "4", "--save", "model"]
    assert main(["train", *given, *said]) == 0
    shown = capsys.readouterr().out
    (best,) = re.findall(r"(?m)^best epoch +(\d+): ", shown)
    (held,) = re.findall(r"(?m)^saved +model, with the weights (?:of|after) epoch (\d+);", shown)
    assert best != "12"
    assert held == (best if said else "12")
    assert ("; --restore-best keeps those of the best" in shown) == (not said)

    assert main(["train", *given[2:-1], "again", "--epochs", held]) == 0
    kept, again = Network.load("model"), Network.load("again")
    np.testing.assert_array_equal(kept.parameters, again.parameters)
    capsys.readouterr()
    main(["info", "model"])
    (run,) = re.findall(r"(?m)^run 1 .*$", capsys.readouterr().out)
    assert (f"weights of epoch {held}, " in run) == bool(said)
    # The figures in the file are those of its weights.
    validation = datasets.load("digits").validation
    accuracy = f"{100 * kept.accuracy(validation.X, validation.labels):.2f} %"
    assert run.rstrip().endswith(f"validation accuracy {accuracy}")


def test_early_stopping_ends_with_the_best_epoch(capsys: Captured):
    given = "--epochs 500 --seed 1 --early-stopping 3 --save model"
    assert main(["train", *given.split()]) == 0
    shown = capsys.readouterr().out
    best, accuracy = re.findall(r"(?m)^best epoch +(\d+): (\S+) % .*, weights kept$", shown)[0]
    epochs = re.findall(r"(?m)^time .* for (\d+) epochs, ended by early stopping$", shown)
    assert epochs == [str(int(best) + 3)]
    validation, kept = datasets.load("digits").validation, Network.load("model")
    assert f"{100 * kept.accuracy(validation.X, validation.labels):.2f}" == accuracy
    assert kept.trained[-1]["early_stopping"].startswith("EarlyStopping(patience=3, ")


def test_the_same_command_resumes_a_run(capsys: Captured):
    """It uses the seed that was drawn, and produces the weights of an uninterrupted run."""
    given = ["train", "--checkpoint", "run", "--save", "model"]
    assert main([*given, "--epochs", "2"]) == 0
    seed = re.search(r"(?m)^seed +(\d+)$", capsys.readouterr().out)[1]
    assert main([*given, "--epochs", "3"]) == 0
    shown = capsys.readouterr().out
    assert re.search(rf"(?m)^seed +{seed}$", shown)
    assert re.search(r"(?m)^time .* for 1 epochs, after 2 earlier ones$", shown)
    assert main(["train", "--epochs", "3", "--seed", seed, "--save", "whole"]) == 0
    assert np.array_equal(Network.load("model").parameters, Network.load("whole").parameters)
    capsys.readouterr()
    assert main([*given, "--weight-decay", "0.1"]) == 2
    assert "a run with different --weight-decay: got --weight-decay 0.1" in capsys.readouterr().err


def test_max_seconds_ends_a_run(capsys: Captured):
    """The last epoch may be incomplete."""
    given = ["--epochs", "1000000", "--max-seconds", "0.1", "--save", "model"]
    assert main(["train", *given]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"(?m)^time .* epochs, ended by max seconds$", shown)
    n = Network.load("model").epochs
    assert f"with the weights after epoch {n} and a part of epoch {n + 1};" in shown


@pytest.mark.parametrize(
    ("name", "schedule"),
    [("cosine", schedules.Cosine(epochs=3)), ("plateau", schedules.ReduceOnPlateau())],
)
def test_schedules_equal_the_library(capsys: Captured, name: str, schedule):
    given = f"--epochs 3 --seed 1 --schedule {name} --save model"
    assert main(["train", *given.split()]) == 0
    assert f"weight decay 0, {name} schedule\n" in capsys.readouterr().out
    digits = datasets.load("digits")
    net = Network([64, 30, 10], input_scale=1 / 16, seed=1)
    net.train(digits.train.X, digits.train.labels, epochs=3, schedule=schedule)
    saved = Network.load("model")
    np.testing.assert_array_equal(saved.parameters, net.parameters)
    assert saved.trained[-1]["schedule"] == repr(schedule)


def test_plot_draws_into_a_folder(folder: Path, capsys: Captured):
    """Four plots of images, all complete before the first file is written."""
    pytest.importorskip("matplotlib")
    assert main(["train", "--epochs", "2", "--seed", "1", "--plot", "pictures"]) == 0
    names = ["confusion-matrix", "hidden-weights", "learning-curves", "misclassified"]
    assert sorted(path.name for path in (folder / "pictures").iterdir()) == [
        f"{name}.svg" for name in names
    ]
    assert all(b"<svg" in path.read_bytes() for path in (folder / "pictures").iterdir())
    assert len(capsys.readouterr().err.splitlines()) == 4


def test_plots_of_a_table_show_no_images(folder: Path):
    """Four columns of measurements are not an image of 2 x 2 pixels."""
    pytest.importorskip("matplotlib")
    i = np.arange(100)
    np.savez("table.npz", X=np.stack([i % 7, i % 5, i % 3, i % 2], axis=1), y=i % 2)
    assert main(["train", "table.npz", "--epochs", "1", "--seed", "1", "--plot", "pictures"]) == 0
    assert {path.name for path in (folder / "pictures").iterdir()} == {
        "confusion-matrix.svg",
        "learning-curves.svg",
    }


def test_a_failed_plot_leaves_no_files(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """An error in the last one leaves no folder with the first ones."""
    pytest.importorskip("matplotlib")

    def fails(*arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(plots, "misclassified", fails)
    assert main(["train", "--epochs", "1", "--seed", "1", "--plot", "pictures"]) == 2
    assert not (folder / "pictures").exists()


def test_plot_without_matplotlib_is_rejected_before_the_data_are_read(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(figures, "find_spec", lambda name: None)
    line = refused(capsys, "train", "no-such-data", "--plot", "pictures")
    assert "pip install '.[plot]'" in line


def test_an_older_file_is_replaced_only_when_the_new_one_is_ready(capsys: Captured):
    Path("model").write_text("older")
    line = refused(
        capsys, "train", "--activation", "relu", "--learning-rate", "1e200", "--save", "model"
    )
    assert "training diverged in epoch 1" in line
    assert Path("model").read_text() == "older"
    assert main(["train", "--epochs", "1", "--save", "model"]) == 0
    assert Network.load("model").epochs == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "--layers 64;30;10",
            "such as 784,30,10. Try bpmatrix train --help.",
        ),
        ("--layers 784,30,10", "got 784,30,10, expected 64 inputs first and 10 classes last"),
        ("--layers 64,30", "got 64,30, expected"),
        ("--activation relo", "unknown activation function: got 'relo'"),
        ("--activation softmax,sigmoid", "softmax cannot be used in a hidden layer"),
        ("--cost crossentropy", "unknown cost"),
        ("--output softmax", "cannot be combined"),
        ("--initializer zeros", "zeros"),
        ("--dtype int8", "dtype"),
        ("--epochs 0", "--epochs"),
        ("--epoch 3", "--epochs"),
        ("--mini-batch-size 2000", "Pass --mini-batch-size 1200 or less."),
        ("--layers 64,0,10", "not a list of positive integers"),
        ("--hidden 4", "--hidden works only with --target"),
        ("--learning-rate nan", "--learning-rate is not valid: got nan"),
        ("--optimizer adagrad", "--optimizer"),
        ("--dropout 1", "dropout"),
        ("--weight-decay -1", "--weight-decay is not valid"),
        ("--threads none", "neither auto nor a positive integer"),
        ("--threads 0", "neither auto nor a positive integer"),
        ("--seed -1", "--seed"),
        ("--monitor test --restore-best", "does not work with --monitor test"),
        ("--monitor test --early-stopping 3", "does not work with --monitor test"),
        ("--monitor test --schedule plateau", "does not work with --monitor test"),
        ("--early-stopping 0", "--early-stopping"),
        ("--max-seconds 0", "--max-seconds must be finite and above 0, got 0"),
        ("--max-seconds nan", "--max-seconds must be finite and above 0, got nan"),
        ("--max-seconds 1m", "--max-seconds"),
        ("--schedule linear", "--schedule"),
        ("--folder somewhere", "folder is only for"),
        ("--label class", "bpmatrix train TABLE.csv --target class"),
        ("digits mnist", "mnist"),
        (".", "has no file train-images-idx3-ubyte"),
    ],
)
def test_wrong_use_of_train(capsys: Captured, arguments: str, says: str):
    assert says in refused(capsys, "train", *arguments.split())


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("no/model", "--save: there is no folder no."),
        (".", "--save: . is a folder."),
        ("file/model", "--save: there is no folder file."),
        ("table.npz", "--save: table.npz would overwrite an input file."),
    ],
)
def test_an_invalid_path_to_save_is_rejected_before_the_data_are_read(
    capsys: Captured, path: str, says: str
):
    Path("file").touch()
    Path("table.npz").write_text("damaged")
    assert says in refused(capsys, "train", "table.npz", "--save", path)
    assert capsys.readouterr().out == ""


@pytest.fixture
def places(folder: Path) -> dict[str, str]:
    """Return paths that no file may replace, and how messages call them."""
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("socket")
    listener.close()
    (folder / "linked").symlink_to("pipe")
    (folder / "loop").symlink_to("loop")
    return {
        "folder": "is a folder",
        "pipe": "is a pipe",
        "socket": "is a socket",
        "linked": "is a pipe",
        "loop": f"got {os.strerror(errno.ELOOP)}",
        "n" * 300: f"got {os.strerror(errno.ENAMETOOLONG)}",
        "/dev/null": "is a device",
        "/dev/stdout": "is ",
        "/dev/fd/1": "is ",
    }


# Options with output files and impossible work: the path is checked first.
WRITERS = {
    "train --save": ("train", "no.npz", "--save"),
    "train --target --save": ("train", "no.csv", "--target", "x", "--save"),
    "predict --output": ("predict", "no.safetensors", "no.csv", "--output"),
    "bench --json": ("bench", "--from", "no.json", "--json"),
    "bench --markdown": ("bench", "--from", "no.json", "--markdown"),
    "reproduce --markdown": (
        "reproduce",
        "chapter6",
        "--quick",
        "--markdown",
    ),  # of which is nothing
}


@pytest.mark.skipif(sys.platform == "win32", reason="has no such places")
@pytest.mark.parametrize("writer", WRITERS)
def test_special_files_are_neither_replaced_nor_written(capsys: Captured, writer: str, places):
    """Devices, pipes, sockets and folders are rejected before any work."""
    before = {name: os.lstat(name).st_ino for name in places if os.path.lexists(name)}
    for path, says in places.items():
        assert main([*WRITERS[writer], path]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert f"{writer.rsplit(maxsplit=1)[-1]}" in printed.err
        assert says in printed.err.replace("File 'folder' is a directory", "is a folder")  # click's
    assert {name: os.lstat(name).st_ino for name in before} == before


@pytest.mark.skipif(sys.platform == "win32", reason="has no such places")
@pytest.mark.parametrize("kind", ["pipe", "link to nowhere", "file", "folder that holds a picture"])
def test_an_invalid_folder_for_plots_is_rejected_before_the_data_are_read(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, kind: str
):
    monkeypatch.setattr(figures, "check_matplotlib", lambda asked: None)
    place = Path("place")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "link to nowhere":
        place.symlink_to("nowhere")
    elif kind == "file":
        place.touch()
    else:
        (place / "learning-curves.svg").mkdir(parents=True)
    line = refused(capsys, "train", "no.npz", "--plot", "place")
    assert "--plot" in line
    assert "place" in line
    assert not Path("nowhere").exists()


def test_a_folder_that_cannot_be_written(capsys: Captured, monkeypatch: pytest.MonkeyPatch):
    def refuse(**_: object):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    line = refused(capsys, "train", "--save", "model")
    assert "--save: cannot write into the folder .: got Read-only file system" in line


def test_a_failure_while_saving_is_one_line(capsys: Captured, monkeypatch: pytest.MonkeyPatch):
    def refuse(net: Network, path: Path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Network, "save", refuse)
    line = refused(capsys, "train", "--epochs", "1", "--save", "model")
    assert line == "model: No space left on device"


@pytest.mark.parametrize(
    ("failure", "status"), [(DataError("too large"), 2), (KeyboardInterrupt(), 130)]
)
def test_a_network_is_saved_before_its_test(failure, status, capsys: Captured, monkeypatch):
    """A sample that cannot be tested, or an impatient user, costs no hours of training."""

    def fail(*_: object):
        raise failure

    monkeypatch.setattr(Network, "accuracy", fail)
    assert main(["train", "--epochs", "1", "--seed", "1", "--save", "model"]) == status
    shown = capsys.readouterr()
    assert re.search(r"(?m)^saved +model, with the weights after epoch 1;", shown.out)
    assert "test accuracy" not in shown.out
    assert ("too large" in shown.err) == (status == 2)
    assert Network.load("model").epochs == 1


def test_out_of_memory(capsys: Captured):
    assert refused(capsys, "train", "--layers", "64,1000000000000,10")


def test_settings_are_checked_before_the_data(capsys: Captured):
    assert "--learning-rate" in refused(capsys, "train", "no.npz", "--learning-rate", "nan")


def test_the_number_of_threads_is_passed_on(monkeypatch: pytest.MonkeyPatch):
    """Intercept it, since the weights do not depend on it."""
    seen = []

    def stop(net: Network, *_: object, n_threads: int | str, **__: object):
        seen.append(n_threads)
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "train", stop)
    for threads in ("2", "auto"):
        assert main(["train", "--threads", threads]) == 130
    assert seen == [2, "auto"]


@pytest.mark.parametrize("error", [KeyError, EOFError])
def test_a_bug_keeps_its_traceback(
    model: str, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    """Also an EOFError, which is not Ctrl-C."""

    def fail(path: str):
        raise error(path)

    monkeypatch.setattr(Network, "load", fail)
    with pytest.raises(error):
        main(["info", model])


def test_ctrl_c_at_any_other_time(model: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch):
    def interrupt(path: str):
        raise KeyboardInterrupt

    monkeypatch.setattr(Network, "load", interrupt)
    assert main(["info", model]) == 130
    assert capsys.readouterr().err.strip() == "bpmatrix: interrupted"


# --------------------------------------------------------------------- train, predict: own files


def write_table(path: str, *, header: str = "", columns: slice = slice(None)) -> None:
    """Write two classes that a line separates: p, q, class."""
    table = np.random.default_rng(0).uniform(-8, 8, (60, 3))
    table[:, 2] = table[:, 0] > table[:, 1]
    np.savetxt(path, table[:, columns], delimiter=",", header=header, comments="", fmt="%.4g")


def fit_line(epochs: int) -> None:
    """Save a network for train.csv with the names of its columns, as a command once did."""
    data = datasets.load("train.csv")
    net = Network([2, 4, 1], input_scale=data.scale, seed=1)
    net.train(data.train.X, data.train.labels, optimizer=SGD(0.5), epochs=epochs)
    if data.columns:
        net.trained[-1].update(columns=list(data.columns), label_column=data.label_column)
    net.save("line")


@pytest.fixture
def line_model(folder: Path, capsys: Captured) -> str:
    """Return a model of one output that tells the classes of `write_table` apart."""
    write_table("train.csv", header="p,q,class")
    fit_line(epochs=100)
    capsys.readouterr()
    return "line"


def test_a_table_with_labels(line_model: str, capsys: Captured):
    assert main(["predict", line_model, "train.csv", "--target", "class"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.split()) == 60
    assert set(shown.out.split()) == {"0", "1"}
    accuracy = float(re.match(r"accuracy ([\d.]+) % \(\d+ of 60\) on train.csv", shown.err)[1])
    assert accuracy > 90


def test_a_table_without_labels(line_model: str, capsys: Captured):
    main(["predict", line_model, "train.csv"])
    labeled = capsys.readouterr().out
    write_table("inputs.csv", columns=slice(2))
    assert main(["predict", line_model, "inputs.csv"]) == 0
    assert capsys.readouterr() == (labeled, "")


def test_label_column(line_model: str, capsys: Captured):
    Path("inputs.csv").write_text("p,q\n0.5,1\n-2.5,0\n")
    assert main(["predict", line_model, "inputs.csv"]) == 0
    capsys.readouterr()
    says = refused(capsys, "predict", line_model, "inputs.csv", "--target", "q")
    assert "column 'q' of inputs.csv is an input of the model" in says


def test_columns_are_found_by_their_names_in_training(line_model: str, capsys: Captured):
    """In another order, and with columns of text among them."""
    assert main(["predict", line_model, "train.csv"]) == 0
    expected = capsys.readouterr()
    assert re.match(r"accuracy .* on train.csv", expected.err)
    lines = [line.split(",") for line in Path("train.csv").read_text().split()]
    Path("train.csv").unlink()
    turned = [[q, "text", kind, p] for p, q, kind in lines]
    Path("train.csv").write_text("\n".join(map(",".join, turned)).replace("text", "note", 1))
    assert main(["predict", line_model, "train.csv"]) == 0
    assert capsys.readouterr() == expected
    assert main(["verify", line_model, "train.csv"]) == 0
    capsys.readouterr()

    Path("train.csv").write_text("\n".join(map(",".join, turned)).replace("p\n", "P\n", 1))
    says = refused(capsys, "predict", line_model, "train.csv")
    assert "lacks 1 of the model's 2 features" in says
    assert "expected 'p'" in says
    assert "lacks 1" in refused(capsys, "verify", line_model, "train.csv")


def test_invalid_labels_are_reported(line_model: str, capsys: Captured):
    """Predictions need no labels, unless --target names them."""
    Path("new.csv").write_text("class,q,p\nleft,1,0.5\nright,0,2.5\n")
    assert main(["predict", line_model, "new.csv"]) == 0
    shown = capsys.readouterr()
    assert len(shown.out.split()) == 2
    assert "not scored: column 'class' has no class number in line 2" in shown.err
    assert "got 'left'" in refused(capsys, "predict", line_model, "new.csv", "--target", "class")
    assert "contains no labels" in refused(capsys, "verify", line_model, "new.csv")


def test_columns_without_names_are_matched_by_position(folder: Path, capsys: Captured):
    """If the model or the table has no names."""
    write_table("train.csv")
    fit_line(epochs=20)
    assert "columns" not in Network.load("line").trained[-1]
    capsys.readouterr()
    assert main(["predict", "line", "train.csv"]) == 0
    expected = capsys.readouterr()
    text = Path("train.csv").read_text()
    Path("train.csv").write_text("a,b,c\n" + text)
    assert main(["predict", "line", "train.csv"]) == 0
    assert capsys.readouterr() == expected


@pytest.mark.parametrize("name", ["t.csv.gz", "t.tsv", "t.txt", "t.xlsx", "t.parquet"])
@pytest.mark.parametrize("command", ["train", "predict", "verify"])
def test_a_table_of_another_format_has_a_cure(
    line_model: str, capsys: Captured, command: str, name: str
):
    contents = {"gz": b"\x1f\x8b", "xlsx": b"PK\x03\x04", "parquet": b"PAR1"}
    Path(name).write_bytes(contents.get(name.rpartition(".")[2], b"p\tq\n1\t2\n") + b"\0" * 20)
    model = [] if command == "train" else [line_model]
    says = refused(capsys, command, *model, name)
    cures = "gzip -dc|Name it .csv|name it .csv|Save the sheet|read_parquet|train t.* --target COL"
    assert re.search(cures, says), says


def test_an_archive(line_model: str, capsys: Captured):
    np.savez("some.npz", X=np.array([[7.0, -7.0], [-7.0, 7.0]]), y=np.array([1, 1]))
    assert main(["predict", line_model, "some.npz"]) == 0
    assert capsys.readouterr() == (
        "1\n0\n",
        "accuracy 50.00 % (1 of 2) on some.npz; always 1: 100.00 %\n",
    )


def test_idx_images(model: str, capsys: Captured):
    digits = datasets.load("digits").test.X[:, :5]
    header = bytes([0, 0, 8, 3]) + struct.pack(">3I", 5, 8, 8)
    Path("images.gz").write_bytes(gzip.compress(header + digits.T.tobytes()))
    assert main(["predict", model, "images.gz"]) == 0
    expected = "".join(f"{k}\n" for k in Network.load(model).predict(digits))
    assert capsys.readouterr() == (expected, "")


def test_output_goes_to_a_file(model: str, capsys: Captured):
    main(["predict", model, "digits"])
    expected = capsys.readouterr().out
    assert main(["predict", model, "digits", "--output", "classes.txt"]) == 0
    assert capsys.readouterr().out == ""
    assert Path("classes.txt").read_text() == expected


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("none digits", "model file none not found"),
        ("table.csv digits", "not a complete .safetensors file"),
        ("MODEL none", "there is no data set, file or folder 'none'"),
        ("MODEL table.csv", "got samples of 3 inputs, expected 64"),
        ("MODEL table.csv --folder here", "folder is only for"),
        ("MODEL empty.idx", "contains no samples"),
        ("MODEL empty.idx --target class", "--target is only for .csv files"),
        ("model a.csv --label class", "bpmatrix predict model a.csv --target class"),
        ("MODEL digits --output no/classes", "--output: there is no folder no"),
        ("MODEL digits --output MODEL", "would overwrite an input file"),
        ("MODEL", "Missing argument 'DATA'. Try bpmatrix predict --help."),
    ],
)
def test_wrong_use_of_predict(capsys: Captured, model: str, arguments: str, says: str):
    write_table("table.csv")
    Path("empty.idx").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 0]))
    assert says in refused(capsys, "predict", *arguments.replace("MODEL", model).split())


# ----------------------------------------------------------------------------- info and warmup


def test_info(capsys: Captured, model: str):
    assert main(["info", model]) == 0
    shown = capsys.readouterr().out
    for fact in (
        "network +64-30-10",
        "parameters +2,260",
        "cost +cross_entropy",
        "type +float64",
        "input scale +0.0625",
        "seed +1",
        "epochs +2",
        r"run 1 .*, SGD\(learning_rate=0.5\), weight decay 0.0, ended by epochs, cost .* %",
        "layer +units +inputs +activation +weights +biases",
        " +1 +30 +64 +sigmoid +1,920 +30",
        " +2 +10 +30 +sigmoid +300 +10",
    ):
        assert re.search(f"(?m)^{fact} *$", shown), fact


def test_info_of_an_untrained_network_without_biases(capsys: Captured):
    Network([4, 3], bias=False, seed=5).save("fresh")
    assert main(["info", "fresh"]) == 0
    shown = capsys.readouterr().out
    assert "run 1" not in shown
    assert re.search(r"(?m)^ +1 +3 +4 +sigmoid +12 +0 *$", shown)


def test_predict_ignores_unsuitable_names_in_a_model(capsys: Captured):
    """Column names that do not fit the network are ignored."""
    write_table("table.csv", header="p,q,class")
    for columns in (["p"], ["p", 7], "pq", None):
        net = Network([2, 1], seed=5)
        net.trained.append({"columns": columns, "label_column": "class"})
        net.save("strange")
        assert main(["predict", "strange", "table.csv"]) == 0
        assert "on table.csv" in capsys.readouterr().err


def test_info_of_a_model_with_strange_entries(capsys: Captured):
    net = Network([4, 3], seed=5)
    net.trained.append({"data": "\x1b[2J[bold]\n", "cost": "none", "optimizer": 7})
    net.save("strange")
    assert main(["info", "strange"]) == 0
    (line,) = re.findall("(?m)^run 1 .*$", capsys.readouterr().out)
    assert "? epochs on ? samples of ?[2J[bold] , mini-batches of ?, 7," in line


def test_info_of_a_model_that_was_trained_many_times(capsys: Captured):
    net = Network([1, 1], seed=5)
    net.trained[:] = [{"runs": 7, "epochs": 20}, {"epochs": 3}]
    net.save("often")
    assert main(["info", "often"]) == 0
    shown = capsys.readouterr().out
    assert re.search("(?m)^runs 1 to 7 +20 epochs .*\nrun 8 +3 epochs ", shown)


def test_warmup_prints_what_it_did(capsys: Captured):
    assert main(["warmup"]) == 0
    assert re.match(
        r"(Compiled the kernels|The kernels were already compiled).* \d+\.\d s",
        capsys.readouterr().out,
    )
    assert main(["warmup"]) == 0
    assert re.match(
        r"The kernels were already compiled; loaded them in \d+\.\d s\.\n", capsys.readouterr().out
    )


def test_warmup_says_if_the_code_is_not_cached(capsys: Captured, monkeypatch: pytest.MonkeyPatch):
    def compile_all() -> float:
        with event.trigger_event("numba:compile"):
            return 12.34

    monkeypatch.setattr(compilation, "warm_up", compile_all)
    monkeypatch.setattr(cache, "_reasons", ["there is no folder"])
    assert main(["warmup"]) == 0
    assert capsys.readouterr().out == ("Compiled the kernels in 12.3 s, for this process only.\n")
