"""Plots of the experiments' curves as SVG, with matplotlib (the extra ``plot``)."""

from __future__ import annotations

from collections.abc import Sequence

from bpmatrix.plots.figures import new_figure, svg
from bpmatrix.reproduction.running import Outcome

INCHES = (8.0, 4.2)


def pictures(outcomes: Sequence[Outcome]) -> dict[str, bytes]:
    """Return a plot of accuracy by epoch for each experiment with curves, by file name.

    One line per run, and a dashed one per published figure.
    """
    return {
        f"{_file_name(outcome)}.svg": _draw(outcome)
        for outcome in outcomes
        if len(outcome.curves[0]) > 1
    }


def _file_name(outcome: Outcome) -> str:
    title = f"{outcome.experiment.table} {outcome.experiment.name}"
    return "-".join("".join(c if c.isalnum() or c == "." else " " for c in title).split())


def _draw(outcome: Outcome) -> bytes:
    figure = new_figure(*INCHES)
    e = outcome.experiment
    axes = figure.add_subplot(
        title=f"{e.table}: {e.name}", xlabel="epoch", ylabel=f"{e.judged} accuracy, percent"
    )
    for seed, curve in enumerate(outcome.curves):
        axes.plot(range(1, len(curve) + 1), curve, label=f"seed {seed}")
    for claim in e.claims:
        axes.axhline(claim.published, linestyle="--", color="gray")
        axes.annotate(
            f"published, {claim.statistic}", (0.01, claim.published),
            xycoords=("axes fraction", "data"), fontsize="small", verticalalignment="top",
        )  # fmt: skip
    axes.grid(visible=True, alpha=0.3)
    figure.legend(loc="outside right upper", fontsize="small")
    return svg(figure)
