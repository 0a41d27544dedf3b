"""Pictures of functions, schedules, first weights and dropout, from what the package computes."""

import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from bpmatrix import Network, schedules

GRAY = "#808080"  # readable on white and on black
LOOK = {
    "svg.hashsalt": "bpmatrix", "svg.fonttype": "path", "text.color": GRAY, "axes.edgecolor": GRAY,
    "axes.labelcolor": GRAY, "xtick.color": GRAY, "ytick.color": GRAY, "axes.grid": True,
    "grid.color": GRAY, "grid.alpha": 0.25, "axes.facecolor": "none", "figure.facecolor": "none",
    "legend.framealpha": 0.0, "font.size": 9.0,
}  # fmt: skip
BLUE, ORANGE = "#2a86d1", "#e07b00"  # told apart by color-blind people, too


def activations(axes: list[Axes]) -> None:
    """Draw a = sigma(z) as the engine computes it, and its slope by differences."""
    names = ["sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus"]
    z = np.linspace(-4, 4, 401)[None]
    for ax, name in zip(axes, names, strict=True):
        net = Network([1, 1], activation=name, output=name, cost="quadratic", seed=1)
        net.weights[0][:], net.biases[0][:] = 1.0, 0.0
        a = net.feedforward(z)
        ax.plot(z[0], a[0], color=BLUE, label="a")
        ax.plot(z[0], np.gradient(a[0], z[0]), "--", color=ORANGE, label="slope")
        ax.set(title=name, ylim=(-1.2, 2.2))
    axes[0].legend()


def first_weights(axes: list[Axes]) -> None:
    """Draw how the first weights of 100 inputs are spread."""
    names = ["standard_normal", "scaled_normal", "glorot", "he", "lecun"]
    for ax, name in zip(axes, names, strict=True):
        net = Network([100, 100, 1], initializer=name, seed=1)
        ax.hist(net.weights[0].ravel(), bins=50, range=(-3, 3), density=True, color=BLUE)
        ax.set(title=name, xlabel="weight", yticks=[])


def rates(axes: list[Axes]) -> None:
    """Draw the factors of the schedules over 30 epochs."""
    epochs = range(1, 31)
    shown = {
        "Step(every=10, factor=0.5)": schedules.Step(every=10, factor=0.5),
        "Cosine(epochs=30)": schedules.Cosine(epochs=30),
        "InverseScaling(power=0.5)": schedules.InverseScaling(power=0.5),
        "Warmup(epochs=5, then=Cosine)": schedules.Warmup(
            epochs=5, then=schedules.Cosine(epochs=30)
        ),
    }
    for ax, (name, schedule) in zip(axes, shown.items(), strict=True):
        ax.plot(epochs, [schedule(epoch) for epoch in epochs], ".-", color=BLUE)
        ax.set_title(name, fontsize=8)
        ax.set(xlabel="epoch", ylim=(0, 1.05))
    axes[0].set_ylabel("factor")


def dropped(axes: list[Axes]) -> None:
    """Draw which of 20 hidden units take part in each of 40 steps: those whose weights change."""
    for ax, probability in zip(axes, [0.1, 0.3, 0.5], strict=True):
        net = Network([1, 20, 1], seed=1)
        seen = [net.weights[0].copy()]
        net.train(
            [[1.0]], [1.0], epochs=40, mini_batch_size=1, dropout=probability,
            callbacks=[lambda _, net=net, seen=seen: seen.append(net.weights[0].copy())],
        )  # fmt: skip
        kept = (np.diff(seen, axis=0) != 0)[:, :, 0].T
        ax.imshow(np.where(kept, 1.0, np.nan), cmap=ListedColormap([BLUE]), aspect="auto")
        ax.set(title=f"dropout={probability}, kept: {kept.mean():.0%}", xlabel="step", yticks=[])
        ax.grid(visible=False)
    axes[0].set_ylabel("hidden unit")


PICTURES: dict[str, tuple[Callable[[list[Axes]], None], int, int]] = {
    "activations.svg": (activations, 2, 4),
    "schedules.svg": (rates, 1, 4),
    "first-weights.svg": (first_weights, 1, 5),
    "dropout.svg": (dropped, 1, 3),
}


def pictures(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield the pictures that are not in the folder as this program draws them.

    The bytes depend on the version of matplotlib, so a picture records a digest of the program.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    mark = f"<!-- of docs/pictures.py, sha256: {digest} -->\n"
    for name, (draw, rows, columns) in PICTURES.items():
        path = folder / name
        if path.exists() and mark in path.read_text(encoding="utf-8"):
            continue
        with mpl.rc_context(LOOK):
            figure = Figure(figsize=(9, 2.2 * rows), layout="constrained")
            draw(list(np.ravel(figure.subplots(rows, columns, sharey=True))))
            file = io.StringIO()
            figure.savefig(file, format="svg", metadata={"Date": None})
        yield path, file.getvalue().replace("<svg ", mark + "<svg ", 1)
