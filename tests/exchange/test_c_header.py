"""C headers, compiled as C99 and C++17, against `feedforward` and `predict`."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from exchange.c_programs import (
    LANGUAGES,
    SANITIZERS,
    Given,
    compile_program,
    compiler,
    output,
    run_all,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import forward_bound, same_bits, unit_roundoff
from strategies import descriptions, make_case, seeds

from bpmatrix import Network, OwnCost
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.errors import ArgumentError, DataError, DestinationError
from bpmatrix.exchange.c_header import footprint, header
from bpmatrix.exchange.model import Model, Scaling
from bpmatrix.nielsen import network2

DTYPES = ("float32", "float64")
RNG = np.random.default_rng(1)
ROWS = RNG.normal([1.0, -20.0, 0.1, 300.0], [1.0, 5.0, 0.01, 1.0], size=(60, 4)).astype(np.float32)
HOSTILE = [
    '*/ int evil; /* "', "??/", 'a"; int b[] = {1}; //\\', "line\nbreak", "tr\xe9s \U0001f600", "",
    "int", "a b", "a_b", "$name ${real}", "%s\0x", "\ud800", "/*/**/*/", "x" * 5000,
]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*has not converged")
CC = pytest.mark.skipif(compiler("c99") is None, reason="there is no C compiler")


def bound(given: Given) -> np.ndarray:
    """Return the largest difference from Python: the errors of both sides, by a first-order bound.

    Numbers of a header may be rounded: its inputs, weights, means and standard deviations.
    """
    model, total = given.model, 0.0
    d = model.description
    weights = [W.astype(np.float64) for W in model.parameters.weights]
    biases = [b.astype(np.float64) for b in model.parameters.biases]
    biases = biases or [np.zeros((n, 1)) for n in d.sizes[1:]]
    for dtype in (given.dtype, d.dtype):
        X = given.rows.T.astype(np.float64)
        off = np.abs(X)
        if model.inputs is not None:
            mean, scale = model.inputs.mean[:, None], model.inputs.scale[:, None]
            off = (np.abs(X) + np.abs(mean) + 3 * np.abs(X - mean)) / scale
            X = (X - mean) / scale
        off = 2 * off * abs(d.input_scale)
        passed = forward_bound(
            weights, biases, model.activations, X * d.input_scale, dtype, off_X=off, extra=2
        )
        a, off = passed.a_s[-1], passed.off[-1]
        if model.targets is not None:
            mean, scale = model.targets.mean[:, None], model.targets.scale[:, None]
            off = scale * off + 4 * (np.abs(scale * a) + np.abs(mean))
        if model.kind == "binary":
            off = np.vstack([off + 1, off])
        total = total + 1.1 * unit_roundoff(dtype) * off.T
    return total


def networks():
    """Yield a network of every activation function, in hidden layers and at the output."""
    for k, activation in enumerate(ACTIVATIONS):
        functions = [activation, "tanh", activation]
        cost = {"sigmoid": "cross_entropy", "softmax": "log_likelihood"}.get(activation, "absolute")
        if activation == "softmax":
            functions[0] = "relu"
        dtype = DTYPES[k % 2]
        yield (
            activation,
            Network([4, 9, 6, 3], activation=functions, cost=cost, dtype=dtype, seed=k),
        )
    yield "unbiased", Network([4, 33, 2], activation="tanh", bias=False, seed=1)
    yield "one_layer", Network([4, 5], output="softmax", cost="log_likelihood", seed=1)
    yield "one_output", Network([4, 1, 1], seed=1)
    yield "scaled", Network([4, 7, 8, 2, 1], input_scale=-1 / 255, cost="quadratic", seed=1)


def models():
    """Yield a name, the model, and what it predicts for ROWS in Python."""
    for name, net in networks():
        net.parameters[:] += 0.1  # biases, too
        yield name, net._exported(), net.feedforward(ROWS.T).T, net
    book = network2.Network([4, 3, 2])
    yield "book", book._exported(), book.feedforward(ROWS.T.astype(np.float64)).T, None
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    from bpmatrix import MLPClassifier, MLPRegressor  # noqa: PLC0415 - need scikit-learn

    X, ranks = ROWS.astype(np.float64), ROWS[:, 0].argsort().argsort()
    three = np.minimum(ranks // 20, 2)
    settings = {"hidden_layer_sizes": (5,), "max_iter": 5, "tol": 1e9, "random_state": 1}
    for name, y in {
        "binary": np.array(HOSTILE[:2])[three // 2],
        "numbers": np.array([-5, 7, 1 << 40])[three],
        "floats": np.array([1.0, -2.0, 1e9])[three],
        "booleans": three == 1,
        "one_class": np.zeros(60, int),
        "many_labels": np.stack([three == 0, three > 0, X[:, 1] > -20], axis=1).astype(int),
    }.items():
        model = MLPClassifier(**settings, standardize=name != "binary").fit(X, y)
        yield name, model._exported(), model.predict_proba(X), model
    for name, y, more in (
        ("regressor", 1e3 + X[:, 0], {}),
        ("two_targets", X[:, :2] * [100, 1], {"activation": "gelu"}),
        ("counts", np.round(np.abs(X[:, 1])), {"loss": "poisson"}),
    ):
        model = MLPRegressor(**settings, standardize=True, **more).fit(X, y)
        yield name, model._exported(), model.predict(X).reshape(60, -1), model


@pytest.fixture(scope="module")
def cases():
    """All models in both types, and what Python computes."""
    pytest.importorskip("sklearn", reason="the estimators need scikit-learn")
    return {
        f"{name}_{dtype}": (Given(model, dtype, ROWS), expected, face)
        for name, model, expected, face in models()
        for dtype in DTYPES
    }


@pytest.fixture(scope="module", params=LANGUAGES)
def found(request, cases, tmp_path_factory):
    """The results of one program of all headers, so that these do not clash."""
    if compiler(request.param) is None:
        pytest.skip(f"there is no compiler of {request.param}")
    # Without optimization, since that of checked programs takes seconds.
    flags = SANITIZERS if request.param == "c99" and sanitizers() else ("-O2",)
    given = {name: case[0] for name, case in cases.items()}
    return run_all(tmp_path_factory.mktemp("c"), given, request.param, flags)


@cache
def sanitizers() -> bool:
    """Whether the C compiler has sanitizers, and programs with them run here."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "none.c")
        source.write_text("int main(void) { return 0; }\n")
        done = compile_program(source, "c99", SANITIZERS)
        return done.returncode == 0 and output(source.with_suffix("")) == b""


def test_the_outputs_are_those_of_python(cases, found):
    for name, (given_, expected, _) in cases.items():
        error = np.abs(found[name].outputs - expected)
        assert (error <= bound(given_)).all(), (name, error.max())


def test_a_batch_has_the_bits_of_single_samples(found):
    for name, result in found.items():
        assert same_bits(result.batch, result.outputs), name


def test_the_self_tests_agree(found):
    assert {name: result.self_test for name, result in found.items() if result.self_test} == {}


def test_the_classes_are_those_of_python(cases, found):
    """Except where two outputs differ by less than their errors."""
    compared = 0
    for name, (given_, expected, face) in cases.items():
        kind = given_.model.kind
        if kind == "regressor" or (kind == "network" and not hasattr(face, "predict")):
            continue
        off = bound(given_).max()
        if kind == "network":
            predicted = face.predict(ROWS.T) if expected.shape[1] > 1 else expected[:, 0] > 0.5
        else:
            predicted = face.predict(ROWS.astype(np.float64))
        if kind in {"binary", "multiclass"}:
            predicted = np.searchsorted(given_.model.classes, predicted)
        if kind == "multilabel-indicator" or expected.shape[1] == 1:
            clear = (np.abs(expected - 0.5) > off).all(axis=1)
        else:
            second, first = np.sort(expected, axis=1)[:, -2:].T
            clear = first - second > 2 * off
        compared += bool(clear.any())
        np.testing.assert_array_equal(found[name].classes[clear], predicted[clear], name)
    assert compared >= 30


ENDS = [-np.inf, np.inf, np.nan]
# sigma(-inf) and sigma(inf) where they are not -inf and inf.
LIMITS = {
    "sigmoid": (0, 1), "tanh": (-1, 1), "elu": (-1, np.inf), "softmax": (np.nan, np.nan),
    **dict.fromkeys(("relu", "gelu", "silu", "softplus", "exp"), (0, np.inf)),
}  # fmt: skip


@CC
def test_every_function_is_right_far_from_zero(tmp_path):
    """Of one unit with weight 1: from the smallest numbers to the largest, at infinity, for NaN."""
    given_ = {}
    for dtype in DTYPES:
        limits = np.finfo(dtype)
        sizes = np.geomspace(limits.tiny, limits.max / 2, 300)
        near = np.linspace(0, 800, 400)
        rows = np.concatenate([sizes, -sizes, near, -near, ENDS]).astype(dtype)[:, None]
        for activation in ACTIVATIONS:
            cost = {"softmax": "log_likelihood", "sigmoid": "cross_entropy"}
            net = Network([1, 1], output=activation, cost=cost.get(activation, "absolute"), seed=1)
            net.parameters[:] = 1, 0
            given_[f"{activation}_{dtype}"] = Given(net._exported(), dtype, rows)
    for name, result in run_all(tmp_path, given_, "c99").items():
        model, dtype, rows = given_[name]
        z = rows[:-3].T.astype(np.float64)
        with np.errstate(all="ignore"):
            passed = forward_bound(
                [np.ones((1, 1))], [np.zeros((1, 1))], model.activations, z, dtype
            )
            a = passed.a_s[-1].astype(dtype)
            # The product with 1 and the sum are exact, but the bound allows for their roundings.
            error = np.nan_to_num(2 * unit_roundoff(dtype) * passed.off[-1], nan=0.0)
            if model.activations[-1] in {"elu", "gelu", "relu", "silu", "softplus"}:
                error[z > 50] = 0  # it is z itself
            right = np.isclose(result.outputs[:-3].T, a, rtol=0, atol=error)
        assert right.all(), (name, z[~right], result.outputs[:-3].T[~right], a[~right])
        ends = [*LIMITS.get(model.activations[-1], ENDS[:2]), np.nan]
        np.testing.assert_array_equal(result.outputs[-3:, 0], ends, name)


@CC
@settings(max_examples=3)
@given(st.lists(st.tuples(descriptions(widths=st.integers(1, 17)), seeds), min_size=4, max_size=6))
def test_random_networks(tmp_path_factory, drawn):
    """Of any depth, widths, functions and costs, several in each program."""
    given_, expected = {}, {}
    for k, (description, seed) in enumerate(drawn):
        case = make_case(description, 7, seed)
        net = Network(
            description.sizes, activation=description.activations, cost=description.cost,
            bias=description.bias, dtype=description.dtype, seed=1,
        )  # fmt: skip
        net.parameters[:] = case.theta
        rows = case.X.T.astype(np.float32)
        given_[f"net{k}"] = Given(net._exported(), DTYPES[k % 2], rows)
        expected[f"net{k}"] = net.feedforward(rows.T).T
    found = run_all(tmp_path_factory.mktemp("c"), given_, "c99")
    for name, result in found.items():
        assert result.self_test == 0
        assert same_bits(result.batch, result.outputs)
        error = np.abs(result.outputs - expected[name])
        assert (error <= bound(given_[name])).all(), (name, error.max())


def classifier(classes, *, kind="multiclass", names=None) -> Model:
    """Return the model of a classifier with these classes."""
    n = len(classes)
    net = Network([3, n], output="softmax", cost="log_likelihood", seed=1)
    return replace(
        net._exported(), kind=kind, classes=np.asarray(classes), feature_names=names,
        inputs=Scaling(np.arange(3.0), np.ones(3)),
    )  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_hostile_texts_are_texts(language, tmp_path):
    """In classes, names of features and the name of a cost, in one program."""
    if compiler(language) is None:
        pytest.skip(f"there is no compiler of {language}")
    model = classifier(HOSTILE, names=("*/ int evil;", "??/", "a\\"))
    evil = OwnCost(lambda a, y: a - y, lambda a, y: 1.0, name='*/ int evil; /* ??/ \\\n"')
    own = Network([2, 1], activation="tanh", cost=evil, seed=1)
    (tmp_path / "texts.h").write_bytes(header(model, "texts", "float32"))
    (tmp_path / "own.h").write_bytes(header(own._exported(), "own", "float64"))
    source = tmp_path / "main.c"
    source.write_text(f"""\
#include <stdio.h>
#include "texts.h"
#include "own.h"
int main(void)
{{
    int k;
    for (k = 0; k < {len(HOSTILE)}; ++k)
        printf("%s", texts_label(k)), putchar(0);
    return 0;
}}
""")
    done = compile_program(source, language)
    assert done.returncode == 0, done.stderr
    texts = [t.split("\0")[0].encode("utf-8", "surrogatepass") for t in HOSTILE]  # %s ends at NUL
    assert output(source.with_suffix("")).split(b"\0")[:-1] == texts


@CC
def test_classes_that_are_numbers_keep_their_values(tmp_path):
    kinds = {
        "small": [-5, 7], "wide": [-(1 << 63), 1 << 40], "huge": [0, (1 << 64) - 1],
        "real": [-1.5, 1e300], "yes": [False, True],
    }  # fmt: skip
    main = ["#include <stdio.h>", *(f'#include "{name}.h"' for name in kinds), "int main(void) {"]
    for name, classes in kinds.items():
        dtype = np.uint64 if name == "huge" else None
        model = classifier(np.asarray(classes, dtype))
        (tmp_path / f"{name}.h").write_bytes(header(model, name, "float32"))
        for k, value in enumerate(classes):
            literal = {"wide": "INT64_MIN" if k == 0 else "INT64_C(1) << 40", "huge": f"{value}u"}
            main.append(
                f"    if ({name}_label({k}) != ({literal.get(name, repr(value + 0))})) return 1;"
            )
    source = tmp_path / "main.c"
    source.write_text("\n".join([*main, "    return 0;", "}", ""]))
    done = compile_program(source, "c99")
    assert done.returncode == 0, done.stderr
    output(source.with_suffix(""))


@pytest.mark.parametrize(
    ("kind", "language"),
    [
        ("texts", "c99"),
        ("numbers", "c99"),
        ("network", "c99"),
        ("regressor", "c99"),
        ("texts", "c++17"),
    ],
)
def test_the_example_in_the_comment_runs(kind, language, tmp_path):
    if compiler(language) is None:
        pytest.skip(f"there is no compiler of {language}")
    model = classifier(["low", "middle", "high"] if kind == "texts" else [0, 1, 2])
    if kind in {"network", "regressor"}:
        model = replace(model, kind=kind, classes=None)
    text = header(model, "digits", "float32").decode()
    (tmp_path / "digits.h").write_text(text)
    example = text.partition("* Example:\n")[2].partition(" */")[0]
    source = tmp_path / "main.c"
    source.write_text(re.sub(r"^ \*( {5})?", "", example, flags=re.MULTILINE))
    done = compile_program(source, language, ("-Wno-double-promotion",))
    assert done.returncode == 0, done.stderr
    printed = output(source.with_suffix("")).decode()
    assert printed.endswith("\n")
    assert kind != "texts" or printed in {"low\n", "middle\n", "high\n"}


@CC
def test_the_self_test_finds_a_changed_number(tmp_path):
    """Compiled so that constants pass into loops, whose ends a compiler may warn of."""
    net = Network([8, 8, 512, 4], activation="tanh", cost="quadratic", seed=1)
    text = header(net._exported(), "net", "float32").decode()
    source = tmp_path / "main.c"
    source.write_text("""\
#define net_SELF_TEST
#include "net.h"
int main(void)
{
    float scratch[net_SCRATCH];
    return net_self_test(scratch);
}
""")
    first = re.search(r"net_W1\[64\] = \{\s*(\S+)f,", text)
    results = []
    for factor in (1.0, 1.1):
        changed = f"{float(first[1]) * factor:.9g}"
        (tmp_path / "net.h").write_text(text[: first.start(1)] + changed + text[first.end(1) :])
        done = compile_program(source, "c99", ("-O2",))
        assert done.returncode == 0, done.stderr
        results.append(subprocess.run([source.with_suffix("")]).returncode)
    assert results == [0, 1]


def test_equal_models_give_equal_bytes_wherever_they_are_written(tmp_path):
    net = Network([3, 2, 1], seed=1)
    net.to_c(tmp_path / "my-net.h")
    Network([3, 2, 1], seed=1).to_c(str(tmp_path / "other.h"), name="my_net")
    first = (tmp_path / "my-net.h").read_bytes()
    assert first == (tmp_path / "other.h").read_bytes()
    assert b"static inline void my_net_predict(const float *x, float *y" in first
    assert first.isascii()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["my-net.h", "other.h"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_numbers_are_the_model_s_own_bits(dtype):
    net = Network([30, 40, 2], dtype=dtype, seed=1)
    net.parameters[:5] = 1e-30, -0.0, 1, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max / 8
    text = header(net._exported(), "net", dtype).decode()
    for name, array in (("W1", net.weights[0]), ("W2", net.weights[1]), ("b2", net.biases[1])):
        body = re.search(rf"net_{name}\[\d+\] = \{{(.*?)\}}", text, re.DOTALL)[1]
        assert same_bits(np.array(body.replace("f", "").split(","), dtype), array.ravel())


def test_what_a_header_needs():
    """Bytes of the arrays that are always compiled; the scratch; one product per weight."""
    model = classifier(["low", "middle", "high"])
    text = header(model, "net", "float32").decode().partition("#ifdef")[0]
    numbers = sum(int(count) for count in re.findall(r"static const float \w+\[(\d+)\]", text))
    texts = len("low") + len("middle") + len("high") + 3
    scratch = int(re.search(r"#define net_SCRATCH (\d+)", text)[1])
    assert footprint(model) == (4 * numbers + texts, 4 * scratch, 9)
    assert footprint(Network([5, 1], seed=1)._exported(), "float64") == (48, 0, 5)
    assert str(footprint(model)) in " ".join(text.replace("\n *", "").split())


@pytest.mark.parametrize(
    "name", ["2x", "a-b", "", "_a", "a__b", "a_", "na\xefve", "a b", "x" * 32, 3]
)
def test_names_that_c_does_not_allow_are_refused(name, tmp_path):
    net = Network([2, 1], seed=1)
    with pytest.raises(ArgumentError, match="name must be an identifier of C") as caught:
        net.to_c(tmp_path / "net.h", name=name)
    assert list(tmp_path.iterdir()) == []
    cure = re.search(r'Pass name="(.*)"', str(caught.value))[1]
    net.to_c(tmp_path / "net.h", name=cure)


def test_numbers_outside_the_range_of_float32_are_refused(tmp_path):
    net = Network([2, 1], activation="tanh", cost="quadratic", seed=1)
    net.parameters[0] = 1e39
    with pytest.raises(ArgumentError, match="outside the range of float32"):
        net.to_c(tmp_path / "net.h")
    net.to_c(tmp_path / "net.h", dtype="float64")
    model = replace(classifier([0, 1, 2]), inputs=Scaling(np.zeros(3), np.array([1, 1e-40, 1])))
    with pytest.raises(ArgumentError, match="outside the range of float32"):
        header(model, "net", "float32")
    with pytest.raises(ArgumentError, match="unknown dtype"):
        net.to_c(tmp_path / "net.h", dtype="float16")


def test_inputs_of_the_self_test_shrink_until_outputs_are_finite(tmp_path):
    net = Network([2, 1], cost="poisson", seed=1)
    net.parameters[:] = 1e4, 1e4, 0
    net.to_c(tmp_path / "net.h")
    net.parameters[-1] = 1e4
    with pytest.raises(DataError, match="outputs of the model are not finite"):
        net.to_c(tmp_path / "net.h")
    with pytest.raises(DestinationError, match="is a folder"):
        Network([2, 1], seed=1).to_c(tmp_path, name="net")
