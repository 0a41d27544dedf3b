"""The errors of the command line."""

from __future__ import annotations

import shlex
import struct
import sys
from collections.abc import Callable
from contextlib import chdir, suppress
from pathlib import Path
from unittest.mock import patch

import numpy as np
from cures.table import Row

from bpmatrix import Network, load
from bpmatrix.cli import group
from bpmatrix.errors import DestinationError
from bpmatrix.storage.files import write_whole

__all__ = ["ROWS"]

# Sixty rows of two classes.
TABLE = "a,b,kind\n" + "".join(f"{i},{-i},{('no', 'yes')[i % 2]}\n" for i in range(60))
# The same without a header, and with class numbers in the last column.
NUMBERS = TABLE.split("\n", 1)[1].replace("no", "0").replace("yes", "1")
FILES = {"table.csv": TABLE, "numbers.csv": NUMBERS, "names.csv": "a,b,kind\n" + NUMBERS}
FIGURES = Path(__file__).parents[2] / "docs" / "bench.json"

# Commands that train a model of the digits or the table.
NETWORK = "train --epochs 1 --layers 64,10 --save net.safetensors"
SMALL = "train numbers.npz --epochs 1 --layers 2,2 --save net.safetensors"
ESTIMATOR = "train table.csv --target kind --epochs 1 --save model.safetensors"


def without_mpi4py(folder: Path) -> None:
    """Train with --mpi where mpi4py is not installed."""
    with patch.dict(sys.modules, {"mpi4py": None}):
        run("train numbers.npz --epochs 1 --mpi")(folder)


def run(*lines: str, **files: str | bytes) -> Callable[[Path], None]:
    """Return a function that runs commands in a folder with the files above and `files`."""

    def in_the_folder(folder: Path) -> None:
        with chdir(folder):
            for name, content in (FILES | files).items():
                path = Path(name.replace("__", "."))
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
            Path("figures.json").write_bytes(FIGURES.read_bytes())
            rows = np.loadtxt("numbers.csv", delimiter=",")
            np.savez("numbers.npz", X=rows[:, :2], y=rows[:, 2].astype(int))
            for line in lines:
                status = group.main(shlex.split(line), "bpmatrix", standalone_mode=False)
                assert not status, line

    return in_the_folder


def named(*lines: str) -> Callable[[Path], None]:
    """Return a function that runs commands on a network that knows the names of its columns."""

    def in_the_folder(folder: Path) -> None:
        net = Network([2, 2], seed=1)
        net.trained.append({"columns": ["a", "b"], "label_column": "kind"})
        net.save(folder / "net.safetensors")
        run(*lines)(folder)

    return in_the_folder


def into_a_read_only_folder(folder: Path) -> None:
    """Save into a read-only folder."""
    with patch("tempfile.TemporaryFile", side_effect=PermissionError(13, "Permission denied")):
        run(NETWORK)(folder)


def onto_a_full_disk(folder: Path) -> None:
    """Save to a disk that has become full during the training."""

    def write(path: Path, *content: bytes) -> None:
        if path.name == "net.safetensors":
            raise OSError(28, "No space left on device")
        write_whole(path, *content)

    with patch("bpmatrix.storage.tensor_files.write_whole", write):
        run(NETWORK)(folder)


def moved_from_another_folder(folder: Path) -> None:
    """Move the rescued model to its intended place."""
    with suppress(DestinationError):
        onto_a_full_disk(folder)
    rescued, *_ = folder.glob("net-*.safetensors")
    rescued.rename(folder / "net.safetensors")
    run("info net.safetensors")(folder)


def dangling(folder: Path) -> None:
    """Draw into a folder that is a broken link."""
    (folder / "pictures").unlink(missing_ok=True)
    (folder / "pictures").symlink_to(folder / "nowhere")
    run("bench --from figures.json --plot pictures")(folder)


MAKE_IT = "Create it, or name another."
NO_IMAGES = struct.pack(">2xBB3I", 8, 3, 0, 8, 8)
SCORED = "predict model.safetensors table.csv"

ROWS = [
    Row("cli/bench.py: command", "--quick, --full and --from are mutually exclusive.",
        run("bench --quick --from figures.json"), "are mutually exclusive",
        run("bench --from figures.json")),
    Row("cli/bench.py: command", "--json and --markdown name the same file.",
        run("bench --from figures.json --json a --markdown a"), "name the same file",
        run("bench --from figures.json --json a --markdown b")),
    Row("cli/ranks.py: world", "--mpi",
        without_mpi4py, "'.[mpi]'", why="a test cannot install a package"),
    # --------------------------------------------------------------------------- other formats
    Row("cli/export.py: command", "the name of FILE must end with {}.",
        run(NETWORK, "export net.safetensors net.txt"), "must end with .onnx or .h",
        run("export net.safetensors net.onnx"), needs="onnx"),
    Row("cli/export.py: command", "--{} does not apply to {} files.",
        run(NETWORK, "export net.safetensors net.h --opset 13"),
        "--opset does not apply to .h files",
        run("export net.safetensors net.h")),
    # --------------------------------------------------------------------------- destinations
    Row("cli/destination.py: check_destination", "{}: there is no folder {}",
        run(NETWORK.replace("net", "new/net")), MAKE_IT,
        lambda folder: ((folder / "new").mkdir(), run(NETWORK.replace("net", "new/net"))(folder),
                        run(NETWORK)(folder))),
    Row("cli/destination.py: check_destination", "{}: {} is {}",
        run(NETWORK.replace("net.safetensors", ".")), "Name a file in it.",
        run(NETWORK.replace("net.", "./net."))),
    Row("cli/destination.py: check_destination", "{}: {} would overwrite an input file",
        run(SMALL.replace("net.safetensors", "numbers.npz")), "Name another file.", run(SMALL)),
    Row("cli/destination.py: check_destination", "{}: cannot write into the folder {}",
        into_a_read_only_folder, "Name a file in a folder of your own.", run(NETWORK)),
    Row("cli/destination.py: save_or_rescue", "cannot write {}", onto_a_full_disk,
        "move it to where you want it.", moved_from_another_folder),
    Row("cli/destination.py: check_pictures", "{}: {} is not a folder",
        dangling, "Name another one.", run("bench --from figures.json --plot drawn"),
        needs="matplotlib"),
    Row("cli/destination.py: check_destination", "{}: cannot write {}",
        run(NETWORK.replace("net", "n" * 300)), "Name another file.", run(NETWORK)),
    # -------------------------------------------------------------------------------- options
    Row("cli/options.py: _sizes",
        "{} is not a list of positive integers such as 784,30,10.",
        run("train --epochs 1 --layers 64-30-10"), "such as 784,30,10",
        run("train --epochs 1 --layers 64,30,10")),
    Row("cli/options.py: _threads", "{} is neither auto nor a positive integer.",
        run(NETWORK + " --threads 0"), "auto nor a positive integer",
        run(NETWORK + " --threads auto", NETWORK + " --threads 1")),
    # -------------------------------------------------------------------------------- samples
    Row("cli/options.py: check_finds_target",
        "--target and --folder do not apply to a model that was trained with --target.",
        run(ESTIMATOR, SCORED + " --target kind"), "do not apply to a model",
        run(ESTIMATOR, SCORED)),
    Row("cli/options.py: refuse_label_column", "--label-column was replaced by --target{}: {}",
        run("train table.csv --label-column kind"), "bpmatrix train table.csv --target kind",
        run("train table.csv --target kind --epochs 1")),
    Row("cli/reproduce.py: command", "--quick runs nothing of {}: leave one of them out.",
        run("reproduce chapter6 --quick"), "leave one of them out",
        why="What it says trains for minutes on MNIST, which has to be there."),
    Row("cli/samples.py: read_samples", "{} does not fit the model",
        run(NETWORK, "predict net.safetensors numbers.csv"), "expected 64",
        run(NETWORK, "predict net.safetensors digits")),
    Row("cli/samples.py: _read_file", "{} contains no samples",
        run(NETWORK, "predict net.safetensors images", images=NO_IMAGES),
        "expected one sample or more",
        run(NETWORK, "predict net.safetensors images",
            images=struct.pack(">2xBB3I", 8, 3, 1, 8, 8) + bytes(64))),
    Row("cli/samples.py: _read_table", "{} of {} is an input of the model",
        named("predict net.safetensors names.csv --target a"),
        "Name another column as the target, or none.",
        named("predict net.safetensors names.csv --target kind",
              "predict net.safetensors names.csv")),
    # --------------------------------------------------------------------------------- tables
    Row("cli/export.py: command",
        "{} is a model of a table, whose encoding of columns cannot be written in C. Write an .onnx"
        " file; or in Python its networks, for the numbers that encoder_.transform returns:"
        " bpmatrix.load(path).members_[0].to_c(file).",
        run(ESTIMATOR, "export model.safetensors m.h"), "members_[0].to_c(file)",
        lambda folder: load(folder / "model.safetensors").members_[0].to_c(folder / "m.h")),
    Row("cli/predict.py: command", "--{} needs a model trained with --target.",
        run(SMALL, "predict net.safetensors numbers.csv --probabilities"),
        "needs a model trained with --target",
        run(ESTIMATOR, SCORED + " --probabilities", SMALL, "predict net.safetensors numbers.csv")),
    Row("cli/tables.py: _model",
        "{} does not work with --target, which accepts {}, and others that --help names.",
        run(ESTIMATOR + " --layers 2,3,2"), "which accepts --hidden",
        run(ESTIMATOR + " --hidden 3")),
    Row("cli/tables.py: _model", "with --target, --optimizer must be one of {}.",
        run(ESTIMATOR + " --optimizer rmsprop"), "must be one of sgd, momentum, adam",
        run(*(ESTIMATOR + f" --optimizer {name}" for name in ("sgd", "momentum", "adam")))),
    Row("cli/tables.py: _model", "with --target, --seed must be at most {}.",
        run(ESTIMATOR + f" --seed {2**32}"), "at most 4294967295.",
        run(ESTIMATOR + f" --seed {2**32 - 1}")),
    Row("cli/tables.py: _rows_in_blocks",
        "--{} needs the whole table in memory, and {} is read block by block:"
        " name rows to test on with --test.",
        run("train t*e.csv --target kind --cv 3"), "name rows to test on with --test",
        run("train t*e.csv --target kind --epochs 1 --test table.csv")),
    Row("cli/tables.py: _rows", "column {} is the target",
        run(ESTIMATOR + " --split-by kind"), "Name another column, or none.",
        run(ESTIMATOR + " --split-by a", ESTIMATOR)),
    # ------------------------------------------------------------------------------- training
    Row("cli/train.py: _train_on_table", "--target {} needs a table: bpmatrix train TABLE.csv ...",
        run("train --target kind"), "bpmatrix train TABLE.csv",
        run("train table.csv --target kind --epochs 1")),
    Row("cli/train.py: _check",
        "{} is a table: name the column to learn{}: bpmatrix train {} --target {}",
        run("train table.csv"), "bpmatrix train table.csv --target kind",
        run("train table.csv --target kind --epochs 1")),
    Row("cli/train.py: _check", "--{} works only with --target COLUMN.",
        run("train numbers.npz --epochs 1 --hidden 3"), "works only with --target",
        run("train table.csv --target kind --epochs 1 --hidden 3")),
    Row("cli/train.py: _check",
        "{} does not work with --monitor test: training would adapt to the test "
        "samples, and the test accuracy would be too good.",
        run(NETWORK + " --restore-best --monitor test"), "does not work with --monitor test",
        run(NETWORK + " --restore-best", NETWORK + " --monitor test")),
    Row("cli/train.py: _check", "--max-seconds must be finite and above 0, got {}.",
        run(NETWORK + " --max-seconds 0"), "must be finite and above 0",
        run(NETWORK + " --max-seconds 0.5")),
    Row("cli/train.py: _optimizer", "--optimizer {} has no --learning-rate.",
        run(NETWORK + " --optimizer lbfgs --learning-rate 1"), "has no --learning-rate",
        run(NETWORK + " --optimizer lbfgs")),
    Row("cli/train.py: _network", "--layers does not fit the data set {}",
        run("train --epochs 1 --layers 784,30,10"), "such as 64,30,10",
        run("train --epochs 1 --layers 64,30,10")),
    # --------------------------------------------------------------------------- verification
    Row("cli/verify.py: command", "MODEL needs DATA: name both, or neither.",
        run("verify net.safetensors"), "name both, or neither",
        run(NETWORK, "verify net.safetensors digits", "verify")),
    Row(
        "cli/page.py: _page_of", "{} cannot be shown",
        run(ESTIMATOR, "show model.safetensors"),
        "Train one without --target: bpmatrix train --save model.safetensors",
        run("train --epochs 1 --save model.safetensors", "show model.safetensors"), needs="sklearn",
    ),
    Row(
        "cli/page.py: _page_of", "{} has no labels",
        run(SMALL, "show net.safetensors two.csv", two__csv="1,2\n3,4\n"),
        "Name data with labels, such as digits.",
        run(SMALL, "show net.safetensors numbers.csv"),
    ),
    Row("cli/verify.py: command", "--target and --folder work only with MODEL and DATA.",
        run("verify --target kind"), "work only with MODEL and DATA",
        run(SMALL, "verify net.safetensors names.csv --target kind", "verify")),
    Row("cli/verify.py: _of_network", "{} contains no labels, which the cost needs",
        run(SMALL, "verify net.safetensors t.csv", t__csv="1,2\n3,4\n"),
        "Name data with labels: a .csv or .npz file with them, a folder, or a data set.",
        run(SMALL, "verify net.safetensors numbers.csv")),
]  # fmt: skip
