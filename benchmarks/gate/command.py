"""``python -m benchmarks gate`` and ``accept``."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks.gate import versions
from benchmarks.gate.baseline import FILE, Baseline, versions_here
from benchmarks.gate.cases import CASES, GateCase
from benchmarks.gate.exact import exact_checks, peak_of_head
from benchmarks.gate.floor import floors
from bpmatrix.bench.gate import report
from bpmatrix.bench.gate.pairs import Repeats
from bpmatrix.bench.gate.repository import NoBaseError, Repository
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.gate.versus import STAGE, compare_versions
from bpmatrix.bench.workers import WorkerError

GONE = "base has it, head does not. If intended: `python -m benchmarks accept --reason TEXT`"


def _cases(
    context: click.Context, parameter: click.Parameter, value: Sequence[str]
) -> tuple[GateCase, ...]:
    del context, parameter
    return tuple(case for case in CASES if not value or case.name in value)


@click.command()
@click.option("--base", metavar="REV", help="The commit to compare the working tree with.")
@click.option(
    "--case", "cases", type=click.Choice([case.name for case in CASES]), multiple=True,
    callback=_cases, help="Time only this case; may be repeated.",
)  # fmt: skip
@report.options
def gate(
    base: str | None,
    strict: bool,
    cases: tuple[GateCase, ...],
    json_file: Path | None,
    markdown_file: Path | None,
) -> None:
    """Judge the working tree: exact checks, base against head, and least speed-ups.

    Exit status: 0 pass, 1 slower, 2 wrong usage, 3 inconclusive with --strict, 4 nothing measured
    or a case of the base is missing, 5 an exact check failed.
    """
    report.conclude(
        _stages(base, cases, Baseline.read(versions.ROOT)), base,
        strict=strict, json_file=json_file, markdown_file=markdown_file,
    )  # fmt: skip


@click.command()
@click.option("--reason", required=True, metavar="TEXT", help="Why the figures may change.")
def accept(reason: str) -> None:
    """Write benchmarks/baseline.json: the cases and the peak memory of the working tree.

    A removed case is recorded there with the reason. The file contains no times.
    """
    if not reason.strip():
        raise click.UsageError("the reason is empty: say why the figures may change")
    before, names = Baseline.read(versions.ROOT), [case.name for case in CASES]
    try:
        with tempfile.TemporaryDirectory() as folder:
            peak = peak_of_head(versions.copied("head", Path(folder)))
    except WorkerError as error:
        raise click.ClickException(f"nothing was written: {error}") from error
    removed = before.without(names, reason)
    peaks = {**before.peaks, versions_here(): peak}
    Baseline(reason, names, removed, peaks).write(versions.ROOT)
    click.echo(f"wrote {FILE}")


def compare_with(
    base: str | None, head: versions.Version, folder: Path, cases: Sequence[GateCase]
) -> list[Verdict]:
    """Return the verdicts of the second stage, or the reason why there are none."""
    if base is None:
        why = "no --base was given, so this version is compared with no other"
        return [Verdict(STAGE, "all cases", Word.SKIPPED, why)]
    try:
        version = versions.of_commit(base, folder)
    except NoBaseError as error:
        return [Verdict(STAGE, "all cases", Word.NOTHING_MEASURED, str(error))]
    listed = Baseline.of(Repository(versions.ROOT).file_of(base, FILE)).benchmarks
    found = missing_in_head(listed, Baseline.read(versions.ROOT).removed)
    if listed:
        found += [
            Verdict(STAGE, case.name, Word.NEW, f"{base} does not list it")
            for case in cases
            if case.name not in listed
        ]
    if versions.same_package(version, head):
        why = f"bpmatrix/ is the same as in {base}: there is nothing to compare"
        return [*found, Verdict(STAGE, "all cases", Word.SKIPPED, why)]
    return found + compare_versions(
        version, head, [versions.match_of(case) for case in cases], Repeats(), report.tell
    )


def missing_in_head(listed: Sequence[str], removed: dict[str, str]) -> list[Verdict]:
    """Return a verdict on each case in the base's list that head no longer has."""
    gone = [name for name in listed if name not in {case.name for case in CASES}]
    return [
        Verdict(STAGE, name, Word.SKIPPED, f"removed: {removed[name]}")
        if name in removed
        else Verdict(STAGE, name, Word.MISSING, GONE)
        for name in gone
    ]


def _stages(base: str | None, cases: Sequence[GateCase], baseline: Baseline) -> Iterator[Verdict]:
    """Yield the verdicts, stage by stage."""
    with tempfile.TemporaryDirectory() as folder:
        head = versions.copied("head", Path(folder))
        report.tell("exact checks")
        yield from exact_checks(head, cases, baseline)
        yield from compare_with(base, head, Path(folder), cases)
        yield from floors(head, report.tell)
