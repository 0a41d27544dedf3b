"""What skl2onnx calls to convert a pipeline with one of our estimators.

It finds the three methods `onnx_parser`, `onnx_shape_calculator` and `onnx_converter` on the class
of an estimator, so nothing has to be imported or registered. Its objects have no types: a `scope`
gives out unique names, an `operator` is the estimator with its inputs and outputs, and a
`container` collects the nodes.
"""

from __future__ import annotations

from typing import Any

from bpmatrix.errors import ArgumentError
from bpmatrix.exchange.model import Model
from bpmatrix.exchange.onnx_operators import INPUT, Graph, graph_of

TYPES = {
    "float32": "FloatTensorType",
    "float64": "DoubleTensorType",
    "int64": "Int64TensorType",
    "bool": "BooleanTensorType",
    "object": "StringTensorType",
}


def _graph(model: Model, inputs: Any) -> Graph:
    """Return the graph in float64 if an input is, otherwise in float32, as skl2onnx chooses."""
    data_types: Any = _data_types()
    doubles = [isinstance(x.type, data_types.DoubleTensorType) for x in inputs]
    return graph_of(model, "float64" if any(doubles) else "float32")


def _data_types() -> Any:
    from skl2onnx.common import data_types  # noqa: PLC0415 - installed, since it is the caller

    return data_types


def declare_outputs(model: Model, scope: Any, inputs: Any) -> list[Any]:
    """Declare the outputs and return them."""
    return [
        scope.declare_local_variable(output.name, _type(output.dtype.name, []))
        for output in _graph(model, inputs).outputs
    ]


def set_output_types(model: Model, operator: Any) -> None:
    """Set the types and shapes of the outputs."""
    n = operator.inputs[0].get_first_dimension()
    outputs = _graph(model, operator.inputs).outputs
    for variable, output in zip(operator.outputs, outputs, strict=True):
        shape = [n] if output.columns is None else [n, output.columns]
        variable.set_type(_type(output.dtype.name, shape))


def convert(model: Model, scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes and constants of a model to a container.

    Raises
    ------
    ArgumentError
        If an option of skl2onnx asks for other outputs.
    """
    from onnx import helper, numpy_helper  # noqa: PLC0415 - installed, since skl2onnx needs it

    for name, value in container.get_options(operator.raw_operator).items():
        if (name, value) != ("zipmap", False):
            raise ArgumentError(
                "skl2onnx cannot convert this estimator with an option",
                got=f"{name}={value!r}",
                expected="zipmap=False, or no option",
                cure="Leave it out: the probabilities are always one matrix.",
            )
    graph = _graph(model, operator.inputs)
    number = helper.np_dtype_to_tensor_dtype(graph.constants["W_1"].dtype)
    unique = scope.get_unique_variable_name
    inputs = []
    for variable in operator.inputs:
        inputs.append(unique("cast"))
        container.add_node("Cast", [variable.full_name], [inputs[-1]], name=inputs[-1], to=number)
    names = {INPUT: inputs[0]}
    if len(inputs) > 1:
        names[INPUT] = unique("features")
        container.add_node("Concat", inputs, [names[INPUT]], name=names[INPUT], axis=1)
    for output, variable in zip(graph.outputs, operator.outputs, strict=True):
        names[output.name] = variable.full_name
    for name, array in graph.constants.items():
        names[name] = unique(name)
        container.initializers.append(numpy_helper.from_array(array, names[name]))
    for node in graph.nodes:
        output = names.setdefault(node.output, unique(node.output))
        container.add_node(
            node.operator, [names[x] for x in node.inputs], [output],
            name=scope.get_unique_operator_name(node.output), **node.attributes,
        )  # fmt: skip


def _type(name: str, shape: list[Any]) -> Any:
    """Return skl2onnx's type of a tensor."""
    return getattr(_data_types(), TYPES[name])(shape)
