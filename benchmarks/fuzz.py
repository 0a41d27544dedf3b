"""Damage files of every format, and check that the readers cope with each.

No file may cause an error of another kind than ours, take too much memory or time, or get past its
digest with other contents.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pickle
import random
import signal
import struct
import sys
import tempfile
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import process_time

import click
import numpy as np
from safetensors import safe_open
from safetensors.numpy import save as as_safetensors

import bpmatrix
from bpmatrix import Adam, MLPClassifier, MLPRegressor, Network, cli, datasets
from bpmatrix.cli.targets import read_parts
from bpmatrix.datasets.idx import read_idx
from bpmatrix.datasets.npz import read_npz
from bpmatrix.datasets.tables import open_table
from bpmatrix.errors import ArgumentError, BpmatrixError, ModelFileError
from bpmatrix.nielsen import network2
from bpmatrix.nielsen.pickled import read_pickled_arrays
from bpmatrix.storage import tensor_files

REFUSED, EQUAL, DIFFERENT = "refused", "equal", "different"
KINDS = ("flip", "set", "insert", "delete", "repeat", "move", "cut")
MARKS = (b"\0", b"\xff", b"-", b"9", b'"', b",", b"[", b"{", b"\n", b"1e999", b"NaN", b"\xff" * 8)
# The limits for a file of some kB: memory on top of that of the process, and time.
MEMORY, SECONDS = 256 << 20, 10
PER_PROCESS = 5_000
KEY = "bpmatrix"

# Kind, two places in the file as fractions from 0 to 1, length, byte.
Mutation = tuple[str, float, float, int, int]


@dataclass(frozen=True)
class Format:
    """A file, and how to read it.

    Attributes
    ----------
    content : bytes
        The bytes that are damaged.
    read : function
        Reads a file and returns its contents as bytes, equal for equal contents.
    name : str
        The file's name.
    wrap : function
        Makes a file from the damaged content, for example by compressing it: otherwise a checksum
        would detect nearly all damage.
    is_sealed : bool
        Whether the file has a digest, so that reading different contents is a fault.
    """

    content: bytes
    read: Callable[[Path], bytes]
    name: str = "damaged"
    wrap: Callable[[bytes], bytes] = bytes
    is_sealed: bool = False


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


def frozen(value: object) -> bytes:
    """Return bytes that are equal for equal values, to the last bit."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.fast = True  # no references, which depend on the identity of objects
    pickler.dump(value)
    return file.getvalue()


def model_in(path: Path) -> bytes:
    """Return a loaded model."""
    return frozen(bpmatrix.load(path))


def used_model_in(path: Path) -> bytes:
    """Return a loaded model, after using it in a prediction and in `bpmatrix info`."""
    model = bpmatrix.load(path)
    if isinstance(model, Network):
        model.predict(np.zeros((model.description.sizes[0], 1)))
    else:
        model.predict(np.zeros((1, model.n_features_in_)))
    with contextlib.redirect_stdout(io.StringIO()):
        if cli.main(["info", str(path)]):
            raise RuntimeError("info refuses what load accepts")
    return frozen(model)


def resumed(path: Path) -> bytes:
    """Return the result of a run resumed from a checkpoint, the only one in its folder."""
    net = Network([3, 4, 2], seed=1)
    X = np.arange(36.0).reshape(3, 12) / 36
    before = net.parameters.tobytes()
    try:
        history = net.train(
            X, np.arange(12) % 2, epochs=2, mini_batch_size=4, optimizer=Adam(), n_threads=1,
            checkpoint=path.parent,
        )  # fmt: skip
    except (ArgumentError, ModelFileError):
        if (net.parameters.tobytes(), net.epochs, net.trained) != (before, 0, []):
            raise RuntimeError("a refused checkpoint has changed the network") from None
        raise
    rows = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    return frozen((net.parameters, rows))


def formats(folder: Path) -> dict[str, Format]:
    """Return small files of each format, some of them written to a folder first."""
    chance = np.random.default_rng(0)
    X, y = chance.integers(256, size=(12, 4), dtype=np.uint8), np.arange(12) % 2
    found = _models(folder, X.astype(float), y)

    def idx(array: np.ndarray) -> bytes:
        head = struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape)
        return head + array.astype(np.uint8).tobytes()

    for name, content in (("idx", idx(X)), ("idx, gzipped", gzip.compress(idx(X), mtime=0))):
        found[name] = Format(content, lambda path: frozen(read_idx(path)))
    for name, write in (("npz", np.savez), ("npz, compressed", np.savez_compressed)):
        write(folder / "samples.npz", X=X, y=y)
        found[name] = Format((folder / "samples.npz").read_bytes(), _npz, "damaged.npz")
    found["npz, an array"] = Format(_npy(X), _npz, "damaged.npz", partial(_archive, y=_npy(y)))

    rows = "".join(",".join(map(str, [*x, k])) + "\n" for x, k in zip(X, y, strict=True))
    found["csv"] = Format(("a,b,c,d,kind\n" + rows).encode(), _csv, "damaged.csv")
    words = rows.replace(",0\n", ',"red, or so"\n').replace(",1\n", ",blü\n")
    found["csv, with words"] = Format(
        ("a,b,c,d,kind\n" + words * 2).encode(), _target, "damaged.csv"
    )

    pairs = tuple((X[:n] / np.float32(256), y[:n]) for n in (10, 2, 4))
    for protocol in (0, 2, 5):
        content = pickle.dumps(pairs, protocol)
        found[f"book, protocol {protocol}"] = Format(content, _book)
    found["book, gzipped"] = Format(gzip.compress(pickle.dumps(pairs, 2), mtime=0), _book)
    network2.Network([3, 2, 1]).save(str(folder / "net.json"))
    found["book, network2"] = Format((folder / "net.json").read_bytes(), _json)
    return found


def _models(folder: Path, X: np.ndarray, y: np.ndarray) -> dict[str, Format]:
    """Return files of models and a checkpoint, and the same without digests or with new ones."""
    net = Network([3, 4, 2], seed=1)
    net.train(np.ones((3, 12)), y, epochs=2, optimizer=Adam(), n_threads=1)
    net.save(folder / "network")
    how = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (3,), "batch_size": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = np.array(["red", "blue"])
        MLPClassifier(**how, standardize=True).fit(X, names[y]).save(folder / "classifier")
        MLPRegressor(**how, solver="sgd").fit(X, y / 2).save(folder / "regressor")
    (folder / "run").mkdir()
    resumed(folder / "run" / "checkpoint")
    newest = max((folder / "run").glob("checkpoint-*"))
    found = {}
    for name in ("network", "classifier", "regressor", "checkpoint"):
        path = newest if name == "checkpoint" else folder / name
        content, read = path.read_bytes(), model_in if path != newest else resumed
        found[name] = Format(content, read, path.name, is_sealed=b'"digest"' in content)
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            text = file.metadata()[KEY]
        is_model = path != newest
        found[f"{name}, {'without a' if is_model else 'with a right'} digest"] = Format(
            text.encode(), used_model_in if is_model else read, path.name,
            partial(_unsealed if is_model else _sealed, tensors=tensors),
        )  # fmt: skip
    return found


def _unsealed(text: bytes, tensors: dict[str, np.ndarray]) -> bytes:
    """Return a file as version 0.1.0 wrote it, with any metadata."""
    return as_safetensors(tensors, {KEY: text.decode(errors="replace")})


def _sealed(text: bytes, tensors: dict[str, np.ndarray]) -> bytes:
    """Return a file with any metadata, and the digest that fits them."""
    metadata = text.decode(errors="replace")
    digest = tensor_files._digest_of(metadata, tensors)  # noqa: SLF001
    return as_safetensors(tensors, {KEY: metadata, tensor_files.DIGEST: digest})


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _archive(x: bytes, y: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", x)
        archive.writestr("y.npy", y)
    return file.getvalue()


def _npz(path: Path) -> bytes:
    return frozen(read_npz(path))


def _csv(path: Path) -> bytes:
    parts = datasets.load(path)
    table = open_table(path)
    return frozen([(parts.train.X, parts.test.labels), table.read([0], [1]).texts])


def _target(path: Path) -> bytes:
    _, parts = read_parts(str(path), "kind", None, 0)
    return frozen([(part.X, part.y) for part in parts])


def _book(path: Path) -> bytes:
    return frozen(read_pickled_arrays(path))


def _json(path: Path) -> bytes:
    net = network2.load(path)
    return frozen((list(net.weights), list(net.biases), net.cost.__name__))


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
