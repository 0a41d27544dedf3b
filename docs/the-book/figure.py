"""What the scripts of this folder share: the command line, the data, and how a figure is kept.

``python docs/the-book/NAME.py`` runs on the digits that bpmatrix ships, in seconds; with the
argument ``mnist`` it is the book's experiment. ``--json FILE`` keeps the numbers; ``--plot FILE``
draws them, with matplotlib; ``--epochs N`` makes it shorter or longer.
"""

from __future__ import annotations

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

# What the book's lambda of 5 is for each of the 50,000 training images.
LMBDA_OF_AN_IMAGE = 1e-4


def options(
    about: str | None, arguments: Sequence[str] | None, *, digits: int, mnist: int
) -> argparse.Namespace:
    """Return what was asked for; `digits` and `mnist` are the epochs on these data."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default="digits", choices=["digits", "mnist"])
    parser.add_argument("--epochs", type=int, help=f"default {digits}, and {mnist} for mnist")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the numbers there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there: .png, .svg")
    wanted = parser.parse_args(arguments)
    if wanted.epochs is None:
        wanted.epochs = mnist if wanted.data == "mnist" else digits
    return wanted


def load(name: str) -> tuple[Pairs, Pairs, Pairs, int]:
    """Return training, validation and test data, and the number of inputs; seed what is drawn."""
    random.seed(1)
    np.random.seed(1)
    training, validation, test = mnist_loader.load_data_wrapper(name)
    return training, validation, test, training[0][0].size


def percent(hits: Sequence[int], n: int) -> list[float]:
    """Return counts of right answers out of n in per cent."""
    return [100 * count / n for count in hits]


def finish(
    wanted: argparse.Namespace, x: Sequence[float], curves: Curves, title: str, **axes: str
) -> Curves:
    """Print where each curve ends; keep and draw the curves, as was asked; return them.

    `axes` are ``xlabel``, ``xscale`` and ``yscale`` of matplotlib.
    """
    print(f"\n{title}")
    for name, values in curves.items():
        print(f"{values[-1]:12.4g}  {name}")
    if wanted.json is not None:
        kept = {"x": list(x), **{name: list(values) for name, values in curves.items()}}
        wanted.json.write_text(json.dumps(kept), encoding="utf-8")
    if wanted.plot is not None:
        from matplotlib.figure import Figure  # noqa: PLC0415 - only where somebody draws

        canvas = Figure(figsize=(7, 4.5), layout="constrained")
        ax = canvas.subplots()
        for name, values in curves.items():
            ax.plot(x, values, "o-" if len(x) < 40 else "-", label=name)
        ax.set(title=title, **axes)
        ax.grid(visible=True, alpha=0.3)
        ax.legend()
        canvas.savefig(wanted.plot)
    return curves
