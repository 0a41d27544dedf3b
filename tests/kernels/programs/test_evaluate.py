"""The program `evaluate`: any blocks, any range, and only the results that are wanted."""

import numpy as np
import pytest
from guarded import UNWRITTEN, look
from hypothesis import given, settings
from hypothesis import strategies as st
from numeric import same_bits
from strategies import batch_sizes, cases, make_case

from bpmatrix.architecture.description import Description
from bpmatrix.engine import evaluation

DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])


@given(cases(), batch_sizes)
@settings(max_examples=80)
def test_the_length_of_a_block_changes_no_bit(case, columns):
    """Outputs, costs, hits and the sum of gradients, the last one carried from block to block."""
    whole, cut = look(case), look(case, columns=columns)
    for name in ("outputs", "costs", "hits", "gradient"):
        assert same_bits(getattr(cut, name), getattr(whole, name)), name


@given(cases(), st.data())
@settings(max_examples=60)
def test_a_second_call_continues_where_the_first_ended(case, data):
    """Samples before the cut, then those after it: the same as all; others are left alone."""
    n = case.X.shape[1]
    cut = data.draw(st.integers(1, n))
    first = look(case, last=cut)
    assert np.isnan(first.outputs[:, cut:]).all()
    assert np.isnan(first.costs[cut:]).all()
    assert (first.hits[cut:] == UNWRITTEN).all()
    second = look(case, first=cut, carry_on=first)
    whole = look(case)
    assert same_bits(second.gradient, whole.gradient)
    for name in ("outputs", "costs", "hits"):
        parts = getattr(first, name)[..., :cut], getattr(second, name)[..., cut:]
        assert same_bits(np.concatenate(parts, axis=-1), getattr(whole, name)), name


@given(cases())
@settings(max_examples=40)
def test_each_function_returns_its_part(case):
    """`outputs`, `scores` and `gradient` give the results of one call for all of them."""
    n, arguments = case.X.shape[1], (case.description, case.theta, case.inputs)
    together = look(case)
    assert same_bits(evaluation.outputs(*arguments), together.outputs)
    scores = evaluation.scores(*arguments[:2], case.samples)
    assert scores.cost == together.costs.sum() / n
    assert scores.accuracy == together.hits.sum() / n
    expected = (together.gradient / n).astype(case.theta.dtype)
    assert same_bits(evaluation.gradient(*arguments[:2], case.samples), expected)


@DTYPES
def test_many_samples_are_carried_in_several_calls(dtype, monkeypatch):
    """Python handles Ctrl-C between two calls; the result is that of one call."""
    network = Description((30, 64, 5), ("relu", "softmax"), "log_likelihood", dtype=dtype)
    case = make_case(network, 999, seed=1)
    whole = look(case)
    monkeypatch.setattr(evaluation, "MULTIPLICATIONS_PER_CALL", 1)
    arguments = (case.description, case.theta, case.inputs)
    assert same_bits(evaluation.outputs(*arguments), whole.outputs)
    expected = (whole.gradient / 999).astype(dtype)
    assert same_bits(evaluation.gradient(*arguments[:2], case.samples), expected)
    assert evaluation.scores(*arguments[:2], case.samples).cost == whole.costs.sum() / 999
