"""What a process may do to a training: signals, forks, exits, workers of a pool, other threads.

Each test is a process of its own, or several, with a limit of time: none may hang or die of what
it does.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading

import pytest

from bpmatrix.engine.compilation import warm_up

# A limit for what must not hang, far above what it takes.
PATIENCE = 120

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and forks of POSIX")

# What every program begins with. `bits` are those of whole epochs: bits[e] after e of them.
BEGINNING = """
import os, signal, sys, threading, warnings
import numpy as np
from bpmatrix import Network

signal.signal(signal.SIGINT, signal.default_int_handler)
rng = np.random.default_rng(5)
X = rng.standard_normal((60, 5)).T
labels = (X[0] > 0).astype(int) + (X[1] > 0)

def network(seed=4):
    return Network([5, 8, 3], seed=seed)

def train(net, epochs=3, n_threads=2, **how):
    return net.train(X, labels, epochs=epochs, n_threads=n_threads, **how)

def bits(epochs=3, seed=4):
    net = network(seed)
    train(net, epochs, n_threads=1)
    return net.parameters.tobytes()
"""


@pytest.fixture(scope="module", autouse=True)
def compiled() -> None:
    """Compile in this process, so that none of the others has that to say."""
    warm_up(("float64",))


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python that does what stands in the program, with its own standard streams.

    It is killed after a time. coverage stays out of it: Ctrl-C may leave its lock held for ever.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE")}
    process = subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", BEGINNING + program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    limit = threading.Timer(PATIENCE, process.kill)
    limit.daemon = True
    limit.start()
    return process


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for the end of a process that has nothing to complain about; return what it printed."""
    try:
        printed, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert errors == ""
    assert process.returncode == 0
    return printed


# ------------------------------------------------------------------------------------------ Ctrl-C

# Reads how many threads and whether a callback is called, a round a line; says when it begins and
# how it ended. The mother waits for the first word, and presses Ctrl-C some time after it.
UNDER_FIRE = """
import _thread, time
from bpmatrix.engine import processors

warnings.simplefilter("ignore")
known = {}
follower = network()
for epoch in range(400):
    known[follower.parameters.tobytes()] = epoch
    train(follower, 1, n_threads=1, shuffle=False)
train(network(), validation=(X, labels), shuffle=False)
alone = _thread._count()

for line in sys.stdin:
    n_threads, callbacks = int(line), [] if line.startswith(" ") else [lambda entry: None]
    net, history = network(), None
    try:
        print("begins", flush=True)
        history = train(
            net, 350, n_threads, shuffle=False, callbacks=callbacks, validation=(X, labels)
        )
        while history.stopped_by == "epochs":   # it is still to come
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    epoch = known[net.parameters.tobytes()]      # whole epochs, whatever was interrupted
    assert epoch - net.epochs in {0, 1}, (epoch, net.epochs)
    if history is not None and history.stopped_by == "interrupt":
        assert len(history.epochs) == net.epochs
    deadline = time.monotonic() + 30
    while _thread._count() > alone and time.monotonic() < deadline:
        time.sleep(0.001)
    assert _thread._count() == alone
    train(net, 2, n_threads, shuffle=False)
    assert known[net.parameters.tobytes()] == epoch + 2
    print(epoch, flush=True)
"""


@needs_posix
def test_ctrl_c_at_random_moments() -> None:
    """Each time the weights are those of whole epochs, all threads end, and training goes on."""
    rounds, rng, ended = 40, random.Random(6), []
    process = start(UNDER_FIRE)
    for i in range(rounds):
        process.stdin.write(f"{' +'[i % 2]}{1 + i // 2 % 2}\n")
        process.stdin.flush()
        if process.stdout.readline() != "begins\n":
            break
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0, 0.03))
        process.send_signal(signal.SIGINT)
        ended.append(process.stdout.readline())
    assert finish(process) == ""
    assert len(ended) == rounds
    assert len({int(epoch) for epoch in ended}) > 5  # at different moments


# --------------------------------------------------------------------------------- forks and pools

FORK = """
warnings.simplefilter("ignore", DeprecationWarning)    # Python's, of forks beside threads
from bpmatrix.engine import processors

def child_gives_the_same_bits():
    child = os.fork()
    if child == 0:
        net = network()
        train(net)
        same = net.parameters.tobytes() == expected and processors._others() == 0
        os._exit(0 if same else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

expected = bits()
net = network()
train(net)
assert net.parameters.tobytes() == expected
assert child_gives_the_same_bits()          # the mother has trained on two threads

# Another thread trains while this one forks; the child has not got that thread.
begun, enough = threading.Event(), threading.Event()

def callback(entry):
    begun.set()
    return enough.is_set()

other = threading.Thread(target=train, args=(network(), 10**9), kwargs={"callbacks": [callback]})
other.start()
assert begun.wait(60)
assert all(child_gives_the_same_bits() for _ in range(3))
enough.set()
other.join(60)

# A callback forks: both processes end the training, and another one after it.
net, children = network(), []
train(net, callbacks=[lambda entry: children.append(os.fork()) if entry.epoch == 2 else None])
same = net.parameters.tobytes() == expected and processors._trainings == []
train(net, 1)
if children == [0]:
    os._exit(0 if same and net.parameters.tobytes() == bits(4) else 1)
assert same and net.parameters.tobytes() == bits(4)
assert os.waitstatus_to_exitcode(os.waitpid(children[0], 0)[1]) == 0
"""


@needs_posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_training_after_a_fork() -> None:
    """After a training, beside one in another thread, and from a callback: the same bits."""
    assert finish(start(FORK)) == ""


POOL = """
import joblib
from bpmatrix.engine import processors
from bpmatrix.engine.processors import choose_threads

def threads_of_large_work():
    os.cpu_count = lambda: 8
    os.sched_getaffinity = lambda _: set(range(8))
    processors._quota = list
    return choose_threads("auto", 10**6, 100)

calls = [joblib.delayed(threads_of_large_work)() for _ in range(2)]
print(threads_of_large_work(), *joblib.Parallel(n_jobs=2)(calls))
"""


def test_workers_of_joblib_take_one_thread() -> None:
    """They fill the processors themselves; their mother would take all."""
    pytest.importorskip("joblib")
    assert finish(start(POOL)).split() == ["8", "1", "1"]


# ------------------------------------------------------------------------------------------- exits

# One process imports and compiles for all; each child ends as a Python that ran a program does.
EXITS = """
import atexit

warnings.simplefilter("ignore", DeprecationWarning)    # Python's, of forks beside threads
expected = bits()

def daemons():
    meeting = threading.Barrier(3)

    def run(n_threads):
        meet = [lambda entry: entry.epoch == 3 and meeting.wait()]
        train(network(), 10**9, n_threads, callbacks=meet, validation=(X, labels))

    for n_threads in (1, 3):
        threading.Thread(target=run, args=(n_threads,), daemon=True).start()
    meeting.wait(60)

def last_words(n_threads):
    net = network()
    try:
        train(net, n_threads=n_threads)
    except RuntimeError as error:      # from 3.12 on Python starts no thread so late
        assert "shutdown" in str(error) and n_threads > 1, error
        train(net, n_threads=1)
    assert net.parameters.tobytes() == expected
    print("trained", flush=True)

def at_exit():
    atexit.register(last_words, 1)
    atexit.register(last_words, 2)

def in_a_callback():
    train(network(), 10**9, callbacks=[lambda entry: sys.exit(3)])

for case in (daemons, daemons, at_exit, in_a_callback):
    child = os.fork()
    if child == 0:
        case()
        break
    print(case.__name__, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@needs_posix
def test_an_interpreter_that_ends() -> None:
    """While daemon threads train, with a training at exit, from a callback: nobody complains."""
    daemons, at_exit = ["daemons 0"] * 2, ["trained", "trained", "at_exit 0"]
    assert finish(start(EXITS)).splitlines() == [*daemons, *at_exit, "in_a_callback 3"]


# --------------------------------------------------------------------------------- several threads

CROWD = """
from concurrent.futures import ThreadPoolExecutor

# Nothing is loaded yet: the four begin with that, too.
sys.setswitchinterval(1e-6)
meeting = threading.Barrier(4)

def run(seed):
    net = network(seed)
    meeting.wait(60)
    train(net, 10, n_threads=1 + seed)
    return net.parameters.tobytes()

with ThreadPoolExecutor(4) as pool:
    found = list(pool.map(run, range(4)))
assert found == [bits(10, seed) for seed in range(4)]

# One network: the first to come trains it, the others are told.
from bpmatrix.errors import ArgumentError

net, outcomes = network(), []

def compete(_):
    meeting.wait(60)
    try:
        train(net, 10, callbacks=[lambda entry: refused.wait(60) and None])
        outcomes.append("trained")
    except ArgumentError as error:
        assert "another thread" in str(error), error
        outcomes.append("refused")
        if outcomes.count("refused") == 3:
            refused.set()

refused = threading.Event()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(compete, range(4)))
assert sorted(outcomes) == ["refused"] * 3 + ["trained"], outcomes
assert net.parameters.tobytes() == bits(10)
"""


def test_trainings_at_once_with_a_tiny_switch_interval() -> None:
    """Four networks on 1 to 4 threads each give their bits; of four on one network one trains."""
    assert finish(start(CROWD)) == ""


LOADING = """
from bpmatrix.engine import compilation

lock, came, others = compilation._loading, threading.Semaphore(0), []

class Door:
    def __enter__(self):
        came.release()
        lock.acquire()

    def __exit__(self, *_):
        lock.release()

class AnotherComes:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "numba.core.event" and not others:   # numba is half imported
            others.append(network())
            threads.append(threading.Thread(target=train, args=others, daemon=True))
            threads[0].start()
            assert all(came.acquire(timeout=60) for _ in range(2))

compilation._loading, threads = Door(), []
sys.meta_path.insert(0, AnotherComes)
train(network())
threads[0].join(60)
assert others[0].parameters.tobytes() == bits()
"""


def test_a_second_training_begins_while_the_first_imports_numba() -> None:
    """It waits: numba cannot be imported by two threads at once."""
    assert finish(start(LOADING)) == ""


PRESSED_WHILE_IMPORTED = """
import importlib.abc, signal, sys

class Presser(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == sys.argv[1]:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

from bpmatrix import Network
net = Network([2, 1], seed=1)
sys.meta_path.insert(0, Presser())
try:
    net.feedforward([[0.0], [1.0]])
except KeyboardInterrupt:
    print("heard,", net.feedforward([[0.0], [1.0]]).shape, end="")
"""


@pytest.mark.parametrize("module", ["numba.core.event", "numba.core.types", "llvmlite.ir"])
def test_ctrl_c_while_numba_is_imported(module: str) -> None:
    """It is heard, and the next call works: numba is never left half imported."""
    assert finish(start(PRESSED_WHILE_IMPORTED, module)) == "heard, (1, 1)"


# Begins with nothing loaded, and presses Ctrl-C at a call of the first training.
FIRST_TRAINING = """
import itertools
warnings.simplefilter("ignore")

def first_training(is_the_moment):
    pressed, heard = False, False

    def look(frame, event, argument):
        nonlocal pressed
        if event == "call" and is_the_moment(frame):
            sys.setprofile(None)
            pressed = True
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(look)
    try:
        heard = train(network()).stopped_by == "interrupt"
    except KeyboardInterrupt:
        heard = True
    finally:
        sys.setprofile(None)
    assert heard == pressed
    net = network()
    train(net)
    assert net.parameters.tobytes() == bits()
"""

AT_A_FUNCTION = """
name, file = sys.argv[1:]
seen = []

def is_the_moment(frame):
    if frame.f_code.co_name == name and frame.f_back.f_code.co_filename.endswith(file):
        seen.append(name)
    return bool(seen)

first_training(is_the_moment)
assert seen
"""

AT_SOME_MOMENTS = """
def in_a_child(moment):
    calls = itertools.count(1)
    first_training(lambda frame: next(calls) == moment)
    os.write(written, str(next(calls)).encode())

read, written = os.pipe()
total, parts = 0, 7
for part in range(parts + 1):     # the first one counts
    child = os.fork()
    if child == 0:
        status = 1
        try:
            in_a_child((2 * part - 1) * total // (2 * parts))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, part
    total = total or int(os.read(read, 20))
assert total > 10_000
"""


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cb", ""),  # of Python's import, called by C: no exception gets out of it
        ("_raw_object_cache_getbuffer", ""),  # likewise, where LLVM asks for machine code
        ("register_jitable", "unicode.py"),  # numba registers types, which it can do once
    ],
)
def test_ctrl_c_while_programs_are_loaded(name: str, file: str) -> None:
    """The first training of a process hears it, and the second one works."""
    assert finish(start(FIRST_TRAINING + AT_A_FUNCTION, name, file)) == ""


@needs_posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_ctrl_c_at_moments_of_a_first_training() -> None:
    """Wherever in it, for some moments that lie evenly in all of it."""
    assert finish(start(FIRST_TRAINING + AT_SOME_MOMENTS)) == ""
