import io
import os
import pickle
import sys
import threading
from importlib import import_module

import pytest
from bench.fakes import Missing, Plain, Unsuited

from bpmatrix.bench.serving import serve
from bpmatrix.bench.workers import Crew, SkippedError, Worker, WorkerError


@pytest.fixture(scope="module")
def shared():
    with Worker("plain") as worker:
        worker.make(Plain)
        yield worker


@pytest.fixture
def worker():
    with Worker("plain") as worker:
        worker.make(Plain)
        yield worker


def test_a_worker_is_another_process_with_the_same_path(shared):
    shared.make(list, sys.path)
    assert shared.call("index", sys.path[-1]) == sys.path.index(sys.path[-1])
    shared.make(Plain)


def test_values_are_sent_and_returned(shared):
    assert shared.call("echo", {"a": [1.5, None]}) == {"a": [1.5, None]}


def test_the_worker_measures_itself(shared):
    assert shared.time("sleep", 0.01) >= 0.01
    assert shared.arm("sleep")(0) >= 0


def test_output_of_libraries_is_not_a_reply(shared):
    assert shared.call("speak") == "spoken"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what each thread does")
def test_no_thread_of_a_worker_runs_while_another_is_used(shared, worker):
    shared.call("leave_a_thread", 0.1)
    worker.call("echo", 1)
    assert shared.call("threads") == 1


def test_the_same_worker_is_not_waited_for(shared):
    shared.call("leave_a_thread", 0.4)
    assert shared.call("threads") == 2


def test_a_dead_worker_is_not_waited_for(shared, worker):
    with pytest.raises(WorkerError, match="exit status 7"):
        worker.call("die")
    assert shared.call("echo", 1) == 1


def test_an_error_is_reported_and_survived(shared):
    with pytest.raises(WorkerError, match="plain: RuntimeError: broken on purpose"):
        shared.call("fail")
    assert shared.call("echo", 1) == 1


def test_a_missing_library_is_named(shared):
    with pytest.raises(SkippedError, match="plain: no_such_library is not installed"):
        shared.make(Missing, None, 1)
    shared.make(Plain)


def test_an_unsuited_contender_is_skipped(shared):
    with pytest.raises(SkippedError, match="plain: has no such network"):
        shared.make(Unsuited, None, 1)
    shared.make(Plain)


def test_environment_variables_reach_it():
    with Worker("plain", {"BPMATRIX_TEST": "seen"}) as worker:
        worker.make(Plain)
        assert worker.call("variable", "BPMATRIX_TEST") == "seen"


def test_a_worker_that_dies_says_so_and_stays_dead(worker):
    with pytest.raises(WorkerError, match="plain: its process ended with exit status 7"):
        worker.call("die")
    with pytest.raises(WorkerError, match="exit status 7"):
        worker.call("echo", 1)


def test_a_worker_that_hangs_is_ended():
    with Worker("plain", seconds_for_an_answer=20.0) as worker:
        worker.make(Plain)
        worker.patience = 0.2
        with pytest.raises(WorkerError, match="plain: its process ended"):
            worker.call("sleep", 60)


def test_closing_twice(worker):
    worker.close()
    worker.close()
    assert worker._process.returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups of this kind")
def test_ctrl_c_on_the_terminal_does_not_reach_it(shared):
    assert os.getpgid(shared._process.pid) != os.getpgrp()


@pytest.mark.parametrize("bytes_that_came", [0, 1, 20])
def test_an_incomplete_request_ends_the_worker(bytes_that_came):
    """The parent was interrupted while writing."""
    request = pickle.dumps(("call", ("a method with a name of some length",)))
    replies = io.BytesIO()
    serve(io.BytesIO(request[:bytes_that_came]), replies)
    assert replies.getvalue() == b""


def test_an_interrupted_request_leaves_no_thread(monkeypatch):
    """Ctrl-C may come while the timer of a request runs, and Python waits for threads."""
    start = threading.Timer.start

    def start_and_interrupt(timer):
        start(timer)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Timer, "start", start_and_interrupt)
    with Worker("plain") as worker, pytest.raises(KeyboardInterrupt):
        worker.make(Plain)
    clocks = [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]
    for clock in clocks:
        clock.join(60)
    assert not any(clock.is_alive() for clock in clocks)
    assert all(clock.daemon for clock in clocks)


def test_a_busy_worker_ends_silently(capfd):
    with Worker("plain") as worker:
        worker.make(Plain)
        pickle.dump(("call", ("sleep", 0.3)), worker._process.stdin)
        worker._process.stdin.flush()

    assert worker._process.returncode == 0
    assert capfd.readouterr().err == ""


def test_another_version_is_measured_with_this_code(tmp_path):
    """The version has no loop that serves requests, like old ones."""
    (tmp_path / "bpmatrix").mkdir()
    (tmp_path / "bpmatrix" / "__init__.py").write_text("__version__ = 'of another time'\n")
    with Worker("old", package=tmp_path) as worker:
        worker.make(import_module, "bpmatrix")
        assert worker.call("__getattribute__", "__version__") == "of another time"


def test_a_contender_keeps_its_process():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        assert crew.hire("a", 1) is worker
        assert crew.hire("a", 2) is not worker
        worker.make(Plain)
        assert worker.call("variable", "OMP_NUM_THREADS") == "1"


def test_a_resting_worker_has_no_contender_and_stays():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        worker.make(Plain)
        worker.make(object)
        with pytest.raises(WorkerError, match="no attribute 'echo'"):
            worker.call("echo", 1)
        assert crew.hire("a", 1) is worker


def test_a_dismissed_worker_is_replaced_by_a_new_process():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        crew.dismiss(worker)
        assert crew.hire("a", 1) is not worker
        crew.hire("a", 1).make(Plain)


def test_at_the_end_all_workers_are_gone():
    with Crew() as crew:
        worker = crew.hire("a", 1)
        worker.make(Plain)
    with pytest.raises(WorkerError):
        worker.call("echo", 1)
