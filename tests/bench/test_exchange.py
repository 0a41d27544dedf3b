"""The C header and PyTorch keep the bounds on docs/exchange.md; ONNX has tests of its own."""

from __future__ import annotations

import pytest
from numeric import smallest_normal

from benchmarks import exchange
from bpmatrix.architecture.activations import ACTIVATIONS


def keeps_its_bound(name: str, activation: str, dtype: str) -> bool:
    found = exchange.difference(name, activation, dtype)
    faint = exchange.FAINT * smallest_normal(dtype)
    return found.relative <= found.most_relative and found.absolute <= found.most_absolute + faint


@pytest.mark.parametrize("dtype", exchange.DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_c_keeps_its_bound(activation, dtype):
    if exchange.FORMATS["C"].missing:
        pytest.skip("no C compiler")
    assert keeps_its_bound("C", activation, dtype)


@pytest.mark.parametrize("dtype", exchange.DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_torch_keeps_its_bound(activation, dtype):
    pytest.importorskip("torch", reason="compared with it")
    assert keeps_its_bound("PyTorch", activation, dtype)


def test_every_format_has_a_bound_for_every_function():
    for written in exchange.FORMATS.values():
        assert written.bounds.keys() == ACTIVATIONS.keys()
