"""How many threads "auto" takes: by the work, the processors allowed, and other trainings."""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bpmatrix.engine import processors
from bpmatrix.engine.processors import (
    available_processors,
    choose_threads,
    running,
    threads_worth_starting,
)
from bpmatrix.errors import ArgumentError

SMALL, LARGE = (
    {"parameters": 100, "mini_batch_size": 1},
    {"parameters": 10**6, "mini_batch_size": 100},
)


@pytest.fixture(autouse=True)
def _four_processors(monkeypatch):
    """Pretend a machine of four processors without a quota or an environment of its own."""
    monkeypatch.delenv("BPMATRIX_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setattr(processors, "_quota", list)


@pytest.mark.parametrize("work", [SMALL, LARGE])
@pytest.mark.parametrize(("given", "count"), [(1, 1), (3, 3), (np.int64(2), 2), (64, 64)])
def test_an_explicit_number_of_threads_is_used(given, count, work):
    """A number of threads is that number, whatever the work and the machine."""
    assert choose_threads(given, **work) == count


@pytest.mark.parametrize(
    "given", [0, -2, 257, 40_000, 10**30, 1.0, "2", "all", None, True, [2], np.ones(2, int)]
)
def test_an_invalid_number_of_threads_is_refused(given):
    """Anything else is an ArgumentError that names the argument and the value."""
    with pytest.raises(ArgumentError, match="n_threads") as caught:
        choose_threads(given, **SMALL)
    assert repr(given) in str(caught.value)


def test_a_machine_with_many_processors_may_use_as_many_threads(monkeypatch):
    monkeypatch.setattr(processors, "count_processors", lambda: 512)
    assert choose_threads(512, **SMALL) == 512
    with pytest.raises(ArgumentError, match=r"1, 2, \.\.\., 512"):
        choose_threads(513, **SMALL)


def test_auto_takes_one_thread_for_small_work_and_all_processors_for_large():
    """The work of a step decides, up to the processors that there are."""
    assert choose_threads("auto", **SMALL) == 1
    assert choose_threads("auto", **LARGE) == 4


def test_trainings_at_once_share_the_processors(monkeypatch):
    """Beside one training there are half of the processors, beside seven still one; then all."""
    for count, left in ((1, 2), (3, 1), (7, 1), (0, 4)):
        others = [(threading.get_ident() + 1 + i, 0) for i in range(count)]
        monkeypatch.setattr(processors, "_trainings", others)
        assert choose_threads("auto", **LARGE) == left
        assert threads_worth_starting(10**12) == left


def test_a_training_is_counted_by_other_threads_while_it_runs():
    """Its own thread, which waits for the calls it makes, may use all processors."""
    with ThreadPoolExecutor(1) as other:
        with running(object()):
            assert choose_threads("auto", **LARGE) == 4
            assert other.submit(choose_threads, "auto", **LARGE).result() == 2
        with pytest.raises(ZeroDivisionError), running(object()):
            _ = 1 // 0
        assert other.submit(choose_threads, "auto", **LARGE).result() == 4


def test_one_thread_at_a_time_changes_a_thing():
    """Another thread is refused; the same thread may begin a training within its training."""

    def run(what):
        with running(what):
            return "ran"

    one, two = object(), object()
    with ThreadPoolExecutor(1) as other, running(one):
        assert run(one) == "ran"
        assert other.submit(run, two).result() == "ran"
        with pytest.raises(ArgumentError, match="trained by another thread"):
            other.submit(run, one).result()
        assert run(one) == "ran"
    assert processors._trainings == []


def test_affinity_quota_and_environment_limit(monkeypatch):
    """The smallest of them all counts, and never less than one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 6}, raising=False)
    assert available_processors() == 3
    monkeypatch.setattr(processors, "_quota", lambda: [2])
    assert available_processors() == 2
    monkeypatch.setenv("BPMATRIX_NUM_THREADS", "1")
    assert available_processors() == 1
    monkeypatch.setenv("BPMATRIX_NUM_THREADS", "64")
    assert available_processors() == 2


@pytest.mark.parametrize("value", ["", "0", "-1", "two", "1.5"])
def test_an_invalid_environment_variable_is_refused(monkeypatch, value):
    """The error names the variable and its value."""
    monkeypatch.setenv("BPMATRIX_NUM_THREADS", value)
    with pytest.raises(ArgumentError, match="BPMATRIX_NUM_THREADS") as caught:
        available_processors()
    assert repr(value) in str(caught.value)


def test_the_workers_of_a_pool_use_one_thread(monkeypatch):
    """A process that was started by another fills one processor, like its siblings."""
    monkeypatch.setattr(multiprocessing, "parent_process", object)
    assert available_processors() == 1
    assert choose_threads("auto", **LARGE) == 1


@pytest.mark.parametrize(
    ("version", "files", "quota"),
    [
        (2, {"cpu.max": "max 100000\n"}, []),
        (2, {"cpu.max": "250000 100000\n"}, [2]),
        (2, {"cpu.max": "50000 100000\n"}, [1]),
        (2, {"cpu.max": "nonsense"}, []),
        (1, {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, []),
        (1, {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"}, [3]),
        (0, {}, []),
    ],
)
def test_quotas_of_containers_are_read(monkeypatch, tmp_path, version, files, quota):
    """Both versions of control groups; a file that cannot be read means no quota."""
    monkeypatch.undo()
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="ascii")
    monkeypatch.setattr(processors, "CONTROL_GROUPS", tmp_path)
    assert processors._quota.__wrapped__() == quota  # what is behind the cache


def test_work_without_barriers_starts_threads_when_it_is_long_enough():
    """Little work stays with the caller; much is shared with as many as there are."""
    assert threads_worth_starting(0) == threads_worth_starting(10**6) == 1
    assert threads_worth_starting(2 * processors.WORTH_A_START) == 2
    assert threads_worth_starting(10**12) == 4
