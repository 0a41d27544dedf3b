"""Model files: saved networks load unchanged, and invalid files raise ModelFileError."""

from __future__ import annotations

import json
import os
import pickle
import re
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits
from safetensors import safe_open
from safetensors.numpy import save as as_safetensors
from strategies import descriptions, seeds

from bpmatrix import SGD, Adam, Huber, MLPClassifier, Network, Quantile, RMSprop
from bpmatrix.architecture.description import Description
from bpmatrix.errors import DataError, DataNotFoundError, DestinationError, ModelFileError
from bpmatrix.nielsen import network2

RNG = np.random.default_rng(11)
X, LABELS = RNG.standard_normal((30, 2)).T, RNG.integers(0, 3, 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def saved(folder: Path) -> Path:
    """Return the file of a small trained network; tests only read it."""
    net = Network([2, 3, 3], seed=6)
    net.train(X, LABELS, epochs=1, optimizer=Adam(0.125))
    net.save(folder / "saved")
    return folder / "saved"


def network_of(d: Description, seed: int) -> Network:
    return Network(
        d.sizes,
        activation=d.activations,
        cost=d.cost,
        input_scale=d.input_scale,
        bias=d.bias,
        dtype=d.dtype,
        seed=seed,
    )


def parts(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Return the tensors of a model file, and its JSON metadata."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads(file.metadata()["bpmatrix"])


def test_a_file_with_numbers_outside_the_range_of_its_dtype_loads(folder: Path) -> None:
    """0.1.0 allowed such networks; new ones are rejected."""
    path = folder / "float32"
    Network([2, 3], cost=Huber(0.5), dtype="float32", seed=1).save(path)
    tensors, metadata = parts(path)
    metadata["network"] |= {"input_scale": 1e-300, "cost": {"name": "huber", "delta": 1e-50}}
    net = Network.load(write(path, tensors, metadata))
    assert (net.description.input_scale, net.description.cost) == (1e-300, Huber(1e-50))
    assert np.isfinite(net.feedforward(X.astype(np.float32))).all()


def test_a_cost_with_a_parameter_is_saved_and_loaded(folder: Path) -> None:
    """With name and parameter; only a name in a file means the default."""
    path = folder / "huber"
    net = Network([2, 3], cost=Huber(0.5), seed=1)
    net.save(path)
    tensors, metadata = parts(path)
    assert metadata["network"]["cost"] == {"name": "huber", "delta": 0.5}
    assert Network.load(path).description == net.description
    metadata["network"]["cost"] = "quantile"
    assert Network.load(write(path, tensors, metadata)).description.cost == Quantile(0.5)


def write(path: Path, tensors: dict, metadata: object) -> Path:
    """Write a file with these tensors and metadata, given as JSON text or as an object."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    path.write_bytes(as_safetensors(tensors, {"bpmatrix": text}))
    return path


def assert_refused(path: Path, *words: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        Network.load(path)
    assert type(caught.value) is ModelFileError
    assert isinstance(caught.value, ValueError)
    assert str(path) in str(caught.value)
    assert [word for word in words if word not in str(caught.value)] == []


# --------------------------------------------------------------------------------- save and load


@settings(max_examples=60)
@given(descriptions(), seeds, st.sampled_from([1.0, 1 / 255, -2.5, 1e-30]), st.integers(0, 2))
def test_a_network_loads_unchanged(folder, d, seed: int, scale: float, epochs: int) -> None:
    """Description, every bit of the parameters, seed, epochs, record and order."""
    net = network_of(Description(d.sizes, d.activations, d.cost, scale, d.bias, d.dtype), seed)
    inputs = np.zeros((d.sizes[0], 3))
    targets = np.full((d.sizes[-1], 3), 1 / d.sizes[-1])
    net.train(inputs, targets, epochs=epochs, optimizer=SGD(2.0**-10))
    net.save(folder / "net")
    same = Network.load(folder / "net")
    assert same.description == net.description
    assert same_bits(same.parameters, net.parameters)
    assert same.parameters.dtype == net.parameters.dtype
    assert (same.seed, same.epochs, same.trained) == (net.seed, net.epochs, net.trained)
    assert same._training.shuffler.permutation(9).tolist() == (
        net._training.shuffler.permutation(9).tolist()
    )
    assert all(np.shares_memory(W, same.parameters) for W in same.weights)
    assert same.parameters.flags.writeable
    assert same_bits(same.feedforward(inputs), net.feedforward(inputs))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("optimizer", [None, SGD(0.125)])
@pytest.mark.parametrize("first", [SGD(0.25), SGD(0.25, momentum=0.5), RMSprop(0.25), Adam(0.25)])
def test_training_continues_after_loading(tmp_path, dtype, first, optimizer) -> None:
    """Bit for bit as without saving; without an optimizer, `train` uses that of the previous run.

    Its state carries over, and so does the number of steps, which determines dropout.
    """
    net = Network([2, 5, 3], dtype=dtype, seed=9)
    net.train(X, LABELS, epochs=2, optimizer=first, mini_batch_size=7, dropout=0.2)
    net.save(tmp_path / "net")
    same = Network.load(tmp_path / "net")
    how = {"epochs": 3, "optimizer": optimizer, "mini_batch_size": 7, "dropout": 0.2}
    histories = [one.train(X, LABELS, **how) for one in (net, same)]
    assert same_bits(same.parameters, net.parameters)
    assert histories[0].cost == histories[1].cost
    assert histories[0].learning_rate == histories[1].learning_rate
    assert histories[0].learning_rate == [0.25 if optimizer is None else 0.125] * 3
    assert [e.epoch for e in histories[1].epochs] == [3, 4, 5]
    same.save(tmp_path / "same")
    net.save(tmp_path / "net")
    assert (tmp_path / "same").read_bytes() == (tmp_path / "net").read_bytes()


def test_the_file_is_as_documented(saved: Path) -> None:
    """Tensors with plain names and shapes, and one JSON entry with its version."""
    tensors, metadata = parts(saved)
    assert {name: tensor.shape for name, tensor in tensors.items()} == {
        "layer.1.weights": (3, 2),
        "layer.1.biases": (3, 1),
        "layer.2.weights": (3, 3),
        "layer.2.biases": (3, 1),
        "optimizer.moments": (2, 21),
    }
    net = Network.load(saved)
    assert tensors["layer.2.weights"].tolist() == net.weights[1].tolist()
    assert metadata["version"] == 1
    assert metadata["network"] == {
        "sizes": [2, 3, 3],
        "activations": ["sigmoid", "sigmoid"],
        "cost": "cross_entropy",
        "input_scale": 1.0,
        "bias": True,
        "dtype": "float64",
    }
    assert (metadata["seed"], metadata["epochs"]) == (6, 1)
    adam = {
        "name": "Adam", "learning_rate": 0.125, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8
    }  # fmt: skip
    assert metadata["optimizer"] == adam
    assert metadata["state"] == {"optimizer": adam, "steps": 3}
    with safe_open(saved, framework="numpy") as file:
        assert file.metadata().keys() == {"bpmatrix", "digest"}


def test_a_file_without_a_state(saved: Path, folder: Path) -> None:
    """The optimizer starts with an empty state."""
    tensors, metadata = parts(saved)
    del metadata["state"], tensors["optimizer.moments"]
    net = Network.load(write(folder / "stateless", tensors, metadata))
    fresh = Network([2, 3, 3], seed=1)
    fresh.parameters[:] = net.parameters
    for one in (net, fresh):
        one.train(X, LABELS, epochs=1, optimizer=Adam(0.125), shuffle=False)
    assert same_bits(net.parameters, fresh.parameters)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_is_a_string_or_a_path(tmp_path: Path, kind) -> None:
    """For saving and for loading."""
    Network([2, 1], seed=1).save(kind(tmp_path / "net"))
    assert Network.load(kind(tmp_path / "net")).seed == 1


def test_a_loaded_network_does_not_depend_on_its_file(saved: Path, tmp_path: Path) -> None:
    """Changing or deleting the file after loading does not affect the network."""
    path = tmp_path / "net"
    path.write_bytes(saved.read_bytes())
    net = Network.load(path)
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
    path.unlink()
    assert same_bits(net.parameters, Network.load(saved).parameters)


# ------------------------------------------------------------------------------------------- saving


def test_a_state_of_the_optimizer_that_is_not_finite_is_not_saved(saved, tmp_path) -> None:
    """It would be a file that cannot be loaded."""
    net = Network.load(saved)
    net._training.optimizer_state.moments[1, 2] = np.inf
    with pytest.raises(DataError, match="not finite"):
        net.save(tmp_path / "net")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, -1])
def test_weights_that_are_not_finite_are_not_saved(saved, tmp_path, bad: float, place: int) -> None:
    """The file is not touched."""
    path = tmp_path / "net"
    path.write_bytes(saved.read_bytes())
    net = Network.load(path)
    net.parameters[place] = bad
    with pytest.raises(DataError, match="not finite"):
        net.save(path)
    assert path.read_bytes() == saved.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


def test_a_failure_while_saving_keeps_the_old_model(saved, tmp_path, monkeypatch) -> None:
    """If the disk is full, the old model can still be loaded, and no other file is left."""
    path = tmp_path / "net"
    path.write_bytes(saved.read_bytes())

    def fail(descriptor: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        Network([2, 3, 3]).save(path)
    assert path.read_bytes() == saved.read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


def test_saving_to_a_folder_is_an_error(tmp_path: Path) -> None:
    """A path that is a folder, or whose folder does not exist, raises OSError."""
    (tmp_path / "model").mkdir()
    for path in (tmp_path / "model", tmp_path / "nowhere" / "model"):
        with pytest.raises(OSError, match=re.escape(path.parent.name)):
            Network([2, 1]).save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_no_model_is_saved_into_a_pipe(tmp_path: Path) -> None:
    """Network, book network and estimator: the pipe is left alone, and the call does not hang."""
    pipe = tmp_path / "model"
    os.mkfifo(pipe)
    pytest.importorskip("sklearn")
    with pytest.warns(match="converged"):
        estimator = MLPClassifier(hidden_layer_sizes=(2,), max_iter=1).fit([[0.0], [1.0]], [0, 1])
    for model in (Network([2, 1]), network2.Network([2, 1]), estimator):
        with pytest.raises(DestinationError, match="model is a pipe"):
            model.save(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]


# ------------------------------------------------------------------------------------ damaged files


@pytest.mark.parametrize("where", ["missing", ".", "saved/below"])
def test_no_file_is_a_file_not_found_error(saved: Path, where: str) -> None:
    """A missing file, a folder, a path below a file: the error names the path."""
    with pytest.raises(FileNotFoundError) as caught:
        Network.load(saved.parent / where)
    assert isinstance(caught.value, DataNotFoundError)
    assert str(saved.parent / where) in str(caught.value)


def test_truncation_at_every_byte(saved: Path, folder: Path) -> None:
    """A file truncated anywhere raises ModelFileError, and nothing else."""
    whole = saved.read_bytes()
    path = folder / "truncated"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert_refused(path)


def test_additional_bytes(saved: Path, folder: Path) -> None:
    """A file with bytes after its end is rejected."""
    path = folder / "longer"
    path.write_bytes(saved.read_bytes() + b"\0")
    assert_refused(path)


def load_or_refuse(path: Path, shape: tuple) -> None:
    """Assert that a file is rejected, or contains a valid network of the same shape."""
    try:
        net = Network.load(path)
    except ModelFileError:
        return
    assert net.description.sizes == shape
    assert np.isfinite(net.parameters).all()
    assert net.feedforward(np.zeros((shape[0], 2))).shape == (shape[-1], 2)
    assert net._training.shuffler.permutation(3).size == 3


def load_or_refuse_the_same(path: Path, net: Network) -> None:
    """Assert that a file is rejected, or contains an equal network."""
    try:
        same = Network.load(path)
    except ModelFileError:
        return
    assert same.description == net.description
    assert same_bits(same.parameters, net.parameters)
    assert (same.seed, same.epochs, same.trained) == (net.seed, net.epochs, net.trained)
    assert same._training.to_json() == net._training.to_json()
    states = [one._training.optimizer_state for one in (same, net)]
    assert same_bits(states[0].moments, states[1].moments)


def test_a_changed_byte_anywhere(saved: Path, folder: Path) -> None:
    """Each byte is changed in two ways."""
    net, content, path = Network.load(saved), saved.read_bytes(), folder / "changed"
    for place in range(len(content)):
        for bit in (1, 64):
            changed = bytearray(content)
            changed[place] ^= bit
            path.write_bytes(changed)
            load_or_refuse_the_same(path, net)


@settings(max_examples=600)
@given(data=st.data())
def test_flipped_bytes(saved: Path, folder: Path, data) -> None:
    """Changing some bytes gives a ModelFileError or an equal network."""
    content = bytearray(saved.read_bytes())
    header = 8 + struct.unpack("<Q", content[:8])[0]
    # Most of the file is numbers, where a change does not reach the checks of the header.
    places = st.integers(0, header - 1) | st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=3)):
        digits = st.sampled_from(b"0123456789-+.eE\"'{}[],: tfnNI\\u")
        content[place] = data.draw(digits | st.integers(0, 255))
    path = folder / "flipped"
    path.write_bytes(content)
    load_or_refuse_the_same(path, Network.load(saved))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def places_of(tree: object, path: tuple = ()) -> list[tuple]:
    """Return the path of keys to every value of a JSON tree."""
    if isinstance(tree, dict):
        pairs = tree.items()
    else:
        pairs = enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(place for key, value in pairs for place in places_of(value, (*path, key)))]


def replaced(tree: object, path: tuple, value: object) -> object:
    if not path:
        return value
    copy = tree.copy()
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


@settings(max_examples=300)
@given(data=st.data(), value=JSON | st.integers(-(2**200), 2**200))
def test_any_value_in_any_place_of_the_metadata(saved, folder, data, value) -> None:
    """Any JSON anywhere in the metadata gives a ModelFileError or a valid network."""
    tensors, metadata = parts(saved)
    place = data.draw(st.sampled_from(places_of(metadata)))
    path = write(folder / "replaced", tensors, replaced(metadata, place, value))
    load_or_refuse(path, (2, 3, 3))


HUGE = 10**400
WRONG_VALUES = {
    ("version",): [0, 2, "1", None, [1]],
    ("network",): [None, [], {}, 5, "network"],
    ("network", "sizes"): [
        None, 5, "233", [], [2], [2, 3], [2, 3, 3, 1], [3, 3, 2], [2, 0, 3], [2, -3, 3],
        [2.0, 3.0, 3.0], ["2", "3", "3"], [2, True, 3], [2, None, 3], [2, [3], 3],
        [2, 10**6, 3], [10**12, 10**12, 10**12], [2, 10**30, 3], [2, HUGE, 3], {"2": 3},
    ],
    ("network", "activations"): [
        None, 5, "sigmoid", [], ["sigmoid"], ["sigmoid"] * 3, ["softmax", "sigmoid"],
        ["swish", "sigmoid"], [1, 2], [["sigmoid"], "sigmoid"], [None, None],
        ["sigmoid", "identity"],
    ],
    ("network", "cost"): [
        *(None, 5, "hinge", "log_likelihood", ["cross_entropy"], {}, {"name": "cross_entropy"}),
        *({"name": "huber", "delta": -1}, {"name": "huber", "q": 1}, {"delta": 1}),
    ],
    ("network", "input_scale"): [None, 0, 0.0, "1", True, HUGE, [1.0]],
    ("network", "bias"): [None, False, 0, 1, 2, 1.0, "yes", "", [], [True]],
    ("network", "dtype"): [None, "float32", "float16", "f8", 8, ["float64"]],
    ("seed",): [None, -1, 1.0, "1", True, [1]],
    ("epochs",): [None, -1, 1.0, "1", True, [1], 2**62],
    ("shuffler",): [None, 5, [], {}, "PCG64"],
    ("shuffler", "bit_generator"): [None, "MT19937", 5, "pcg64"],
    ("shuffler", "state"): [None, 5, [], {}, {"state": 1}, {"inc": 1}],
    ("shuffler", "state", "state"): [None, -1, 2**128, 1.5, "1", [1]],
    ("shuffler", "state", "inc"): [None, -1, 2**128, 1.5, "1", [1]],
    ("shuffler", "has_uint32"): [None, "x", [1], 1.5, 2**64],
    ("shuffler", "uinteger"): [None, -1, "x", [1], 1.5, 2**32],
    ("optimizer",): [5, "Adam", [], {}, {"name": "SGD"}],
    ("optimizer", "name"): [None, 5, "Optimizer", "adam", ["Adam"]],
    ("optimizer", "learning_rate"): [None, -1.0, "1", [1.0], True],
    ("optimizer", "beta_1"): [None, 1.0, -0.5, "0"],
    ("state",): [None, 5, [], {}, "Adam"],
    ("state", "optimizer"): [None, 5, {}, {"name": "SGD", "learning_rate": 0.5}],
    ("state", "steps"): [None, -1, 1.0, "1", True, 2**63],
    ("trained",): [None, 5, "", "ab", {}, [5], [None], [["ab"]], ["ab"]],
}  # fmt: skip


@pytest.mark.parametrize("place", WRONG_VALUES, ids=".".join)
def test_wrong_values_in_the_metadata(saved: Path, folder: Path, place: tuple) -> None:
    """Values of the wrong type, out of range, or in conflict with the tensors are rejected."""
    tensors, metadata = parts(saved)
    for value in WRONG_VALUES[place]:
        path = write(folder / "wrong", tensors, replaced(metadata, place, value))
        try:
            assert_refused(path)
        except pytest.fail.Exception:
            pytest.fail(f"{'.'.join(place)} = {value!r} was accepted")


WITH_DEFAULTS = {(), ("optimizer", "learning_rate"), ("optimizer", "beta_1")}


@pytest.mark.parametrize("place", [p for p in WRONG_VALUES if p not in WITH_DEFAULTS], ids=".".join)
def test_missing_entries_of_the_metadata(saved: Path, folder: Path, place: tuple) -> None:
    """Every entry is required except the parameters of Adam, which have defaults."""
    tensors, metadata = parts(saved)
    parent = metadata
    for key in place[:-1]:
        parent = parent[key]
    del parent[place[-1]]
    assert_refused(write(folder / "missing", tensors, metadata))


def test_a_wrong_version_names_both_versions(saved: Path, folder: Path) -> None:
    """The error names the file's version and the supported one."""
    tensors, metadata = parts(saved)
    path = write(folder / "version", tensors, metadata | {"version": 7})
    assert_refused(path, "version", "got 7", "expected 1")


WRONG_TEXTS: dict[str, Callable[[str], str]] = {
    "empty": lambda text: "",
    "no JSON": lambda text: text[:-1],
    "two values": lambda text: text + text,
    "a list": lambda text: f"[{text}]",
    "a number": lambda text: "1",
    "null": lambda text: "null",
    "a string": json.dumps,
    "NaN": lambda text: text.replace('"input_scale": 1.0', '"input_scale": NaN'),
    "Infinity": lambda text: text.replace('"input_scale": 1.0', '"input_scale": Infinity'),
    "too large": lambda text: text.replace('"input_scale": 1.0', '"input_scale": 1e999'),
    "too large in a run": lambda text: text.replace('"weight_decay": 0.0', '"weight_decay": 1e999'),
    "NaN in the record": lambda text: text.replace('"epochs": 1', '"epochs": NaN', 1),
    "NaN in a run": lambda text: text.replace('"weight_decay": 0.0', '"weight_decay": NaN'),
    "a key twice": lambda text: text.replace('"epochs": 1', '"epochs": 1, "epochs": 1'),
    "a key twice inside": lambda text: text.replace('"bias"', '"dtype": "float64", "bias"'),
    "a key too many": lambda text: text.replace('"bias"', '"class": "os.system", "bias"'),
    "nested too deep": lambda text: "[" * 200_000,
    "nested too deep inside": lambda text: text.replace("1.0", "[" * 200_000 + "]" * 200_000),
    "too many digits": lambda text: text.replace('"epochs": 1', '"epochs": ' + "1" * 10_000, 1),
}


@pytest.mark.parametrize("kind", WRONG_TEXTS)
def test_texts_that_are_not_the_metadata(saved: Path, folder: Path, kind: str) -> None:
    """Text that is not JSON, ambiguous JSON, or other JSON is rejected."""
    tensors, metadata = parts(saved)
    text = json.dumps(metadata)
    changed = WRONG_TEXTS[kind](text)
    assert changed != text
    assert_refused(write(folder / "text", tensors, changed))


def without(tensors: dict, name: str) -> dict:
    return {key: tensor for key, tensor in tensors.items() if key != name}


WRONG_TENSORS: dict[str, Callable[[dict], dict]] = {
    "none": lambda t: {},
    "missing weights": lambda t: without(t, "layer.2.weights"),
    "missing biases": lambda t: without(t, "layer.1.biases"),
    "thousands": lambda t: t | {f"t{k}": np.zeros(0) for k in range(5000)},
    "one too many": lambda t: t | {"layer.3.weights": np.ones((1, 3))},
    "a foreign one": lambda t: t | {"optimizer": np.ones(3)},
    "other names": lambda t: {name.replace("layer", "dense"): a for name, a in t.items()},
    "transposed": lambda t: t | {"layer.1.weights": np.ones((2, 3))},
    "flat": lambda t: t | {"layer.1.weights": np.ones(6)},
    "three axes": lambda t: t | {"layer.1.weights": np.ones((1, 3, 2))},
    "no axis": lambda t: t | {"layer.1.weights": np.array(1.0)},
    "empty": lambda t: t | {"layer.1.weights": np.ones((0, 2))},
    "too large": lambda t: t | {"layer.1.weights": np.ones((3, 4))},
    "row of biases": lambda t: t | {"layer.1.biases": np.ones((1, 3))},
    "float32": lambda t: {name: a.astype(np.float32) for name, a in t.items()},
    "one float32": lambda t: t | {"layer.1.biases": np.ones((3, 1), np.float32)},
    "float16": lambda t: t | {"layer.1.biases": np.ones((3, 1), np.float16)},
    "int64": lambda t: t | {"layer.1.biases": np.ones((3, 1), np.int64)},
    "uint8": lambda t: t | {"layer.1.biases": np.ones((3, 1), np.uint8)},
    "bool": lambda t: t | {"layer.1.biases": np.ones((3, 1), bool)},
    "no moments": lambda t: without(t, "optimizer.moments"),
    "one moment": lambda t: t | {"optimizer.moments": np.ones((1, 21))},
    "too many moments": lambda t: t | {"optimizer.moments": np.ones((2, 22))},
    "a mean of squares below 0": lambda t: t | {"optimizer.moments": np.full((2, 21), -1.0)},
    "NaN in the moments": lambda t: t | {"optimizer.moments": np.full((2, 21), np.nan)},
    "NaN": lambda t: t | {"layer.1.biases": np.full((3, 1), np.nan)},
    "infinity": lambda t: t | {"layer.2.weights": np.full((3, 3), -np.inf)},
}


@pytest.mark.parametrize("kind", WRONG_TENSORS)
def test_tensors_that_are_not_those_of_the_network(saved: Path, folder: Path, kind: str) -> None:
    """Missing, additional and misshapen tensors, other dtypes, NaN and infinity are rejected."""
    tensors, metadata = parts(saved)
    assert_refused(write(folder / "tensors", WRONG_TENSORS[kind](tensors), metadata))


def test_a_network_without_biases_has_no_tensors_for_them(saved: Path, folder: Path) -> None:
    """Biases in the file of a network without biases are rejected."""
    tensors, metadata = parts(saved)
    metadata["network"]["bias"] = False
    metadata["state"] = None
    del tensors["optimizer.moments"]
    assert_refused(write(folder / "biases", tensors, metadata), "layer.1.biases")
    weights = {name: a for name, a in tensors.items() if "weights" in name}
    assert Network.load(write(folder / "biases", weights, metadata)).biases == ()


def raw(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """Return the bytes of a .safetensors file that the library would not write."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape: list, start: int, end: int, dtype: str = "F64") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


RAW_FILES = {
    "empty": b"",
    "a text": b"This is not a model, it is a text of some length.",
    "zeros": bytes(1000),
    "a header of 2^63 bytes": raw({}, length=2**63),
    "a header of 2^64 - 1 bytes": raw({}, length=2**64 - 1),
    "a header longer than the file": raw({}, length=1000),
    "a header that is not JSON": raw(b"{{{{"),
    "a header that is not text": raw(b"\xff\xfe\xfd\xfc"),
    "a shape of 8 TiB": raw({"layer.1.weights": tensor([2**40, 1], 0, 8)}, bytes(8)),
    "a shape that overflows": raw({"layer.1.weights": tensor([2**63, 4], 0, 8)}, bytes(8)),
    "a negative shape": raw({"layer.1.weights": tensor([-1, 1], 0, 8)}, bytes(8)),
    "offsets that overlap": raw({"a": tensor([1], 0, 8), "b": tensor([1], 0, 8)}, bytes(8)),
    "offsets beyond the end": raw({"a": tensor([1], 8, 16)}, bytes(8)),
    "offsets backward": raw({"a": tensor([1], 8, 0)}, bytes(8)),
    "an unknown type": raw({"a": tensor([1], 0, 8, "C64")}, bytes(8)),
    "metadata that are not text": raw({"__metadata__": {"bpmatrix": {"version": 1}}}),
    "no metadata": raw({"a": tensor([1], 0, 8)}, bytes(8)),
    "metadata of another library": raw({"__metadata__": {"format": "pt"}}),
}


@pytest.mark.parametrize("kind", RAW_FILES)
def test_files_that_are_not_models(folder: Path, kind: str) -> None:
    """Other formats, absurd sizes and foreign .safetensors files are rejected."""
    path = folder / "raw"
    path.write_bytes(RAW_FILES[kind])
    assert_refused(path)


def test_a_foreign_file_is_not_called_damaged(folder: Path) -> None:
    """A complete .safetensors file of another library."""
    path = folder / "foreign"
    path.write_bytes(as_safetensors({"weight": np.ones((2, 2))}, {"format": "pt"}))
    assert_refused(path, "not saved by bpmatrix")


def test_shapes_are_compared_before_memory_is_allocated(saved: Path, folder: Path) -> None:
    """A description of a network too large for memory is rejected by the shapes of its tensors."""
    tensors, metadata = parts(saved)
    metadata["network"]["sizes"] = [2, 2**30, 3]
    assert_refused(write(folder / "huge", tensors, metadata), "layer.1.weights", f"{2**30}")


class Trap:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple:
        return os.mkdir, (self.path,)


def test_a_pickle_is_never_read(tmp_path: Path) -> None:
    """A pickle is rejected, and nothing in it is executed."""
    path, marker = tmp_path / "net", tmp_path / "executed"
    path.write_bytes(pickle.dumps(Trap(marker)))
    assert_refused(path)
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists()  # the trap works
