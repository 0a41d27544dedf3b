"""JAX, PyTorch and scikit-learn, if installed, take the same steps."""

from collections.abc import Iterator

import pytest
from bench.fakes import small_task

from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.task import Task
from bpmatrix.bench.workers import Crew, SkippedError

PEERS = {"jax": "jax", "pytorch": "torch", "sklearn": "sklearn"}
COSTS = {"quadratic": "tanh", "log_likelihood": "softmax"}


@pytest.fixture(scope="module")
def crew() -> Iterator[Crew]:
    """Workers for all tests: importing a peer takes longer than the steps."""
    with Crew() as crew:
        yield crew


def cost_of_seven_steps(crew: Crew, name: str, task: Task) -> float:
    """Let a peer take three steps, and then four; return the cost of its parameters."""
    worker = crew.hire(name, 1)
    worker.make(ROSTER[name].make, task, 1)
    worker.call("train", 3)
    worker.call("train", 4)
    return task.judged_cost(*worker.call("parameters"))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_agrees_with_the_reference(crew, name, cost, dtype):
    pytest.importorskip(PEERS[name])
    task = small_task(dtype, cost=cost, activations=("tanh", COSTS[cost]))
    try:
        cost_there = cost_of_seven_steps(crew, name, task)
    except SkippedError:
        assert name == "sklearn"
        assert cost != "log_likelihood"
        return
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    assert cost_there == pytest.approx(task.expected_cost(7), rel=tolerance)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", PEERS)
def test_a_peer_has_adam(crew, name, dtype):
    """Its state persists from call to call."""
    pytest.importorskip(PEERS[name])
    task = small_task(
        dtype, cost="log_likelihood", activations=("tanh", "softmax"), optimizer="adam",
        learning_rate=0.01,
    )  # fmt: skip
    cost_there = cost_of_seven_steps(crew, name, task)
    # scikit-learn adds epsilon, 1e-12, to another root, of gradients of about 1e-3.
    tolerance = 1e-9 if dtype == "float64" else 1e-4
    assert cost_there == pytest.approx(task.expected_cost(7), rel=tolerance)
    assert cost_there != pytest.approx(task.expected_cost(6), rel=10 * tolerance)
