"""The errors of `Blocks`, in `samples`, `network` and `estimators`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
from cures.table import Row

from bpmatrix import Blocks, MLPClassifier, Network

RNG = np.random.default_rng(3)
X, LABELS = RNG.standard_normal((30, 2)), np.arange(30) % 3
WEIGHTS = np.ones(30)
ROWS_OF_TWO = [(X[:2], LABELS[:2]), (X[2:4], LABELS[2:4])]


def trained(*arguments: object, **keywords: object) -> None:
    Network([2, 3], seed=1).train(*arguments, **({"epochs": 1} | keywords))


def fitted(*arguments: object, model: dict | None = None, **keywords: object) -> None:
    MLPClassifier(**({"max_iter": 15, "tol": 1e9} | (model or {}))).fit(*arguments, **keywords)


def of(X: object = X, y: object = LABELS, weight: object = None) -> Blocks:
    return Blocks(X, y, weight, block_size=10)


def read(source: object, **keywords: object) -> list:
    return list(Blocks(source, **keywords))


def saved(folder: Path, name: str, array: object) -> Path:
    np.save(folder / name, np.asarray(array))
    return folder / name


def csv(folder: Path, *lines: str) -> Path:
    """Write a CSV file, with a line of numbers if there is none."""
    rows = lines[1:] or ("1,2",)
    (folder / "x.csv").write_text("\n".join([lines[0], *rows]), encoding="utf-8")
    return folder / "x.csv"


def without_pyarrow(folder: Path) -> None:
    with mock.patch.dict(sys.modules, {"pyarrow.csv": None}):
        read(csv(folder, "a,b"))


def truncated(folder: Path, *, whole: bool) -> list:
    path = saved(folder, "x.npy", X)
    os.truncate(path, path.stat().st_size - 8 * (not whole))
    return read(path)


def spent() -> object:
    yield X, LABELS


def with_few_threads(call: Callable[[], object]) -> None:
    with mock.patch("_thread.start_new_thread", side_effect=RuntimeError("no thread")):
        call()


def changing(array: np.ndarray) -> None:
    def change(_: object) -> None:
        array[0] += 1

    trained(Blocks(array, LABELS, block_size=5, window=2), epochs=2, callbacks=[change])


ROWS = [
    Row("estimators/blocks.py: BlockGate._check_takes_blocks",
        "the solver lbfgs needs all samples in memory at once, so it takes no Blocks",
        lambda _: fitted(of(), model={"solver": "lbfgs"}), 'Set solver="adam" or "sgd".',
        lambda _: (fitted(of()), fitted(of(), model={"solver": "sgd"}))),
    Row("estimators/blocks.py: BlockGate._check_takes_blocks",
        "early_stopping does not hold out samples of Blocks",
        lambda _: fitted(of(), model={"early_stopping": True}),
        "Pass X_val and y_val, or other Blocks as X_val.",
        lambda _: (fitted(of(), X_val=X, y_val=LABELS, model={"early_stopping": True}),
                   fitted(of(), X_val=of(), model={"early_stopping": True}))),
    Row("network/blocks.py: training_and_validation",
        "validation_split does not apply to Blocks",
        lambda _: trained(of(), validation_split=0.5),
        "Pass validation=(X, targets), or other Blocks.",
        lambda _: (trained(of(), validation=(X.T, LABELS)), trained(of(), validation=of()))),
    Row("network/blocks.py: converted", "{}X has the wrong width",
        lambda _: trained(of(X.repeat(2, axis=1))),
        "Rows are samples in blocks; give each of them as many numbers as sizes[0].",
        lambda _: trained(of())),
    Row("network/blocks.py: converted", "{}targets has shape {}",
        lambda _: trained(of(y=X)),
        "Rows are samples in blocks: give each one label, or one number per output.",
        lambda _: (trained(of()), trained(of(y=np.eye(3)[LABELS])))),
    Row("network/gate.py: check_given", "targets is missing",
        lambda _: trained(X.T), "Pass the targets of X, or Blocks(X, targets) as X.",
        lambda _: (trained(X.T, LABELS), trained(Blocks(X, LABELS)))),
    Row("foreign.py: _unknown", "{} has no argument{} {}",
        lambda _: fitted(X, LABELS, validation_data=(X, LABELS)), "Write X_val=X_val, y_val=y_val.",
        lambda _: fitted(X, LABELS, X_val=X, y_val=LABELS)),
    Row("samples/refused.py: check_is_fetched", "{} is a path, which is read only by Blocks",
        lambda folder: fitted(saved(folder, "X.npy", X)), 'Pass Blocks("X.npy", "y.npy")',
        lambda folder: fitted(Blocks(saved(folder, "X.npy", X), saved(folder, "y.npy", LABELS)))),
    Row("samples/refused.py: check_is_fetched", "{} is a {}, and only Blocks read from functions",
        lambda _: trained(iter(ROWS_OF_TWO)), "Pass Blocks(function)",
        lambda _: trained(Blocks(lambda: iter(ROWS_OF_TWO)))),
    Row("samples/ahead.py: _not_started", "the thread that reads ahead could not be started",
        lambda _: with_few_threads(lambda: trained(of())),
        "or pass smaller blocks or a smaller window.", why="it lacks memory, which a test has"),
    Row("samples/blocks.py: check_alone", "{} cannot be combined with Blocks",
        lambda _: trained(of(), LABELS),
        "Pass targets and weights to Blocks: Blocks(X, y, sample_weight).",
        lambda _: trained(Blocks(X, LABELS, WEIGHTS))),
    Row("samples/blocks.py: with_targets", "{} has no targets",
        lambda _: trained(Blocks(X)), "Pass Blocks(X, y), or yield (X, y) for each block.",
        lambda _: (trained(Blocks(X, LABELS)), trained(Blocks(lambda: [(X, LABELS)])))),
    Row("samples/blocks.py: _source", "{} does not apply to a {}, which must yield whole blocks",
        lambda _: Blocks(lambda: [X], LABELS),
        "Yield (X, y) or (X, y, weight) for each block, of the size that you want.",
        lambda _: (read(lambda: [(X, LABELS)]), read(lambda: [(X, LABELS, WEIGHTS)]))),
    Row("samples/blocks.py: _source", "X is not a source of blocks",
        lambda _: Blocks(3),
        "expected an array-like, a path, an iterable of blocks, or a function that returns one",
        lambda folder: (read(X), read(saved(folder, "x.npy", X)), read([X]), read(lambda: [X]))),
    Row("samples/blocks.py: _files", "{} has an unknown ending",
        lambda folder: Blocks(folder / "x.dat"),
        "Open the file yourself, and pass an array-like, or a function that yields blocks.",
        lambda folder: (read(X), read(lambda: [X]))),
    Row("samples/blocks.py: Joined.__init__", "{} does not fit {}",
        lambda folder: Blocks([saved(folder, "a.npy", X), saved(folder, "b.npy", X[:, :1])]),
        "of shape ('n', 2)",
        lambda folder: read([saved(folder, "a.npy", X), saved(folder, "b.npy", X[:3])])),
    Row("samples/blocks.py: _checked", "X of {} must be a table with one sample per row",
        lambda _: read([X[0]]),
        "Yield X[None, :] for a single sample, X[:, None] for a single feature.",
        lambda _: (read([X[0][None, :]]), read([X[:, 0][:, None]]))),
    Row("samples/blocks.py: _checked", "{} of {} does not have as many rows as X",
        lambda _: read([(X, LABELS[:3])]), "expected 30 rows", lambda _: read([(X, LABELS)])),
    Row("samples/sources.py: ArraySource.__init__",
        "{} and X do not have the same number of samples",
        lambda _: Blocks(X, LABELS[:3]), "expected 30, one per row of X",
        lambda _: Blocks(X, LABELS)),
    Row("samples/sources.py: NpyFile.__init__",
        "{} does not hold a table of numbers, row by row",
        lambda folder: read(saved(folder, "x.npy", np.asfortranarray(X))),
        "Write it with numpy.save(path, numpy.ascontiguousarray(table)), one sample per row.",
        lambda folder: read(saved(folder, "x.npy", np.ascontiguousarray(X)))),
    Row("samples/sources.py: reading", "{} cannot be read",
        lambda folder: read(folder / "none.npy"), "Check that the file exists and is complete.",
        lambda folder: read(saved(folder, "none.npy", X))),
    Row("samples/sources.py: truncated", "{} is truncated",
        lambda folder: truncated(folder, whole=False),
        "Wait until the file is written, then start again.",
        lambda folder: truncated(folder, whole=True)),
    Row("samples/sources.py: empty", "{} is empty",
        lambda _: Blocks(X[:0]), "expected at least one sample", lambda _: Blocks(X[:1])),
    Row("samples/sources.py: check_is_dense", "{} is a sparse matrix, but blocks must be dense",
        lambda _: Blocks(__import__("scipy.sparse").sparse.csr_matrix(X)),
        "Pass a function that yields X[i:j].toarray() for each block.",
        lambda _: read(lambda: [__import__("scipy.sparse").sparse.csr_matrix(X)[:9].toarray()]),
        needs="scipy"),
    Row("samples/sources.py: _as_block", "{} has the wrong number of parts",
        lambda _: read([()]), "expected X, (X, y) or (X, y, weight)",
        lambda _: (read([X]), read([(X, LABELS)]), read([(X, LABELS, WEIGHTS)]))),
    Row("samples/sources.py: spent", "{} can be iterated over only once: {}",
        lambda _: Blocks(spent()),
        "Pass the function that makes the generator, without calling it: Blocks(function); or an"
        " object whose __iter__ returns a new iterator.",
        lambda _: (read(spent), read(ROWS_OF_TWO))),
    Row("samples/survey.py: survey", "block {} of {} has other types than the blocks before it",
        lambda _: trained(Blocks([(X, LABELS), (X.astype("f4"), LABELS)])),
        "Convert all blocks to the same types, with y and weights in all of them or in none.",
        lambda _: trained(Blocks([(X, LABELS), (X.astype("f4").astype(float), LABELS)]))),
    Row("samples/windows.py: _changed", "{} has changed since the first pass",
        lambda _: changing(X.copy()),
        "Do not write to the data during the training; an iterable must yield as many blocks, of"
        " the same sizes and types, in every epoch.",
        lambda _: trained(of(), epochs=2)),
    Row("samples/arrow.py: Columns.__init__",
        "y and sample_weight of a table must be names of its columns",
        lambda folder: read(csv(folder, "a,b"), y=[1, 2]),
        'Pass Blocks(table, "price"), or a list of names for several outputs.',
        lambda folder: (read(csv(folder, "a,b"), y="b"), read(csv(folder, "a,b"), y=["a", "b"])),
        needs="pyarrow"),
    Row("samples/arrow.py: Columns.block", "{} has {} columns named {}",
        lambda folder: read(csv(folder, "a,b"), y="c"), "expected one of that name, in all files",
        lambda folder: read(csv(folder, "a,c"), y="c"), needs="pyarrow"),
    Row("samples/arrow.py: _pyarrow", "Blocks of a table",
        without_pyarrow, "pip install '.[tables]'",
        lambda folder: read(csv(folder, "a,b"), y="b"), needs="pyarrow"),
    Row("samples/arrow.py: _reading", "{} cannot be read as a table",
        lambda folder: read(folder / "none.csv"),
        "Check that the file exists and is complete, and that each column has one type.",
        lambda folder: read(csv(folder, "a,b")), needs="pyarrow"),
    Row("samples/blocks.py: _of_table",
        "block_size does not apply to a table, whose blocks are its row groups or batches",
        lambda folder: read(csv(folder, "a,b"), block_size=5),
        "Leave it out; pyarrow.parquet.write_table(row_group_size=...) sets it in a file.",
        lambda folder: read(csv(folder, "a,b")), needs="pyarrow"),
]  # fmt: skip
