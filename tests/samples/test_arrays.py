"""Checks of arrays: what is accepted, without a copy if possible, and what is rejected."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from numeric import same_bits

from bpmatrix import Network
from bpmatrix.errors import ArrayTypeError, BpmatrixError, DataError, ShapeError
from bpmatrix.samples import arrays
from bpmatrix.samples.arrays import as_inputs, as_targets, check_finite

RNG = np.random.default_rng(5)
TABLE = RNG.integers(0, 12, (6, 4))  # integers that are exact in every dtype below
X = np.asfortranarray(TABLE.T, dtype=np.float64)
LABELS = np.array([0, 1, 2, 0, 1, 2])
Y = np.asfortranarray(np.eye(3)[:, LABELS])


def network(cost: str = "cross_entropy", **rest) -> Network:
    return Network([4, 5, 3], cost=cost, seed=3, **rest)


class Sparse:
    """A stand-in for a sparse matrix."""

    def toarray(self) -> np.ndarray:
        return TABLE


def with_value(array: np.ndarray, place: tuple, value: float) -> np.ndarray:
    copy = array.copy(order="K")
    copy[place] = value
    return copy


# -------------------------------------------------------------------------------------- rejected

WRONG_INPUTS = {
    "rows": (
        X[:3],
        ShapeError,
        ["X has shape (3, 6)", "expected (4, m)", "Each column is a sample of 4 numbers"],
    ),
    "rows are samples": (X.T, ShapeError, ["(6, 4)", "expected (4, m)", "X.T if yours are rows"]),
    "one axis": (X[:, 0], ShapeError, ["(4,)", "expected (4, m)", "X[:, None]"]),
    "no axis": (np.float64(3), ShapeError, ["()", "expected (4, m)"]),
    "three axes": (np.zeros((4, 2, 2)), ShapeError, ["(4, 2, 2)", "expected (4, m)"]),
    "no column": (np.zeros((4, 0)), DataError, ["X is empty", "(4, 0)", "at least one column"]),
    "sparse": (Sparse(), ArrayTypeError, ["X is a sparse matrix", "X.toarray().T"]),
    "object": (X.astype(object), ArrayTypeError, ["X does not hold real numbers", "object"]),
    "str": (X.astype(str), ArrayTypeError, ["X does not hold real numbers", "<U"]),
    "complex": (X + 1j, ArrayTypeError, ["X does not hold real numbers", "complex128"]),
    "dates": (X.astype("M8[s]"), ArrayTypeError, ["X does not hold", "dates", "datetime64"]),
    "times": (X.astype("m8[s]"), ArrayTypeError, ["X does not hold", "durations", "timedelta64"]),
    "None": (None, ArrayTypeError, ["X does not hold real numbers", "object"]),
    "ragged": ([[1, 2], [3]] * 2, ArrayTypeError, ["X is not an array", "different lengths"]),
    "masked": (np.ma.masked_equal(X, 1), ArrayTypeError, ["X is a masked array", "filled"]),
    "NaN": (
        with_value(X, (2, 3), np.nan),
        DataError,
        ["X has 1 value that", "nan first", "row 2, column 3", "counted from 0"],
    ),
    "infinities": (
        with_value(with_value(X, (3, 1), -np.inf), (1, 4), np.inf),
        DataError,
        ["X has 2 values that", "-inf first", "row 3, column 1"],
    ),
    "longdouble": (
        np.full((4, 6), np.longdouble("1e400")),
        DataError,
        ["X has 24 values that", "inf first", "row 0, column 0"],
    ),
}

WRONG_TARGETS = {
    "rows": (Y[:2], ShapeError, ["targets has shape (2, 6)", "expected (3, m)"]),
    "rows are samples": (Y.T, ShapeError, ["(6, 3)", "targets.T if yours are rows"]),
    "columns": (Y[:, :5], ShapeError, ["same number of samples", "got 5", "expected 6"]),
    "labels": (LABELS[:5], ShapeError, ["same number of samples", "got 5", "expected 6"]),
    "no labels": ([], DataError, ["targets is empty", "one label per sample"]),
    "no column": (np.zeros((3, 0)), DataError, ["targets is empty", "(3, 0)"]),
    "negative": (
        with_value(LABELS, (4,), -1),
        DataError,
        ["1 label out of range", "-1 first", "position 4", "expected 0 to 2", "from 0"],
    ),
    "too large": (
        LABELS + 1,
        DataError,
        ["2 labels out of range", "3 first", "position 2", "expected 0 to 2"],
    ),
    "beyond int64": (
        LABELS.astype(np.uint64) + 2**63,
        DataError,
        ["6 labels out of range", f"{2**63} first", "position 0"],
    ),
    "float": (LABELS * 1.0, ArrayTypeError, ["float64", "0 to 2", "astype(int)", "(3, 6)"]),
    "text": (LABELS.astype(str), ArrayTypeError, ["targets does not hold real numbers", "<U"]),
    "sparse": (Sparse(), ArrayTypeError, ["targets is a sparse matrix"]),
    "ragged": ([[1], [2, 3]], ArrayTypeError, ["targets is not an array"]),
    "NaN": (with_value(Y, (1, 5), np.nan), DataError, ["nan first", "row 1, column 5"]),
    "outside the interval": (
        with_value(with_value(Y, (0, 3), -0.25), (2, 4), 1.5),
        DataError,
        ["targets has 2 numbers", "-0.25 first, in row 0, column 3", "0 to 1", "quadratic"],
    ),
}


def methods() -> list:
    """Return each method of Network with samples as arguments, as a function of net, X, targets."""
    return [
        pytest.param(lambda net, X, targets: net.train(X, targets, epochs=1), id="train"),
        pytest.param(
            lambda net, X, targets: net.train(
                globals()["X"], LABELS, epochs=1, validation=(X, targets)
            ),
            id="validation",
        ),
        *(
            pytest.param(lambda net, X, t, name=name: getattr(net, name)(X, t), id=name)
            for name in ("cost", "accuracy", "gradient", "trace")
        ),
    ]


def assert_refused(call, net: Network, error: type, words: list[str], prefix: str) -> None:
    """Assert the error and each of its parts, and that the network has not changed."""
    before = net.parameters.copy()
    state = net._training.shuffler.bit_generator.state
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error) as caught:
            call()
    message = str(caught.value)
    assert isinstance(caught.value, BpmatrixError)
    assert message.startswith(prefix)
    assert all(word in message for word in words), message
    assert same_bits(net.parameters, before)
    assert net._training.shuffler.bit_generator.state == state
    assert net.epochs == 0
    assert net.trained == []


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize("kind", WRONG_INPUTS)
def test_wrong_inputs_are_rejected_by_every_method(method, kind: str, request) -> None:
    """The error says what is wrong with X, what was passed and the cure; nothing changes."""
    wrong, error, words = WRONG_INPUTS[kind]
    net = network()
    prefix = "validation X" if request.node.callspec.id.endswith("validation") else "X"
    assert_refused(lambda: method(net, wrong, LABELS), net, error, words, prefix)


@pytest.mark.parametrize("kind", WRONG_INPUTS)
@pytest.mark.parametrize("method", ["feedforward", "predict"])
def test_wrong_inputs_are_rejected_by_methods_without_targets(method: str, kind: str) -> None:
    wrong, error, words = WRONG_INPUTS[kind]
    net = network()
    assert_refused(lambda: getattr(net, method)(wrong), net, error, words, "X")


@pytest.mark.parametrize("method", methods())
@pytest.mark.parametrize("kind", WRONG_TARGETS)
def test_wrong_targets_are_rejected_by_every_method(method, kind: str, request) -> None:
    """The error says what is wrong with the targets; nothing changes."""
    wrong, error, words = WRONG_TARGETS[kind]
    net = network()
    prefix = "validation targets" if request.node.callspec.id.endswith("validation") else "targets"
    assert_refused(lambda: method(net, X, wrong), net, error, words, prefix)


def test_columns_that_do_not_sum_to_1_are_rejected_for_log_likelihood() -> None:
    """The error names the first such column."""
    wrong = with_value(with_value(Y, (0, 2), 0.5), (0, 4), 0.25)
    words = ["targets has 2 columns that do not sum to 1", "1.5 first, in column 2", "labels"]
    net = network("log_likelihood")
    assert_refused(lambda: net.cost(X, wrong), net, DataError, words, "targets")
    assert np.isfinite(network("quadratic").cost(X, wrong))


def test_distributions_in_float32_are_accepted() -> None:
    """Their columns sum to 1 up to rounding."""
    Y32 = RNG.random((3, 1000), dtype=np.float32)
    Y32 /= Y32.sum(axis=0)
    assert (Y32.sum(axis=0, dtype=np.float64) != 1).any()
    as_targets(Y32, 3, 1000, "float64", interval=(0, 1), sum_to_one=True)


def test_one_sided_intervals() -> None:
    """Either end of the interval may be open."""
    row = np.array([[-3.0, 3.0]])
    as_targets(row, 1, 2, "float64", interval=(-3.0, None))
    as_targets(row, 1, 2, "float64", interval=(None, 3.0))
    with pytest.raises(DataError, match=r"-3\.0 first"):
        as_targets(row, 1, 2, "float64", interval=(0.0, None))
    with pytest.raises(DataError, match=r" 3\.0 first, in row 0, column 1"):
        as_targets(row, 1, 2, "float64", interval=(None, 0.0))


# --------------------------------------------------------------------------------- NaN, infinity


@given(st.data(), st.sampled_from(["float32", "float64"]), st.integers(1, 7))
def test_first_place_and_count_are_those_of_numpy(data, dtype: str, chunk: int) -> None:
    """For any chunk size, the error names the first bad sample and counts all bad numbers."""
    shape = arrays_of.array_shapes(min_dims=2, max_dims=2, max_side=6)
    array = data.draw(arrays_of.arrays(dtype, shape))
    finite = np.isfinite(array)
    monkeypatch = pytest.MonkeyPatch()
    with monkeypatch.context() as patched:
        patched.setattr(arrays, "CHUNK", chunk)
        if finite.all():
            check_finite(array, dtype, "X")
            return
        with pytest.raises(DataError) as caught:
            check_finite(array, dtype, "X")
    bad = int((~finite).sum())
    sample, row = np.argwhere(~finite.T)[0]
    assert f"X has {bad} value{'s' if bad > 1 else ''} " in str(caught.value)
    assert f"got {array[row, sample]} first, in row {row}, column {sample} " in str(caught.value)


@pytest.mark.parametrize("chunk", [1, 4, 8, 1 << 18])
def test_bad_numbers_in_several_chunks(monkeypatch, chunk: int) -> None:
    """The count is over all chunks, the position that of the first number."""
    monkeypatch.setattr(arrays, "CHUNK", chunk)
    bad = X.copy(order="F")
    bad[[1, 3, 0, 2], [1, 1, 3, 5]] = [np.inf, np.nan, np.nan, -np.inf]
    with pytest.raises(DataError, match=r"X has 4 values .*got inf first, in row 1, column 1 "):
        as_inputs(bad, 4, "float64")


def test_a_vector_is_checked_too() -> None:
    """For a vector, the error names the position."""
    with pytest.raises(DataError, match="nan first, in position 2"):
        check_finite(np.array([0.0, 1.0, np.nan]), "float64", "x")


@pytest.mark.parametrize("columns", [1, 200_000])
def test_the_last_number_of_the_last_chunk_is_checked(columns: int) -> None:
    """A single NaN at the very end of data of several chunks is found."""
    big = np.zeros((columns, 4)).T
    big[-1, -1] = np.nan
    with pytest.raises(DataError, match=rf"1 value .*row 3, column {columns - 1} "):
        as_inputs(big, 4, "float64")


def test_numbers_too_large_for_float32_are_infinite_to_a_float32_network() -> None:
    """1e39 is too large for float32, but not for float64."""
    largest = float(np.finfo(np.float32).max)
    wide = with_value(X, (1, 2), 1e39)
    assert is_read_in_place(as_inputs(wide, 4, "float64"), wide)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=r"float32: got 1e\+39 first, in row 1, column 2"):
            as_inputs(wide, 4, "float32")
    as_inputs(with_value(X, (1, 2), largest), 4, "float32")
    net = network(dtype="float32")
    assert_refused(lambda: net.train(wide, LABELS), net, DataError, ["1e+39"], "X")


# -------------------------------------------------------------------------------------- accepted


def unaligned(array: np.ndarray) -> np.ndarray:
    """Return the same numbers, misaligned by one byte."""
    memory = np.zeros(array.nbytes + 1, np.uint8)
    moved = memory[1:].view(array.dtype).reshape(array.shape[::-1]).T
    moved[:] = array
    assert not moved.flags.aligned
    return moved


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy(order="F")
    copy.flags.writeable = False
    return copy


def spread(array: np.ndarray) -> np.ndarray:
    """Return the same numbers in every second row and column of a larger matrix."""
    large = np.zeros((2 * array.shape[0], 2 * array.shape[1]), order="F")
    large[::2, ::2] = array
    return large[::2, ::2]


def in_strides(array: np.ndarray) -> np.ndarray:
    """Return the same numbers in contiguous columns with gaps between them."""
    large = np.zeros((array.shape[0] + 3, array.shape[1]), order="F")
    large[:-3] = array
    return large[:-3]


VARIANTS = {
    "Fortran order": lambda A: A,
    "C order": np.ascontiguousarray,
    "list": lambda A: A.tolist(),
    "big-endian float64": lambda A: A.astype(">f8"),
    "big-endian int16": lambda A: A.astype(">i2"),
    "big-endian float32": lambda A: A.astype(">f4"),
    "float16": lambda A: A.astype(np.float16),
    "float32": lambda A: A.astype(np.float32),
    "longdouble": lambda A: A.astype(np.longdouble),
    "uint8": lambda A: A.astype(np.uint8),
    "int8": lambda A: A.astype(np.int8),
    "int32": lambda A: A.astype(np.int32),
    "int64": lambda A: A.astype(np.int64),
    "uint64": lambda A: A.astype(np.uint64),
    "unaligned": unaligned,
    "read-only": read_only,
    "negative column stride": lambda A: np.asfortranarray(A[:, ::-1])[:, ::-1],
    "negative row stride": lambda A: np.asfortranarray(A[::-1])[::-1],
    "both strides negative": lambda A: np.asfortranarray(A[::-1, ::-1])[::-1, ::-1],
    "parts of a matrix": spread,
    "columns apart": in_strides,
}
NOT_COPIED = (
    "Fortran order",
    "float32",
    "uint8",
    "read-only",
    "negative column stride",
    "columns apart",
)


def memmapped(array: np.ndarray, path) -> np.ndarray:
    file = np.memmap(path, array.dtype, "w+", shape=array.shape, order="F")
    file[:] = array
    file.flush()
    return np.memmap(path, array.dtype, "r", shape=array.shape, order="F")


def assert_same_answers(inputs: object, targets: object, plain: np.ndarray, cost: str) -> None:
    """Assert that outputs, cost, gradient and trained weights equal those of plain copies."""
    net, same = network(cost), network(cost)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same_bits(same.feedforward(inputs), net.feedforward(plain))
        assert same.cost(inputs, targets) == net.cost(plain, Y)
        assert same.accuracy(inputs, targets) == net.accuracy(plain, Y)
        assert same_bits(same.gradient(inputs, targets).flat, net.gradient(plain, Y).flat)
        history = same.train(inputs, targets, epochs=2, mini_batch_size=4)
        assert history.cost == net.train(plain, Y, epochs=2, mini_batch_size=4).cost
    assert same_bits(same.parameters, net.parameters)


@pytest.mark.parametrize("variant", VARIANTS)
def test_results_do_not_depend_on_the_memory_layout(variant: str) -> None:
    """The dtype, byte order, order, strides, alignment and flags of X and Y change no bit."""
    change = VARIANTS[variant]
    assert_same_answers(change(X), change(Y), X, "quadratic")


def test_bool_is_0_and_1() -> None:
    """A matrix of bool means the numbers 0 and 1."""
    assert_same_answers(X > 5, Y > 0, np.asfortranarray(X > 5, dtype=np.float64), "quadratic")


def test_memory_maps_are_read_in_place(tmp_path) -> None:
    """A read-only memory map works as X and as Y, and is not copied."""
    inputs, targets = memmapped(X, tmp_path / "X"), memmapped(Y, tmp_path / "Y")
    assert_same_answers(inputs, targets, X, "quadratic")
    assert np.shares_memory(as_inputs(inputs, 4, "float64"), inputs)


LABEL_TYPES = ["u1", "i1", "i2", ">i4", "i8", ">i8", "u8"]


@pytest.mark.parametrize("kind", [*LABEL_TYPES, "list", "strided", "reversed", "read-only"])
def test_labels_of_any_dtype_and_memory_layout(kind: str) -> None:
    """They mean the one-hot columns of Y."""
    variants = {
        "list": LABELS.tolist(),
        "strided": np.repeat(LABELS, 3)[::3],
        "reversed": LABELS[::-1].copy()[::-1],
        "read-only": read_only(LABELS),
    }
    labels = LABELS.astype(kind) if kind in LABEL_TYPES else variants[kind]
    for cost in ("cross_entropy", "log_likelihood", "quadratic"):
        assert_same_answers(X, labels, X, cost)


def test_bool_labels_are_classes_0_and_1() -> None:
    """For two outputs, False and True are the classes 0 and 1."""
    net = Network([4, 2], seed=1)
    truth = np.array([True, False, True, True, False, False])
    assert net.cost(X, truth) == net.cost(X, truth.astype(int))


def is_read_in_place(array: np.ndarray, given: np.ndarray) -> bool:
    """Whether an array is another view of the same memory."""
    mine, its = (
        (a.ctypes.data, a.shape, a.strides, a.dtype, a.flags.writeable) for a in (array, given)
    )
    return mine == its and array is not given


@pytest.mark.parametrize("variant", NOT_COPIED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_arrays_that_kernels_can_read_are_not_copied(variant: str, dtype: str) -> None:
    """uint8, float32 and float64 with contiguous columns are read in place."""
    array = VARIANTS[variant](X)
    assert is_read_in_place(as_inputs(array, 4, dtype), array)
    assert is_read_in_place(as_targets(array, 4, 6, dtype).array, array)


def test_checked_arrays_keep_their_shape_and_dtype() -> None:
    """They are used in every epoch, when the user's array may have changed."""
    array = np.zeros((1, 12))
    inputs, targets = as_inputs(array, 1, "float64"), as_targets(array, 1, 12, "float64").array
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, of such changes
        array.shape = 3, 4
        array.dtype = np.uint8
    for mine in (inputs, targets):
        assert (mine.shape, mine.dtype) == ((1, 12), np.float64)
        assert np.shares_memory(mine, array)


@pytest.mark.parametrize("kind", [*LABEL_TYPES, "?"])
def test_labels_are_copied(kind: str) -> None:
    """Labels are used as indices: they must not change after the check."""
    given = np.array([0, 1, 1, 0]).astype(kind)
    labels = as_targets(given, 2, 4, "float64").array
    assert not np.shares_memory(labels, given)
    assert labels.dtype == np.int64
    assert labels.tolist() == [0, 1, 1, 0]


def test_one_row_is_not_copied_in_any_order() -> None:
    """In a matrix of one row every column is contiguous, also in a row of a C-ordered table."""
    row = np.ascontiguousarray(X)[2:3]
    assert is_read_in_place(as_inputs(row, 1, "float64"), row)
    vector = X[1]
    assert np.shares_memory(as_targets(vector, 1, 6, "float64").array, vector)


def test_the_transpose_of_a_row_major_table_is_not_copied() -> None:
    """T.T of a C-ordered table T of samples shares its memory."""
    table = np.ascontiguousarray(X.T)
    assert np.shares_memory(as_inputs(table.T, 4, "float64"), table)


@pytest.mark.parametrize("variant", VARIANTS)
def test_checked_arrays_can_be_read_by_kernels(variant: str) -> None:
    """Columns are contiguous, aligned, native and of one of three dtypes."""
    array = as_inputs(VARIANTS[variant](X), 4, "float64")
    assert array.dtype in (np.uint8, np.float32, np.float64)
    assert array.dtype.isnative
    assert array.flags.aligned
    assert array.strides[0] == array.itemsize
    assert (array == X).all()


@pytest.mark.parametrize(
    ("given_type", "becomes"),
    [
        ("?", "u1"), ("u1", "u1"), ("f2", "f4"), ("f4", "f4"), ("f8", "f8"), (">f4", "f4"),
        (">f8", "f8"), (">f2", "f4"), ("i1", "f8"), ("u2", "f8"), ("i4", "f8"), ("i8", "f8"),
        ("u8", "f8"), ("g", "f8"),
    ],
)  # fmt: skip
def test_dtypes_after_the_check(given_type: str, becomes: str) -> None:
    """bool becomes uint8, float16 float32; dtypes that kernels read stay; others become float64."""
    array = as_inputs(np.ones((4, 2), given_type), 4, "float64")
    assert array.dtype == np.dtype(becomes)
    assert array.dtype.isnative
    assert array.flags.f_contiguous
    assert (array == 1).all()


def test_training_does_not_write_to_x_or_targets() -> None:
    inputs, targets = X.copy(order="F"), LABELS.copy()
    network().train(inputs, targets, epochs=2)
    assert same_bits(inputs, X)
    assert same_bits(targets, LABELS)


# ------------------------------------------------------------------------------ kinds of targets


@pytest.mark.parametrize(
    ("targets", "outputs", "are_labels", "are_classes"),
    [
        (LABELS, 3, True, True),
        (Y, 3, False, True),
        (0.5 * Y, 3, False, False),
        (np.ones((3, 6)), 3, False, False),
        (np.zeros((3, 6)), 3, False, False),
        ([0, 1, 1, 0, 1, 1], 1, False, True),
        ([[0.0, 1.0, 1.0, 0.0, 1.0, 1.0]], 1, False, True),
        ([0.1, 1, 1, 0, 1, 1], 1, False, False),
        ([0, 1, 2, 0, 1, 1], 1, False, False),
    ],
)
def test_kinds_of_targets(targets, outputs: int, are_labels: bool, are_classes: bool) -> None:
    """1-D targets for several outputs are labels; one-hot columns and rows of 0 and 1, classes."""
    result = as_targets(targets, outputs, 6, "float64")
    assert (result.are_labels, result.are_classes) == (are_labels, are_classes)
    assert result.array.shape == ((6,) if are_labels else (outputs, 6))
