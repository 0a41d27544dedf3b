"""``bpmatrix info``: describe a model and how it was trained."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

import bpmatrix
from bpmatrix.cli.show import facts, percent, say, table
from bpmatrix.training.record import count_of

if TYPE_CHECKING:
    from bpmatrix import MLPClassifier, MLPRegressor, Network, TableModel


@click.command("info", short_help="Describe a saved model and how it was trained.")
@click.argument("model", metavar="MODEL")
def command(model: str) -> None:
    """Describe the model in the file MODEL and how it was trained.

    \b
    Example:
      bpmatrix info model.safetensors
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    net = bpmatrix.load(model)
    if isinstance(net, bpmatrix.Network):
        _show_network(model, net)
    elif isinstance(net, bpmatrix.MLPClassifier | bpmatrix.MLPRegressor):
        facts([("model", model), *_facts_of_estimator(net)])
    else:
        _show_table_model(model, net)


def epochs_in_words(model: MLPClassifier | MLPRegressor) -> str:
    """Return the number of epochs, and from which of them the weights are."""
    losses = getattr(model, "validation_loss_curve_", None) or ()
    if not (model.early_stopping and losses):
        return str(model.n_iter_)
    losses = [math.inf if math.isnan(loss) else loss for loss in losses]
    best = 1 + losses.index(min(losses))
    return f"{model.n_iter_}; the weights are from epoch {best}, the best on the validation rows"


def _show_table_model(model: str, net: TableModel) -> None:
    """Print the task, the networks, and what is done with the columns."""
    rows: list[tuple[str, object]] = [
        ("model", model),
        ("target", f"{net.target}, {net.task_}"),
        ("networks", f"{len(net.members_)} of {_units(net.members_[0])}"),
        ("epochs", ", ".join(map(epochs_in_words, net.members_))),
        ("seed", net.seed),
    ]
    if net.task_ == "classification":
        rows.append(("classes", ", ".join(map(str, net.classes_))))
    facts(rows)
    say()
    table(("column", "kind", "what is done"), net.encoder_.described())


def _units(model: MLPClassifier | MLPRegressor) -> str:
    return "-".join(map(str, [model.n_features_in_, *(W.shape[1] for W in model.coefs_)]))


def _facts_of_estimator(model: MLPClassifier | MLPRegressor) -> list[tuple[str, object]]:
    """Return the names and values of an estimator."""
    names = getattr(model, "feature_names_in_", None)
    rows: list[tuple[str, object]] = [
        ("estimator", repr(model)),
        ("network", _units(model)),
        ("output", model.out_activation_),
        ("features", model.n_features_in_ if names is None else ", ".join(names)),
        ("target", getattr(model, "target_name_", "unnamed")),
        ("epochs", epochs_in_words(model)),
        ("loss", f"{getattr(model, 'loss_', math.nan):.4g}"),  # missing after Ctrl-C in epoch 1
    ]
    if isinstance(model.random_state, int):
        rows.append(("seed", model.random_state))
    if isinstance(model, bpmatrix.MLPClassifier):
        rows.append(("classes", ", ".join(map(str, model.classes_))))
    if getattr(model, "best_validation_score_", None) is not None:
        rows.append(("validation", f"{model.best_validation_score_:.4f} at best"))
    return rows


def _show_network(model: str, net: Network) -> None:
    """Print the description, the training runs and the layers."""
    d = net.description
    facts(
        [
            ("model", model),
            ("network", "-".join(map(str, d.sizes))),
            ("parameters", f"{net.parameters.size:,}"),
            ("cost", str(d.cost)),
            ("type", d.dtype),
            ("input scale", f"{d.input_scale:.6g}"),
            ("seed", net.seed),
            ("epochs", net.epochs),
            *_runs(net),
        ]
    )
    say()
    layers = zip(d.sizes[1:], d.sizes[:-1], d.activations, strict=True)
    table(
        ("layer", "units", "inputs", "activation", "weights", "biases"),
        [
            (l, units, inputs, activation, units * inputs, units if d.bias else 0)
            for l, (units, inputs, activation) in enumerate(layers, start=1)
        ],
    )


def _runs(net: Network) -> Iterator[tuple[str, str]]:
    """Return the training runs; the first record may sum up several."""
    done = 0
    for run in net.trained:
        first, done = done + 1, done + count_of(run, "runs", 1)
        yield f"run {done}" if first == done else f"runs {first} to {done}", _run_in_words(run)


def _run_in_words(run: Mapping[str, Any]) -> str:
    """Describe a training run; the entries of a file may be missing or of any type."""
    monitored = run.get("monitored", "validation")
    parts = [
        f"{run.get('epochs', '?')} epochs on {run.get('samples', '?')} samples"
        + (f" of {run['data']}" if "data" in run else ""),
        f"mini-batches of {run.get('mini_batch_size', '?')}",
        run.get("optimizer", "unknown optimizer"),
        f"weight decay {run.get('weight_decay', '?')}",
        f"ended by {run.get('stopped_by', '?')}" if run.get("stopped_by", "?") else "not ended",
    ]
    if run.get("restore_best") and "best_epoch" in run:
        parts.append(f"weights of epoch {run['best_epoch']}")
    for key, name in (("cost", "cost"), ("validation_accuracy", f"{monitored} accuracy")):
        if isinstance(value := run.get(key), float):
            parts.append(f"{name} {percent(value) if 'accuracy' in key else f'{value:.4g}'}")
    return ", ".join(map(str, parts))
