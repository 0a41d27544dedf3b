"""State dicts: mappings and .safetensors files of other libraries."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bpmatrix import Network
from bpmatrix.errors import ArgumentError, DataNotFoundError, ModelFileError

RNG = np.random.default_rng(3)


def layer(n_out: int, n_in: int, dtype: str = "float32") -> dict[str, np.ndarray]:
    W = RNG.normal(size=(n_out, n_in)).astype(dtype)
    return {"weight": W, "bias": RNG.normal(size=n_out).astype(dtype)}


def state(**layers: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return a state dict; in the names of layers, _ stands for a period."""
    return {
        f"{name.replace('_', '.')}.{part}": array
        for name, parts in layers.items()
        for part, array in parts.items()
    }


def read(source: object, **how: object) -> Network:
    return Network.from_state_dict(source, **({"activation": "relu", "output": "softmax"} | how))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_and_a_mapping_give_the_same_network(tmp_path: Path, dtype: str) -> None:
    first, second = layer(3, 2, dtype), layer(4, 3, dtype)
    found = state(net_2=second, net_0=first)
    save_file(found, tmp_path / "net.safetensors", {"format": "pt"})
    for source in (found, tmp_path / "net.safetensors", str(tmp_path / "net.safetensors")):
        net = read(source, input_scale=0.5, seed=2)
        assert (
            str(net) == f"Network([2, 3, 4], relu-softmax, log_likelihood, {dtype}, 25 parameters)"
        )
        assert (net.description.input_scale, net.seed) == (0.5, 2)
        for W, b, parts in zip(net.weights, net.biases, (first, second), strict=True):
            np.testing.assert_array_equal(W, parts["weight"])
            np.testing.assert_array_equal(b[:, 0], parts["bias"])


def test_the_functions_are_given() -> None:
    found = state(a0=layer(3, 2), a1=layer(4, 3))
    assert read(found, output=None, cost="quadratic").description.activations[-1] == "identity"
    assert read(found, output=None, cost="poisson").description.activations[-1] == "exp"
    assert read(found, output="sigmoid", cost="quadratic").description.cost == "quadratic"
    net = read(found, activation=["tanh", "sigmoid"], output=None)
    assert net.description.activations == ("tanh", "sigmoid")
    with pytest.raises(ArgumentError, match="which activation function the output has"):
        read(found, output=None)
    with pytest.raises(ArgumentError, match="one activation function is needed per layer"):
        read(found, activation=["tanh"], output=None)
    with pytest.raises(ArgumentError, match="input_scale"):
        read(found, input_scale=0.0)


def test_the_order_of_layers() -> None:
    """Numbers count as numbers; words do not count, where the shapes fit in one order only."""
    many = {f"fc{k}": layer(3, 3) for k in (10, 9, 2, 1)}
    net = read(state(**many))
    for W, k in zip(net.weights, (1, 2, 9, 10), strict=True):
        np.testing.assert_array_equal(W, many[f"fc{k}"]["weight"])
    named = {"output": layer(2, 3), "hidden2": layer(3, 3), "input": layer(3, 5)}
    named["hidden1"] = layer(3, 3)
    net = read(state(**named))
    for W, name in zip(net.weights, ("input", "hidden1", "hidden2", "output"), strict=True):
        np.testing.assert_array_equal(W, named[name]["weight"])
    with pytest.raises(ModelFileError, match=r"more than one order: decoder \(4, 2\).*by numbers"):
        read(state(encoder=layer(2, 4), decoder=layer(4, 2)))
    with pytest.raises(ModelFileError, match=r"no order: a \(3, 2\), b \(5, 4\)"):
        read(state(a=layer(3, 2), b=layer(5, 4)))
    with pytest.raises(ModelFileError, match="by numbers"):
        read(state(**{name: layer(2, 2) for name in "abcdefgh"}))


def test_a_single_layer_and_missing_biases() -> None:
    assert read(layer(3, 2)).description.sizes == (2, 3)
    assert not read({"0.weight": np.eye(2)}).description.bias
    net = read({"0.weight": np.eye(2), "1.weight": np.eye(2), "1.bias": np.ones(2)})
    assert not net.biases[0].any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"1.running_mean": np.zeros(3)}, "1.running_mean, which is neither a weight nor a bias"),
        ({"weights": np.zeros(3)}, "weights, which is neither"),
        ({4: np.zeros(3)}, "4, which is neither"),
        ({"1.bias": np.zeros(3)}, "1.bias without 1.weight"),
        ({"1.weight": np.zeros(3), "1.bias": np.zeros(3)}, r"1.weight of shape \(3,\)"),
        ({"1.weight": np.zeros((2, 5))}, "1.weight: 5 inputs after a layer of 3 units"),
        ({"0.bias": np.zeros(4)}, r"0.weight: biases of shape \(4,\) in a layer of 3 units"),
        ({"1.weight": np.zeros((2, 3), "float32")}, "1.weight: .* float32 and float64"),
        ({"1.weight": np.zeros((2, 3), "int64")}, "float64 and int64"),
        ({"1.weight": np.full((2, 3), np.nan)}, "1.weight: .* not finite"),
        ({"1.weight": [[1.0, 2.0, 3.0], [1.0]]}, "1.weight: .*inhomogeneous"),
        ({"1.weight": "text"}, r"1.weight of shape \(\)"),
    ],
)
def test_what_is_wrong_is_named(change: dict, words: str) -> None:
    found = {"0.weight": np.ones((3, 2)), "0.bias": np.ones(3)} | change
    with pytest.raises(ModelFileError, match=words):
        read(found)
    with pytest.raises(ModelFileError, match="no layers"):
        read({})


def test_files_are_checked_as_model_files_are(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    with pytest.raises(DataNotFoundError):
        read(path)
    Network([2, 3]).save(path)
    with pytest.raises(ModelFileError, match=r"was saved by bpmatrix. Load it with bpmatrix.load"):
        read(path)
    save_file({"0.weight": np.zeros((3, 2), np.float16)}, path)
    with pytest.raises(ModelFileError, match=r"0.weight of type F16.*module.float\(\)"):
        read(path)
    save_file(state(a0=layer(3, 2)), path)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ModelFileError, match="not a complete"):
            read(path)
    for entry in (
        1, {"dtype": "F32"}, {"dtype": ["F32"], "shape": [1, 1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1 << 40, 4], "data_offsets": [0, 1 << 44]},
        {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]},
    ):  # fmt: skip
        head = json.dumps({"0.weight": entry}).encode()
        path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
        with pytest.raises(ModelFileError, match="not a complete"):
            read(path)


def test_tensors_of_torch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.GELU(), torch.nn.Linear(3, 2))
    net = read(module.state_dict(), activation="gelu", output="identity")
    same = Network.from_torch(module)
    assert net.description == same.description
    np.testing.assert_array_equal(net.parameters, same.parameters)
    with pytest.raises(ModelFileError, match=r"a module.* Pass module.state_dict\(\)"):
        Network.from_state_dict(module, activation="relu", output="identity")
