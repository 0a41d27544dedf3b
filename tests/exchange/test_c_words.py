"""Texts and numbers as words of C."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numeric import same_bits

from bpmatrix.exchange.c_words import (
    NAME,
    check_name,
    constant_text,
    enumeration,
    integers,
    name_like,
    number,
    quoted,
    quoted_in_comment,
)

ESCAPED = re.compile(rb"\\([0-7]{3}|.)")


def read_literal(literal: str) -> bytes:
    """Return the bytes of a string literal, as a compiler reads them."""
    assert re.fullmatch(r'"([^"\\]|\\.)*"', literal)
    return ESCAPED.sub(
        lambda found: bytes([int(found[1], 8)]) if len(found[1]) == 3 else found[1],
        literal[1:-1].encode("ascii"),
    )


@given(st.text(st.characters(categories=None)))
@example('??/"\\*/\n\0')
def test_any_text_is_one_literal_and_one_comment(text):
    literal = quoted(text)
    assert read_literal(literal) == text.encode("utf-8", "surrogatepass")
    assert "??" not in literal  # the beginning of a trigraph
    assert literal.isprintable()
    comment = quoted_in_comment(text)
    assert comment.isprintable()
    assert comment.isascii()
    assert not re.search(r"\*/|/\*|\?\?", comment)


@given(st.text(st.characters(categories=None)))
def test_any_text_can_be_written_letter_by_letter(text):
    letters = re.findall(r"'(\\[0-7]{3}|\\.|.)'", constant_text("t", text))
    read = b"".join(read_literal(f'"{letter}"') if letter != '"' else b'"' for letter in letters)
    assert read == text.encode("utf-8", "surrogatepass")


@given(st.lists(st.text(max_size=8) | st.sampled_from(["a", "a b", "a-b", "a_1", "a_2", "2", ""])))
def test_the_names_of_an_enum_are_valid_and_different(texts):
    names = re.findall(r"^    (\w+) = (\d+)", enumeration("kind", "p_", texts), re.MULTILINE)
    assert [int(index) for _, index in names] == list(range(len(texts)))
    assert len({name for name, _ in names}) == len(texts)
    assert all(NAME.fullmatch(name) and len(name) <= 63 - 28 - len("CLASS_") for name, _ in names)


@given(st.text(max_size=40))
def test_a_name_can_be_made_of_any_text(text):
    assert check_name(name_like(text)) == name_like(text)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_number_is_read_as_the_same_bits(dtype):
    rng, limits = np.random.default_rng(1), np.finfo(dtype)
    bits = rng.integers(0, 1 << 63, 2000, dtype=np.uint64).view(dtype)
    array = np.array([0, -0.0, 1, -3, 1e10, limits.max, limits.smallest_subnormal, *bits], dtype)
    array = array[np.isfinite(array)]
    texts = [number(value, dtype) for value in array.tolist()]
    assert all(re.fullmatch(r"-?\d+(\.\d+)?(e[-+]\d+)?f?", text) for text in texts)
    assert all("." in text or "e" in text for text in texts)  # 1f is not a number of C
    assert same_bits(np.array([text.rstrip("f") for text in texts], dtype), array)


def test_whole_numbers_fit_their_type():
    limits = np.iinfo(np.int64)
    assert integers(np.array([-(1 << 31), 0])) == (
        "int64_t ",
        ["INT64_C(-2147483648)", "INT64_C(0)"],
    )
    assert integers(np.array([limits.min, limits.max])) == (
        "int64_t ", ["INT64_MIN", "INT64_C(9223372036854775807)"],
    )  # fmt: skip
    assert integers(np.array([2**64 - 1], np.uint64))[0] == "uint64_t "
    assert integers(np.array([False, True])) == ("int32_t ", ["0", "1"])
