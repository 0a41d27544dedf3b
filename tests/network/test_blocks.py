"""`Blocks` in `Network`: the same bits as arrays, runs that end early, checkpoints, memory."""

from __future__ import annotations

import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from block_twin import (
    order_of_an_epoch,
    running_threads,
    settles,
    shuffler_of,
    trained_on_the_joined_array,
)
from hypothesis import given
from hypothesis import strategies as st
from interruptions import interruptions
from numeric import same_bits

from bpmatrix import SGD, Adam, Blocks, EarlyStopping, History, Network
from bpmatrix.errors import ArgumentError, DataError, DataFileError, DivergenceError, ShapeError
from bpmatrix.samples import windows
from bpmatrix.training import slices

RNG = np.random.default_rng(11)
X = RNG.standard_normal((203, 4))
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
WEIGHTS = RNG.integers(0, 3, 203).astype(float)
VALIDATION = X[:60] + 0.1, LABELS[:60]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = running_threads()
    yield
    assert settles(before)


def network(**changed: object) -> Network:
    return Network(**{"sizes": [4, 6, 3], "seed": 4} | changed)


def pieces(size: int, *arrays: np.ndarray) -> list[tuple[np.ndarray, ...]]:
    return [tuple(a[i : i + size] for a in arrays) for i in range(0, len(arrays[0]), size)]


@given(
    st.integers(1, 60), st.integers(1, 6), st.integers(1, 40), st.booleans(),
    st.sampled_from(["float64", "float32"]), st.integers(1, 3), st.integers(0, 99),
)  # fmt: skip
def test_training_is_that_on_the_joined_array_in_the_same_order(
    size: int, window: int, m: int, is_iterable: bool, dtype: str, threads: int, seed: int
) -> None:
    """For any number of threads; the last mini-batches of a window go over to the next one."""
    given = pieces(size, X, LABELS)
    blocks = Blocks(X, LABELS, block_size=size, window=window)
    if is_iterable:
        blocks = Blocks(given, window=window)
    net, twin = network(dtype=dtype, seed=seed), network(dtype=dtype, seed=seed)
    history = net.train(blocks, epochs=2, mini_batch_size=m, n_threads=threads)
    sizes, draw = [len(part[0]) for part in given], shuffler_of(seed).permutation
    orders = [order_of_an_epoch(sizes, window, draw, in_order=is_iterable) for _ in range(2)]
    assert trained_on_the_joined_array(twin, X, LABELS, orders, m) == history.cost
    assert same_bits(net.parameters, twin.parameters)


ARGUMENTS = {
    "labels": (LABELS, {}),
    "one-hot": (np.eye(3)[LABELS], {"class_weight": "balanced"}),
    "weights": (LABELS, {"sample_weight": WEIGHTS, "class_weight": {0: 0.5, 2: 0}}),
    "numbers": (X[:, :3] ** 2, {"sample_weight": WEIGHTS}),
    "dropout": (LABELS, {"dropout": 0.3, "l1": 0.01, "weight_decay": 0.1, "clip_norm": 1.0}),
    "in order": (LABELS, {"shuffle": False}),
}
NETWORKS = {"numbers": {"cost": "quadratic", "output": "softplus"}}


@pytest.mark.parametrize("case", ARGUMENTS)
@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_in_one_window_blocks_are_an_array(case: str, dtype: str) -> None:
    """The same bits, the same History, whatever the size of a block."""
    table = (X * 40 + 120).astype(dtype)
    targets, keywords = ARGUMENTS[case]
    weights = keywords.get("sample_weight")
    rest = {"epochs": 3, "optimizer": Adam(0.01)} | keywords
    changed = NETWORKS.get(case, {}) | {"input_scale": 0.01}
    net = network(**changed)
    history = net.train(table.T, targets if targets.ndim == 1 else targets.T, **rest)
    rest.pop("sample_weight", None)
    for size in (17, 1000):
        blocked = network(**changed)
        found = blocked.train(Blocks(table, targets, weights, block_size=size, window=12), **rest)
        assert same_bits(blocked.parameters, net.parameters)
        assert (found.cost, found.accuracy) == (history.cost, history.accuracy)


def test_runs_go_on_as_one(tmp_path: Path) -> None:
    """Two runs, the second from a file, are one long run."""
    blocks = Blocks(X, LABELS, block_size=10, window=4)
    net, other = network(), network()
    net.train(blocks, epochs=5)
    other.train(blocks, epochs=2)
    other.save(tmp_path / "net.safetensors")
    other = Network.load(tmp_path / "net.safetensors")
    other.train(blocks, epochs=3)
    assert same_bits(net.parameters, other.parameters)


def test_validation_and_scores_are_those_of_arrays() -> None:
    net, other = network(), network()
    rest = {"epochs": 3, "class_weight": {0: 2.0}}
    history = net.train(X.T, LABELS, validation=(VALIDATION[0].T, VALIDATION[1]), **rest)
    found = other.train(X.T, LABELS, validation=Blocks(*VALIDATION, block_size=7), **rest)
    assert found.validation_cost == history.validation_cost
    assert found.validation_accuracy == history.validation_accuracy
    blocks = Blocks(X, LABELS, WEIGHTS, block_size=50)
    assert net.cost(blocks) == net.cost(X.T, LABELS, sample_weight=WEIGHTS)
    assert net.accuracy(blocks) == net.accuracy(X.T, LABELS, sample_weight=WEIGHTS)
    assert same_bits(net.feedforward(blocks), net.feedforward(X.T))
    assert same_bits(net.predict(Blocks(X, block_size=50)), net.predict(X.T))


def test_the_record_has_what_the_order_depends_on() -> None:
    net = network()
    net.train(Blocks(X, LABELS, block_size=10, window=4), epochs=1)
    net.train(Blocks(pieces(20, X, LABELS)), epochs=1)
    net.train(X.T, LABELS, epochs=1)
    recorded = [(run.get("block_size"), run.get("window")) for run in net.trained]
    assert recorded == [(10, 4), (None, 8), (None, None)]


# --------------------------------------------------------------------------- how a run ends


def blocks_of(**changed: object) -> Blocks:
    return Blocks(X, LABELS, **{"block_size": 10, "window": 3} | changed)


def test_early_stopping_and_callbacks() -> None:
    net, seen = network(), []
    history = net.train(
        blocks_of(), epochs=50, validation=Blocks(X[:, ::-1].copy(), LABELS),
        early_stopping=EarlyStopping(patience=2), callbacks=[seen.append],
    )  # fmt: skip
    assert history.stopped_by == "early_stopping"
    assert [entry.epoch for entry in seen] == [entry.epoch for entry in history.epochs]


def slowly() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for part in pieces(10, X, LABELS):
        time.sleep(0.01)
        yield part


def test_the_time_limit_counts_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 1e-9)
    net = network()
    history = net.train(Blocks(slowly, window=2), epochs=10**6, max_seconds=0.3)
    assert history.stopped_by == "max_seconds"


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch):
    """Return a function: Ctrl-C at the start of the slice of this number, one step each."""
    run_slice = slices.SliceRunner._run_slice
    monkeypatch.setattr(slices, "SECONDS_PER_SLICE", 1e-9)

    def cut_at(number: int) -> None:
        left = iter(range(number))

        def run(self, *arguments: object) -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt
            run_slice(self, *arguments)

        monkeypatch.setattr(slices.SliceRunner, "_run_slice", run)

    return cut_at


def test_ctrl_c_keeps_the_weights_of_whole_slices(cut) -> None:
    net = network()
    cut(30)
    with pytest.warns(RuntimeWarning, match="interrupted after 1 whole epochs"):
        history = net.train(blocks_of(), epochs=9)
    assert (history.stopped_by, net._training.optimizer_state.steps) == ("interrupt", 30)


@pytest.mark.filterwarnings("ignore:training was interrupted")
def test_ctrl_c_at_any_moment_leaves_no_thread() -> None:
    """Also while a window is taken over, or a thread starts or ends."""
    blocks = Blocks(X[:12], LABELS[:12], block_size=4, window=1)
    runs, before = [], running_threads()
    network().train(blocks, epochs=1, optimizer=Adam())  # everything is imported and compiled

    def prepare():
        runs.append(network())
        return lambda: runs[-1].train(blocks, epochs=1, mini_batch_size=5, optimizer=Adam())

    for outcome in interruptions(KeyboardInterrupt, prepare, every=3):
        assert isinstance(outcome, KeyboardInterrupt | History), outcome
        assert settles(before)


@pytest.mark.parametrize("window", [3, 50])
@pytest.mark.filterwarnings("ignore:training was interrupted")
def test_a_run_resumes_within_windows(window: int, tmp_path: Path, cut) -> None:
    rest = {"epochs": 4, "optimizer": Adam(0.01), "validation": Blocks(*VALIDATION, block_size=9)}
    blocks = Blocks(X, LABELS, WEIGHTS, block_size=10, window=window)
    net = network()
    cut(10**6)
    history = net.train(blocks, **rest)
    for number in (1, 9, 20, 17, 10**6):
        cut(number)
        other = network()
        found = other.train(blocks, checkpoint=tmp_path, **rest)
    assert same_bits(net.parameters, other.parameters)
    assert (found.cost, found.validation_cost) == (history.cost, history.validation_cost)


def test_a_checkpoint_knows_its_blocks(tmp_path: Path) -> None:
    network().train(blocks_of(), epochs=1, checkpoint=tmp_path)
    for blocks, says in (
        (blocks_of(window=4), "different window: got window 4, expected window 3"),
        (blocks_of(block_size=11), "different samples and block_size"),
        (Blocks(X + 1, LABELS, block_size=10, window=3), "different samples. "),
        (Blocks(X, LABELS[::-1].copy(), block_size=10, window=3), "different samples. "),
    ):
        with pytest.raises(ArgumentError, match="belongs to a run with different") as caught:
            network().train(blocks, epochs=2, checkpoint=tmp_path)
        assert says in str(caught.value)


def test_a_change_of_the_file_ends_the_run_at_a_whole_window() -> None:
    """With the weights of the last window before it."""
    table, net, twin = X.copy(), network(), network()
    blocks = Blocks(table, LABELS, block_size=10, window=3)

    def change(_: object) -> None:
        table[5] += 1

    with pytest.raises(DataFileError, match="has changed since the first pass"):
        net.train(blocks, epochs=9, callbacks=[change], shuffle=False)
    assert net.epochs == 1
    twin.train(blocks_of(), epochs=1, shuffle=False)
    assert same_bits(net.parameters, twin.parameters)
    assert net.trained[-1]["stopped_by"] == "error"


def test_divergence_says_where() -> None:
    net = network(activation="relu", output="identity", cost="quadratic")
    with pytest.raises(DivergenceError, match=r"epoch \d, mini-batch \d+"):
        net.train(Blocks(X, X[:, :3] * 1e6, block_size=10), epochs=9, optimizer=SGD(1e6))


# -------------------------------------------------------------------------- wrong arguments

NAN = np.where(np.arange(203)[:, None] == 103, np.nan, X)


@pytest.mark.parametrize(
    ("blocks", "keywords", "error", "says"),
    [
        (Blocks(X, block_size=50), {}, DataError, "block 1 of X has no targets"),
        (Blocks(X[:, :3], LABELS), {}, ShapeError, "block 1 of X has the wrong width: got 3"),
        (Blocks(X, np.eye(4)[LABELS]), {}, ShapeError, "block 1 of targets has shape (203, 4)"),
        (Blocks(NAN, LABELS, block_size=50), {}, DataError, "block 3 of X has 4 values that are"),
        (Blocks(X, LABELS - 1, block_size=50), {}, DataError, "block 1 of targets has"),
        (Blocks(X, LABELS, WEIGHTS - 1, block_size=50), {}, DataError, "sample_weight has neg"),
        (Blocks(X, LABELS, 0 * WEIGHTS), {}, DataError, "sample_weight is 0 for all samples"),
        (Blocks(X, X[:, :3]), {"class_weight": "balanced"}, ArgumentError, "class_weight needs"),
        (blocks_of(), {"validation_split": 0.1}, ArgumentError, "validation_split does not apply"),
        (blocks_of(), {"targets": LABELS}, ArgumentError, "targets cannot be combined"),
        (blocks_of(), {"sample_weight": WEIGHTS}, ArgumentError, "sample_weight cannot be"),
        (blocks_of(), {"mini_batch_size": 999}, ArgumentError, "larger than the data"),
        (blocks_of(), {"validation": Blocks(X)}, DataError, "block 1 of validation X has no"),
    ],
)
def test_wrong_blocks_change_nothing(blocks, keywords, error, says) -> None:
    output = {"output": "identity", "cost": "quadratic"} if "class_weight" in keywords else {}
    net, before = network(**output), network(**output)
    with pytest.raises(error) as caught:
        net.train(blocks, **keywords)
    assert says in str(caught.value)
    assert same_bits(net.parameters, before.parameters)
    assert net.trained == []


def test_empty_blocks_are_passed_over() -> None:
    X, y = np.eye(3), np.array([0, 1, 1])
    parts = [(X[:2], y[:2]), (X[:0], y[:0]), (X[2:], y[2:])]
    net = Network([3, 4, 2], seed=1)
    net.train(Blocks(parts), epochs=1)
    assert same_bits(net.feedforward(Blocks(parts)), net.feedforward(X))
    assert net.accuracy(Blocks(parts)) == net.accuracy(X, y)
    for method in (net.predict, net.accuracy, net.cost):
        with pytest.raises(DataError, match="is empty"):
            method(Blocks([parts[1]]))


def test_arrays_need_targets() -> None:
    for call in (network().train, network().cost, network().accuracy):
        with pytest.raises(ArgumentError, match="targets is missing"):
            call(X.T)


def test_unscaled_bytes_are_noticed() -> None:
    with pytest.warns(UserWarning, match="bytes up to 200") as caught:
        network().train(Blocks(np.full((203, 4), 200, np.uint8), LABELS), epochs=1)
    assert caught[0].filename == __file__


# ---------------------------------------------------------------------------------- memory


def test_no_window_outlives_its_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the next epoch need the memory."""
    made, begin = [], windows.Buffer.__init__

    def noted(self, *arguments: object) -> None:
        begin(self, *arguments)
        made.append(weakref.ref(self.samples.X.base))

    def look(_: object) -> None:
        assert [array() for array in made] == [None] * len(made)

    monkeypatch.setattr(windows.Buffer, "__init__", noted)
    network().train(blocks_of(), epochs=3, callbacks=[look])
    assert len(made) == 6


BOUNDED = """
import resource, sys
import numpy as np
from bpmatrix import Blocks, Network

path, rows, width = sys.argv[1], 200_000, 125
table = np.lib.format.open_memmap(path, "w+", np.float64, (rows, width))
for i in range(0, rows, 4000):
    table[i : i + 4000] = np.random.default_rng(i).standard_normal((4000, width))
del table
labels = np.arange(rows) % 2
net = Network([width, 4, 2], seed=1)
rest = {"epochs": 1, "mini_batch_size": 50, "n_threads": 1}
first = np.load(path, mmap_mode="r")[:4000]
net.train(Blocks(first, labels[:4000], block_size=1000, window=2), **rest)

with open("/proc/self/status") as status:
    used = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmData"))
allowed = used + 40_000_000
resource.setrlimit(resource.RLIMIT_DATA, (allowed, allowed))
try:
    np.load(path)
    raise SystemExit("the limit has no effect")
except MemoryError:
    pass
blocks = Blocks(path, labels, block_size=2000, window=2)
print(net.train(blocks, validation=blocks, **rest).stopped_by, net.predict(blocks).size)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_DATA limits arrays only on Linux")
def test_a_file_five_times_the_memory(tmp_path: Path) -> None:
    """200 MB, of which 40 MB may be in memory: two windows of 4 MB, two blocks, and the rest."""
    found = subprocess.run(
        [sys.executable, "-c", BOUNDED, str(tmp_path / "x.npy")], capture_output=True, text=True
    )
    assert found.stdout == "epochs 200000\n", found.stderr
