"""The processes of one run under MPI: what they agree on, and the exchange of their gradients.

A rank waits for the others in collective calls, so all must make the same ones. Outside a slice of
mini-batches there is only one, `agree`, which also tells the others of an error: a rank that fails
calls it, whatever the others are about to do, and all raise that error. Ctrl-C is held meanwhile,
and raised by the next `agree`, on all ranks.
"""

from __future__ import annotations

import ctypes
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np

from bpmatrix.array_types import Array, Floats, Integers
from bpmatrix.errors import ArgumentError
from bpmatrix.signals import signals_held

Value = TypeVar("Value")

FAILED, NOT_FINITE, FINITE = -1, 0, 1
FUNCTION = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64, ctypes.c_int64)


class Ranks:
    """The ranks of a communicator.

    Parameters
    ----------
    comm : mpi4py.MPI.Comm
        The communicator, or an object with the same methods.
    """

    def __init__(self, comm: Any) -> None:
        needed = ("Get_rank", "Get_size", "Allgather", "Allgatherv", "Alltoallv", "Bcast", "Abort")
        if not all(callable(getattr(comm, name, None)) for name in needed):
            raise ArgumentError(
                "comm must be a communicator of mpi4py",
                got=repr(comm),
                cure="Pass comm=MPI.COMM_WORLD, after: from mpi4py import MPI.",
            )
        self.comm = comm
        self.rank, self.size = int(comm.Get_rank()), int(comm.Get_size())
        self._agreed: BaseException | None = None
        self.signals: list[list[BaseException]] = []  # held, from the outermost block on

    def agree(self, word: float = 0.0, error: BaseException | None = None) -> float:
        """Return the word of rank 0; if there is an error on any rank, raise the first on all."""
        for signals in self.signals:
            error = error or (signals[0] if signals else None)
            signals.clear()
        words = np.empty((self.size, 2))
        self.comm.Allgather(np.array([error is not None, word], np.float64), words)
        if words[:, 0].any():
            first = int(words[:, 0].argmax())
            found = self.share(error, first)
            assert found is not None  # noqa: S101 - that rank has one
            self._agreed = found
            raise found
        return float(words[0, 1])

    def share(self, value: Value, rank: int = 0) -> Value:
        """Return the value of a rank, by default of the first."""
        text = np.frombuffer(_pickled(value) if rank == self.rank else b"", np.uint8).copy()
        size = np.array([text.size])
        self.comm.Bcast(size, rank)
        if rank != self.rank:
            text = np.empty(size[0], np.uint8)
        self.comm.Bcast(text, rank)
        # The bytes come from a process of this job.
        found: Value = value if rank == self.rank else pickle.loads(text.tobytes())  # noqa: S301
        return found

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise an error of one rank within the block on all of them; hold Ctrl-C meanwhile."""
        with signals_held() as signals:
            self.signals = [signals]
            try:
                yield
            except BaseException as error:
                if error is not self._agreed:
                    self.agree(error=error)
                raise
            self.agree()

    def check_same(self, values: dict[str, Any]) -> None:
        """Raise an ArgumentError on all ranks if one has other values than the first."""
        expected, error = self.share(values), None
        names = [name for name in expected if expected[name] != values.get(name)]
        if names:
            error = ArgumentError(
                f"the ranks have different values of {', '.join(names)}",
                got="; ".join(f"{values.get(name)} on rank {self.rank}" for name in names),
                expected="; ".join(f"{expected[name]}, as on rank 0" for name in names),
                cure="Make the same call on every rank; give the Network a seed.",
            )
        self.agree(error=error)


class Exchange:
    """The exchange of a step, which the compiled program calls: costs, hits and gradients.

    Each rank owns a run of neighboring groups. The program has added those that form nodes of the
    tree; of each node, a rank gets its part of the columns from all others, completes the tree for
    them, and sends them the total.

    Parameters
    ----------
    ranks : Ranks
        The ranks.
    groups : int
        The groups of a mini-batch.
    theta : (size,) array
        An array like a row of `sums`.

    Attributes
    ----------
    first, last : int
        This rank owns the groups first <= g < last.
    address : int
        The address of the C function.
    error : BaseException or None
        Why the function returned FAILED.
    """

    def __init__(self, ranks: Ranks, groups: int, theta: Array) -> None:
        size = ranks.size
        if size > groups:
            raise ArgumentError(
                "there are more ranks than groups of columns",
                got=f"{size} ranks",
                expected=f"at most groups={groups}",
                cure="Start fewer processes, or pass groups= a larger power of two.",
            )
        self.ranks, self.groups = ranks, groups
        self.owned = [(groups * r // size, groups * (r + 1) // size) for r in range(size)]
        self.first, self.last = self.owned[ranks.rank]
        nodes = [_nodes(*run) for run in self.owned]
        self._nodes = nodes[ranks.rank]
        self._all_nodes = [g for run in nodes for g in run]
        self._additions = _additions({g: n for run in nodes for g, n in run.items()}, groups)
        cuts = [theta.size * r // size for r in range(size + 1)]
        self._parts = [slice(a, b) for a, b in pairwise(cuts)]
        widths = np.diff(cuts)
        self._sent = widths * len(self._nodes)
        self._received = widths[ranks.rank] * np.array([len(run) for run in nodes])
        self._widths = widths
        self._rows = np.empty((len(self._all_nodes), widths[ranks.rank]), theta.dtype)
        self.error: BaseException | None = None
        self._function = FUNCTION(self._call)
        self.address = ctypes.cast(self._function, ctypes.c_void_p).value or 0

    def reads(self, costs: Floats, hits: Integers, sums: Array) -> None:
        """Set the arrays of the program."""
        self._costs, self._hits, self._sums = costs, hits, sums

    def refuse(self, columns: int) -> None:
        """Call off the step that the other ranks take, since this one cannot."""
        self._exchange_costs(columns, FAILED)

    def _call(self, columns: int, finite: int) -> int:
        try:
            found = self._exchange_costs(columns, finite)
            if found == FINITE:
                self._exchange_sums()
        except BaseException as error:  # noqa: BLE001 - raised again after the slice
            self.error = error
            self.ranks.comm.Abort(1)  # the others wait in a collective call
            return FAILED
        return found

    def _exchange_costs(self, m: int, status: int) -> int:
        """Complete costs and hits; return the least status of all ranks."""
        bounds = [(m * a // self.groups, m * b // self.groups) for a, b in self.owned]
        i, j = bounds[self.ranks.rank]
        is_counted = int(self._hits.size > 0)
        own = [np.array([status]), self._costs[i:j], self._hits[i : j * is_counted]]
        counts = [1 + (b - a) * (1 + is_counted) for a, b in bounds]
        found = np.empty(sum(counts))
        self.ranks.comm.Allgatherv(np.concatenate(own).astype(np.float64), [found, counts])
        statuses = []
        for (a, b), part in zip(bounds, np.split(found, np.cumsum(counts)[:-1]), strict=True):
            statuses.append(int(part[0]))
            self._costs[a:b] = part[1 : 1 + b - a]
            if is_counted:
                self._hits[a:b] = part[1 + b - a :]
        return min(statuses)

    def _exchange_sums(self) -> None:
        """Complete the tree, and store the total in the first row of the sums."""
        comm, rows = self.ranks.comm, self._rows
        local = [self._sums[g - self.first] for g in self._nodes]
        sent = np.concatenate([row[part] for part in self._parts for row in local])
        comm.Alltoallv([sent, self._sent], [rows, self._received])
        row_of = dict(zip(self._all_nodes, rows, strict=True))
        for target, source in self._additions:
            row_of[target] += row_of[source]
        comm.Allgatherv(row_of[0].copy(), [self._sums[0], self._widths])


def _nodes(first: int, last: int) -> dict[int, int]:
    """Return the largest nodes of the tree over the groups: their first group and their size."""
    nodes, g = {}, first
    while g < last:
        n = 1
        while g % (2 * n) == 0 and g + 2 * n <= last:
            n *= 2
        nodes[g] = n
        g += n
    return nodes


def _additions(nodes: dict[int, int], groups: int) -> list[tuple[int, int]]:
    """Return the pairs of nodes to add, the second to the first, that complete the tree."""
    found, half = [], 1
    while half < groups:
        for g in range(0, groups, 2 * half):
            if nodes.get(g) == half:
                found.append((g, g + half))
                nodes[g] = 2 * half
        half *= 2
    return found


def _pickled(value: object) -> bytes:
    """Return the bytes of a value; of an error that cannot be pickled, those of its text."""
    try:
        text = pickle.dumps(value)
        pickle.loads(text)  # noqa: S301 - some errors can only be written
    except Exception:
        if not isinstance(value, BaseException):
            raise
        text = pickle.dumps(RuntimeError(f"{type(value).__name__}: {value}"))
    return text


@contextmanager
def all_ranks(comm: Any) -> Iterator[Ranks | None]:
    """Yield the ranks of a communicator, and raise an error of one on all; None for None."""
    if comm is None:
        yield None
        return
    ranks = Ranks(comm)
    with ranks.together():
        yield ranks


@contextmanager
def held(ranks: Ranks | None) -> Iterator[None]:
    """Hold Ctrl-C until the ranks agree, whoever handles it in the block; nothing for None."""
    if ranks is None:
        yield
        return
    with signals_held() as signals:
        ranks.signals.append(signals)
        try:
            yield
        finally:
            ranks.signals.pop()


def agreed(ranks: Ranks | None, answer: bool) -> bool:
    """Return the answer of rank 0; the given one without ranks."""
    return answer if ranks is None else bool(ranks.agree(answer))
