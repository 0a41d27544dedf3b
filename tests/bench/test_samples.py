"""Real data in each case."""

import numpy as np
import pytest

from bpmatrix import datasets
from bpmatrix.bench.samples import MOST_SAMPLES, classifier, real_samples
from bpmatrix.datasets import DataSet, Split
from bpmatrix.errors import DataNotFoundError


def found(n, n_inputs):
    """A data set of so many training samples."""
    split = Split(np.zeros((n_inputs, n), np.uint8), np.arange(n) % 10)
    return DataSet("mnist", split, split, split, 1 / 255, 10, "", "")


def test_without_mnist_the_digits_are_taken_and_nothing_is_downloaded(monkeypatch):
    load = datasets.load

    def nowhere(name, *, download=True):
        if name == "mnist":
            assert not download
            raise DataNotFoundError("no MNIST")
        return load(name)

    monkeypatch.setattr(datasets, "load", nowhere)
    samples = real_samples()

    assert samples.X.shape == (64, 1200)
    assert samples.source == "the digits of the package, 1,200 training samples"


def test_of_mnist_a_part_is_enough(monkeypatch):
    monkeypatch.setattr(datasets, "load", lambda name, download: found(MOST_SAMPLES + 1, 784))
    samples = real_samples()

    assert samples.X.shape == (784, MOST_SAMPLES)
    assert samples.targets.shape == (MOST_SAMPLES,)
    assert samples.source.startswith("MNIST")


@pytest.mark.parametrize(("m", "eta"), [(1, 0.05), (10, 0.5), (1000, 0.5)])
def test_few_samples_a_step_take_small_steps(m, eta):
    task = classifier(real_samples(), 30, m, "float32")

    assert task.sizes[1:] == (30, 10)
    assert task.learning_rate == pytest.approx(eta)
