"""Damage files of every format, and check that the readers cope with each.

No file may cause an error of another kind than ours, take too much memory or time, or get past its
digest with other contents.
"""

import contextlib
import io
import json
import os
import random
import signal
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import process_time

import click

from benchmarks.fuzz_formats import Format, formats
from bpmatrix.errors import BpmatrixError

REFUSED, EQUAL, DIFFERENT = "refused", "equal", "different"
KINDS = ("flip", "set", "insert", "delete", "repeat", "move", "cut")
MARKS = (b"\0", b"\xff", b"-", b"9", b'"', b",", b"[", b"{", b"\n", b"1e999", b"NaN", b"\xff" * 8)
# The limits for a file of some kB: memory on top of that of the process, and time.
MEMORY, SECONDS = 256 << 20, 10
PER_PROCESS = 5_000

# Kind, two places in the file as fractions from 0 to 1, length, byte.
Mutation = tuple[str, float, float, int, int]


@dataclass
class Found:
    """The number of files by outcome, the faults by number, and the longest time in seconds."""

    outcomes: Counter[str] = field(default_factory=Counter)
    faults: dict[int, str] = field(default_factory=dict)
    longest: float = 0.0


def damaged(content: bytes, mutations: Sequence[Mutation]) -> bytes:
    """Return the content after some mutations."""
    for kind, first, second, length, byte in mutations:
        place, other = int(first * len(content)), int(second * len(content))
        before, piece, after = content[:place], content[place : place + length], content[place:]
        mark = MARKS[byte % len(MARKS)]
        match kind:
            case "flip":
                after = bytes(value ^ (1 << byte % 8) for value in after[:1]) + after[1:]
            case "set":
                after = mark + after[len(mark) :]
            case "insert":
                after = mark * length + after
            case "delete":
                after = after[length:]
            case "repeat":
                after = piece + after
            case "move":
                content = before + after[length:]
                before, after = content[:other], piece + content[other:]
            case "cut":
                after = b""
        content = before + after
    return content


def at_random(content: bytes, seed: int, number: int) -> bytes:
    """Return the content after the mutations that a seed and a number determine."""
    chance = random.Random(f"{seed} {number}")
    count = chance.choice((1, 1, 1, 2, 3, 8))
    return damaged(
        content,
        [
            (
                chance.choice(KINDS), chance.random(), chance.random(),
                chance.choice((1, 1, 2, 4, 8, 100)), chance.randrange(256),
            )
            for _ in range(count)
        ],
    )  # fmt: skip


WAYS = 5


def at_each_byte(content: bytes, number: int) -> bytes:
    """Return the content with the byte number // 5 changed in one of five ways."""
    place, way = divmod(number, WAYS)
    old = content[place]
    new = (bytes([old ^ 1]), bytes([old ^ 0x80]), b"", bytes([old, old]), None)[way]
    return content[:place] if new is None else content[:place] + new + content[place + 1 :]


def outcome(form: Format, content: bytes, whole: bytes, path: Path) -> str:
    """Read a damaged file and return the outcome: a good one, or a fault in words.

    The file is alone in its folder; `whole` is the result of reading an intact one.
    """
    for other in path.parent.iterdir():
        if other.is_file():
            other.unlink()
    path.write_bytes(form.wrap(content))
    try:
        found = form.read(path)
    except BpmatrixError as error:
        said = str(error)
        fits = len(said) <= 2_000 and said.isprintable()
        return REFUSED if fits else f"not a short printable line: {said!a:.100}"
    except Exception as error:  # noqa: BLE001 - any other error is a fault
        return f"{type(error).__name__}: {' '.join(str(error).split())!a:.200}"
    if found == whole:
        return EQUAL
    return "another model, without an error" if form.is_sealed else DIFFERENT


def look(form: Format, mutate: Callable[[int], bytes], numbers: range, folder: Path) -> Found:
    """Damage a file in many ways, each named by a number, and read it in child processes."""
    path, log = folder / "work" / form.name, folder / "log"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(form.wrap(form.content))
    whole = form.read(path)
    found, first = Found(), numbers.start
    while first < numbers.stop:
        log.write_bytes(b"")
        some = range(first, min(first + PER_PROCESS, numbers.stop))
        child = os.fork()
        if not child:
            _read_all(form, whole, mutate, some, path, log)
        _, status = os.waitpid(child, 0)
        lines = list(map(json.loads, log.read_text().splitlines()))
        if len(lines) < len(some):  # it ended while reading the next one
            end = signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else status
            lines.append([f"the process ended: {end}", 0.0])
        for number, (came, seconds) in enumerate(lines, start=first):
            found.longest = max(found.longest, seconds)
            found.outcomes[came if came in {REFUSED, EQUAL, DIFFERENT} else "fault"] += 1
            if came not in {REFUSED, EQUAL, DIFFERENT}:
                found.faults[number] = came
        first += len(lines)
    return found


def _read_all(
    form: Format, whole: bytes, mutate: Callable[[int], bytes], numbers: range, path: Path,
    log: Path,
) -> None:  # fmt: skip
    """Read damaged files with limited memory and time, and end this child process."""
    try:
        _limit_memory()
        warnings.simplefilter("ignore")
        sys.stderr = sys.stdout = io.StringIO()
        with log.open("w", buffering=1) as lines:
            for number in numbers:
                signal.alarm(SECONDS)
                start = process_time()
                came = outcome(form, mutate(number), whole, path)
                lines.write(json.dumps([came, process_time() - start]) + "\n")
        os._exit(0)
    except BaseException:  # noqa: BLE001 - the child must not return to the caller's code
        os._exit(1)


def _limit_memory() -> None:
    import resource  # noqa: PLC0415 - not on Windows, which cannot fork either

    with contextlib.suppress(OSError):  # only Linux tells the memory in use
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))


def _rows(
    names: Sequence[str], times: int, seed: int, keep: Path | None
) -> Iterator[tuple[str, int, Found]]:
    with tempfile.TemporaryDirectory() as temporary:
        known = formats(Path(temporary))
        if unknown := set(names) - set(known):
            raise click.ClickException(f"no format {min(unknown)!r}; there are: {', '.join(known)}")
        for name in names or known:
            form = known[name]
            ways = (
                (partial(at_each_byte, form.content), WAYS * len(form.content)),
                (partial(at_random, form.content, seed), times),
            )
            found = Found()
            for mutate, count in ways:
                part = look(form, mutate, range(count), Path(temporary))
                found.outcomes += part.outcomes
                found.longest = max(found.longest, part.longest)
                for number, came in part.faults.items():
                    found.faults[len(found.faults)] = came
                    if keep is not None:
                        place = keep / f"{name}-{len(found.faults)}-{form.name}"
                        place.write_bytes(form.wrap(mutate(number)))
            yield name, len(form.content), found


@click.command()
@click.argument("names", nargs=-1, metavar="[FORMAT]...")
@click.option("--times", type=click.IntRange(min=0), default=100_000, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for files with faults.")
def fuzz(names: tuple[str, ...], times: int, seed: int, keep: Path | None) -> None:
    """Damage files at every byte and at random, and read them.

    None may end in a bare error, take too much memory or time, or get past its digest.
    """
    if not hasattr(os, "fork"):
        raise click.ClickException("this system cannot fork")
    if keep is not None:
        keep.mkdir(exist_ok=True)
    click.echo(f"{'':32}  bytes  refused   equal  different  faults  longest")
    faults = 0
    for name, size, found in _rows(names, times, seed, keep):
        counts = found.outcomes
        click.echo(
            f"{name:32} {size:6,} {counts[REFUSED]:8,} {counts[EQUAL]:7,} {counts[DIFFERENT]:10,} "
            f"{len(found.faults):7,} {1000 * found.longest:5.0f} ms"
        )
        for came, count in Counter(found.faults.values()).most_common(10):
            click.echo(f"    {count:,} x {came}")
        faults += len(found.faults)
    if faults:
        raise click.ClickException(f"{faults:,} faults")
