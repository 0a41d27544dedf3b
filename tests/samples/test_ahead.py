"""An iterator in a thread, one item ahead."""

from __future__ import annotations

import _thread
import threading
from collections.abc import Iterator

import pytest
from block_twin import running_threads, settles

from bpmatrix.errors import ThreadStartError
from bpmatrix.samples import ahead
from bpmatrix.samples.ahead import Ahead


def test_it_yields_all_items_in_another_thread() -> None:
    def items() -> Iterator[int]:
        for _ in range(5):
            yield threading.get_ident()

    with Ahead(items()) as found:
        threads = list(found)
    assert len(threads) == 5
    assert set(threads) != {threading.get_ident()}


def test_only_one_item_is_made_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for k in range(5):
            made.append(k)
            yield k

    with Ahead(items()) as found:
        assert found.take() == 0
        assert made == [0]  # until the first is released
        found.release()
        assert found.take() == 1
        assert made == [0, 1]


def test_an_error_is_raised_where_the_item_would_be() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with Ahead(items()) as found:
        assert found.take() == 1
        found.release()
        with pytest.raises(OSError, match="gone"):
            found.take()


def test_the_thread_ends_with_the_block() -> None:
    before = running_threads()
    with Ahead(iter(range(100))) as found:
        found.take()
        assert settles(before + 1)
    assert settles(before)


@pytest.mark.parametrize("how", ["cannot start", "dies"])
def test_a_thread_that_is_not_there(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """For lack of memory; a thread may also die before its first line."""

    def start(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    if how == "cannot start":
        monkeypatch.setattr(_thread, "start_new_thread", start)
    else:
        monkeypatch.setattr(ahead, "_make", lambda *_: None)
    monkeypatch.setattr(ahead, "SECONDS_BETWEEN_CHECKS", 0.01)
    with pytest.raises(ThreadStartError, match="smaller window"), Ahead(iter("ab")) as found:
        found.take()
