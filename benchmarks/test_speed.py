"""The speed of steps, the sigmoid, an epoch and a prediction, with pytest-benchmark.

``pytest benchmarks`` measures, ``--benchmark-autosave`` stores the figures, and
``--benchmark-compare`` compares with stored ones. Compiled functions are called once before they
are measured.
"""

from typing import Any

import numpy as np
import pytest

from bpmatrix import Network
from bpmatrix.bench.contenders import ROSTER
from bpmatrix.bench.task import TrainingData, classifier, real_data
from bpmatrix.kernels.codes import SIGMOID
from bpmatrix.kernels.elementwise import activate
from bpmatrix.kernels.machine.instructions import at
from bpmatrix.kernels.machine.jit import program
from bpmatrix.kernels.views import Lines

DTYPES = ("float64", "float32")
WIDTH, STEPS = 30, 10


@program
def engine_sigmoid(z: Any, a: Any) -> None:
    """Compute a = sigma(z), vectors of the same size."""
    n = z.size
    activate(SIGMOID, Lines(at(z, 0, n), 1, n, n), Lines(at(a, 0, n), 1, n, n))


@pytest.fixture(scope="module")
def samples() -> TrainingData:
    """MNIST if it is found, else the digits."""
    return real_data()


@pytest.mark.parametrize("mini_batch_size", [1, 10, 100, 1000])
@pytest.mark.parametrize(
    ("contender", "dtype"),
    [("loop", "float64"), ("numpy", "float64"), ("bpmatrix", "float64"), ("bpmatrix", "float32")],
)
def test_steps(
    benchmark: Any, samples: TrainingData, contender: str, dtype: str, mini_batch_size: int
) -> None:
    """The loop over single samples, the matrix in NumPy and the engine, on one thread."""
    benchmark.group = f"{STEPS} steps with mini-batches of {mini_batch_size:,}"
    task = classifier(samples, WIDTH, mini_batch_size, dtype)
    trainer = ROSTER[contender].make(task, 1)
    trainer.train(STEPS)
    benchmark(trainer.train, STEPS)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("library", ["bpmatrix", "scipy", "torch"])
def test_sigmoid(benchmark: Any, library: str, dtype: str) -> None:
    """The sigmoid of a vector, into an existing array."""
    z = np.random.default_rng(0).normal(scale=3, size=3200).astype(dtype)
    a = np.empty_like(z)
    benchmark.group = f"sigmoid of {z.size:,} numbers, {dtype}"
    if library == "bpmatrix":
        engine_sigmoid(z, a)
        benchmark(engine_sigmoid, z, a)
    elif library == "scipy":
        benchmark(pytest.importorskip("scipy.special").expit, z, out=a)
    else:
        torch = pytest.importorskip("torch")
        torch.set_num_threads(1)
        benchmark(torch.sigmoid, torch.from_numpy(z), out=torch.from_numpy(a))
    np.testing.assert_allclose(a, 1 / (1 + np.exp(-z)), rtol=1e-5)


@pytest.mark.parametrize("n_threads", [1, "auto"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_epoch(benchmark: Any, samples: TrainingData, dtype: str, n_threads: int | str) -> None:
    """`Network.train` of the book's network, including checks."""
    benchmark.group = "an epoch with mini-batches of 10"
    net = Network([len(samples.X), WIDTH, 10], input_scale=samples.scale, dtype=dtype, seed=1)

    def epoch() -> None:
        net.train(samples.X, samples.targets, epochs=1, n_threads=n_threads)

    epoch()
    benchmark(epoch)


@pytest.mark.parametrize("columns", [1, 10_000])
@pytest.mark.parametrize("dtype", DTYPES)
def test_prediction(benchmark: Any, dtype: str, columns: int) -> None:
    """`Network.feedforward` of the book's network, including checks."""
    benchmark.group = f"prediction of {columns:,} columns, {dtype}"
    net = Network([784, WIDTH, 10], dtype=dtype, seed=1)
    X = np.random.default_rng(0).random((columns, 784)).astype(dtype).T
    net.feedforward(X)
    benchmark(net.feedforward, X)
