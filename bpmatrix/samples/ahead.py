"""An iterator that runs in a thread of its own, one item ahead of the caller."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from bpmatrix.errors import ThreadStartError

Item = TypeVar("Item")

# How often a waiting caller checks that the thread is alive, and lets Ctrl-C through on Windows.
SECONDS_BETWEEN_CHECKS = 0.1


class Ahead(Generic[Item]):
    """Runs an iterator in a thread: the next item is made while the caller uses the last one.

    Used in a with statement, which ends the thread. The queues are written in C, so Ctrl-C finds
    each of their methods done, or not begun.

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
        self._items = items
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._made: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="bpmatrix reader", daemon=True)

    def __enter__(self) -> Self:
        """Start the thread, with the first item."""
        self.release()
        try:
            self._thread.start()
        except RuntimeError as error:
            raise _not_started(str(error)) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the thread, after the item that it is making."""
        self._wanted.put(False)
        self._thread.join()

    def take(self) -> Item | None:
        """Wait for the next item and return it; None at the end.

        Raises
        ------
        ThreadStartError
            If the thread has died, for lack of memory.
        """
        while True:
            try:
                item, error = self._made.get(timeout=SECONDS_BETWEEN_CHECKS)
            except queue.Empty:
                if self._thread.is_alive() or not self._made.empty():
                    continue
                raise _not_started("the thread that reads has ended, for lack of memory") from None
            if error is not None:
                raise error
            return item  # type: ignore[no-any-return]

    def release(self) -> None:
        """Let the thread make another item, which may use the memory of the one before the last."""
        self._wanted.put(True)

    def __iter__(self) -> Iterator[Item]:
        """Return the items; each may be used until the next is asked for."""
        while (item := self.take()) is not None:
            self.release()
            yield item

    def _run(self) -> None:
        while self._wanted.get():
            try:
                self._made.put((next(self._items, None), None))
            except BaseException as error:  # noqa: BLE001 - raised again by `take`
                self._made.put((None, error))


def _not_started(got: str) -> ThreadStartError:
    return ThreadStartError(
        "the thread that reads ahead could not be started",
        got=got,
        cure="Free some memory or raise the limit of this process, or pass smaller blocks or a"
        " smaller window.",
    )
