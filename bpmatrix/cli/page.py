"""``bpmatrix show``: a page on which a mini-batch goes through a network and back."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

import bpmatrix
from bpmatrix.cli.destination import check_destination, deliver
from bpmatrix.cli.show import announced, say
from bpmatrix.errors import ArgumentError

if TYPE_CHECKING:
    from bpmatrix import Network
    from bpmatrix.array_types import Array, Integers
    from bpmatrix.page import Film

SAMPLES = 10
# The demonstration: three epochs, each in ten parts, with a frame of the film after each.
EPOCHS, PARTS = 3, 10


@click.command("show", short_help="Write a page that shows a mini-batch in a network.")
@click.argument("model", metavar="[MODEL]", required=False)
@click.argument("data", metavar="[DATA]", required=False, default="digits")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="page.html",
    show_default=True,
    metavar="FILE",
    help="The page, replacing an older one; - is standard output.",
)
def command(model: str | None, data: str, output: Path) -> None:
    """Write a page that shows how a mini-batch goes through a network, forward and backward.

    The page is one HTML file for any browser, which needs no network. It steps through the four
    equations of backpropagation with the numbers of the first 10 samples of DATA: digits (the
    default), or what `bpmatrix predict` reads, with labels. MODEL is a file written by `bpmatrix
    train --save`. Without arguments, a network is trained on the digits for 3 epochs, and the page
    shows its training, too.

    \b
    Examples:
      bpmatrix show
      bpmatrix show model.safetensors digits --output page.html
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    destination = None if output == Path("-") else output
    if destination is not None:
        check_destination(destination, "--output", *([] if model is None else [model, data]))
    text = _demonstration() if model is None else _page_of(model, data)
    deliver(text, destination)
    if destination is not None:
        say(f"wrote {destination}; open it in a browser", err=True)


def _demonstration() -> str:
    """Return the page of a network that is trained here on the digits."""
    import numpy as np  # noqa: PLC0415 - `--help` answers without it

    digits = bpmatrix.datasets.load("digits")
    net = bpmatrix.Network([64, 30, 10], input_scale=digits.scale, seed=1)
    train, validation = digits.train, digits.validation
    film = net.film(validation.X, validation.labels)
    say(f"training 64-30-10 on the digits for {EPOCHS} epochs ...", err=True)
    rng, optimizer = np.random.default_rng(1), bpmatrix.SGD(learning_rate=0.5)
    for epoch in range(EPOCHS):
        order = rng.permutation(train.labels.size)
        for k, part in enumerate(np.array_split(order, PARTS), start=1):
            net.train(train.X[:, part], train.labels[part], epochs=1, optimizer=optimizer)
            film.take(epoch + k / PARTS)
    return _drawn(net, digits.test.X, digits.test.labels, film)


def _page_of(model: str, data: str) -> str:
    """Return the page of a saved network and the first samples of some data."""
    from bpmatrix.cli.samples import read_samples  # noqa: PLC0415 - loads NumPy

    net = bpmatrix.load(model)
    if not isinstance(net, bpmatrix.Network):
        raise ArgumentError(
            f"{model} cannot be shown",
            got=f"a model of type {type(net).__name__}",
            expected="a network",
            cure="Train one without --target: bpmatrix train --save model.safetensors",
        )
    with announced(f"reading {data}"):
        samples = read_samples(data, net)
    if samples.labels is None:
        raise ArgumentError(
            f"{data} has no labels",
            expected="the class of each sample, from which the errors go back",
            cure="Name data with labels, such as digits.",
        )
    return _drawn(net, samples.X, samples.labels, None)


def _drawn(net: Network, X: Array, labels: Integers, film: Film | None) -> str:
    with tempfile.TemporaryDirectory(prefix="bpmatrix-") as folder:
        path = Path(folder, "page.html")
        net.show(X[:, :SAMPLES], labels[:SAMPLES], output=path, film=film)
        return path.read_text(encoding="utf-8")
