"""Save a model of a table, and say how good it is: in words, or as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpmatrix import TableModel, plots
from bpmatrix.array_types import Array
from bpmatrix.cli.destination import save_or_rescue, write_all
from bpmatrix.cli.info import epochs_in_words
from bpmatrix.cli.scores import accuracy_in_words
from bpmatrix.cli.show import facts, quoted, say, table
from bpmatrix.errors import BpmatrixError, DataError
from bpmatrix.plots.figures import svg
from bpmatrix.tables.scores import confusion, importances, scores
from bpmatrix.tables.targets import targets_of

if TYPE_CHECKING:  # where pyarrow is missing, bpmatrix.tables says so
    import pyarrow as pa

CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
# Larger confusion matrices are not printed, and no more columns by importance.
MOST_CLASSES = MOST_COLUMNS = 10


@dataclass(frozen=True)
class Report:
    """A model of a table and what was measured: everything else is computed when it is asked for.

    Attributes
    ----------
    model : TableModel
        The fitted model.
    n_training : int
        The number of rows that it learned from, with those for early stopping.
    test : pyarrow.Table
        The test rows.
    learned : (n,) array
        The target of the training rows, or of a sample of them.
    of_folds : list of dict
        The scores of each fold of a cross-validation.
    notes : list of str
        What was assumed while reading.
    seconds : float
        How long the training took.
    """

    model: TableModel
    n_training: int
    test: pa.Table
    learned: Array
    of_folds: Sequence[Mapping[str, float]]
    notes: Sequence[str]
    seconds: float

    @cached_property
    def scores(self) -> dict[str, float]:
        """The scores on the test rows."""
        return scores(self.model, self.test, self.learned)

    @cached_property
    def confusion(self) -> tuple[list[Any], Array]:
        """The classes and the confusion matrix of the test rows."""
        return confusion(self.model, self.test)

    @cached_property
    def importances(self) -> dict[str, float]:
        """The permutation importance of each column on the test rows."""
        return importances(self.model, self.test)

    def to_json(self) -> dict[str, Any]:
        """Return everything as values of JSON."""
        model = self.model
        found: dict[str, Any] = {
            "target": model.target,
            "task": model.task_,
            "seed": model.seed,
            "rows": {"training": self.n_training, "test": self.test.num_rows},
            "assumed": list(self.notes),
            "columns": [
                dict(zip(("name", "kind", "done"), row, strict=True))
                for row in model.encoder_.described()
            ],
            "epochs": [int(member.n_iter_) for member in model.members_],
            "seconds": round(self.seconds, 3),
            "scores": _without_nan(self.scores),
            "importances": self.importances,
        }
        if model.task_ == "classification":
            classes, counts = self.confusion
            found["confusion"] = {"classes": classes, "counts": counts.tolist()}
        if self.of_folds:
            found["scores_of_folds"] = [_without_nan(part) for part in self.of_folds]
        return found


def conclude(report: Report, options: Mapping[str, Any]) -> None:
    """Save the model if asked to, test it, and print the results."""
    where: Path | None = None
    failure: BaseException | None = None
    if options["save"] is not None:  # first, since the test may fail or be interrupted
        where, failure = save_or_rescue(partial(_save, report.model), options["save"])
    try:
        if options["json"]:
            say(json.dumps(report.to_json() | {"saved": None if where is None else str(where)}))
        elif not options["quiet"]:
            _show(report)
        if options["plot"] is not None:
            folder = options["plot"]
            write_all({folder / name: content for name, content in _pictures(report).items()})
    except (BpmatrixError, KeyboardInterrupt) as error:
        failure = failure or error
    if not (options["json"] or options["quiet"]):
        saved = "no; --save FILE saves the model"
        if where is not None:
            saved = f"{where}; try: bpmatrix predict {quoted(where)} TABLE.csv"
        facts([("time", f"{report.seconds:.2f} s"), ("saved", saved)])
    if failure is not None:
        raise failure


def _show(report: Report) -> None:
    """Print the results on the test rows."""
    model, found = report.model, report.scores
    n = len(model.members_)
    rows: list[tuple[str, object]] = [
        ("epochs" if n == 1 else f"epochs {i}", epochs_in_words(member))
        for i, member in enumerate(model.members_, start=1)
    ]
    if model.task_ == "classification":
        y = targets_of(report.test, model.target, model.task_)
        hits = round(found["accuracy"] * len(y))
        rows += [
            ("test", f"accuracy {accuracy_in_words(hits, y, 'the test rows')}"),
            ("", f"balanced accuracy {found['balanced_accuracy']:.4f}, the mean over the classes"),
            ("", f"F1 {found['f1_macro']:.4f}, the mean over the classes"),
            ("", f"log-loss {found['log_loss']:.4f}, ROC AUC {found['roc_auc']:.4f}"),
            ("", f"calibration error {found['calibration_error']:.4f}"),
        ]
    else:
        rows += [
            ("test", f"R^2 {found['r2']:.4f} on the test rows"),
            ("", f"RMSE {found['rmse']:.5g}; always the mean: {found['rmse_of_mean']:.5g}"),
            ("", f"MAE {found['mae']:.5g}; always the median: {found['mae_of_median']:.5g}"),
        ]
    if report.of_folds:
        rows.append(("folds", _folds_in_words(report.of_folds)))
    say()
    facts(rows)
    if model.task_ == "classification" and len(report.confusion[0]) <= MOST_CLASSES:
        classes, counts = report.confusion
        say()
        body = [(str(name), *map(int, row)) for name, row in zip(classes, counts, strict=True)]
        table(("true \\ predicted", *map(str, classes)), body)
    say()
    score = "accuracy" if model.task_ == "classification" else "R^2"
    best = list(report.importances.items())[:MOST_COLUMNS]
    table(
        ("column", f"loss of {score} if its values are shuffled"),
        [(name, f"{value:.4f}") for name, value in best],
    )
    say()


def _folds_in_words(of_folds: Sequence[Mapping[str, float]]) -> str:
    """Return the mean and the spread of the main score."""
    name = "accuracy" if "accuracy" in of_folds[0] else "r2"
    values = [part[name] for part in of_folds]
    spread = f"{np.std(values, ddof=1):.4f}, from {min(values):.4f} to {max(values):.4f}"
    return f"{name.replace('r2', 'R^2')} {np.mean(values):.4f}, standard deviation {spread}"


def _pictures(report: Report) -> dict[str, bytes]:
    """Return the plots by file name."""
    model, drawn = report.model, {}
    for i, member in enumerate(model.members_, start=1):
        if getattr(member, "loss_curve_", None):
            number = f"-{i}" * (len(model.members_) > 1)
            drawn[f"learning-curves{number}"] = plots.learning_curves(member)
    if model.task_ == "classification":
        classifier = SimpleNamespace(
            classes_=model.classes_, predict=model._decoded, predict_proba=lambda p: p  # noqa: SLF001
        )  # fmt: skip
        y = targets_of(report.test, model.target, model.task_)
        known = np.isin(y, model.classes_)
        p = model.predict_proba(report.test)
        drawn["confusion-matrix"] = plots.confusion_matrix(classifier, p[known], y[known])
    return {f"{name}.svg": svg(figure) for name, figure in drawn.items()}


def _save(model: TableModel, path: Path) -> None:
    """Save a model: without its curves, if they are too long for a file."""
    try:
        model.save(path)
    except DataError:
        for member in model.members_:
            for name in CURVES:
                if getattr(member, name, None) is not None:
                    setattr(member, name, [])
        model.save(path)
        say("bpmatrix: warning: saved without the loss curves, which are too long", err=True)


def _without_nan(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}
