"""`signals_held`: exceptions of signal handlers are raised after the block, and never lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from bpmatrix.signals import signals_held


@pytest.fixture
def handler():
    """Set signal handlers for a test: `handler(number, function)`."""
    before = {}

    def handle(number, function):
        before.setdefault(number, signal.getsignal(number))
        signal.signal(number, function)

    yield handle
    for number, function in before.items():
        signal.signal(number, function)


def test_ctrl_c_waits_for_the_end_of_the_block():
    done = []
    with pytest.raises(KeyboardInterrupt), signals_held():  # noqa: PT012 - the end is the question
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        done.append(1)

    assert done == [1]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_handlers_are_restored():
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    with signals_held():
        pass

    assert [signal.getsignal(number) for number in signal.valid_signals()] == before


def test_a_handler_that_raises_nothing_runs_at_once(handler):
    called = []
    handler(signal.SIGTERM, lambda number, frame: called.append(number))
    with signals_held():
        signal.raise_signal(signal.SIGTERM)
        assert called == [signal.SIGTERM]


def test_any_exception_of_a_handler_waits(handler):
    """For example that of a timeout."""

    def over(number, frame):
        raise TimeoutError

    handler(signal.SIGTERM, over)
    done = []
    with pytest.raises(TimeoutError), signals_held():  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        done.append(1)
    assert done == [1]


def test_ctrl_c_that_is_ignored_stays_ignored(handler):
    handler(signal.SIGINT, signal.SIG_IGN)
    with signals_held():
        signal.raise_signal(signal.SIGINT)

    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_an_error_of_the_block_comes_out_and_does_not_hide_ctrl_c():
    with pytest.raises(ZeroDivisionError), signals_held():
        raise ZeroDivisionError
    with pytest.raises(KeyboardInterrupt) as interrupt, signals_held():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        raise ZeroDivisionError

    assert isinstance(interrupt.value.__context__, ZeroDivisionError)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_exceptions_of_an_inner_block_wait_for_the_outer_one():
    done = []
    with pytest.raises(KeyboardInterrupt), signals_held():  # noqa: PT012
        with signals_held():
            signal.raise_signal(signal.SIGINT)
        done.append(1)

    assert done == [1]


def test_in_other_threads_nothing_happens():
    """Only the main thread can set handlers."""
    done = []

    def work():
        with signals_held():
            done.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.default_int_handler]


def test_ctrl_c_at_every_moment_of_a_block_is_raised():
    """Also while handlers are replaced and restored: the block is completed or not started."""
    moment, left, done = 0, -1, []

    def look(frame, event, argument):
        nonlocal left
        if event in {"call", "c_return"}:
            left -= 1
            if left == 0:
                sys.setprofile(None)
                signal.raise_signal(signal.SIGINT)

    def block():
        with signals_held():
            done.append("begun")
            done.append("done")

    while left <= 0:
        moment += 1
        left, done[:] = moment, []
        sys.setprofile(look)
        try:
            block()
            raised = False
        except KeyboardInterrupt:
            raised = True
        finally:
            sys.setprofile(None)
        assert raised == (left <= 0)
        assert done in ([], ["begun", "done"])
        with pytest.raises(KeyboardInterrupt):  # whichever handler is there
            signal.raise_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert moment > 100


FIRST_IMPORT = """
import signal, sys

class Presser:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "numpy.exceptions":      # NumPy is half imported
            sys.meta_path.remove(Presser)
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Presser)
import bpmatrix
try:
    bpmatrix.Network
except KeyboardInterrupt:
    from bpmatrix import Network
    print("raised,", Network([2, 1]).parameters.shape)
"""


TERMINATED = """
import signal, time
from bpmatrix import signals

signals.SECONDS_TO_CLEAN_UP = 0.2

class Loses:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

with signals.termination_as_ctrl_c():
    Loses()  # Python discards exceptions in a finalizer
    signal.raise_signal(signal.SIGTERM)
    print("not at once", flush=True)
    time.sleep(0.3)
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt:
        print("a later one", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows terminates without a signal")
def test_a_termination_that_was_lost_can_be_repeated():
    """A second signal is ignored for a while, so as not to interrupt the cleanup."""
    done = subprocess.run([sys.executable, "-c", TERMINATED], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["not at once", "a later one"], done.stderr
    assert done.returncode == -signal.SIGTERM


def test_ctrl_c_while_the_package_imports_numpy():
    """After an interrupted import, NumPy could not be imported again."""
    run = subprocess.run([sys.executable, "-c", FIRST_IMPORT], capture_output=True, text=True)

    assert (run.stdout, run.stderr) == ("raised, (3,)\n", "")
