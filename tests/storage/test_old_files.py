"""Model files of 0.1.0 load, and give the same outputs.

The files and their outputs were written by version 0.1.0.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bpmatrix
from bpmatrix import Adam

MODELS = Path(__file__).parent / "models"
SAID = json.loads((MODELS / "said-by-0.1.0.json").read_text(encoding="utf-8"))
X = np.array(SAID["X"])


def test_a_network_gives_the_same_outputs():
    """The same bits: float32 is exact in JSON, and the order of every sum is guaranteed."""
    net = bpmatrix.load(MODELS / "network-0.1.0.safetensors")
    assert net.feedforward(X).tolist() == SAID["network"]
    assert (net.seed, net.epochs, len(net.trained)) == (7, 3, 1)


def test_a_network_continues_with_its_optimizer():
    net = bpmatrix.Network.load(MODELS / "network-0.1.0.safetensors")
    net.train(X, [0, 1, 2, 1], epochs=1)
    assert net.trained[-1]["optimizer"] == repr(Adam(0.01))


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
def test_an_estimator_gives_the_same_outputs(kind: str):
    model = bpmatrix.load(MODELS / f"{kind}-0.1.0.safetensors")
    answer = model.predict_proba(X.T) if kind == "classifier" else model.predict(X.T)
    # Standardization uses NumPy, whose last bits may change with its version.
    np.testing.assert_allclose(answer, SAID[kind], rtol=1e-12, atol=1e-14)
    if kind == "classifier":
        assert model.classes_.tolist() == ["high", "low", "mid"]
