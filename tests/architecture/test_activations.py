"""The descriptions of the activation functions agree with the reference and with the kernels."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bpmatrix import reference
from bpmatrix.architecture.activations import ACTIVATIONS, find_activation
from bpmatrix.architecture.costs import COSTS
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels import codes
from bpmatrix.kernels.functions import activations


def test_names_codes_and_reference_agree() -> None:
    """Each function is found by its own name, has a code of its own and a formula in reference."""
    relatives = {"relu", "leaky_relu", "elu", "gelu", "silu", "softplus"}
    assert set(ACTIVATIONS) >= {"sigmoid", "tanh", *relatives, "exp", "identity", "softmax"}
    for name, record in ACTIVATIONS.items():
        assert find_activation(name) is record
        assert record.name == name
        assert record.code == getattr(codes, name.upper(), None)
        assert (record.code is None) == hasattr(activations, f"{name}_slope")
    known = [record.code for record in ACTIVATIONS.values() if record.code is not None]
    assert len(set(known)) == len(known)
    assert set(reference.SIGMA) == set(ACTIVATIONS)


def test_elementwise_is_what_the_reference_does() -> None:
    """A function is element-wise if and only if each row alone gives the same values."""
    z = np.array([[1.0], [2.0]])
    for name, record in ACTIVATIONS.items():
        sigma = reference.SIGMA[name]
        alone = np.vstack([sigma(z[:1]), sigma(z[1:])])
        assert record.elementwise == bool((sigma(z) == alone).all())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_an_output_reaches_is_what_the_reference_reaches(name: str) -> None:
    """The bounds hold everywhere and are nearly met somewhere; where none is said there is none."""
    z = np.linspace(-60, 60, 24_001)
    record = find_activation(name)
    a = reference.SIGMA[name](z[:, None] if record.elementwise else np.vstack([z, -z]))
    for bound, extreme, side in ((record.lowest, a.min(), 1), (record.highest, a.max(), -1)):
        if bound is None:
            assert abs(extreme) > 0.5, "it goes on"
        else:
            # Rounded outward to four digits; softplus and exp of -60 are 1e-26.
            assert 0 <= side * (extreme - bound) < 1e-4


def as_python(formula: str) -> str:
    """Translate a formula in text: products, powers, cases, and the meaning of letters."""
    formula, _, letter = formula.partition(" with s = ")
    formula = re.sub(r"\b([a-z]) (?=[(a-z]\b|Phi|phi)", r"\1 * ", formula).replace("^", "**")
    formula = formula.replace("0.01 z", "0.01 * z").replace("* where", "where")
    formula = re.sub(r"\|(\w)\|", r"abs(\1)", formula)
    formula = re.sub(r"(.*) where (.*), else (.*)", r"np.where(\2, \1, \3)", formula)
    return re.sub(r"\bs\b", f"({letter})", formula) if letter else formula


@pytest.mark.parametrize("name", [r for r in ACTIVATIONS if ACTIVATIONS[r].elementwise])
def test_written_formulas_say_what_the_reference_computes(name: str) -> None:
    """The formulas for people, evaluated, are sigma and sigma' of the reference."""
    words = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "max": np.maximum, "np": np}
    words |= {"phi": reference.phi, "Phi": reference.Phi, "abs": np.abs, "min": np.minimum}
    z = np.linspace(-3, 3, 12)
    record = find_activation(name)
    a = eval(as_python(record.formula), words, {"z": z})
    prime = eval(as_python(record.derivative), words, {"z": z, "a": a})
    # A handful of operations on numbers of size 1, each rounded by half an eps.
    np.testing.assert_allclose(a, reference.SIGMA[name](z), rtol=0, atol=8 * np.finfo(float).eps)
    np.testing.assert_allclose(
        np.broadcast_to(prime, z.shape),
        reference.SIGMA_PRIME[name](z),
        rtol=0,
        atol=8 * np.finfo(float).eps,
    )


def test_the_page_lists_every_function_and_cost() -> None:
    page = (Path(__file__).parents[2] / "docs" / "functions.md").read_text(encoding="utf-8")
    listed = set(re.findall(r'"(\w+)"', "".join(re.findall(r"^\|[^|]*\|", page, re.MULTILINE))))
    assert listed == {*ACTIVATIONS, *COSTS}


@pytest.mark.parametrize("name", ["Sigmoid", "", "swish", None, 3, ["sigmoid"]])
def test_an_unknown_name_lists_the_known_ones(name: object) -> None:
    """The error repeats the unknown name and lists the known ones."""
    with pytest.raises(ArgumentError) as caught:
        find_activation(name)
    assert repr(name) in str(caught.value)
    assert all(known in str(caught.value) for known in ACTIVATIONS)
