"""Text and tables of a survey, for the terminal and as Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from bpmatrix.bench.contest import CHAMPION, TOLERANCE
from bpmatrix.bench.statistics import Ratio
from bpmatrix.bench.survey import LOOP, MATRIX, SINGLE, Point, Survey

TITLES = {
    LOOP: "per-sample loop",
    MATRIX: "matrix in NumPy",
    CHAMPION: "bpmatrix",
    SINGLE: "bpmatrix in float32",
    "jax": "JAX",
    "pytorch": "PyTorch",
    "sklearn": "scikit-learn",
}
NOTHING = "-"
CHECKED = (
    "Every contender shown first reached the cost of the reference, to a relative "
    f"{TOLERANCE['float64']:g} in float64 and {TOLERANCE['float32']:g} in float32."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure, and below it an interval or a number of threads."""

    value: str
    below: str = ""

    def __str__(self) -> str:
        """Return both on one line."""
        return f"{self.value} [{self.below}]" if self.below else self.value


@dataclass(frozen=True, slots=True)
class ReportTable:
    """A title, headings, and rows of a name and cells."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]


def title(name: str) -> str:
    """Return the display name of a contender."""
    return TITLES.get(name, name)


def microseconds(seconds: float) -> str:
    """Return microseconds with three digits.

    Examples
    --------
    >>> microseconds(14.23e-6), microseconds(1830e-6)
    ('14.2', '1,830')
    """
    value = seconds * 1e6
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f}"


def headline(survey: Survey) -> str | None:
    """Return the sentence with the main result, if it was measured."""
    point = survey.headline
    if point is None:
        return None
    gain, in_numpy = point.gain(CHAMPION, LOOP), point.gain(MATRIX, LOOP)
    if gain is None:  # for the type checker
        return None
    network = "-".join(map(str, point.sizes))
    ending = "" if in_numpy is None else f"; written in NumPy, {in_numpy.median:.3g} times"
    return (
        f"The matrix is {gain.median:.3g} times as fast as the loop on this machine "
        f"({network}, mini-batches of {point.mini_batch_size}, {point.dtype}, "
        f"95 % interval {gain.low:.3g} to {gain.high:.3g}{ending})."
    )


def tables(survey: Survey) -> list[ReportTable]:
    """Return the tables of a survey: by mini-batch size for one network, else the whole grid."""
    if not survey.contenders:
        return []
    if len({(point.sizes, point.dtype) for point in survey.points}) == 1:
        return [_gains(survey), _times(survey)]
    return [_grid(survey)]


def explanations(survey: Survey) -> list[str]:
    """Return the notes below the tables."""
    return [
        (
            f"Data: {survey.data}. One hidden layer of sigmoid units, softmax, log-likelihood, "
            "plain gradient descent."
        ),
        CHECKED,
        (
            "Each ran in its own process, one at a time, in the order A B B A, on one thread or "
            "on all, whichever was faster."
        ),
        "The intervals hold for these processes; ratios of another run differ by some 10 %.",
        *survey.notes,
    ]


def markdown(survey: Survey) -> str:
    """Return the whole report as Markdown."""
    sentence = headline(survey)
    parts = [] if sentence is None else [f"**{sentence}**"]
    parts += [_markdown_table(table) for table in tables(survey)]
    parts.append("\n".join(f"- {line}" for line in explanations(survey)))
    machine = ", ".join(f"{name} {value}" for name, value in survey.machine.items())
    parts.append(f"Measured by `bpmatrix bench`: {machine}, {survey.date}.")
    return "\n\n".join(parts) + "\n"


def summary(survey: Survey) -> str:
    """Return the headline and the first table as Markdown, for the README."""
    sentence = headline(survey)
    parts = [] if sentence is None else [f"**{sentence}**"]
    words = [survey.data, *(survey.machine.get(key, "") for key in ("processor", "system"))]
    parts += [
        *map(_markdown_table, tables(survey)[:1]),
        f"{', '.join(filter(None, words))}; {survey.date}.",
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: ReportTable) -> str:
    lines = [
        "| " + " | ".join(table.headings) + " |",
        "| --- |" + " ---: |" * (len(table.headings) - 1),
        *(f"| {name} | " + " | ".join(map(str, cells)) + " |" for name, cells in table.rows),
    ]
    return f"{table.title}:\n\n" + "\n".join(lines)


def _gains(survey: Survey) -> ReportTable:
    """Return the speed-ups over the loop by mini-batch size."""
    rows = tuple(
        (title(name), tuple(_ratio(point.gain(name, LOOP)) for point in survey.points))
        for name in survey.contenders
        if name != LOOP
    )
    return ReportTable("How many times as fast as the per-sample loop", _headings(survey), rows)


def _times(survey: Survey) -> ReportTable:
    """Return microseconds per sample and numbers of threads."""
    names = sorted(survey.contenders, key=lambda name: name != LOOP)
    rows = tuple((title(name), tuple(_time(p, name) for p in survey.points)) for name in names)
    return ReportTable("Microseconds per sample, and threads", _headings(survey), rows)


def _headings(survey: Survey) -> tuple[str, ...]:
    sizes = "-".join(map(str, survey.points[0].sizes))
    return (f"{sizes}, mini-batch of", *(f"{p.mini_batch_size:,}" for p in survey.points))


def _grid(survey: Survey) -> ReportTable:
    """Return a row per point: the time of bpmatrix, and its speed-ups."""
    rivals = [name for name in survey.contenders if name != CHAMPION]
    rows = tuple(
        (
            f"{'-'.join(map(str, point.sizes))} / {point.mini_batch_size} {point.dtype}",
            (
                _time(point, CHAMPION),
                *(_ratio(point.gain(CHAMPION, rival)) for rival in rivals),
            ),
        )
        for point in survey.points
    )
    headings = ("network / mini-batch", "µs per sample", *map(title, rivals))
    return ReportTable(
        "bpmatrix: microseconds per sample and threads, how many times as fast as others",
        headings,
        rows,
    )


def _ratio(ratio: Ratio | None) -> Cell:
    if ratio is None:
        return Cell(NOTHING)
    return Cell(f"{ratio.median:.3g}", f"{ratio.low:.3g}, {ratio.high:.3g}")


def _time(point: Point, name: str) -> Cell:
    figure = point.figure(name)
    if figure is None:
        return Cell(NOTHING)
    return Cell(microseconds(figure.seconds / point.mini_batch_size), f"{figure.threads}t")
