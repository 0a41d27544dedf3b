"""The barrier of the threads, and the part that each of them owns."""

import threading

import compiled
import numpy as np
import pytest
from guarded import Guarded
from strategies import make_case

from bpmatrix import SGD
from bpmatrix.architecture.description import Description
from bpmatrix.engine.compilation import load_program
from bpmatrix.engine.threads import run_together
from bpmatrix.engine.workspace import sample_weight_columns
from bpmatrix.kernels import codes, rules
from bpmatrix.kernels.arguments import TrainSlice


@pytest.mark.parametrize("grain", [1, 2, 3, 4, 6])
def test_shares_cover_all_lines_once(grain):
    """In order, without gap or overlap, in whole tiles, and none has a tile more than another."""
    for n in range(40):
        for threads in range(1, 9):
            parts = [compiled.share_of(n, t, threads, grain) for t in range(threads)]
            owned = [i for first, last in parts for i in range(first, last)]
            assert owned == list(range(n))
            assert all(first % grain == 0 or first == n for first, _ in parts)
            tiles = [-(-(last - first) // grain) for first, last in parts]
            assert max(tiles) - min(tiles) <= 1


def test_control_words_that_change_have_cache_lines_of_their_own():
    """A thread that raises its flag takes no line away from those who wait."""
    places = {codes.ARRIVALS, codes.CALLED_OFF, codes.FLAGS}
    assert len({place // codes.SPACING for place in places}) == 3


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 8])
def test_no_thread_passes_a_barrier_before_all_arrive(threads):
    """No thread ever finds another one in an earlier round; every atomic addition counts."""
    rounds = 300
    places, counter = np.zeros(8 * threads, np.int64), np.zeros(1, np.int64)
    behind = np.full(threads, -9)

    def walk(t, control):
        behind[t] = compiled.meet(t, threads, control, rounds, places, counter)
        return int(behind[t])

    # What is compiled while others wait at a barrier would make them spin for seconds.
    compiled.meet(0, 1, np.zeros(32, np.int64), 1, np.zeros(8, np.int64), np.zeros(1, np.int64))
    assert run_together(threads, walk) == 0
    assert behind.tolist() == [0] * threads
    assert counter[0] == rounds * threads


def test_a_waiting_thread_can_be_called_off():
    """A thread whose partner never comes leaves the barrier when the flag is raised."""
    compiled.meet(0, 1, np.zeros(32, np.int64), 1, np.zeros(8, np.int64), np.zeros(1, np.int64))
    control, result = np.zeros(32, np.int64), []
    counter = np.zeros(1, np.int64)
    waiting = threading.Thread(
        target=lambda: result.append(
            compiled.meet(0, 2, control, 1, np.zeros(16, np.int64), counter)
        )
    )
    waiting.start()
    while control[codes.ARRIVALS] == 0:  # until it stands at the barrier
        threading.Event().wait(0.001)
    assert waiting.is_alive()
    control[codes.CALLED_OFF] = 1
    waiting.join()
    assert result == [-1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("sizes", "by_rows"), [((3, 4, 2), False), ((12, 8, 2), True)])
def test_training_that_is_called_off_takes_no_step(sizes, by_rows, dtype):
    """A thread of two that is called off at the first barrier returns -1 and leaves theta alone.

    It comes to no other barrier, where the one that it left behind would take it for two.
    """
    case = make_case(Description(sizes, ("tanh", "sigmoid"), "quadratic", dtype=dtype), 6, 1)
    g, control = Guarded(case, 6, 2), np.zeros(32, np.int64)
    assert (g.plan.own_inputs > 0) == by_rows
    nothing = np.zeros((0, case.theta.size), dtype)
    control[codes.CALLED_OFF] = 1
    numbers, batches = SGD(1.0).steps(1.0, 0, 1), np.array([[0, 6, 0]])
    given = TrainSlice(
        table=g.table, theta=g.theta, moments=nothing, sums=nothing, work=g.work, X=g.X, Y=g.Y,
        V=sample_weight_columns(None), order=np.arange(6), batches=batches, rule=rules.PLAIN,
        hyperparameters=numbers, seed=0, first_step=0, costs=np.zeros(6),
        hits=np.zeros(6, np.int64), totals=np.zeros((1, 3)), parts=np.zeros((0, 2)),
        groups=1, first_group=0, exchange=0,
    )  # fmt: skip
    taken = load_program("train_slice", dtype)(0, 2, control, tuple(given))
    assert taken == -1
    assert control[codes.ARRIVALS] == 1
    assert (g.theta == case.theta).all()
