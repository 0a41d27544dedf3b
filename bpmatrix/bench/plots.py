"""Plots of a survey, drawn by matplotlib (the extra ``plot``) as SVG."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import import_module

from bpmatrix.bench.contest import CHAMPION
from bpmatrix.bench.report import title
from bpmatrix.bench.survey import LOOP, Point, Survey, to_json
from bpmatrix.plots.figures import new_figure, svg

__all__ = ["pictures", "signature"]

# The colors of contenders in all plots, from Okabe and Ito's palette for color-blind people.
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

Curve = tuple[str, str, list[float], list[float]]


def signature(survey: Survey) -> str:
    """Return the digest of the survey's JSON file, which its plots contain."""
    return "sha256 of the figures: " + hashlib.sha256(to_json(survey).encode()).hexdigest()


def pictures(survey: Survey) -> dict[str, bytes]:
    """Return the plots of a survey by file name.

    They show the speed-up over the loop by mini-batch size; microseconds per sample by width if
    there are several widths; and the share of the attainable peak if it was measured.
    """
    drawn = {}
    if any(point.gain(CHAMPION, LOOP) for point in survey.points):
        drawn["speed-up.svg"] = _speed_up(survey)
    if len({point.sizes for point in survey.points}) > 1:
        drawn["time-per-sample.svg"] = _time_per_sample(survey)
    if any(point.peak is not None for point in survey.points):
        drawn["share-of-peak.svg"] = _share_of_peak(survey)
    return drawn


def _speed_up(survey: Survey) -> bytes:
    """Draw the speed-up over the loop at the width and dtype of the headline."""
    first = survey.headline or next(p for p in survey.points if p.gain(CHAMPION, LOOP))
    points = [p for p in survey.points if (p.sizes, p.dtype) == (first.sizes, first.dtype)]
    curves = []
    for name in survey.contenders:
        gains = [(p.mini_batch_size, p.gain(name, LOOP)) for p in points]
        pairs = [(m, gain.median) for m, gain in gains if gain is not None]
        curves.append((title(name), COLORS.get(name, "gray"), *_columns(pairs)))
    network = "-".join(map(str, first.sizes))
    return _draw(
        survey,
        f"Speed-up over the per-sample loop, {network}, {first.dtype}",
        ("samples in the mini-batch", "times as fast as the loop"),
        curves,
    )


def _time_per_sample(survey: Survey) -> bytes:
    """Draw microseconds per sample over the width, at the headline's mini-batch size and dtype."""
    first = survey.headline or survey.points[0]
    m = first.mini_batch_size
    points = [p for p in survey.points if (p.mini_batch_size, p.dtype) == (m, first.dtype)]
    curves = []
    for name in survey.contenders:
        seconds = [(p.sizes[1], p.seconds_per_sample(name)) for p in points]
        pairs = [(width, 1e6 * value) for width, value in seconds if value is not None]
        curves.append((title(name), COLORS.get(name, "gray"), *_columns(pairs)))
    return _draw(
        survey,
        f"Time of training, mini-batches of {m}, {first.dtype}",
        ("units in the hidden layer", "microseconds per sample"),
        curves,
    )


def _share_of_peak(survey: Survey) -> bytes:
    """Draw the share of the peak over the width, one curve per mini-batch size."""
    dtype = (survey.headline or survey.points[0]).dtype
    points = [p for p in survey.points if p.peak is not None and p.dtype == dtype]
    sizes = sorted({p.mini_batch_size for p in points})
    curves = [
        (f"mini-batch of {m:,}", f"C{i}", *_columns(_peaks(points, m))) for i, m in enumerate(sizes)
    ]
    return _draw(
        survey,
        f"{title(CHAMPION)} on one thread against a large matrix product, {dtype}",
        ("units in the hidden layer", "per cent of its speed"),
        curves,
        logarithmic=False,
    )


def _peaks(points: Sequence[Point], m: int) -> list[tuple[float, float]]:
    return [
        (p.sizes[1], 100 * p.peak.median)
        for p in points
        if p.mini_batch_size == m and p.peak is not None
    ]


def _columns(pairs: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in pairs], [y for _, y in pairs]


def _draw(
    survey: Survey,
    heading: str,
    labels: tuple[str, str],
    curves: Sequence[Curve],
    *,
    logarithmic: bool = True,
) -> bytes:
    """Draw curves over a logarithmic axis."""
    figure = new_figure(*INCHES)
    axes = figure.add_subplot(title=heading, xlabel=labels[0], ylabel=labels[1], xscale="log")
    if logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(import_module("matplotlib.ticker").LogLocator(subs=(1, 2, 5)))
    else:
        axes.set_ylim(0, 100)
    for label, color, x, y in curves:
        if x:
            axes.plot(x, y, marker="o", color=color, label=label)
    ticks = sorted({value for _, _, x, _ in curves for value in x})
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    return svg(figure, signature(survey))
