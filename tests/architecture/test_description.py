"""Valid and invalid descriptions; which costs and outputs can be combined."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from strategies import descriptions

from bpmatrix import Network
from bpmatrix.architecture.activations import ACTIVATIONS, OwnActivation
from bpmatrix.architecture.costs import COSTS, Huber, Quantile, find_cost
from bpmatrix.architecture.description import Description, choose_activations
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels import codes
from bpmatrix.kernels.plan import pitch

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
# Design, section 5: which cost takes which outputs.
PARTNERS = {"cross_entropy": "sigmoid", "log_likelihood": "softmax", "poisson": "exp"}
PAIRS = set(PARTNERS.items()) | set(
    product(("quadratic", "absolute", "huber", "quantile"), ELEMENTWISE)
)


def brief(value: object) -> str:
    return repr(value)[:20]


@pytest.mark.parametrize(("cost", "output"), sorted(product(COSTS, ACTIVATIONS)))
def test_cost_and_output_belong_together(cost: str, output: str) -> None:
    """The three kinds of pairs of the design are possible, every other one raises and says why."""
    if (cost, output) in PAIRS:
        assert find_cost(Description((2, 3, 2), ("tanh", output), cost).cost).name == cost
    else:
        with pytest.raises(ArgumentError, match="cannot be combined") as caught:
            Description((2, 3, 2), ("tanh", output), cost)
        assert cost in str(caught.value)
        assert output in str(caught.value)


@pytest.mark.parametrize(
    ("cost", "name"),
    [("cross_entropy", "sigmoid"), ("log_likelihood", "softmax"), ("poisson", "exp")],
)
def test_an_own_function_with_the_name_of_a_partner_is_refused(cost: str, name: str) -> None:
    """sigma' cancels for ours alone: with another slope the gradient would be wrong."""
    own = OwnActivation(lambda z: 1 / (1 + math.exp(-3 * z)), lambda z: 0.0, name)
    with pytest.raises(ArgumentError, match=f"{cost} and your own {name} cannot be combined"):
        Description((2, 1), (own,), cost)
    assert Description((2, 3, 1), (own, "identity"), "quadratic").activations[0] is own


@pytest.mark.parametrize(("cost", "activation"), sorted(product(COSTS, ELEMENTWISE)))
def test_no_output_chooses_what_belongs_to_the_cost(cost: str, activation: str) -> None:
    """The partner where a cost has one; else identity, unless the book has a bounded one."""
    as_in_the_book = cost == "quadratic" and activation in {"sigmoid", "tanh"}
    own = activation if as_in_the_book else "identity"
    chosen = choose_activations(3, activation, None, cost)
    assert chosen == (activation, activation, PARTNERS.get(cost, own))
    Description((2, 3, 4, 2), chosen, cost)


def test_names_for_each_layer() -> None:
    """One name for each layer, or for each hidden one with `output`; one name means all."""
    assert choose_activations(2, ["relu", "sigmoid"], None, "quadratic") == ("relu", "sigmoid")
    assert choose_activations(2, ("relu",), "tanh", "quadratic") == ("relu", "tanh")
    assert choose_activations(2, "relu", "tanh", "quadratic") == ("relu", "tanh")
    assert choose_activations(1, "relu", None, "quadratic") == ("identity",)


@pytest.mark.parametrize("sizes", [[2, 3], (np.int64(2), np.uint8(3)), np.array([2, 3])])
def test_sizes_become_a_tuple_of_int(sizes) -> None:
    """Lists and NumPy's integers are taken and kept as int."""
    description = Description(sizes, ("tanh",), "quadratic")
    assert description.sizes == (2, 3)
    assert {type(n) for n in description.sizes} == {int}


WRONG = [
    ({"sizes": ()}, "sizes"),
    ({"sizes": (2,)}, "sizes"),
    ({"sizes": (2, 0, 1)}, "sizes"),
    ({"sizes": (2, -3, 1)}, "sizes"),
    ({"sizes": (2, 3.0, 1)}, "sizes"),
    ({"sizes": (2, "3", 1)}, "sizes"),
    ({"sizes": (2, True, 1)}, "sizes"),
    ({"sizes": (2, None, 1)}, "sizes"),
    ({"sizes": (2, (3,), 1)}, "sizes"),
    ({"sizes": "231"}, "sizes"),
    ({"sizes": 3}, "sizes"),
    ({"sizes": None}, "sizes"),
    ({"sizes": (2, 3)}, r"one activation .*got \['tanh', 'sigmoid'\], expected 1 name"),
    ({"activations": ("tanh",)}, "one activation .*expected 2 names"),
    ({"activations": ("softmax", "sigmoid")}, "softmax cannot be used in a hidden layer"),
    ({"activations": ("swish", "sigmoid")}, "'swish'"),
    ({"activations": ("tanh", None)}, "None"),
    ({"cost": "mse"}, "'mse'"),
    ({"cost": None}, "None"),
    ({"input_scale": 0.0}, "input_scale"),
    ({"input_scale": np.nan}, "input_scale"),
    ({"input_scale": -np.inf}, "input_scale"),
    ({"input_scale": "2"}, "input_scale"),
    ({"input_scale": 10**400}, "input_scale"),
    ({"input_scale": True}, "input_scale"),
    ({"bias": "no"}, "bias"),
    ({"bias": None}, "bias"),
    ({"bias": 2}, "bias"),
    ({"dtype": "float16"}, "dtype.*'float16'.*float64 or float32"),
    ({"dtype": "double"}, "dtype"),
    ({"dtype": None}, "dtype"),
    ({"dtype": ["float64"]}, "dtype"),
    ({"dtype": np.dtype("float64")}, "dtype"),
    ({"sizes": (2, 2**31, 1)}, "too large for any memory"),
    ({"sizes": (2, 10**30, 1)}, "too large for any memory"),
    ({"sizes": (2**24, 2**24, 1)}, "too large for any memory"),
]


@pytest.mark.parametrize(("changed", "words"), WRONG, ids=brief)
def test_an_invalid_description_is_refused(changed: dict, words: str) -> None:
    """Each impossible part ends in an ArgumentError that names it."""
    right = {
        "sizes": (2, 3, 1),
        "activations": ("tanh", "sigmoid"),
        "cost": "cross_entropy",
        "input_scale": 1.0,
        "bias": True,
        "dtype": "float64",
    }
    Description(**right)
    with pytest.raises(ArgumentError, match=words):
        Description(**(right | changed))


@given(descriptions())
def test_equal_descriptions_are_one_key(description: Description) -> None:
    """Descriptions of equal parts are equal and hash alike."""
    d = description
    same = Description(list(d.sizes), d.activations, d.cost, d.input_scale, d.bias, d.dtype)
    assert same == d
    assert hash(same) == hash(d)


@given(descriptions())
def test_the_plan_tells_the_kernels_the_network(description: Description) -> None:
    """Sizes, codes and offsets of the plan are those of the description, slot 0 the inputs."""
    d = description
    plan, elements = d.plan(5)
    assert plan.sizes.tolist() == list(d.sizes)
    for number, name in zip(plan.sigma[1:], d.activations, strict=True):
        code = ACTIVATIONS[name].code
        assert number == code if code is not None else number >= codes.FIRST_ADDRESS
    record = find_cost(d.cost)
    assert plan.cost.parameter == getattr(d.cost, "parameter", 0)
    assert plan.cost.cancels == (record.partner is not None)
    if record.code is None:
        assert plan.cost.code >= codes.FIRST_ADDRESS
    else:
        assert plan.cost.code == record.code
    W, b = d.layout.offsets()
    assert (plan.W.tolist(), plan.b.tolist()) == (W.tolist(), b.tolist())
    assert plan.columns == 5
    assert elements >= 5 * (sum(d.sizes) + sum(d.sizes[1:]))


@given(descriptions())
def test_work_matrices_do_not_overlap(description: Description) -> None:
    """Every matrix of the plan has its own memory, except a z that shares it with a.

    The output's z is always kept; with `keep_every_z` all are.
    """
    for keep in (False, True):
        plan, elements = description.plan(3, threads=2, keep_every_z=keep)
        L = len(description.sizes) - 1
        rooms = [
            (plan.y, pitch(description.sizes[-1]) * 3),
            (plan.ones, 3),
            (plan.zeros, max(plan.sizes)),
            (plan.scratch, 2 * plan.scratch_size),
        ]
        for l, n in enumerate(description.sizes):
            copies = 2 if l == 0 and plan.own_inputs else 1
            assert copies == 1 or plan.own_inputs >= 3 * pitch(n)
            extent = plan.own_inputs if copies == 2 else 3 * pitch(n)
            rooms.append((plan.a[l], copies * extent))
            if l > 0:
                rooms.append((plan.delta[l], 3 * pitch(n)))
            if l == L or (keep and l > 0):
                assert plan.z[l] != plan.a[l]
            if plan.z[l] != plan.a[l]:
                rooms.append((plan.z[l], 3 * pitch(n)))
        used = np.zeros(elements, int)
        for start, size in rooms:
            used[start : start + size] += 1
        assert used.max() == 1
        assert used.sum() == sum(size for _, size in rooms)


@pytest.mark.parametrize(
    ("changed", "words", "cure"),
    [
        ({"cost": Huber(4e-46)}, "delta is 0 in float32: got 4e-46", {"cost": Huber(1.2e-38)}),
        ({"cost": Huber(1e-40)}, "delta is 0 in float32: got 1e-40", {"cost": Huber(1.2e-38)}),
        ({"cost": Huber(5e38)}, "delta is infinite in float32", {"cost": Huber(3.2e38)}),
        ({"cost": Quantile(1e-50)}, "q is 0 in float32", {"cost": Quantile(1.2e-38)}),
        ({"cost": Quantile(1 - 1e-10)}, "q is 1 in float32", {"cost": Quantile(0.99999994)}),
        ({"input_scale": -2e-46}, "input_scale is 0 in float32", {"input_scale": -1.2e-38}),
        ({"input_scale": 1e50}, "input_scale is infinite in float32", {"input_scale": 3.2e38}),
        (
            {"input_scale": 1e-315, "dtype": "float64"}, "input_scale is 0 in float64: got 1e-315",
            {"input_scale": 2.3e-308, "dtype": "float64"},
        ),
    ],
)  # fmt: skip
def test_a_parameter_that_the_type_cannot_hold_is_refused(changed, words, cure) -> None:
    """It would be another one in training; what the error expects is taken, and so is float64."""
    given = {"cost": "quadratic", "dtype": "float32"}

    def described(**how):
        Description((2, 1), ("identity",), **{**given, **how}).check_type()

    with pytest.raises(ArgumentError, match=f"^{words}") as caught:
        described(**changed)
    number = next(value for value in cure.values() if value != "float64")
    number = number if isinstance(number, float) else number.parameter
    assert f"expected {abs(number):.9g} " in str(caught.value)
    described(**cure)
    if "dtype" not in changed:
        assert 'dtype="float64"' in str(caught.value)
        described(**changed, dtype="float64")


def test_a_network_with_such_a_parameter_is_not_made() -> None:
    """A description may have it, since a file may."""
    for name, value in (("cost", Huber(3e-50)), ("input_scale", 1e40)):
        with pytest.raises(ArgumentError, match="in float32"):
            Network([2, 1], output="identity", dtype="float32", **{"cost": "absolute", name: value})
