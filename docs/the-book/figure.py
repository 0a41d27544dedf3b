"""Shared by the scripts in this folder: the command line, the data, and saving a figure.

``python docs/the-book/NAME.py`` runs on the digits in the package, in seconds; with the argument
``mnist`` it runs the book's experiment. ``--json FILE`` saves the numbers; ``--plot FILE`` plots
them, with matplotlib; ``--epochs N`` sets the number of epochs.
"""

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bpmatrix.nielsen import mnist_loader

Pairs = list[tuple[Any, Any]]
Curves = Mapping[str, Sequence[float]]

# The book's lambda of 5 divided by its 50,000 training images.
LMBDA_PER_IMAGE = 1e-4


def parse(
    about: str | None, arguments: Sequence[str] | None, *, digits: int, mnist: int
) -> argparse.Namespace:
    """Parse the command line; `digits` and `mnist` are the default epochs for these data."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default="digits", choices=["digits", "mnist"])
    parser.add_argument("--epochs", type=int, help=f"default {digits}, and {mnist} for mnist")
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the numbers to this file")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot to this .png or .svg file")
    args = parser.parse_args(arguments)
    if args.epochs is None:
        args.epochs = mnist if args.data == "mnist" else digits
    return args


def load(name: str) -> tuple[Pairs, Pairs, Pairs, int]:
    """Return training, validation and test data, and the number of inputs; seed the generators."""
    random.seed(1)
    np.random.seed(1)
    training, validation, test = mnist_loader.load_data_wrapper(name)
    return training, validation, test, training[0][0].size


def percent(hits: Sequence[int], n: int) -> list[float]:
    """Return counts of correct answers out of n in percent."""
    return [100 * count / n for count in hits]


def finish(
    args: argparse.Namespace, x: Sequence[float], curves: Curves, title: str, **axes: str
) -> Curves:
    """Print the last value of each curve; save and plot the curves if requested; return them.

    `axes` are ``xlabel``, ``xscale`` and ``yscale`` of matplotlib.
    """
    print(f"\n{title}")
    for name, values in curves.items():
        print(f"{values[-1]:12.4g}  {name}")
    if args.json is not None:
        numbers = {"x": list(x), **{name: list(values) for name, values in curves.items()}}
        args.json.write_text(json.dumps(numbers), encoding="utf-8")
    if args.plot is not None:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only needed to plot

        canvas = Figure(figsize=(7, 4.5), layout="constrained")
        ax = canvas.subplots()
        for name, values in curves.items():
            ax.plot(x, values, "o-" if len(x) < 40 else "-", label=name)
        ax.set(title=title, **axes)
        ax.grid(visible=True, alpha=0.3)
        ax.legend()
        canvas.savefig(args.plot)
    return curves
