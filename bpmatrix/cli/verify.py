"""``bpmatrix verify``: check on this machine that the matrix gives the gradient of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

import bpmatrix
from bpmatrix.cli.options import (
    FOLDER,
    LABEL_COLUMN,
    TRUE_COLUMN,
    check_finds_target,
    refuse_label_column,
)
from bpmatrix.cli.show import say, table
from bpmatrix.errors import DataError

if TYPE_CHECKING:
    from bpmatrix import Network
    from bpmatrix.array_types import Array
    from bpmatrix.inspection.gradcheck import Agreement


# Each of these costs and activation functions is in at least one network.
NETWORKS = (
    ([64, 30, 10], "sigmoid", "quadratic"),
    ([64, 30, 10], "sigmoid", "cross_entropy"),
    ([64, 40, 20, 10], "tanh", "log_likelihood"),
    ([64, 20, 10], "identity", "quadratic"),
    ([64, 30, 20, 10], "relu", "log_likelihood"),
)
SAMPLES = 50


@click.command("verify", short_help="Compare the gradient with that of the book's loop.")
@click.argument("model", metavar="[MODEL DATA]", required=False)
@click.argument("data", metavar="", required=False)
@LABEL_COLUMN
@TRUE_COLUMN
@FOLDER
def command(
    model: str | None,
    data: str | None,
    target: str | None,
    label_column_: str | None,
    folder: str | None,
) -> int:
    """Compare the engine's gradient with two computed independently.

    They are those of the book's loop over single samples and of central differences of the cost.
    The network is in the file MODEL, the samples are in DATA, as for `bpmatrix predict`, with
    labels; the default is some small networks on the handwritten digits. Exit status 1 if gradients
    differ by more than rounding errors.

    \b
    Examples:
      bpmatrix verify
      bpmatrix verify model.safetensors mnist
      bpmatrix verify model.safetensors table.csv
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    refuse_label_column(label_column_, "verify", model or "MODEL", data or "DATA")
    if (model is None) != (data is None):
        raise click.UsageError("MODEL needs DATA: name both, or neither.")
    if model is None or data is None:
        if target is not None or folder is not None:
            raise click.UsageError("--target and --folder work only with MODEL and DATA.")
        found = list(_small_networks())
    else:
        saved = bpmatrix.load(model)
        if isinstance(saved, bpmatrix.Network):
            parts = _of_network(saved, data, target, folder)
        else:
            check_finds_target(target, folder)
            parts = _of_table(saved, data)
        found = [(net, bpmatrix.verify(net, X, targets)) for net, X, targets in parts]
    table(
        ("network", "activation", "cost", "from the loop", "from differences", ""),
        [_row(net, agreement) for net, agreement in found],
    )
    net, agreement = found[-1]
    say(
        f"Relative to the largest element, over {agreement.n_columns} samples as one matrix, in "
        f"{net.description.dtype}; central differences for {agreement.n_parameters} of the "
        f"{net.parameters.size:,} parameters. Rounding explains up to {agreement.loop_limit:.1e} "
        f"and {agreement.differences_limit:.1e}."
    )
    return 0 if all(agreement.is_good for _, agreement in found) else 1


def _of_network(
    net: Network, data: str, target: str | None, folder: str | None
) -> list[tuple[Network, Array, Array]]:
    """Return a network, and the samples in a file as columns, with their labels."""
    from bpmatrix.cli.samples import read_samples  # noqa: PLC0415 - loads NumPy

    samples = read_samples(data, net, folder=folder, label_column=target)
    if samples.labels is None:
        raise DataError(
            f"{data} contains no labels, which the cost needs",
            got=samples.note,
            cure="Name data with labels: a .csv or .npz file with them, a folder, or a data set.",
        )
    return [(net, samples.X, samples.labels)]


def _of_table(saved: Any, data: str) -> list[tuple[Network, Array, Array]]:
    """Return the networks of a model of a table, and what they learn from the table in a file."""
    from bpmatrix.cli.table_files import form_of, model_of, read_for  # noqa: PLC0415 - loads NumPy

    model = model_of(saved)
    X, targets = model.samples(read_for(model, data, form_of({})))
    found = []
    for member in model.members_:
        d = member._description  # noqa: SLF001 - estimators have no such method for users
        net = bpmatrix.Network(
            d.sizes, activation=list(d.activations[:-1]), output=d.activations[-1], cost=d.cost,
            dtype=d.dtype, seed=0,
        )  # fmt: skip
        net.parameters[:] = member._parameters.flat  # noqa: SLF001 - likewise
        found.append((net, X.T, targets))
    return found


def _small_networks() -> Iterator[tuple[Network, Agreement]]:
    digits = bpmatrix.datasets.load("digits")
    X, labels = digits.train.X[:, :SAMPLES], digits.train.labels[:SAMPLES]
    for sizes, activation, cost in NETWORKS:
        net = bpmatrix.Network(
            sizes, activation=activation, cost=cost, input_scale=digits.scale, seed=1
        )
        yield net, bpmatrix.verify(net, X, labels)


def _row(net: Network, agreement: Agreement) -> tuple[str, ...]:
    d = net.description
    return (
        "-".join(map(str, d.sizes)),
        "-".join(dict.fromkeys(map(str, d.activations))),
        str(d.cost),
        f"{agreement.loop:.1e}",
        f"{agreement.differences:.1e}",
        "same gradient" if agreement.is_good else "DIFFERENT",
    )
