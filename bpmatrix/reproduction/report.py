"""Outcomes in words and tables: for the terminal, and as the page docs/reproduction.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bpmatrix.reproduction import experiments, proofs
from bpmatrix.reproduction.bands import RULE
from bpmatrix.reproduction.experiments import Claim
from bpmatrix.reproduction.proofs import LIMIT, Proof
from bpmatrix.reproduction.running import STATISTICS, Outcome

__all__ = [
    "HEADINGS", "PROOF_HEADINGS", "conclusion", "markdown", "outcome_rows", "proof_row",
]  # fmt: skip

HEADINGS = (
    "table", "experiment", "judged by", "published", "ours", "best", "last", "runs", "seconds",
    "band", "",
)  # fmt: skip
PROOF_HEADINGS = ("lesson", "solution", "largest difference", "limit", "")

INSIDE, OUTSIDE = "in the band", "OUTSIDE"
INTRODUCTION = """# Published experiments, run again

Written by `bpmatrix reproduce{arguments} --markdown FILE`; `bpmatrix reproduce` runs all rows, from
more seeds than with `--quick`.

Of each experiment's runs from different seeds, the mean of the best epochs stands under "best" and
the mean of the last ones under "last". "ours" is the figure that the source reports: of the first,
best or last epoch, or of the best of all runs. The book judges by the test images where this table
says so; whoever chooses an epoch by them reports too much. All figures are per cent of right
answers. Networks train in float32, on bpmatrix's random numbers, not on the book's.
"""


def outcome_rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """Return a row for each claim of an experiment."""
    e = outcome.experiment
    best, last = (STATISTICS[name](list(outcome.curves)) for name in ("best", "last"))
    return [
        (
            e.table,
            e.name,
            f"{e.judged}, {claim.statistic}",
            f"{claim.published:.2f}",
            f"{outcome.ours(claim):.2f}",
            f"{best:.2f}",
            f"{last:.2f}",
            f"{len(outcome.curves)}",
            f"{outcome.seconds:.1f}",
            _band(claim, len(outcome.curves)),
            INSIDE if outcome.holds(claim) else OUTSIDE,
        )
        for claim in e.claims
    ]


def proof_row(proof: Proof, distance: float) -> tuple[str, ...]:
    """Return the row of a lesson."""
    verdict = "the solution" if distance <= LIMIT else OUTSIDE
    return proof.name, proof.solution, f"{distance:.1e}", f"{LIMIT:g}", verdict


def conclusion(outcomes: Sequence[Outcome], distances: Mapping[str, float]) -> str:
    """Return how many figures are in their bands, and how much of it all was run."""
    verdicts = [outcome.holds(claim) for outcome in outcomes for claim in outcome.experiment.claims]
    verdicts += [distance <= LIMIT for distance in distances.values()]
    there_are = len(experiments.EXPERIMENTS) + len(proofs.PROOFS)
    return (
        f"{sum(verdicts)} of {len(verdicts)} figures are in their bands; "
        f"{len(outcomes) + len(distances)} of {there_are} experiments and lessons were run."
    )


def markdown(
    outcomes: Sequence[Outcome],
    distances: Mapping[str, float],
    missing: Sequence[str] = (),
    arguments: str = "",
) -> str:
    """Return all of it as a page."""
    parts = [INTRODUCTION.format(arguments=arguments), conclusion(outcomes, distances) + "\n"]
    if outcomes:
        rows = [row for outcome in outcomes for row in outcome_rows(outcome)]
        # Seconds say nothing on a page that others read on other machines.
        kept = [i for i, heading in enumerate(HEADINGS) if heading != "seconds"]
        columns = [[row[i] for i in kept] for row in (HEADINGS, *rows)]
        parts += [_table(columns[0], columns[1:]), _bands(outcomes)]
    if distances:
        rows = [proof_row(p, distances[p.name]) for p in proofs.PROOFS if p.name in distances]
        parts += ["## The lessons\n", _table(PROOF_HEADINGS, rows)]
    done = {id(outcome.experiment) for outcome in outcomes}
    left = [f"{e.table}: {e.name}" for e in experiments.EXPERIMENTS if id(e) not in done]
    left += [f"lessons: {p.name}" for p in proofs.PROOFS if p.name not in distances]
    if left:
        parts.append("## Not run here\n\n" + "".join(f"- {line}\n" for line in left))
    parts += [f"{line}\n" for line in missing]
    return "\n".join(parts)


def _band(claim: Claim, runs: int) -> str:
    low, high = claim.band(runs)
    return f"{low:.2f} to {high:.2f}"


def _bands(outcomes: Sequence[Outcome]) -> str:
    """Return where each figure comes from and, where the rule does not hold, the reason."""
    lines = [
        f"## Sources and bands\n\nThe rule: {RULE}. The bands were fixed before the first run.\n"
    ]
    for outcome in outcomes:
        e = outcome.experiment
        for claim in e.claims:
            reason = "the rule" if claim.reason == RULE else claim.reason
            lines.append(
                f"- {e.table}, {e.name}, {claim.statistic}: {claim.source}. Band: {reason}."
            )
    return "\n".join(lines) + "\n"


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
