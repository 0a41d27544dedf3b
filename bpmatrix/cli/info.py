"""``bpmatrix info``: describe a model and how it was trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

import bpmatrix
from bpmatrix.cli.show import facts, percent, say, table
from bpmatrix.training.record import count_of

if TYPE_CHECKING:
    from bpmatrix import Network


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
    else:
        from bpmatrix.cli.tables import facts_of  # noqa: PLC0415 - loads NumPy

        facts([("model", model), *facts_of(net)])


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
