"""Exact checks, which give the same result in every run."""

from collections.abc import Mapping, Sequence

from benchmarks.gate.baseline import Baseline, versions_here
from benchmarks.gate.cases import GateCase
from benchmarks.gate.counting import MANY_STEPS, STEPS, Counters
from benchmarks.gate.versions import Version
from bpmatrix.bench.gate.verdicts import Verdict, Word
from bpmatrix.bench.workers import WorkerError

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}
PEAK_TOLERANCE = 1  # percent
CALLED = "calls, lines and allocations of a training call"

Sizes = Mapping[str, Mapping[str, int]]


def exact_checks(head: Version, cases: Sequence[GateCase], baseline: Baseline) -> list[Verdict]:
    """Return a verdict on each check of a version; one that cannot be run is BROKEN."""
    checks = []
    try:
        with head.start() as worker:
            worker.make(Counters)
            checks += [agreement(d, worker.call("distances", d)) for d in TOLERANCE]
            counted = worker.call("training")
            checks += [constancy(counted), nothing_for_each_step(counted)]
            checks.append(peak_as_accepted(worker.call("peak"), baseline))
        checks.append(compilation(_compilations(head, cases)))
    except WorkerError as error:
        checks.append(_verdict("all checks", False, f"could not be run: {error}", {}))
    return checks


def peak_of_head(head: Version) -> int:
    """Return the peak that `accept` writes for these versions of Python and NumPy."""
    with head.start() as worker:
        worker.make(Counters)
        return int(worker.call("peak"))


def agreement(dtype: str, distances: Mapping[str, float]) -> Verdict:
    """Check that the gradients of matrix, engine and a training step equal the loop's."""
    limits = {name: TOLERANCE["float64" if name == "matrix" else dtype] for name in distances}
    # Not `distance > limit`, which is False for NaN.
    wrong = [name for name, distance in distances.items() if not distance <= limits[name]]
    shown = ", ".join(f"{name} {distance:.1e}" for name, distance in distances.items())
    said = f"distance from the loop: {shown}; at most {TOLERANCE[dtype]:.0e}"
    name = f"gradients agree, {dtype}"
    return _verdict(name, not wrong, said, {"distances": dict(distances)})


def constancy(counted: Sizes) -> Verdict:
    """Check that the counts do not depend on mini-batch size and width."""
    by_size = {size: dict(counts) for size, counts in counted.items() if size != "many steps"}
    first = next(iter(by_size.values()))
    other = {size: counts for size, counts in by_size.items() if counts != first}
    said = f"{_shown(first)} for every mini-batch size and width"
    if other:
        size, counts = max(other.items(), key=lambda item: sum(item[1].values()))
        said = f"{_shown(first)} at {next(iter(by_size))}, but {_shown(counts)} at {size}"
    return _verdict(f"{CALLED}, by size", not other, said, {"counts": by_size})


def nothing_for_each_step(counted: Sizes) -> Verdict:
    """Check that calls and allocations do not grow with the number of mini-batches."""
    few, many = next(iter(counted.values())), counted["many steps"]
    grown = {what: many[what] - few[what] for what in few}
    said = f"{_shown(few)} for {STEPS} mini-batches, {_shown(many)} for {MANY_STEPS}"
    constant = all(more < MANY_STEPS - STEPS for more in grown.values())
    return _verdict(f"{CALLED}, by steps", constant, said, {"grown": grown})


def peak_as_accepted(peak: int, baseline: Baseline) -> Verdict:
    """Check that the peak memory of a training call is at most 1 % above the baseline's."""
    name, versions = "allocation peak of a training call", versions_here()
    accepted = baseline.peaks.get(versions)
    if accepted is None:
        why = f"{peak:,} bytes, but no accepted peak for {versions}: run `accept` with them"
        return Verdict("exact", name, Word.SKIPPED, why, {"peak": peak})
    change = 100 * (peak - accepted) / accepted
    said = f"{peak:,} bytes, {change:+.1f} % from the accepted {accepted:,}"
    if change < -PEAK_TOLERANCE:
        said += "; run `accept` to make this the limit"
    return _verdict(name, change <= PEAK_TOLERANCE, said, {"peak": peak})


def compilation(begun: Mapping[str, int]) -> Verdict:
    """Check that repeated calls compile nothing."""
    guilty = [name for name, times in begun.items() if times]
    said = f"none in the third call of {len(begun)} cases"
    if guilty:
        said = f"the third call compiled something in {', '.join(guilty)}"
    clean = bool(begun) and not guilty
    return _verdict("no compilation inside the clock", clean, said, {"begun": dict(begun)})


def _compilations(head: Version, cases: Sequence[GateCase]) -> dict[str, int]:
    """Return the number of compilations in the third call of each case."""
    begun, before = {}, 0
    with head.start() as worker:
        for case in cases:
            worker.call("prepare", case.name, case)
            worker.call("run", case.name, 1)
            after = worker.call("compilations_inside")
            begun[case.name], before = after - before, after
    return begun


def _shown(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())


def _verdict(name: str, right: bool, said: str, figures: dict[str, object]) -> Verdict:
    return Verdict("exact", name, Word.PASS if right else Word.BROKEN, said, figures)
