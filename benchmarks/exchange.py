"""How far the results of exported models are from the network's own, and how far they may be."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc

from benchmarks.report import Report
from bpmatrix import MLPClassifier, Network, datasets
from bpmatrix.architecture.activations import ACTIVATIONS

Array = NDArray[Any]
Bound = Callable[[Array], Array | float]  # of z (n, n_L), in units of u times |a|
Run = Callable[[Any, Array], list[Array]]  # the outputs of a model for rows

WIDTH, ROWS, FARTHEST = 10, 4000, 20.0
# Results below this many times the smallest normal number may have lost digits, or be 0.
FAINT = 1000
DTYPES = ("float32", "float64")

# The errors of our functions, in units of u: twice the ULP in `kernels/functions/`.
OURS: Mapping[str, Bound] = {
    "sigmoid": lambda z: 4,
    "tanh": lambda z: 5,
    "relu": lambda z: 0,
    "leaky_relu": lambda z: 2,
    "elu": lambda z: 5,
    "gelu": lambda z: 10,
    "silu": lambda z: 6,
    "softplus": lambda z: 4,
    "exp": lambda z: 3,
    "identity": lambda z: 0,
    "softmax": lambda z: 5 + z.shape[1],
}
# The errors of the operators of onnxruntime: 3 u for Exp, 8 for Tanh, 4 for Log, which is more than
# was found, and 1 for arithmetic. The comments add them up in the order of computation.
ONNX: Mapping[str, Bound] = {
    "sigmoid": lambda z: 5,  # 3 + 1 + 1
    "tanh": lambda z: 8,
    "relu": lambda z: 0,
    "leaky_relu": lambda z: 2,
    "elu": lambda z: 10,  # 2 t / (1 - t) has at most the relative error of t, + 1 + 1
    # The polynomial and its argument 7; 3; 7 operations; and the rounding of z^2 in e^(-z^2 / 2).
    "gelu": lambda z: 17 + z**2,
    "silu": lambda z: 5,
    "softplus": lambda z: 11,  # 3; ln(u) 4, the rest of the factor 2; 2
    "exp": lambda z: 3,
    "identity": lambda z: 0,
    # The difference from the highest z is rounded; 3; the sum, of the same errors; the quotient.
    "softmax": lambda z: 8 + z.shape[1] + z.max(axis=1, keepdims=True) - z,
}
# math.h within 2 ULP, 4 u, and erfc within 6.
C: Mapping[str, Bound] = {
    **ONNX,
    "sigmoid": lambda z: 10,  # 4, also in the denominator; 1 + 1
    "tanh": lambda z: 4,
    "elu": lambda z: 4,
    "gelu": lambda z: 16 + 2 * z**2,  # the argument of erfc is rounded twice
    "silu": lambda z: 11,
    "softplus": lambda z: 9,
    "exp": lambda z: 4,
    "softmax": lambda z: 10 + z.shape[1] + z.max(axis=1, keepdims=True) - z,
}
# The functions of PyTorch within 4 u; 1 + erf in its gelu cancels for z < 0.
PYTORCH: Mapping[str, Bound] = {
    **C,
    "gelu": lambda z: 10 / np.maximum(erfc(np.maximum(-z, -1) / np.sqrt(2)), 1e-300),
}


def run_onnx(model: Any, rows: Array) -> list[Array]:
    """Return the outputs of onnxruntime."""
    import onnxruntime  # noqa: PLC0415 - an optional package

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        model.to_onnx(path)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return [np.asarray(output) for output in session.run(None, {"X": rows})]


def run_torch(model: Any, rows: Array) -> list[Array]:
    """Return what the module of PyTorch computes, after the classes if there are any."""
    import torch  # noqa: PLC0415 - an optional package

    with torch.no_grad():
        return _with_classes(model, model.to_torch()(torch.from_numpy(rows)).numpy())


def run_c(model: Any, rows: Array) -> list[Array]:
    """Return what the compiled C header computes, after the classes if there are any."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "net.c"), Path(folder, "net.so")
        model.to_c(source.with_suffix(".h"), dtype=rows.dtype.name)
        real = {"float32": "float", "float64": "double"}[rows.dtype.name]
        source.write_text(SOURCE_IN_C.replace("REAL", real))
        command = ["cc", "-O2", "-fPIC", "-shared", str(source), "-o", str(target), "-lm"]
        subprocess.run(command, check=True)  # noqa: S603 - our own program
        library = ctypes.CDLL(str(target))
        width = ctypes.c_int.in_dll(library, "width").value
        rows, outputs = np.ascontiguousarray(rows), np.empty((len(rows), width), rows.dtype)
        addresses = (ctypes.c_void_p(array.ctypes.data) for array in (rows, outputs))
        library.predict(*addresses, ctypes.c_size_t(len(rows)))
    return _with_classes(model, outputs)


SOURCE_IN_C = """
#include "net.h"
const int width = net_OUTPUTS;
void predict(const REAL *x, REAL *y, size_t n)
{
    static REAL scratch[net_SCRATCH];
    net_predict_batch(x, y, n, scratch);
}
"""


def _with_classes(model: Any, outputs: Array) -> list[Array]:
    classes = getattr(model, "classes_", None)
    return [outputs] if classes is None else [classes[outputs.argmax(axis=1)], outputs]


class Format(NamedTuple):
    """A format: how to run its models, its errors, and the packages or programs that run them."""

    run: Run
    bounds: Mapping[str, Bound]
    needs: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """What is not installed here."""
        return [name for name in self.needs if not (find_spec(name) or which(name))]


FORMATS = {
    "ONNX": Format(run_onnx, ONNX, ("onnx", "onnxruntime")),
    "C": Format(run_c, C, ("cc",)),
    "PyTorch": Format(run_torch, PYTORCH, ("torch",)),
}


class Difference(NamedTuple):
    """The largest relative and absolute difference, and the largest allowed ones."""

    relative: float
    absolute: float
    most_relative: float
    most_absolute: float


def network_of(activation: str, dtype: str) -> Network:
    """Return a network that computes nothing but an activation function: W = 1, b = 0."""
    cost = "quadratic" if ACTIVATIONS[activation].elementwise else "log_likelihood"
    net = Network([WIDTH, WIDTH], output=activation, cost=cost, dtype=dtype, seed=1)
    net.weights[0][:], net.biases[0][:] = np.eye(WIDTH), 0
    return net


def arguments(dtype: str) -> Array:
    """Return z of all sizes, of both signs."""
    rng = np.random.default_rng(1)
    small = rng.standard_normal((ROWS // 2, WIDTH)) * 10 ** rng.uniform(-8, 0, (ROWS // 2, WIDTH))
    return np.vstack([rng.uniform(-FARTHEST, FARTHEST, (ROWS // 2, WIDTH)), small]).astype(dtype)


def difference(name: str, activation: str, dtype: str) -> Difference:
    """Compare an activation function of a format with ours."""
    written, net, z = FORMATS[name], network_of(activation, dtype), arguments(dtype)
    ours = net.feedforward(z.T).T.astype(np.float64)
    (theirs,) = written.run(net, z)
    wide = z.astype(np.float64)
    allowed = OURS[activation](wide) + written.bounds[activation](wide)
    allowed = np.broadcast_to(np.finfo(dtype).eps / 2 * allowed, z.shape)
    off, size = np.abs(theirs - ours), np.abs(ours)
    normal = size > FAINT * float(np.finfo(dtype).tiny)
    relative = np.divide(off, size, out=np.zeros_like(off), where=normal)
    return Difference(*(float(x.max()) for x in (relative, off, allowed, allowed * size)))


@click.command()
def exchange() -> None:
    """Compare exported models with the network itself, in each format.

    For each activation function, the largest relative and absolute difference of a = sigma(z) for z
    from -20 to 20, and after "of" the bound; the relative one where a is above 1e-35 in float32 and
    2e-305 in float64. Then the probabilities of a classifier.
    """
    report = Report("Largest differences of a = sigma(z) from the network's own")
    kinds = [f"{kind}, {dtype}" for dtype in DTYPES for kind in ("relative", "absolute")]
    report.columns("function", "format", *kinds)
    here = {name: written for name, written in FORMATS.items() if not written.missing}
    for activation in ACTIVATIONS:
        for name in here:
            cells = []
            for dtype in DTYPES:
                found = difference(name, activation, dtype)
                unbounded = f"{found.relative:.1e}, no bound"
                cells += [
                    unbounded if found.most_relative > 1
                    else _cell(found.relative, found.most_relative),
                    _cell(found.absolute, found.most_absolute),
                ]  # fmt: skip
            report.row(activation, name, *cells)
    digits, notes = datasets.load("digits"), []
    for name, written in FORMATS.items():
        if written.missing:
            notes += [f"{name}: not compared without {' and '.join(written.missing)}"]
            continue
        notes += [f"{name}: {', '.join(map(_version, written.needs))}"]
        notes += [_of_a_classifier(name, digits, dtype) for dtype in DTYPES]
    report.finish(notes)


def _version(name: str) -> str:
    """Return a package or a program with its version."""
    if find_spec(name):
        return f"{name} {version(name)}"
    said = subprocess.run([name, "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return said.stdout.splitlines()[0]


def _cell(found: float, most: float) -> str:
    return f"{found:.1e} of {most:.1e}" if most else f"{found:g}"


def _of_a_classifier(name: str, digits: datasets.DataSet, dtype: str) -> str:
    """Return in words how a classifier of the digits in a format agrees with itself."""
    X, Y = digits.train.X.T.astype(dtype), digits.train.labels
    model = MLPClassifier((32,), standardize=True, random_state=1, max_iter=50, tol=0.01).fit(X, Y)
    rows = digits.test.X.T.astype(dtype)
    labels, probabilities = FORMATS[name].run(model, rows)
    off = np.abs(probabilities - model.predict_proba(rows)).max()
    equal = int((labels == model.predict(rows)).sum())
    return (
        f"{name}, {dtype}, MLPClassifier 64-32-10 with standardize=True on the digits:"
        f" probabilities within {off:.1e}, {equal} of {len(rows)} labels equal"
    )
