"""``python -m benchmarks gate`` and ``accept``."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from benchmarks.gate import versions
from benchmarks.gate.baseline import FILE, Baseline, versions_here
from benchmarks.gate.cases import CASES, GateCase
from benchmarks.gate.exact import exact_checks, peak_of_head
from benchmarks.gate.floor import floors
from benchmarks.gate.pairs import Repeats
from benchmarks.gate.verdicts import Verdict, Word, exit_status, headline
from benchmarks.gate.versus import STAGE, compare_versions
from bpmatrix.bench.machine import describe_machine
from bpmatrix.bench.workers import WorkerError
from bpmatrix.storage.files import write_whole

GONE = "base has it, head does not. If intended: `python -m benchmarks accept --reason TEXT`"
FILE_OPTION = click.Path(dir_okay=False, path_type=Path)


def _cases(
    context: click.Context, parameter: click.Parameter, value: Sequence[str]
) -> tuple[GateCase, ...]:
    del context, parameter
    return tuple(case for case in CASES if not value or case.name in value)


@click.command()
@click.option("--base", metavar="REV", help="The commit to compare the working tree with.")
@click.option("--strict", is_flag=True, help="Exit with 3 if a case is too noisy for a verdict.")
@click.option(
    "--case", "cases", type=click.Choice([case.name for case in CASES]), multiple=True,
    callback=_cases, help="Time only this case; may be repeated.",
)  # fmt: skip
@click.option("--json", "json_file", type=FILE_OPTION, help="Write all figures to this file.")
def gate(
    base: str | None,
    strict: bool,
    cases: tuple[GateCase, ...],
    json_file: Path | None,
) -> None:
    """Judge the working tree: exact checks, base against head, and least speed-ups.

    Exit status: 0 pass, 1 slower, 2 wrong usage, 3 inconclusive with --strict, 4 nothing measured
    or a case of the base is missing, 5 an exact check failed.
    """
    machine = describe_machine()
    verdicts = []
    baseline = Baseline.read(versions.ROOT)
    with tempfile.TemporaryDirectory() as folder:
        head = versions.copied("head", Path(folder))
        for verdict in _stages(head, Path(folder), base, cases, baseline):
            click.echo(verdict)
            verdicts.append(verdict)
    status = exit_status(verdicts, strict=strict)
    said = headline(verdicts, status)
    click.echo(said)
    if json_file:
        figures = [
            {"stage": v.stage, "name": v.name, "verdict": str(v.word), "why": v.why, **v.figures}
            for v in verdicts
        ]
        content = {"status": status, "headline": said, "base": base, "machine": machine}
        text = json.dumps({**content, "verdicts": figures}, indent=1)
        try:
            write_whole(json_file, f"{text}\n".encode())
        except OSError as error:
            raise click.UsageError(str(error)) from error
    sys.exit(status)


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
    except versions.NoBaseError as error:
        return [Verdict(STAGE, "all cases", Word.NOTHING_MEASURED, str(error))]
    listed = Baseline.of(versions.list_of_base(base, FILE)).benchmarks
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
    return found + compare_versions(version, head, cases, Repeats(), _tell)


def missing_in_head(listed: Sequence[str], removed: dict[str, str]) -> list[Verdict]:
    """Return a verdict on each case in the base's list that head no longer has."""
    gone = [name for name in listed if name not in {case.name for case in CASES}]
    return [
        Verdict(STAGE, name, Word.SKIPPED, f"removed: {removed[name]}")
        if name in removed
        else Verdict(STAGE, name, Word.MISSING, GONE)
        for name in gone
    ]


def _stages(
    head: versions.Version,
    folder: Path,
    base: str | None,
    cases: Sequence[GateCase],
    baseline: Baseline,
) -> Iterator[Verdict]:
    """Yield the verdicts, stage by stage."""
    _tell("exact checks")
    yield from exact_checks(head, cases, baseline)
    yield from compare_with(base, head, folder, cases)
    yield from floors(head, _tell)


def _tell(line: str) -> None:
    """Print progress on standard error."""
    click.echo(f"... {line}", err=True)
