"""Networks from ONNX files of other libraries, and from files that are damaged or hostile."""

from __future__ import annotations

import re
import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx_bytes import field, graph, model, node, tensor, value, varint

from bpmatrix import Huber, MLPClassifier, MLPRegressor, Network
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.errors import ArgumentError, DataNotFoundError, ModelFileError
from bpmatrix.exchange.onnx_expressions import EXPRESSIONS

FOLDER = Path(__file__).parent / "models"
EVERY = "sigmoid-tanh-relu-leaky_relu-elu-gelu-silu-softplus-softmax"
FLOATS = np.float32([[0.5], [-0.25]])
W, B = tensor("W", FLOATS), tensor("b", np.float32([3.0]))
GEMM = node("Gemm", "x W b", "z")
END = node("Sigmoid", "z", "y")


def read(path: Path, content: bytes, **how: object) -> Network:
    (path / "net.onnx").write_bytes(content)
    return Network.from_onnx(path / "net.onnx", **how)


# ------------------------------------------------------------------------- files of other libraries


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("skl2onnx-regressor", "[4, 5, 3, 1], relu-relu-identity, quadratic, float32"),
        ("torch-dynamo-opset-18-float64", f"[6, *], {EVERY}, log_likelihood, float64"),
        ("torch-dynamo-opset-20", f"[6, *], {EVERY}, log_likelihood, float32"),
        ("torch-script-opset-13", f"[6, *], {EVERY}, log_likelihood, float32"),
    ],
)
def test_files_of_other_libraries(name: str, wanted: str) -> None:
    """With what the reference implementation of ONNX computes for them."""
    net = Network.from_onnx(FOLDER / f"{name}.onnx")
    assert f"Network({wanted}, " in str(net).replace("4, 4, 4, 4, 4, 4, 4, 4, 3", "*")
    with np.load(FOLDER / "outputs.npz") as arrays:
        rows, outputs = arrays[f"{name}.rows"], arrays[f"{name}.outputs"]
    # Layers of at most 6 inputs, whose weights and slopes are below 1, add their errors. In these
    # files the 0.01 of LeakyRelu is a float32 also for float64: 2e-8 of 1 % of z.
    close = 40 * np.finfo(outputs.dtype).eps if outputs.dtype == np.float32 else 1e-9
    np.testing.assert_allclose(net.feedforward(rows.T).T, outputs, rtol=close, atol=close)


def test_every_expression_is_found_in_a_file(tmp_path: Path) -> None:
    """Also with the operands of sums and products exchanged, and factors in any order."""
    assert {name for name, _ in EXPRESSIONS} >= {*EVERY.split("-"), "exp", "identity"}
    constant = tensor("", np.float32(np.sqrt(0.5)))
    nodes = [
        GEMM,
        node("Constant", "", "root", value=constant),
        node("Constant", "", "one", value_float=1.0),
        node("Constant", "", "half", value_float=0.5),
        node("Mul", "root z", "scaled"),
        node("Erf", "scaled", "erf"),
        node("Add", "one erf", "sum"),
        node("Mul", "sum half", "halved"),
        node("Mul", "halved z", "y"),
    ]
    assert read(tmp_path, model(graph(nodes, [W, B]))).description.activations == ("gelu",)
    nodes[-2:] = [node("Mul", "half z", "halved"), node("Mul", "sum halved", "y")]
    assert read(tmp_path, model(graph(nodes, [W, B]))).description.activations == ("gelu",)


def test_forms_of_a_layer(tmp_path: Path) -> None:
    """Gemm and MatMul, transposed or not, with or without biases, and what changes nothing."""
    z = FLOATS.T
    W_T = tensor("W_T", FLOATS.T.copy())
    forms = {
        "gemm": ([node("Gemm", "x W b", "z")], (z, 3.0)),
        "transposed": ([node("Gemm", "x W_T b", "z", transB=1)], (z, 3.0)),
        "factors": ([node("Gemm", "x W b", "z", alpha=2.0, beta=0.5)], (2 * z, 1.5)),
        "no biases": ([node("Gemm", "x W", "z")], (z, None)),
        "product": ([node("MatMul", "x W", "z")], (z, None)),
        "sum": ([node("MatMul", "x W", "p"), node("Add", "p b", "z")], (z, 3.0)),
        "exchanged": ([node("MatMul", "x W", "p"), node("Add", "b p", "z")], (z, 3.0)),
        "matrix of biases": ([node("MatMul", "x W", "p"), node("Add", "p row", "z")], (z, 3.0)),
        "transpose": (
            [node("Transpose", "W_T", "t", perm=[1, 0]), node("MatMul", "x t", "z")], (z, None)
        ),
        "identities": (
            [
                node("Identity", "W", "same"), node("Cast", "x", "f", to=1),
                node("Dropout", "f", "d mask"), node("Reshape", "d shape", "r"),
                node("Flatten", "r", "g"), node("Gemm", "g same b", "z"),
            ],
            (z, 3.0),
        ),
        "scale": ([node("Mul", "x half", "s"), node("Gemm", "s W", "z")], (z, None)),
        "scale, divided": ([node("Div", "x two", "s"), node("Gemm", "s W", "z")], (z, None)),
    }  # fmt: skip
    constants = [
        W, W_T, B, tensor("row", np.float32([[3.0]])), tensor("half", np.float32(0.5)),
        tensor("two", np.float32(2.0)),
        tensor("shape", np.array([-1, 2])),
    ]  # fmt: skip
    for name, (nodes, (weights, bias)) in forms.items():
        net = read(tmp_path, model(graph([*nodes, END], constants)))
        assert net.description.activations == ("sigmoid",), name
        np.testing.assert_array_equal(net.weights[0], weights, name)
        assert [b.item() for b in net.biases] == ([] if bias is None else [bias]), name
        assert net.description.input_scale == (0.5 if "scale" in name else 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_in_their_own_fields(tmp_path: Path, dtype: str) -> None:
    """Packed, as the libraries write them, and one by one."""
    array = FLOATS.astype(dtype)
    number = {"float32": 4, "float64": 10}[dtype]
    b = tensor("b", np.array([3.0], dtype))
    packed = tensor("W", array, raw=None, more=field(number, array.tobytes()))
    kind = {"float32": 5, "float64": 1}[dtype]
    each = b"".join(varint(number << 3 | kind) + x.tobytes() for x in array.ravel())
    for content in (packed, tensor("W", array, raw=None, more=each)):
        net = read(tmp_path, model(graph([GEMM, END], [content, b])))
        np.testing.assert_array_equal(net.weights[0], array.T)
    assert net.description.dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_what_to_onnx_writes_is_read_without_a_change(
    tmp_path: Path, name: str, dtype: str
) -> None:
    """Also what is composed of many operators, and the cost."""
    pytest.importorskip("onnx", reason="to_onnx needs it")
    hidden = "tanh" if name == "softmax" else name
    costs = {"softmax": "log_likelihood", "tanh": Huber(0.5), "exp": "poisson"}
    net = Network(
        [3, 4, 4, 2], activation=hidden, output=name, cost=costs.get(name, "absolute"),
        bias=name != "elu", input_scale=1 / 256, dtype=dtype, seed=1,
    )  # fmt: skip
    for opset in (13, 20):
        net.to_onnx(tmp_path / "net.onnx", opset=opset)
        same = Network.from_onnx(tmp_path / "net.onnx")
        assert same.description == net.description
        np.testing.assert_array_equal(same.parameters, net.parameters)
    other = {"float32": "float64", "float64": "float32"}[dtype]
    net.to_onnx(tmp_path / "net.onnx", dtype=other)
    same = Network.from_onnx(tmp_path / "net.onnx")
    assert same.description.dtype == other
    np.testing.assert_array_equal(same.parameters, net.parameters.astype(other))


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ('"absolute"', "absolute"), ('{"name": "huber", "delta": 0.5}', Huber(0.5)),
        ('"cross_entropy"', "cross_entropy"), ('"poisson"', "cross_entropy"),
        ('{"name": "huber", "delta": -1}', "cross_entropy"), ("12 dollars", "cross_entropy"),
        ("[" * 9999, "cross_entropy"), ('{"name": []}', "cross_entropy"), ("null", "cross_entropy"),
    ],
)  # fmt: skip
def test_the_cost_in_the_metadata(tmp_path: Path, text: str, cost: object) -> None:
    """One that other programs wrote, or that does not fit the output, is ignored."""
    entry = field(14, field(1, "cost") + field(2, text))
    content = model(graph([GEMM, END], [W, B]), more=entry)
    assert read(tmp_path, content).description.cost == cost
    assert read(tmp_path, content, cost="quadratic").description.cost == "quadratic"
    assert read(tmp_path, content, output="sigmoid").description.cost == "cross_entropy"


def test_an_estimator_is_not_a_network(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="to_onnx needs it")
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    rows = np.array([[0.0, 1.0], [1.0, 0.0]])
    model = MLPClassifier((2,), random_state=1).partial_fit(rows, [0, 1], classes=[0, 1])
    model.to_onnx(tmp_path / "net.onnx")
    with pytest.raises(ModelFileError, match="outputs label, probabilities"):
        Network.from_onnx(tmp_path / "net.onnx")
    regressor = MLPRegressor(hidden_layer_sizes=(2,), random_state=1).partial_fit(rows, [0.5, 2.0])
    regressor.to_onnx(tmp_path / "net.onnx")
    net = Network.from_onnx(tmp_path / "net.onnx")
    np.testing.assert_array_equal(net.feedforward(rows.T)[0], regressor.predict(rows))


def test_unknown_dimensions(tmp_path: Path) -> None:
    """By name, 0, -1, or no shape at all, as the exporters write them."""
    for inputs, outputs in ((["n", "k"], ["n", "m"]), ([0, 0], [0, 0]), ([-1, -1], [-1, -1]),
                            (None, None)):  # fmt: skip
        content = graph([GEMM, END], [W, B], [value("x", inputs)], [value("y", outputs)])
        assert read(tmp_path, model(content)).description.sizes == (2, 1)


def test_output_cost_and_seed(tmp_path: Path) -> None:
    content = model(graph([node("Gemm", "x W b", "y")], [W, B]))
    assert read(tmp_path, content).description.cost == "quadratic"
    net = read(tmp_path, content, output="sigmoid", cost="quadratic", seed=5)
    assert str(net).startswith("Network([2, 1], sigmoid, quadratic, float32")
    assert net.seed == 5
    with pytest.raises(ArgumentError, match='Use output="sigmoid"'):
        read(tmp_path, content, cost="cross_entropy")


def test_weights_may_be_shared_but_not_without_end(tmp_path: Path) -> None:
    """A file of some kilobytes must not become a network of gigabytes."""
    square = tensor("W", np.eye(16, dtype=np.float32))
    x, y = value("x", None), value("y", None)

    def content(layers: int) -> bytes:
        names = ["x", *(f"h{l}" for l in range(layers - 1)), "y"]
        pairs = pairwise(names)
        return model(graph([node("MatMul", f"{a} W", b) for a, b in pairs], [square], [x], [y]))

    assert read(tmp_path, content(4)).description.sizes == (16,) * 5
    with pytest.raises(ModelFileError, match="larger than the file"):
        read(tmp_path, content(40))


# --------------------------------------------------------------------------------- what is refused


def chain(*nodes: bytes, constants: tuple[bytes, ...] = (W, B), **parts: object) -> bytes:
    return model(graph([*nodes], constants, **parts))


EXTERNAL = tensor("W", FLOATS, raw=None, more=field(13, field(1, "location")) + field(14, 1))
SUBGRAPH = field(5, field(1, "body") + field(6, graph([])) + field(20, 5))
REFUSED = {
    "convolution": (
        chain(node("Conv", "x W b", "y", group=1)), r"node 'y' \(Conv\), expected"
    ),
    "no name": (
        chain(field(1, "x") + field(2, "y") + field(4, "Conv")), r"node 'y' \(Conv\), expected"
    ),
    "another domain": (
        chain(GEMM, node("Gelu", "z", "y", more=field(7, "com.microsoft"))), "com.microsoft"
    ),
    "overload": (chain(GEMM, node("Relu", "z", "y", more=field(8, "mine"))), r"'y' \(Relu\)"),
    "functions": (
        model(graph([GEMM, END], [W, B]), more=field(25, field(1, "Sigmoid"))), "functions"
    ),
    "unknown attribute": (chain(node("Gemm", "x W b", "z", speed=1), END), "attribute 'speed'"),
    "attribute of another type": (chain(node("Gemm", "x W b", "z", alpha="1"), END), "'alpha'"),
    "constant of another type": (
        chain(GEMM, node("Constant", "", "c", value_float=""), node("Mul", "c z", "y")),
        "'value_float'",
    ),
    "empty constant": (
        chain(GEMM, node("Constant", "", "c", value=tensor("", np.empty(0, np.float32))),
              node("Mul", "c z", "y")),
        r"constants of shape \(0,\)",
    ),
    "attribute twice": (
        chain(node("Gemm", "x W b", "z", transB=0, more=field(5, field(1, "transB"))), END),
        "two attributes|neither",
    ),
    "subgraph": (chain(GEMM, node("If", "z", "y", more=SUBGRAPH)), "attribute 'body'"),
    "another slope": (chain(GEMM, node("LeakyRelu", "z", "y", alpha=0.2)), r"\(LeakyRelu\)"),
    "approximate": (chain(GEMM, node("Gelu", "z", "y", approximate="tanh")), r"\(Gelu\)"),
    "softmax of columns": (chain(GEMM, node("Softmax", "z", "y", axis=0)), r"\(Softmax\)"),
    "transposed inputs": (chain(node("Gemm", "x W b", "z", transA=1), END), r"\(Gemm\)"),
    "columns are samples": (chain(node("MatMul", "W x", "z"), END), r"\(MatMul\)"),
    "two layers of inputs": (chain(node("Gemm", "x x b", "z"), END), r"\(Gemm\)"),
    "unfinished expression": (chain(GEMM, node("Erf", "z", "y")), "not part of a known"),
    "two functions": (
        chain(GEMM, node("Relu", "z", "r"), node("Tanh", "r", "y")), "not part of a known"
    ),
    "expression of inputs": (
        chain(node("Relu", "x", "r"), node("Gemm", "r W b", "y")), r"'r' \(Relu\)"
    ),
    "biases before a product": (
        chain(node("Add", "x b", "s"), node("Gemm", "s W b", "y")), r"'s' \(Add\)"
    ),
    "biases twice": (chain(GEMM, node("Add", "z b", "y")), r"'y' \(Add\)"),
    "skipped layer": (
        chain(node("MatMul", "x W", "p"), node("Add", "p b", "z"), node("Sigmoid", "z", "s"),
              node("Mul", "s p", "y")),
        "skips a layer",
    ),
    "vector in an expression": (
        chain(GEMM, node("Mul", "z W", "y")), r"constants of shape \(2, 1\)"
    ),
    "inputs times infinity": (
        chain(node("Div", "x b", "s"), node("Gemm", "s W b", "z"), END,
              constants=(W, tensor("b", np.float32([1e-45])))),
        r"'s' \(Div\) which multiplies the inputs by 7\.",
    ),
    "inputs times 0": (
        chain(node("Mul", "x b", "s"), node("Gemm", "s W b", "z"), END,
              constants=(W, tensor("b", np.float32([0.0])))),
        r"'s' \(Mul\) which multiplies the inputs by 0\.0",
    ),
    "conversion to integers": (chain(GEMM, node("Cast", "z", "y", to=7)), r"\(Cast\)"),
    "conversion between layers": (chain(GEMM, node("Cast", "z", "y", to=11)), r"\(Cast\)"),
    "training": (
        chain(GEMM, node("Dropout", "z b b", "y")), r"node 'y' \(Dropout\)"
    ),
    "reshaped batch": (
        chain(node("Reshape", "x shape", "r"), node("Gemm", "r W b", "z"), END,
              constants=(W, B, tensor("shape", np.array([4, 2])))),
        r"\(Reshape\) to \[4, 2\]",
    ),
    "reshaped width": (
        chain(GEMM, node("Reshape", "z shape", "y"),
              constants=(W, B, tensor("shape", np.array([-1, 2])))),
        r"to \[-1, 2\]",
    ),
    "images without flatten": (
        chain(GEMM, END, inputs=[value("x", ["n", 1, 2])]), "inputs of another shape"
    ),
    "another width": (chain(GEMM, END, inputs=[value("x", ["n", 3])]), "inputs of another shape"),
    "another output width": (chain(GEMM, END, outputs=[value("y", ["n", 3])]), "output 'y'"),
    "no layer": (chain(node("Relu", "x", "y")), "no layer before the output"),
    "output of a constant": (chain(GEMM, END, outputs=[value("W", None)]), "no layer before"),
    "no nodes": (chain(), "no layer before"),
    "two outputs": (
        chain(GEMM, END, outputs=[value("y", None), value("z", None)]), "outputs y, z"
    ),
    "two inputs": (chain(GEMM, END, inputs=[value("x", None), value("u", None)]), "inputs x, u"),
    "no inputs": (chain(GEMM, END, inputs=[]), "inputs  and"),
    "input twice": (chain(GEMM, END, inputs=[value("x", None)] * 2), "two inputs named 'x'"),
    "cycle": (chain(node("Gemm", "s W b", "z"), node("Sigmoid", "z", "s")), "input 's' no earlier"),
    "own input": (chain(node("Relu", "y", "y")), "input 'y' no earlier"),
    "output twice": (chain(GEMM, GEMM, END), "output 'z' exists already"),
    "output named as a constant": (chain(node("Gemm", "x W b", "b")), "output 'b' exists"),
    "two outputs of a node": (chain(node("Gemm", "x W b", "z u"), END), "with 2 outputs"),
    "constant twice": (chain(GEMM, END, constants=(W, W, B)), "two initializers named 'W'"),
    "sparse": (chain(GEMM, END, more=field(15, b"")), "sparse initializer"),
    "external data": (chain(GEMM, END, constants=(EXTERNAL, B)), "in another file.*external_data="),
    "terabytes": (
        chain(GEMM, END, constants=(tensor("W", FLOATS, dims=[1 << 40, 4]), B)), "with 2 numbers"
    ),
    "overflowing shape": (
        chain(GEMM, END, constants=(tensor("W", FLOATS, dims=[1 << 33, 1 << 31, 2]), B)),
        "with 2 numbers",
    ),
    "negative shape": (
        chain(GEMM, END, constants=(tensor("W", FLOATS, dims=[-1, -2]), B)), r"shape \[-1, -2\]"
    ),
    "many axes": (
        chain(GEMM, END, constants=(tensor("W", FLOATS, dims=[1] * 5000 + [2]), B)), "2 numbers"
    ),
    "empty weights": (
        chain(GEMM, END, constants=(tensor("W", np.empty((2, 0), np.float32)), B)), "weights of"
    ),
    "half precision": (
        chain(GEMM, END, constants=(tensor("W", FLOATS.astype("float16")), B)), "float16.*Export"
    ),
    "mixed types": (
        chain(GEMM, END, constants=(W, tensor("b", np.array([3.0])))), "float32 and float64"
    ),
    "bytes": (
        chain(GEMM, END, constants=(W, tensor("b", np.uint8([3])))), "of type uint8"
    ),
    "not finite": (
        chain(GEMM, END, constants=(W, tensor("b", np.float32([np.nan])))), "not finite"
    ),
    "overflowing factor": (chain(node("Gemm", "x W b", "z", beta=3e38), END), "not finite"),
    "wrong biases": (
        chain(GEMM, END, constants=(W, tensor("b", np.zeros(3, np.float32)))), "biases of shape"
    ),
    "shapes that do not fit": (
        chain(GEMM, node("Relu", "z", "r"), node("MatMul", "r W", "y")), "2 inputs after a layer"
    ),
    "old operators": (model(graph([GEMM, END], [W, B]), 6), "version 6.*from 7 to"),
    "operators to come": (model(graph([GEMM, END], [W, B]), 1000), "version 1000"),
}  # fmt: skip
DAMAGED = {
    "empty": b"",
    "text": b"not a model at all\n",
    "no operators": model(graph([GEMM, END], [W, B]), domain="ai.onnx.ml"),
    "two versions": model(graph([GEMM, END], [W, B]), more=field(8, field(2, 20))),
    "two graphs": model(graph([GEMM, END], [W, B]), more=field(7, graph([]))),
    "name that is not text": chain(node("Gemm", "x W b", "z", more=field(7, b"\xff")), END),
    "number for a graph": field(7, 1) + field(8, field(2, 20)),
    "bytes for a number": model(b"", more=field(8, field(2, "20"))),
    "half a number": chain(GEMM, END, constants=(tensor("W", FLOATS, raw=b"\0" * 7), B)),
    "float of another size": chain(
        node("Gemm", "x W b", "z", more=field(5, field(1, "beta") + field(2, "1") + field(20, 1)))
    ),
    "endless number": b"\x3a" + b"\xff" * 11,
    "group": b"\x0b\x0c",
    "longer than the file": b"\x3a\x7f",
    "many fields": field(7, field(1, b"") * 400_000) + field(8, field(2, 20)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_anything_else_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    with pytest.raises(ModelFileError, match=words) as caught:
        read(tmp_path, content)
    assert re.match(r".*net\.onnx is not a network that bpmatrix can read: got ", str(caught.value))


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_files(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="is not a complete ONNX file"):
        read(tmp_path, DAMAGED[name])


def test_a_truncated_file(tmp_path: Path) -> None:
    """At every byte: the last message of this file is the version of the operators."""
    content = model(graph([GEMM, END], [W, B]))
    for length in range(len(content)):
        with pytest.raises(ModelFileError):
            read(tmp_path, content[:length])


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match=r"model file .* not found"):
        Network.from_onnx(tmp_path / "net.onnx")
    with pytest.raises(DataNotFoundError):
        Network.from_onnx(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        chain(GEMM, END, constants=(tensor("W", FLOATS, dims=[1 << 40, 4]), B)),
        chain(*(node("Mul", f"{a} {a}", b) for a, b in zip("xabcdefghij" * 9, "abcdefghijk" * 9,
                                                         strict=True))),
        model(graph([GEMM, END], [W, B]), more=field(14, b"") * 50_000),
    ],
    ids=["terabytes", "doubled", "fields"],
)  # fmt: skip
def test_memory_is_bounded_by_the_file(content: bytes, tmp_path: Path) -> None:
    tracemalloc.start()
    try:
        read(tmp_path, content)
    except ModelFileError:
        pass
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 4e6 + 200 * len(content)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused(data: st.DataObject, tmp_path_factory) -> None:
    content = bytearray(model(graph([GEMM, END], [W, B])))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    try:
        net = read(tmp_path_factory.getbasetemp(), bytes(content))
    except ModelFileError:
        return
    assert np.isfinite(net.parameters).all()
