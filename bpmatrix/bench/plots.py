"""The plot of a survey, drawn by matplotlib (the extra ``plot``) as SVG."""

from __future__ import annotations

import hashlib
from importlib import import_module

from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.report import title
from bpmatrix.bench.survey import LOOP, Survey, to_json
from bpmatrix.plots.figures import new_figure, svg

# The colors of contenders, from Okabe and Ito's palette for color-blind people.
COLORS = {
    "bpmatrix": "#0072B2",
    "bpmatrix float32": "#56B4E9",
    "loop": "#000000",
    "numpy": "#009E73",
    "jax": "#E69F00",
    "pytorch": "#D55E00",
    "sklearn": "#CC79A7",
}
INCHES = (8.0, 4.2)


def signature(survey: Survey) -> str:
    """Return the digest of the survey's JSON file, which its plot contains."""
    return "sha256 of the figures: " + hashlib.sha256(to_json(survey).encode()).hexdigest()


def pictures(survey: Survey) -> dict[str, bytes]:
    """Return the plot of a survey by file name: the speed-up over the loop by mini-batch size.

    It shows the width and dtype of the headline. Without the loop there is no plot.
    """
    points = [point for point in survey.points if point.gain(CHAMPION, LOOP)]
    if not points:
        return {}
    first = survey.headline or points[0]
    network = "-".join(map(str, first.sizes))
    figure = new_figure(*INCHES)
    axes = figure.add_subplot(
        title=f"Speed-up over the per-sample loop, {network}, {first.dtype}",
        xlabel="samples in the mini-batch", ylabel="times as fast as the loop",
        xscale="log", yscale="log",
    )  # fmt: skip
    points = [p for p in points if (p.sizes, p.dtype) == (first.sizes, first.dtype)]
    for name in survey.contenders:
        gains = [(p.mini_batch_size, p.gain(name, LOOP)) for p in points]
        pairs = [(m, gain.median) for m, gain in gains if gain is not None]
        if pairs:
            color = COLORS.get(name, "gray")
            axes.plot(*zip(*pairs, strict=True), marker="o", color=color, label=title(name))
    ticks = sorted({p.mini_batch_size for p in points})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.yaxis.set_major_locator(import_module("matplotlib.ticker").LogLocator(subs=(1, 2, 5)))
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    return {"speed-up.svg": svg(figure, signature(survey))}
