"""Writing a model as an ONNX file: one file, checked by the checker of the package `onnx`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

import bpmatrix
from bpmatrix.architecture.costs import OwnCost
from bpmatrix.checks import whole_number
from bpmatrix.errors import ArgumentError, MissingPackageError
from bpmatrix.exchange.model import Ensemble, Model
from bpmatrix.exchange.onnx_operators import INPUT, Graph, graph_of
from bpmatrix.storage.persistence import written_cost

if TYPE_CHECKING:
    from onnx import ModelProto, ValueInfoProto

# In opset 13 all operators that are written have their present form; onnxruntime has had it since
# version 1.7.
OLDEST_OPSET = 13
# A message of Protocol Buffers, and so a file without external data, is smaller than 2 GiB; a part
# is left for names.
MOST_BYTES = (1 << 31) - (1 << 20)


def to_bytes(model: Model | Ensemble, dtype: str | None = None, opset: int = OLDEST_OPSET) -> bytes:
    """Return a model as the content of an ONNX file.

    Parameters
    ----------
    model : Model or Ensemble
    dtype : {"float32", "float64"}, optional
        The type of inputs, weights and outputs; None is that of the network.
    opset : int, default 13
        The version of the operators.

    Raises
    ------
    MissingPackageError
        If `onnx` is not installed.
    ArgumentError
        If an argument is not valid, or the model cannot be written so.
    """
    try:
        import onnx  # noqa: PLC0415 - an optional package
    except ImportError:
        raise MissingPackageError.of_extra("to_onnx", "onnx", "onnx") from None
    first = model.members[0] if isinstance(model, Ensemble) else model
    graph = graph_of(model, first.description.dtype if dtype is None else dtype)
    newest = onnx.defs.onnx_opset_version()
    opset = whole_number(opset, "opset", least=1)
    if not OLDEST_OPSET <= opset <= newest:
        raise ArgumentError("opset is not valid", got=opset, expected=f"{OLDEST_OPSET} to {newest}")
    size = sum(array.nbytes for array in graph.constants.values())
    if size > MOST_BYTES:
        raise ArgumentError(
            "the network is too large for one ONNX file",
            got=f"{size:,} bytes",
            expected=f"{MOST_BYTES:,} or fewer",
            cure="Use smaller layers." if graph.dtype == "float32" else 'Pass dtype="float32".',
        )
    written = _message(model, graph, opset)
    onnx.checker.check_model(written, full_check=True)
    content: bytes = written.SerializeToString()
    return content


def _message(model: Model | Ensemble, graph: Graph, opset: int) -> ModelProto:
    """Return the file as a message of Protocol Buffers."""
    from onnx import helper, numpy_helper  # noqa: PLC0415

    def described(name: str, dtype: np.dtype[Any], columns: int | None) -> ValueInfoProto:
        shape: list[str | int] = ["n"] if columns is None else ["n", columns]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)

    proto = helper.make_graph(
        [
            helper.make_node(node.operator, node.inputs, [node.output], node.output,
                             **node.attributes)
            for node in graph.nodes
        ],
        "bpmatrix",
        [described(INPUT, np.dtype(graph.dtype), model.n_inputs)],
        [described(output.name, output.dtype, output.columns) for output in graph.outputs],
        [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", opset)]
    written = helper.make_model(
        proto,
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),  # more programs read an older one
        producer_name="bpmatrix",
        producer_version=bpmatrix.__version__,
        doc_string=_in_words(model),
    )
    first = model.members[0] if isinstance(model, Ensemble) else model
    lists = {"feature_names": model.feature_names, "classes": first.classes}
    metadata = {
        name: json.dumps(np.asarray(values).tolist())
        for name, values in lists.items()
        if values is not None
    }
    cost = first.description.cost
    if first.kind == "network" and not isinstance(cost, OwnCost):
        metadata["cost"] = json.dumps(written_cost(cost))  # for `Network.from_onnx`
    helper.set_model_props(written, metadata)
    return written


def _in_words(model: Model | Ensemble) -> str:
    """Return the description in the file."""
    if isinstance(model, Ensemble):
        return (
            f"{_in_words(model.members[0])} It is the mean of {len(model.members)}, for numbers of"
            f" a table: missing ones are NaN."
        )
    kind = "network" if model.kind in {"network", "regressor"} else f"{model.kind} classifier"
    sizes = "-".join(map(str, model.description.sizes))
    return (
        f"A {model.kind if kind == 'network' else kind} {sizes} with the activation functions"
        f" {', '.join(model.activations)}. The rows of {INPUT} and of the outputs are samples."
    )
