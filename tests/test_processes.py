"""Training amid signals, forks, exits, pool workers and other threads.

Each test runs one or more processes with a time limit: none may hang or crash.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from bpmatrix.engine.compilation import warm_up

# Seconds after which a process counts as hanging, far more than it takes.
PATIENCE = 120

needs_posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and forks of POSIX")

# The beginning of every program. `bits(e)` are the parameters after e epochs.
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
    """Compile in this process, so that no other prints the message about it."""
    warm_up(("float64",))


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that runs the program, with its own standard streams.

    It is killed after a time limit. Without coverage, whose lock Ctrl-C may leave held forever.
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
    """Wait for a process to end without errors, and return what it printed."""
    try:
        printed, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert errors == ""
    assert process.returncode == 0
    return printed


# -------------------------------------------------------------------------------------- checkpoints

LONG_RUN = """
def say(info):
    if info.epoch == 20:
        print("begins", flush=True)

train(network(), 100_000, checkpoint=sys.argv[1], callbacks=[say])
print("goes on")
"""


@needs_posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_last_checkpoint_and_says_how_to_resume(
    number: signal.Signals, tmp_path
) -> None:
    """After SIGTERM the process terminates as usual; after Ctrl-C the call returns."""
    process = start(LONG_RUN, tmp_path)
    assert process.stdout.readline() == "begins\n"
    process.send_signal(number)
    printed, errors = process.communicate(timeout=PATIENCE)
    assert f"the same call resumes from the checkpoint in {tmp_path}" in errors
    is_ctrl_c = number is signal.SIGINT
    assert (process.returncode, printed) == ((0, "goes on\n") if is_ctrl_c else (-number, ""))
    went_on = finish(start(
        "net = network()\n"
        "history = train(net, 1, checkpoint=sys.argv[1])\n"
        "epochs = len(history.epochs)\n"
        "train(net, epochs + 5, checkpoint=sys.argv[1])\n"
        "print(epochs >= 20 and net.parameters.tobytes() == bits(epochs + 5))\n",
        tmp_path,
    ))  # fmt: skip
    assert went_on == "True\n"


# --------------------------------------------------------------------------------- the command line

# Forks of a process that has imported everything get a signal at some moment of the command.
COMMANDS = """
import contextlib, io, pathlib, random, time
import bpmatrix, bpmatrix.cli
from bpmatrix.__main__ import main

folder, rng = pathlib.Path(sys.argv[1]), random.Random(8)

def unblocked(run=bpmatrix.cli.main):
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    try:
        return run()
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])

def command(k):
    sys.argv = ["bpmatrix", "train", "--epochs", "8", "--seed", "1", "--save", str(folder / f"{k}")]
    sys.argv += ["--checkpoint", str(folder / f"run {k % 4}")] if k % 4 > 1 else []
    with (folder / f"said {k}").open("w") as said, contextlib.redirect_stdout(io.StringIO()):
        with contextlib.redirect_stderr(said):
            status = main()
    os._exit(status)

def in_a_child(k, seconds=None):
    child = os.fork()
    if child == 0:
        command(k)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGTERM if k % 2 else signal.SIGINT)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

warnings.simplefilter("ignore")
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    bpmatrix.cli.main(["train", "--epochs", "1"])       # all that the children would import
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])     # outside of the command
bpmatrix.cli.main = unblocked
start = time.perf_counter()
assert in_a_child(0) == 0
whole = time.perf_counter() - start
ended = [in_a_child(k, rng.uniform(0.0, 1.2 * whole)) for k in range(1, 17)]
assert set(ended[1::2]) <= {0, 130}, ended              # Ctrl-C
assert set(ended[::2]) <= {0, -signal.SIGTERM}, ended
assert set(ended) >= {130, -signal.SIGTERM}, ended
for k in range(17):
    said = "".join(path.read_text() for path in folder.glob(f"said {k}"))
    assert "Traceback" not in said and "error" not in said, said
    if (folder / f"{k}").exists():
        bpmatrix.load(folder / f"{k}")                  # whole
    elif k:
        assert ended[k - 1] != 0
"""


@needs_posix
def test_signals_at_random_moments_of_a_command(tmp_path) -> None:
    """The exit status is the documented one, without a traceback; a model is whole or absent."""
    assert finish(start(COMMANDS, tmp_path)) == ""


WHILE_IMPORTED = """
import importlib.abc

module = sys.argv.pop()

class Presser(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == module:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

from bpmatrix.__main__ import main
sys.meta_path.insert(0, Presser())
print(main(), end="")
"""


@needs_posix
@pytest.mark.parametrize("module", ["click", "bpmatrix.cli.train"])
def test_ctrl_c_while_the_command_line_is_imported(module: str) -> None:
    """The exit status is 130, with one line and no traceback."""
    process = start(WHILE_IMPORTED, module)
    printed, errors = process.communicate(timeout=PATIENCE)
    assert (printed, errors) == ("130", "bpmatrix: interrupted\n")


# ------------------------------------------------------------------------------------------ Ctrl-C

# Each input line is a round: the number of threads, and whether there is a callback. The program
# prints when training begins and at which epoch it ended. The test waits for the first line, and
# sends Ctrl-C some time later.
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
        while history.stopped_by == "epochs":   # Ctrl-C has not arrived yet
            time.sleep(1)
    except KeyboardInterrupt:
        pass
    epoch = known[net.parameters.tobytes()]      # complete epochs, whenever it was interrupted
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
    """The weights are always those of complete epochs, threads end, and training can continue."""
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
assert child_gives_the_same_bits()          # the parent has trained on two threads

# Another thread trains while this one forks; the child does not have that thread.
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

# A callback forks: both processes complete the training, and another one.
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
    """After training, during training in another thread, and in a callback: the same bits."""
    assert finish(start(FORK)) == ""


# The beginning of programs whose processes begin anew, and import them.
FOR_WORKERS = """
import sys
import numpy as np
from bpmatrix import Network

X = np.random.default_rng(5).standard_normal((5, 60))
labels = (X[0] > 0).astype(int) + (X[1] > 0)

def bits(n_threads):
    net = Network([5, 8, 3], seed=4)
    net.train(X, labels, epochs=3, n_threads=n_threads)
    return net.parameters.tobytes()
"""

START_METHODS = """
import multiprocessing

if __name__ == "__main__":
    expected, found = bits(2), {}
    pools = {name: multiprocessing.get_context(name).Pool(1)
             for name in multiprocessing.get_all_start_methods()}
    asked = {name: [pool.apply_async(bits, [n]) for n in (1, 2)] for name, pool in pools.items()}
    found = {name: [one.get(100) for one in some] for name, some in asked.items()}
    assert found == {name: [expected] * 2 for name in pools}
    for pool in pools.values():
        pool.close()
        pool.join()
    assert bits(2) == expected
"""

DASK = """
from distributed import Client, LocalCluster
from bpmatrix.engine.processors import available_processors

if __name__ == "__main__":
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=2, dashboard_address=None, local_directory=sys.argv[1]
        ) as cluster,
        Client(cluster) as client,
    ):
        tasks = [client.submit(bits, n, pure=False) for n in (1, 2, "auto")]
        found = client.gather(tasks)
        threads = client.submit(available_processors).result()
    assert (found, threads) == ([bits(2)] * 3, 1)
"""

RAY = """
import ray

expected = bits(2)
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=sys.argv[1])
task = ray.remote(bits)
assert ray.get([task.remote(n) for n in (1, 2, "auto")]) == [expected] * 3
ray.shutdown()
"""


def run_with_workers(program: str, folder: Path, scratch: Path) -> None:
    """Run a program that starts workers, which may print warnings of their own."""
    path = folder / "program.py"
    path.write_text(FOR_WORKERS + program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", path, scratch],
        capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **WITHOUT_SERVICES},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


# Ray sends statistics and makes a password in the home folder, unless told otherwise.
WITHOUT_SERVICES = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


def test_training_in_processes_of_any_start_method(tmp_path) -> None:
    """After the parent has trained on threads: the same bits, and no hang.

    `estimators/test_workers.py` does the same with loky.
    """
    run_with_workers(START_METHODS, tmp_path, tmp_path)


def test_training_in_tasks_of_dask(tmp_path) -> None:
    """Two at once in threads of a worker process: the same bits. "auto" takes one thread there."""
    pytest.importorskip("distributed", reason="starts the workers")
    run_with_workers(DASK, tmp_path, tmp_path)


def test_training_in_tasks_of_ray(tmp_path) -> None:
    """In worker processes: the same bits."""
    pytest.importorskip("ray", reason="starts the workers")
    # Names of its sockets may have 107 characters, fewer than those in `tmp_path` often need.
    with tempfile.TemporaryDirectory() as scratch:
        run_with_workers(RAY, tmp_path, Path(scratch))


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
    """The workers already use all processors; their parent would use all threads."""
    pytest.importorskip("joblib")
    assert finish(start(POOL)).split() == ["8", "1", "1"]


# ------------------------------------------------------------------------------------------- exits

# One process imports and compiles for all; each child exits like a normal Python program.
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

def train_at_exit(n_threads):
    net = network()
    try:
        train(net, n_threads=n_threads)
    except RuntimeError as error:      # from 3.12 on Python cannot start threads that late
        assert "shutdown" in str(error) and n_threads > 1, error
        train(net, n_threads=1)
    assert net.parameters.tobytes() == expected
    print("trained", flush=True)

def at_exit():
    atexit.register(train_at_exit, 1)
    atexit.register(train_at_exit, 2)

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
def test_interpreter_exit() -> None:
    """While daemon threads train, with training at exit, in a callback: no errors."""
    daemons, at_exit = ["daemons 0"] * 2, ["trained", "trained", "at_exit 0"]
    assert finish(start(EXITS)).splitlines() == [*daemons, *at_exit, "in_a_callback 3"]


# --------------------------------------------------------------------------------- several threads

CROWD = """
from concurrent.futures import ThreadPoolExecutor

# Nothing is loaded yet: the four threads also load the programs.
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

# One network: the first thread trains it, the others get an error.
from bpmatrix.errors import ArgumentError

net, outcomes = network(), []

def compete(_):
    meeting.wait(60)
    try:
        train(net, 10, callbacks=[lambda entry: rejected.wait(60) and None])
        outcomes.append("trained")
    except ArgumentError as error:
        assert "another thread" in str(error), error
        outcomes.append("rejected")
        if outcomes.count("rejected") == 3:
            rejected.set()

rejected = threading.Event()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(compete, range(4)))
assert sorted(outcomes) == ["rejected"] * 3 + ["trained"], outcomes
assert net.parameters.tobytes() == bits(10)
"""


def test_trainings_at_once_with_a_tiny_switch_interval() -> None:
    """Four networks on 1 to 4 threads give the same bits; of four threads on one, one trains."""
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

class SecondThread:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "numba.core.event" and not others:   # numba is partly imported
            others.append(network())
            threads.append(threading.Thread(target=train, args=others, daemon=True))
            threads[0].start()
            assert all(came.acquire(timeout=60) for _ in range(2))

compilation._loading, threads = Door(), []
sys.meta_path.insert(0, SecondThread)
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
    print("raised,", net.feedforward([[0.0], [1.0]]).shape, end="")
"""


@pytest.mark.parametrize("module", ["numba.core.event", "numba.core.types", "llvmlite.ir"])
def test_ctrl_c_while_numba_is_imported(module: str) -> None:
    """It is raised, and the next call works: numba is never left partly imported."""
    assert finish(start(PRESSED_WHILE_IMPORTED, module)) == "raised, (1, 1)"


# ------------------------------------------------------------------------------- short of memory

SHORT_OF_MEMORY = """
import resource, time
from bpmatrix.engine import evaluation
from bpmatrix.errors import ThreadStartError

warnings.simplefilter("ignore", DeprecationWarning)    # Python's, of forks beside threads
evaluation.threads_worth_starting = lambda multiplications: 2
wide = Network([5, 300, 3], seed=1)
train(wide, shuffle=False)      # the system keeps the stacks of finished threads
wide.cost(X, labels)

def in_a_child(extra, call, done):
    'Call with only `extra` more bytes of memory, and then again without a limit.'
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)       # Python reports threads that die
    resource.setrlimit(resource.RLIMIT_AS, (used + extra, limits[1]))
    outcome = 0
    try:
        call()
    except (ThreadStartError, MemoryError) as error:
        outcome = 1 + isinstance(error, ThreadStartError)
    resource.setrlimit(resource.RLIMIT_AS, limits)
    if outcome:
        call()
    os._exit(10 + outcome if done() else 1)

def outcome_of(extra, call, done):
    child = os.fork()
    if child == 0:
        try:
            in_a_child(extra, call, done)
        finally:
            os._exit(2)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return "hangs"

twin = Network([5, 300, 3], seed=1)
train(twin, 6, shuffle=False)
same = lambda: twin.parameters.tobytes() == wide.parameters.tobytes()
cost = wide.cost(X, labels)
outcomes = {"train": [], "cost": []}
for extra in (*range(0, 1 << 18, 1 << 14), *range(1 << 18, 11 << 20, 1 << 20)):
    outcomes["train"].append(outcome_of(extra, lambda: train(wide, shuffle=False), same))
    outcomes["cost"].append(
        outcome_of(extra, lambda: wide.cost(X, labels), lambda: wide.cost(X, labels) == cost)
    )
for name, found in outcomes.items():
    assert set(found) <= {10, 11, 12}, (name, found)
    assert 12 in found, (name, found)     # a thread could not be started, or died
"""


@pytest.mark.skipif(sys.platform != "linux", reason="sets memory limits of Linux")
def test_without_memory_for_a_thread_there_is_an_error_and_no_hang() -> None:
    """From no memory to enough; without a limit, the same call gives the same bits."""
    assert finish(start(SHORT_OF_MEMORY)) == ""


# ------------------------------------------------------------------- arrays that a callback changes

# An index far outside any array, where nothing is mapped: an access crashes the process.
FAR = """
far = 10**9

def after_the_first_epoch(change):
    return [lambda entry: change() if entry.epoch == 1 else None]
"""

LABELS = """
def run(change=lambda *arrays: None):
    labels_, weights = labels.astype(np.int64), 1 + np.arange(60.0)
    checked, weights_checked = labels_.copy(), weights.copy()
    net = network()
    history = train(
        net, 4, sample_weight=weights, validation=(X, checked, weights_checked),
        callbacks=after_the_first_epoch(lambda: change(labels_, weights, checked, weights_checked)),
    )
    return net.parameters.tobytes(), history.validation_cost, history.accuracy

expected = run()
for arrays in ((0,), (2,), (0, 2)):            # labels
    for value in (far, -far, 3, -1):           # far away, and just outside
        assert run(lambda *given: [given[i].fill(value) for i in arrays]) == expected, value
for arrays in ((1,), (3,)):                    # weights
    for value in (np.nan, -1, 0, 1e300):
        assert run(lambda *given: [given[i].fill(value) for i in arrays]) == expected, value
print("as they were")
"""


def test_labels_and_weights_cannot_change_during_a_run() -> None:
    """A callback that overwrites them changes neither weights nor scores nor other memory."""
    assert finish(start(FAR + LABELS)) == "as they were\n"


NUMBERS = """
from bpmatrix.errors import BpmatrixError

warnings.simplefilter("ignore")      # NumPy's, of arrays that get another shape
many = 100_000

def changed(change):
    'Train with one input, so that its array can get any shape; all arrays are read in place.'
    arrays = [rng.random((1, many)) for _ in range(4)]
    x, y, x_checked, y_checked = arrays
    y_checked[:] = y_checked > 0.5
    net = Network([1, 4, 1], seed=1)
    history = net.train(
        x, y, epochs=2, mini_batch_size=1000, n_threads=2, validation=(x_checked, y_checked),
        callbacks=after_the_first_epoch(lambda: change(*arrays)),
    )
    assert np.isfinite(net.parameters).all()
    return history

def other_shapes(*arrays):
    for array in arrays:
        array.shape = 10, many // 10

def other_types(*arrays):
    for array in arrays:
        array.dtype = np.uint8

def other_strides(*arrays):
    for array in arrays:
        array.strides = 8, 0

def other_sizes(*arrays):
    for array in arrays:
        try:
            array.resize(1, 5)
        except ValueError as error:     # NumPy does not free memory in use
            assert "references" in str(error), error

expected = changed(lambda *arrays: None).validation_cost
for change in (other_shapes, other_types, other_strides, other_sizes):
    rng = np.random.default_rng(5)
    before = changed(lambda *arrays: None).validation_cost
    rng = np.random.default_rng(5)
    assert changed(change).validation_cost == before, change

def to(*values):
    def change(*arrays):
        for array, value in zip(arrays, values):
            array.fill(value)
    return change

for value in (0.25, 1e300, np.nan, np.inf):
    for change in (to(value), to(0, value), to(0, 0, value), to(0, 0, 0, value)):
        try:
            changed(change)
        except (BpmatrixError, ArithmeticError):
            pass
print("alive")
"""


def test_numbers_and_shapes_of_inputs_and_targets_may_change() -> None:
    """Numbers are read in place, in the shape and dtype that they had when the run began."""
    assert finish(start(FAR + NUMBERS)) == "alive\n"


OTHER_THREAD = """
x, labels_, weights = X.copy(order="F"), labels.astype(np.int64), np.ones(60)
ended = False

def change():
    while not ended:
        for value in (0.0, 1e308, -1e308, np.nan, np.inf, 0.5):
            x.fill(value)
            labels_.fill(far)
            weights.fill(value)

other = threading.Thread(target=change)
other.start()
outcomes = set()
for k in range(25):
    x[:], labels_[:], weights[:] = X, labels, 1
    try:
        net = network(k)
        net.train(x, labels_, epochs=20, n_threads=1 + k % 2, sample_weight=weights,
                  validation=(x, labels_))
        outcomes.add(np.isfinite(net.parameters).all())
    except (ValueError, ArithmeticError) as error:      # data that are refused, or that diverge
        outcomes.add(type(error).__module__)
ended = True
other.join()
assert outcomes <= {True, "bpmatrix.errors"}, outcomes
net = network()
train(net)
assert net.parameters.tobytes() == bits()
print("alive")
"""


def test_another_thread_changes_the_data() -> None:
    """Each training ends with finite weights or with one of our errors."""
    assert finish(start(FAR + OTHER_THREAD)) == "alive\n"


ESTIMATORS = """
from scipy import sparse
from bpmatrix import MLPClassifier, MLPRegressor

warnings.simplefilter("ignore")
numbers = np.random.default_rng(1).random((60, 40))
table = sparse.csr_matrix(np.where(numbers < 0.2, numbers, 0))
names = np.array(["left", "right", "straight on"])[labels]

def run(kind, X, y, change=lambda *arrays: None, **how):
    'Fit to copies of the arrays, which a callback then changes.'
    (X, X_val), (y, y_val) = ([array.copy() for _ in range(2)] for array in (X, y))
    weight = 1 + np.arange(60.0)
    callbacks = after_the_first_epoch(lambda: change(X, y, weight, X_val, y_val))
    model = kind(hidden_layer_sizes=5, max_iter=4, random_state=1, callbacks=callbacks, **how)
    model.fit(X, y, sample_weight=weight, X_val=X_val, y_val=y_val)
    return b"".join(W.tobytes() for W in model.coefs_), model.validation_scores_

def far_away(*arrays):
    for array in arrays:
        if sparse.issparse(array):
            array.indices.fill(far)
            array.indptr.fill(far)
        elif array.dtype.kind in "biu":
            array.fill(far)
    arrays[2].fill(np.nan)

def just_outside(*arrays):
    for array in filter(sparse.issparse, arrays):
        array.indices += 20
        array.indptr[1:] += 3

def replaced(*arrays):
    for array in filter(sparse.issparse, arrays):
        array.resize(3, 2)

def zeros(*arrays):
    for array in arrays:
        (array.data if sparse.issparse(array) else array)[...] = 0

several = (X.T[:, :3] > 0).astype(np.int64)
for kind, y in (
    (MLPClassifier, labels), (MLPClassifier, names), (MLPClassifier, labels > 0),
    (MLPClassifier, several), (MLPRegressor, X[0]), (MLPRegressor, X[:2].T),
):
    for rows in (table, X.T):
        for how in ({}, {"early_stopping": True}, {"standardize": True}):
            expected = run(kind, rows, y, **how)
            for change in (far_away, just_outside, replaced):
                assert run(kind, rows, y, change, **how) == expected, (kind, y.dtype, how, change)
        if y.dtype.kind != "U":
            run(kind, rows, y, zeros)      # numbers are read in place, at an unspecified time
print("as they were")
"""


def test_a_callback_cannot_change_what_an_estimator_is_fitted_to() -> None:
    """Labels, weights, and indices of sparse rows."""
    pytest.importorskip("sklearn")
    assert finish(start(FAR + ESTIMATORS)) == "as they were\n"


NIELSEN = """
import contextlib, io, random
from bpmatrix.nielsen import network as book

class Changing(book.Network):
    'Looks at the test data after each epoch, as the book does, and then changes all data.'

    def evaluate(self, test_data):
        for x, y in self.training:
            x[:], y[:] = self.value, self.value
        for _, label in test_data:
            label[:] = self.value
        return 0

def run(value):
    random.seed(3)
    np.random.seed(3)
    net = Changing([5, 4, 3])
    xs, ys = X.T[:, :, None].copy(), np.eye(3)[labels][:, :, None].copy()
    net.training, net.value = list(zip(xs, ys)), value
    if value is None:
        net.evaluate = lambda test_data: 0
    with contextlib.redirect_stdout(io.StringIO()):
        net.SGD(list(net.training), 3, 7, 0.5, list(zip(xs.copy(), labels[:, None].copy())))
    return [W.tobytes() for W in net.weights]

assert run(far) == run(-far) == run(None)

# Whatever replaces the book's random numbers, only samples of the data are used.
random.shuffle = lambda places: places.__setitem__(slice(None), [-1 - i for i in places])
run(None)
random.shuffle = lambda places: places.__setitem__(0, far)
try:
    run(None)
except IndexError:
    print("as they were")
"""


def test_changes_of_data_do_not_affect_the_books_programs() -> None:
    """Lists are copied into matrices before the first step."""
    assert finish(start(FAR + NIELSEN)) == "as they were\n"


# Starts with nothing loaded, and sends Ctrl-C at a function call during the first training.
FIRST_TRAINING = """
import itertools
warnings.simplefilter("ignore")

def first_training(is_the_moment):
    pressed, raised = False, False

    def look(frame, event, argument):
        nonlocal pressed
        if event == "call" and is_the_moment(frame):
            sys.setprofile(None)
            pressed = True
            signal.raise_signal(signal.SIGINT)

    sys.setprofile(look)
    try:
        raised = train(network()).stopped_by == "interrupt"
    except KeyboardInterrupt:
        raised = True
    finally:
        sys.setprofile(None)
    assert raised == pressed
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
        ("cb", ""),  # in Python's import, called from C, which loses exceptions
        ("_raw_object_cache_getbuffer", ""),  # likewise, called from LLVM
        ("register_jitable", "unicode.py"),  # numba can register types only once
    ],
)
def test_ctrl_c_while_programs_are_loaded(name: str, file: str) -> None:
    """It ends the first training of a process, and the second one works."""
    assert finish(start(FIRST_TRAINING + AT_A_FUNCTION, name, file)) == ""


@needs_posix
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork")
def test_ctrl_c_at_moments_of_a_first_training() -> None:
    """At some evenly spaced moments."""
    assert finish(start(FIRST_TRAINING + AT_SOME_MOMENTS)) == ""
