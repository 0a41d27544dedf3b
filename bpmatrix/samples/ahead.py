"""An iterator that runs in a thread of its own, one item ahead of the caller."""

from __future__ import annotations

import _thread
import queue
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from bpmatrix.errors import ThreadStartError

Item = TypeVar("Item")

# How often a waiting caller checks that the thread is alive, and lets Ctrl-C through on Windows.
SECONDS_BETWEEN_CHECKS = 0.1

ENDED = object()  # the last thing that a thread makes


class _Life:
    """An object with a single owner, a thread or an `Ahead`: it is freed when that ends."""

    __slots__ = ("__weakref__",)


class Ahead(Generic[Item]):
    """Runs an iterator in a thread: the next item is made while the caller uses the last one.

    Used in a with statement, which ends the thread. Queues and threads are those written in C, so
    Ctrl-C finds each of their methods done, or not begun.

    Parameters
    ----------
    items : iterator
        Its errors are raised by `take`.

    Examples
    --------
    >>> with Ahead(iter("ab")) as ahead:
    ...     list(ahead)
    ['a', 'b']
    """

    def __init__(self, items: Iterator[Item]) -> None:
        self._wanted: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._items: Iterator[Item] | None = items  # until the thread has them
        self._life: Callable[[], object] = lambda: None  # None if the thread is not alive
        self._has_begun: list[bool] = []
        # If Ctrl-C comes before `__exit__`, this is freed with the caller's frames, and what the
        # queue then gets ends the thread. No function in Python is called, which could lose Ctrl-C.
        self._own_life = _Life()
        self._end = weakref.ref(self._own_life, self._wanted.put)

    def __enter__(self) -> Self:
        """Order the first item; the thread starts with the first `take`."""
        self.release()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the thread, after the item that it is making."""
        self._wanted.put(False)
        while self._has_begun and self._life() is not None:
            with suppress(queue.Empty):
                if self._made.get(timeout=SECONDS_BETWEEN_CHECKS) is ENDED:
                    return

    def take(self) -> Item | None:
        """Wait for the next item and return it; None at the end.

        Raises
        ------
        ThreadStartError
            If the thread cannot start, or has died, for lack of memory.
        """
        if self._items is not None:
            self._start(self._items)
        while True:
            try:
                item, error = self._made.get(timeout=SECONDS_BETWEEN_CHECKS)
            except queue.Empty:
                if self._life() is not None or not self._made.empty():
                    continue
                raise _not_started("one that has ended, for lack of memory") from None
            if error is not None:
                raise error
            return item  # type: ignore[no-any-return]

    def _start(self, items: Iterator[Item]) -> None:
        life = _Life()
        self._life = weakref.ref(life)
        try:
            _thread.start_new_thread(
                _make, (items, self._wanted, self._made, self._has_begun, (life, self._end))
            )
        except RuntimeError as error:
            raise _not_started(str(error)) from None
        self._items = None

    def release(self) -> None:
        """Let the thread make another item, which may use the memory of the one before the last."""
        self._wanted.put(True)

    def __iter__(self) -> Iterator[Item]:
        """Return the items; each may be used until the next is asked for."""
        while (item := self.take()) is not None:
            self.release()
            yield item


def _make(
    items: Iterator[Any],
    wanted: queue.SimpleQueue[Any],
    made: queue.SimpleQueue[Any],
    has_begun: list[bool],
    _held: object,
) -> None:
    """Make an item, or take its error, whenever one is wanted: what the thread does."""
    has_begun.append(True)
    while wanted.get() is True:
        try:
            made.put((next(items, None), None))
        except BaseException as error:  # noqa: BLE001 - raised again by `take`
            made.put((None, error))
    made.put(ENDED)


def _not_started(got: str) -> ThreadStartError:
    return ThreadStartError(
        "the thread that reads ahead could not be started",
        got=got,
        cure="Free some memory or raise the limit of this process, or pass smaller blocks or a"
        " smaller window.",
    )
