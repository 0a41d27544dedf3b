"""Base against head: measure the cases in two stages, and give a verdict on each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import numpy as np

from benchmarks.gate.cases import GateCase
from benchmarks.gate.pairs import Match, Repeats, RunResult, measure_run
from benchmarks.gate.rule import decide, estimate, is_flagged
from benchmarks.gate.verdicts import Verdict, Word
from benchmarks.gate.versions import CAN_PIN, Version, pinned
from bpmatrix.bench.machine import describe_machine
from bpmatrix.bench.workers import WorkerError

STAGE = "base/head"
LARGE = float(np.log(1.25))

Tell = Callable[[str], object]
# Why a version cannot run a case, by the name of the case.
Failures = dict[str, str]


def compare_versions(
    base: Version, head: Version, cases: Sequence[GateCase], repeats: Repeats, tell: Tell
) -> list[Verdict]:
    """Return a verdict on every case, and one more if something compiled in timed calls."""

    def ready(version: Version) -> Failures:
        return prepare(version, cases, tell)

    with ThreadPoolExecutor(2) as both:  # compilation takes long, and nothing is timed yet
        lacking = dict(zip(("base", "head"), both.map(ready, (base, head)), strict=True))
    verdicts = [_unmeasured(case, lacking["base"], lacking["head"]) for case in cases]
    found = [verdict for verdict in verdicts if verdict is not None]
    runs = [case for case, verdict in zip(cases, verdicts, strict=True) if verdict is None]
    judged = [Match.of(case) for case in runs if case.threads == 1 and CAN_PIN]
    informative = [Match.of(case) for case in runs if case.threads > 1 or not CAN_PIN]
    try:
        with pinned():
            found += judge_matches(base, head, judged, repeats, tell)
        if informative:
            tell("cases without a verdict")
            found += _information(measure_run(base, head, informative, repeats, 0))
    except WorkerError as error:
        found.append(Verdict(STAGE, "all cases", Word.NOTHING_MEASURED, str(error)))
    if not judged and not informative:
        why = "no case runs in both versions"
        found.append(Verdict(STAGE, "all cases", Word.NOTHING_MEASURED, why))
    return found


def prepare(version: Version, cases: Sequence[GateCase], tell: Tell) -> Failures:
    """Compile the cases into the version's cache; return those that fail, with the reason."""
    failures: Failures = {}
    worker = None
    try:
        for case in cases:
            tell(f"{version.name} compiles: {case.name}")
            try:
                worker = worker or version.start()
                worker.call("prepare", case.name, case)
            except WorkerError as error:
                failures[case.name] = str(error)
                if worker is not None:
                    worker.close()  # the case may have ended it
                worker = None
    finally:
        if worker is not None:
            worker.close()
    return failures


def judge_matches(
    base: Version,
    head: Version,
    matches: Sequence[Match],
    repeats: Repeats,
    tell: Tell,
    first_run: int = 0,
) -> list[Verdict]:
    """Return a verdict on each match, from some runs of all and more runs of flagged ones."""
    if not matches:
        return []
    first, second = [], []
    for run in range(repeats.runs):
        tell(f"base against head, run {run + 1} of {repeats.runs}")
        first.append(measure_run(base, head, matches, repeats, first_run + run))
    flagged = [m for m in matches if is_flagged([result.logs[m.name] for result in first])]
    for run in range(repeats.more_runs if flagged else 0):
        tell(f"{len(flagged)} flagged, new run {run + 1} of {repeats.more_runs}")
        second.append(measure_run(base, head, flagged, repeats, first_run + repeats.runs + run))
    found = [_verdict(m, first, second if m in flagged else []) for m in matches]
    compiled = sum(result.compilations[head.name] for result in [*first, *second])
    if compiled:
        why = f"{compiled} compilations began while head was timed, so its times are invalid"
        found.append(Verdict("exact", "no compilation inside the clock", Word.BROKEN, why))
    return found


def _unmeasured(case: GateCase, base: Failures, head: Failures) -> Verdict | None:
    """Return the verdict on a case that one version cannot run, None if both can."""
    if case.name in head:
        return Verdict(STAGE, case.name, Word.MISSING, f"head cannot run it: {head[case.name]}")
    if case.name in base:
        return Verdict(STAGE, case.name, Word.NEW, f"base cannot run it: {base[case.name]}")
    return None


def _verdict(match: Match, first: list[RunResult], second: list[RunResult]) -> Verdict:
    logs = [[result.logs[match.name] for result in stage] for stage in (first, second)]
    word, found, why = decide(*logs)
    spread = np.ptp([np.median(run) for stage in logs for run in stage])
    if word is Word.REGRESSION and found.median > LARGE and spread < np.log(1.03):
        why += (
            f". This is large and steady: the address of the code may matter on this processor,"
            f" {describe_machine()['processor']}; repeat it on another type of machine"
        )
    return Verdict(STAGE, match.name, word, why, _figures(match, [*first, *second]))


def _information(result: RunResult) -> list[Verdict]:
    """Return the estimates of a run without a verdict."""
    return [
        Verdict(
            STAGE, name, Word.INFORMATION, f"head takes {estimate([logs])}",
            {"log_ratios": [logs]},
        )
        for name, logs in result.logs.items()
    ]  # fmt: skip


def _figures(match: Match, results: list[RunResult]) -> dict[str, object]:
    logs = [result.logs[match.name] for result in results]
    base, head = np.median([result.seconds[match.name] for result in results], axis=0)
    return {
        "ratio": asdict(estimate(logs)),
        "microseconds": {"base": 1e6 * base, "head": 1e6 * head},
        "log_ratios": logs,
    }
