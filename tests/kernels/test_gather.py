"""The way of samples and targets into the work matrices: types, strides, labels, one program."""

import numpy as np
import pytest
from guarded import look, steps
from numeric import same_bits
from strategies import make_case

from bpmatrix import SGD, Network
from bpmatrix.architecture.description import Description
from bpmatrix.engine.compilation import PROGRAMS, load_program

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


def as_seen(X, dtype, scale=1.0):
    """The inputs as a network sees them: the outputs of a layer that changes nothing."""
    n = len(X)
    net = Network(
        [n, n], activation="identity", cost="quadratic", bias=False, dtype=dtype, input_scale=scale
    )
    net.weights[0][:] = np.eye(n)
    return net.feedforward(X)


def forms(X):
    """The same matrix in the forms that a user's arrays have."""
    wide = np.zeros((len(X), 2 * X.shape[1]), X.dtype, order="F")
    wide[:, ::2] = X
    tall = np.zeros((len(X) + 3, X.shape[1]), X.dtype, order="F")
    tall[1:-2] = X
    backwards = np.asfortranarray(X[:, ::-1])
    frozen = np.asfortranarray(X)
    frozen.flags.writeable = False
    return {
        "Fortran order": np.asfortranarray(X),
        "C order": np.ascontiguousarray(X),
        "transposed table": np.ascontiguousarray(X.T).T,
        "every other column": wide[:, ::2],
        "columns backwards": backwards[:, ::-1],
        "part of the rows": tall[1:-2],
        "every other row": np.repeat(X, 2, axis=0)[::2],
        "read-only": frozen,
        "swapped bytes": X.astype(X.dtype.newbyteorder()),
        "list": X.tolist(),
    }


@DTYPES
@pytest.mark.parametrize("source", ["uint8", "float32", "float64"])
def test_the_memory_layout_of_a_matrix_does_not_matter(source, dtype):
    """Dtype, strides, order and flags of an array do not change the inputs of the network."""
    X = np.random.default_rng(1).integers(0, 200, (6, 11)).astype(source)
    X = X if source == "uint8" else X + X.dtype.type(0.1)
    expected = X.astype(dtype)
    for name, form in forms(X).items():
        wanted = expected if name != "list" else np.array(form, np.float64).astype(dtype)
        assert same_bits(as_seen(form, dtype), wanted), name


@DTYPES
@pytest.mark.parametrize("source", ["bool", "int8", "uint16", "int64", "float16"])
def test_other_dtypes_are_converted_without_loss(source, dtype):
    """Dtypes that the kernels do not read are converted once, without loss."""
    X = np.arange(12).reshape(3, 4).astype(source)
    assert same_bits(as_seen(X, dtype), X.astype(dtype))


@DTYPES
@pytest.mark.parametrize("source", ["uint8", "float32", "float64"])
def test_inputs_are_converted_then_scaled(source, dtype):
    """One rounding for the conversion, one for the factor, one for the product."""
    X = np.random.default_rng(2).integers(0, 255, (5, 9)).astype(source) / source_step(source)
    X = X.astype(source)
    scale = 1 / 255
    assert same_bits(as_seen(X, dtype, scale), X.astype(dtype) * np.dtype(dtype).type(scale))


def source_step(source):
    """A divisor that leaves integers alone and gives floats digits to lose."""
    return 1 if source == "uint8" else 7


@DTYPES
def test_data_of_any_form_trains_the_same_network(dtype):
    """uint8 and float64 of the same numbers, any order and strides: the same trained bits."""
    X = np.random.default_rng(3).integers(0, 17, (7, 23)).astype(np.uint8)
    labels = np.arange(23) % 3

    def trained(X, targets):
        net = Network([7, 5, 3], dtype=dtype, input_scale=1 / 16, seed=1)
        net.train(X, targets, epochs=2, mini_batch_size=4, optimizer=SGD(1.0))
        return net.parameters

    expected = trained(X, labels)
    one_hot = np.eye(3)[:, labels]
    for name, form in forms(X).items():
        assert same_bits(trained(form, labels), expected), name
    for source in ("float32", "float64"):
        assert same_bits(trained(X.astype(source), labels), expected)
    for targets in (one_hot, np.asfortranarray(one_hot), one_hot.astype(np.float32), one_hot == 1):
        assert same_bits(trained(X, targets), expected)
    for kind in ("uint8", "int32", "int64", ">i8"):
        assert same_bits(trained(X, labels.astype(kind)), expected)
    frozen = labels.copy()
    frozen.flags.writeable = False
    assert same_bits(trained(X, frozen), expected)
    assert same_bits(trained(X, np.repeat(labels, 2)[::2]), expected)


@DTYPES
def test_no_array_makes_a_program_compile_again(dtype):
    """One specialization for each type of theta, after arrays of every kind."""
    X = np.random.default_rng(4).integers(0, 17, (7, 23)).astype(np.float64)
    for source in ("uint8", "float32", "float64"):
        for form in forms(X.astype(source)).values():
            net = Network([7, 3], dtype=dtype, seed=1)
            net.train(form, np.arange(23) % 3, epochs=1)
            net.cost(form, np.eye(3)[:, np.arange(23) % 3])
    for name in ("train_slice", "evaluate"):
        signatures = load_program(name, dtype).signatures
        fields = PROGRAMS[name][2]._fields
        types_of_theta = {given[-1][fields.index("theta")].dtype for given in signatures}
        assert len(signatures) == len(types_of_theta) <= 2


@DTYPES
def test_samples_are_gathered_in_the_requested_order(dtype):
    """A mini-batch of chosen samples, also of one sample twice, is these columns of X and Y."""
    case = make_case(Description((4, 3), ("tanh",), "quadratic", dtype=dtype), 9, seed=5)
    order = np.array([7, 0, 7, 3])
    chosen = type(case)(case.description, case.theta, case.X[:, order], case.Y[:, order], None)
    direct = steps(chosen, np.arange(4), 4, [0.5])
    by_order = steps(case, order, 4, [0.5])
    assert same_bits(by_order.theta, direct.theta)
    assert by_order.cost == direct.cost
    assert same_bits(look(case).costs[order], look(chosen).costs)
