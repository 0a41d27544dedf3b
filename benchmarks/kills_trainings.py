"""The trainings that `python -m benchmarks kills` kills: of each face, with various settings."""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

import bpmatrix
from bpmatrix import SGD, Adam, AdamW, EarlyStopping, Network, RMSprop, cli, schedules

RNG = np.random.default_rng(5)
X = RNG.standard_normal((6, 600))
LABELS = (X[0] > 0).astype(int) + (X[1] > 0)
WEIGHTS = RNG.uniform(0.5, 2.0, 600)
EPOCHS = 40
MINI_BATCH_SIZE = 20

NETWORKS: tuple[dict[str, Any], ...] = (
    {"optimizer": SGD(0.5), "validation": (X, LABELS)},
    {"optimizer": Adam(), "dropout": [0.1, 0.3], "sample_weight": WEIGHTS, "restore_best": True,
     "validation_split": 0.2},
    {"optimizer": RMSprop(), "dtype": "float32", "schedule": schedules.Cosine(40)},
    {"optimizer": SGD(0.3, momentum=0.9, nesterov=True), "shuffle": False, "l1": 1e-4},
    {"optimizer": AdamW(), "schedule": schedules.ReduceOnPlateau(patience=1, least_change=0.05),
     "dtype": "float32", "validation_split": 0.3},
    {"optimizer": Adam(0.1), "early_stopping": EarlyStopping(patience=3), "validation_split": 0.2,
     "clip_norm": 1.0},
)  # fmt: skip
ESTIMATORS: tuple[dict[str, Any], ...] = (
    {"solver": "adam", "standardize": True},
    {"solver": "sgd", "early_stopping": True, "n_iter_no_change": EPOCHS,
     "learning_rate": "adaptive"},
    {"solver": "sgd", "learning_rate": "invscaling", "class_weight": "balanced"},
)  # fmt: skip
COMMANDS: tuple[tuple[str, ...], ...] = (
    ("--layers", "6,20,3", "--optimizer", "adam", "--dropout", "0.2", "--restore-best"),
    ("--target", "class", "--mini-batch-size", str(MINI_BATCH_SIZE)),
)


def _network(settings: dict[str, Any], _: Path, folder: Path | None) -> object:
    how = {"epochs": EPOCHS, "mini_batch_size": MINI_BATCH_SIZE, "n_threads": 1} | settings
    net = Network([6, 20, 3], seed=4, dtype=how.pop("dtype", "float64"))
    history = net.train(X, LABELS, **how, checkpoint=folder)
    columns = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    return net, columns, history.best_epoch, history.stopped_by


def _estimator(settings: dict[str, Any], _: Path, folder: Path | None) -> object:
    how = {
        "hidden_layer_sizes": (20,),
        "max_iter": EPOCHS,
        "batch_size": MINI_BATCH_SIZE,
    } | settings
    model = bpmatrix.MLPClassifier(**how, random_state=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ConvergenceWarning
        model.fit(X.T, LABELS, checkpoint=folder)
    return model, model.n_iter_, model.loss_curve_, model.validation_scores_


def _command(options: tuple[str, ...], place: Path, folder: Path | None) -> object:
    samples = place / ("table.csv" if "--target" in options else "samples.npz")
    model = place / "trained"
    given = ["train", str(samples), *options, "--epochs", str(EPOCHS), "--seed", "4"]
    given += [] if folder is None else ["--checkpoint", str(folder)]
    said = io.StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        status = cli.main([*given, "--save", str(model)])
    if status:
        raise AssertionError(f"{given} ended with {status}: {said.getvalue()}")
    return (model.read_bytes(),)


Train = Callable[[Any, Path, Path | None], object]
WAYS: dict[str, tuple[Train, tuple[Any, ...]]] = {
    "networks": (_network, NETWORKS),
    "estimators": (_estimator, ESTIMATORS),
    "command line": (_command, COMMANDS),
}


def write_samples(place: Path) -> None:
    """Write the samples to the files that the command line reads."""
    table = np.vstack([X, LABELS]).T
    np.savez(place / "samples.npz", X=np.ascontiguousarray(X.T), y=LABELS)
    np.savetxt(
        place / "table.csv", table, delimiter=",", header="a,b,c,d,e,f,class", comments="",
        fmt=["%.3f"] * 6 + ["%d"],
    )  # fmt: skip
