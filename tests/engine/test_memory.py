"""Arrays that begin on a cache line."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpmatrix import Network
from bpmatrix.engine.memory import aligned_copy, aligned_zeros

DTYPES = ["float32", "float64"]


@given(st.integers(1, 500), st.sampled_from(DTYPES))
def test_aligned_zeros(elements: int, dtype: str) -> None:
    """A vector of zeros of that length and type begins on a cache line of 64 bytes."""
    vector = aligned_zeros(elements, dtype)
    assert vector.shape == (elements,)
    assert vector.dtype == dtype
    assert vector.ctypes.data % 64 == 0
    assert not vector.any()


@given(st.integers(1, 500), st.sampled_from(DTYPES))
def test_an_aligned_copy_is_equal_and_ones_own(elements: int, dtype: str) -> None:
    """Same numbers, same type, other memory."""
    vector = np.arange(elements, dtype=dtype)
    copied = aligned_copy(vector)
    assert copied.ctypes.data % 64 == 0
    assert copied.dtype == dtype
    assert copied.tolist() == vector.tolist()
    assert not np.shares_memory(copied, vector)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_parameters_of_every_network_begin_on_a_cache_line(dtype: str, tmp_path) -> None:
    """A row of 784 weights that begins elsewhere costs a tenth of the speed."""
    network = Network([784, 3], dtype=dtype, seed=1)
    network.save(tmp_path / "network.safetensors")
    loaded = Network.load(tmp_path / "network.safetensors")
    twins = [copy.deepcopy(network), pickle.loads(pickle.dumps(network)), loaded]
    for net in (network, *twins):
        assert net.parameters.ctypes.data % 64 == 0
        assert net.parameters.tolist() == network.parameters.tolist()
