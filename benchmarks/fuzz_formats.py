"""Small files of every format for `python -m benchmarks fuzz`, and how each is read."""

import contextlib
import gzip
import io
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save as as_safetensors

import bpmatrix
from bpmatrix import Adam, MLPClassifier, MLPRegressor, Network, TableEncoder, cli, datasets
from bpmatrix.datasets.idx import read_idx
from bpmatrix.datasets.npz import read_npz
from bpmatrix.datasets.tables import open_table
from bpmatrix.errors import ArgumentError, ModelFileError
from bpmatrix.nielsen import network2
from bpmatrix.nielsen.pickled import read_pickled_arrays
from bpmatrix.storage import tensor_files

# Every activation function, as PyTorch writes them.
ONNX = Path(__file__).parents[1] / "tests/exchange/models/torch-script-opset-13.onnx"


@dataclass(frozen=True)
class Format:
    """A file, and how to read it.

    Attributes
    ----------
    content : bytes
        The bytes that are damaged.
    read : function
        Reads a file and returns its contents as bytes, equal for equal contents.
    name : str
        The file's name.
    wrap : function
        Makes a file from the damaged content, for example by compressing it: otherwise a checksum
        would detect nearly all damage.
    is_sealed : bool
        Whether the file has a digest, so that reading different contents is a fault.
    """

    content: bytes
    read: Callable[[Path], bytes]
    name: str = "damaged"
    wrap: Callable[[bytes], bytes] = bytes
    is_sealed: bool = False


def frozen(value: object) -> bytes:
    """Return bytes that are equal for equal values, to the last bit."""
    file = io.BytesIO()
    pickler = pickle.Pickler(file)
    pickler.fast = True  # no references, which depend on the identity of objects
    pickler.dump(value)
    return file.getvalue()


def model_in(path: Path) -> bytes:
    """Return a loaded model."""
    return frozen(bpmatrix.load(path))


def used_model_in(path: Path) -> bytes:
    """Return a loaded model, after using it in a prediction and in `bpmatrix info`."""
    model = bpmatrix.load(path)
    if isinstance(model, Network):
        model.predict(np.zeros((model.description.sizes[0], 1)))
    else:
        model.predict(np.zeros((1, model.n_features_in_)))
    with contextlib.redirect_stdout(io.StringIO()):
        if cli.main(["info", str(path)]):
            raise RuntimeError("info refuses what load accepts")
    return frozen(model)


def resumed(path: Path) -> bytes:
    """Return the result of a run resumed from a checkpoint, the only one in its folder."""
    net = Network([3, 4, 2], seed=1)
    X = np.arange(36.0).reshape(3, 12) / 36
    before = net.parameters.tobytes()
    try:
        history = net.train(
            X, np.arange(12) % 2, epochs=2, mini_batch_size=4, optimizer=Adam(), n_threads=1,
            checkpoint=path.parent,
        )  # fmt: skip
    except (ArgumentError, ModelFileError):
        if (net.parameters.tobytes(), net.epochs, net.trained) != (before, 0, []):
            raise RuntimeError("a refused checkpoint has changed the network") from None
        raise
    rows = {name: column for name, column in history.to_dict().items() if name != "seconds"}
    return frozen((net.parameters, rows))


def formats(folder: Path) -> dict[str, Format]:
    """Return small files of each format, some of them written to a folder first."""
    chance = np.random.default_rng(0)
    X, y = chance.integers(256, size=(12, 4), dtype=np.uint8), np.arange(12) % 2
    found = _models(folder, X.astype(float), y)

    def idx(array: np.ndarray) -> bytes:
        head = struct.pack(f">2xBB{array.ndim}I", 8, array.ndim, *array.shape)
        return head + array.astype(np.uint8).tobytes()

    for name, content in (("idx", idx(X)), ("idx, gzipped", gzip.compress(idx(X), mtime=0))):
        found[name] = Format(content, lambda path: frozen(read_idx(path)))
    for name, write in (("npz", np.savez), ("npz, compressed", np.savez_compressed)):
        write(folder / "samples.npz", X=X, y=y)
        found[name] = Format((folder / "samples.npz").read_bytes(), _npz, "damaged.npz")
    found["npz, an array"] = Format(_npy(X), _npz, "damaged.npz", partial(_archive, y=_npy(y)))

    rows = "".join(",".join(map(str, [*x, k])) + "\n" for x, k in zip(X, y, strict=True))
    found["csv"] = Format(("a,b,c,d,kind\n" + rows).encode(), _csv, "damaged.csv")
    words = rows.replace(",0\n", ',"red, or so"\n').replace(",1\n", ",blü\n")
    found["csv, with words"] = Format(
        ("a,b,c,d,kind\n" + words * 2).encode(), _target, "damaged.csv"
    )

    pairs = tuple((X[:n] / np.float32(256), y[:n]) for n in (10, 2, 4))
    for protocol in (0, 2, 5):
        content = pickle.dumps(pairs, protocol)
        found[f"book, protocol {protocol}"] = Format(content, _book)
    found["book, gzipped"] = Format(gzip.compress(pickle.dumps(pairs, 2), mtime=0), _book)
    network2.Network([3, 2, 1]).save(str(folder / "net.json"))
    found["onnx"] = Format(ONNX.read_bytes(), _onnx)
    weights = {"0.weight": np.eye(2, dtype=np.float32), "0.bias": np.ones(2, np.float32)}
    found["state dict"] = Format(as_safetensors(weights, {"format": "pt"}), _state_dict)
    found["book, network2"] = Format((folder / "net.json").read_bytes(), _json)
    return found


def _models(folder: Path, X: np.ndarray, y: np.ndarray) -> dict[str, Format]:
    """Return files of models and a checkpoint, and the same without digests or with new ones."""
    net = Network([3, 4, 2], seed=1)
    net.train(np.ones((3, 12)), y, epochs=2, optimizer=Adam(), n_threads=1)
    net.save(folder / "network")
    how = {"max_iter": 2, "random_state": 0, "hidden_layer_sizes": (3,), "batch_size": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        names = np.array(["red", "blue"])
        MLPClassifier(**how, standardize=True).fit(X, names[y]).save(folder / "classifier")
        MLPRegressor(**how, solver="sgd").fit(X, y / 2).save(folder / "regressor")
    (folder / "run").mkdir()
    resumed(folder / "run" / "checkpoint")
    newest = max((folder / "run").glob("checkpoint-*"))
    found = {}
    for name in ("network", "classifier", "regressor", "checkpoint"):
        path = newest if name == "checkpoint" else folder / name
        content, read = path.read_bytes(), model_in if path != newest else resumed
        found[name] = Format(content, read, path.name, is_sealed=b'"digest"' in content)
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            text = file.metadata()[tensor_files.KEY]
        is_model = path != newest
        found[f"{name}, {'without a' if is_model else 'with a right'} digest"] = Format(
            text.encode(), used_model_in if is_model else read, path.name,
            partial(_unsealed if is_model else _sealed, tensors=tensors),
        )  # fmt: skip
    return found


def _unsealed(text: bytes, tensors: dict[str, np.ndarray]) -> bytes:
    """Return a file as version 0.1.0 wrote it, with any metadata."""
    return as_safetensors(tensors, {tensor_files.KEY: text.decode(errors="replace")})


def _sealed(text: bytes, tensors: dict[str, np.ndarray]) -> bytes:
    """Return a file with any metadata, and the digest that fits them."""
    metadata = text.decode(errors="replace")
    digest = tensor_files._digest_of(metadata, tensors)  # noqa: SLF001
    return as_safetensors(tensors, {tensor_files.KEY: metadata, tensor_files.DIGEST: digest})


def _npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _archive(x: bytes, y: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", x)
        archive.writestr("y.npy", y)
    return file.getvalue()


def _npz(path: Path) -> bytes:
    return frozen(read_npz(path))


def _csv(path: Path) -> bytes:
    parts = datasets.load(path)
    table = open_table(path)
    return frozen([(parts.train.X, parts.test.labels), table.read([0], 1).texts])


def _target(path: Path) -> bytes:
    from bpmatrix.tables.reading import read_table  # noqa: PLC0415 - of the extra tables

    table, _ = read_table(path)
    words = [column.to_pylist() for column in table.columns]
    return frozen((TableEncoder().fit(table).transform(table), table.column_names, words))


def _book(path: Path) -> bytes:
    return frozen(read_pickled_arrays(path))


def _onnx(path: Path) -> bytes:
    net = Network.from_onnx(path)
    return frozen((net.description, net.parameters))


def _state_dict(path: Path) -> bytes:
    net = Network.from_state_dict(path, activation="relu", output="identity")
    return frozen((net.description, net.parameters))


def _json(path: Path) -> bytes:
    net = network2.load(path)
    return frozen((list(net.weights), list(net.biases), net.cost.__name__))
