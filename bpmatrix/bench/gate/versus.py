"""Base against head: measure the benchmarks in two stages, and give a verdict on each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

import numpy as np

from bpmatrix.bench.gate.pairs import Match, Repeats, RunResult, Version, measure_run
from bpmatrix.bench.gate.rule import decide, estimate, is_flagged
from bpmatrix.bench.gate.suite import agree
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.machine import describe_machine
from bpmatrix.bench.workers import SkippedError, Worker, WorkerError

STAGE = "base/head"
LARGE = float(np.log(1.25))
MOST_LETTERS = 60
CAN_PIN = hasattr(os, "sched_setaffinity")

Tell = Callable[[str], object]


@dataclass
class Prepared:
    """What a version said of its benchmarks, by name.

    Attributes
    ----------
    failures, skips : dict
        Why it cannot run some.
    results : dict
        What the others return, in a tuple, or None if it cannot be compared.
    """

    failures: dict[str, str] = field(default_factory=dict)
    skips: dict[str, str] = field(default_factory=dict)
    results: dict[str, tuple[object] | None] = field(default_factory=dict)


def compare_versions(
    base: Version, head: Version, matches: Sequence[Match], repeats: Repeats, tell: Tell
) -> list[Verdict]:
    """Return verdicts on every match, and one more if something compiled in timed calls."""

    def ready(version: Version) -> Prepared:
        work = {match.name: match.base if version is base else match.head for match in matches}
        return prepare(version, work, tell)

    with ThreadPoolExecutor(2) as both:  # compilation takes long, and nothing is timed yet
        of_base, of_head = both.map(ready, (base, head))
    verdicts = {match: _unmeasured(match.name, of_base, of_head) for match in matches}
    found = [verdict for verdict in verdicts.values() if verdict is not None]
    runs = [match for match, verdict in verdicts.items() if verdict is None]
    found += [
        verdict
        for match in runs
        for verdict in _different(match.name, of_base.results, of_head.results)
    ]
    judged = [match for match in runs if match.threads == 1 and CAN_PIN]
    informative = [match for match in runs if match not in judged]
    try:
        with pinned():
            found += judge_matches(base, head, judged, repeats, tell)
        if informative:
            tell("cases without a verdict")
            found += _information(measure_run(base, head, informative, repeats, 0))
    except WorkerError as error:
        found.append(Verdict(STAGE, "all cases", Word.NOTHING_MEASURED, str(error)))
    if not runs:
        why = "no case runs in both versions"
        found.append(Verdict(STAGE, "all cases", Word.NOTHING_MEASURED, why))
    return found


def prepare(version: Version, work: Mapping[str, object], tell: Tell) -> Prepared:
    """Call each benchmark of a version for the first time, which may compile it."""
    found = Prepared()
    worker: Worker | None = None
    try:
        for name, given in work.items():
            tell(f"{version.name} prepares: {name}")
            try:
                worker = worker or version.start()
                found.results[name] = worker.call("prepare", name, given)
            except WorkerError as error:
                why = found.skips if isinstance(error, SkippedError) else found.failures
                why[name] = str(error).removeprefix(f"{version.name}: ")
                if worker is not None:
                    worker.close()  # the benchmark may have ended it
                worker = None
    finally:
        if worker is not None:
            worker.close()
    return found


@contextmanager
def pinned() -> Iterator[int | None]:
    """Pin this process, and those that it starts in the block, to its last processor.

    On one processor other programs affect both arms equally, which halves the error of a ratio.
    """
    if not CAN_PIN:
        yield None
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield max(before)
    finally:
        os.sched_setaffinity(0, before)


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


def _unmeasured(name: str, base: Prepared, head: Prepared) -> Verdict | None:
    """Return the verdict on a benchmark that one version cannot run, None if both can."""
    lacking = base.failures | base.skips
    if name in head.skips and name in lacking:
        return Verdict(STAGE, name, Word.SKIPPED, f"head skips it: {head.skips[name]}")
    if why := (head.failures | head.skips).get(name):
        return Verdict(STAGE, name, Word.MISSING, f"head cannot run it: {why}")
    if why := lacking.get(name):
        return Verdict(STAGE, name, Word.NEW, f"base cannot run it: {why}")
    return None


def _different(
    name: str, base: Mapping[str, tuple[object] | None], head: Mapping[str, tuple[object] | None]
) -> Iterator[Verdict]:
    """Yield a verdict on a benchmark whose results can be compared, and differ."""
    one, other = base[name], head[name]
    if one is None or other is None or agree(one, other):
        return
    shown = [repr(value[0])[:MOST_LETTERS] for value in (one, other)]
    why = f"base returns {shown[0]}, head {shown[1]}: their times are those of different work"
    yield Verdict("exact", f"{name} returns the same", Word.BROKEN, why)


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
