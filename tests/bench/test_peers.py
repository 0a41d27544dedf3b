"""JAX, PyTorch and scikit-learn, if installed, take the same steps."""

import pytest
from bench.fakes import small_task

from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.workers import SkippedError, Worker, thread_environment

PEERS = {"jax": "jax", "pytorch": "torch", "sklearn": "sklearn"}
COSTS = {"quadratic": "tanh", "log_likelihood": "softmax"}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_agrees_with_the_reference(name, cost, dtype):
    pytest.importorskip(PEERS[name])
    task = small_task(dtype, cost=cost, activations=("tanh", COSTS[cost]))
    with Worker(name, thread_environment(1)) as worker:
        try:
            worker.make(ROSTER[name].make, task, 1)
        except SkippedError:
            assert name == "sklearn"
            assert cost != "log_likelihood"
            return
        worker.call("train", 3)
        worker.call("train", 4)
        cost_there = task.judged_cost(*worker.call("parameters"))

    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert cost_there == pytest.approx(task.expected_cost(7), rel=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_has_adam(name, dtype):
    """Its state persists from call to call."""
    pytest.importorskip(PEERS[name])
    task = small_task(
        dtype, cost="log_likelihood", activations=("tanh", "softmax"), optimizer="adam",
        learning_rate=0.01,
    )  # fmt: skip
    with Worker(name, thread_environment(1)) as worker:
        worker.make(ROSTER[name].make, task, 1)
        worker.call("train", 3)
        worker.call("train", 4)
        cost_there = task.judged_cost(*worker.call("parameters"))
    # scikit-learn adds epsilon, 1e-12, to another root, of gradients of about 1e-3.
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    assert cost_there == pytest.approx(task.expected_cost(7), rel=tolerance)
    assert cost_there != pytest.approx(task.expected_cost(6), rel=10 * tolerance)
