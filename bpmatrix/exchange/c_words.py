"""Names, texts and numbers as words of C, whatever characters the texts contain."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bpmatrix.array_types import Array
from bpmatrix.errors import ArgumentError

# An underscore at either end, or two in a row, could make a name that belongs to the compiler.
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")
# C99 promises to tell names of 63 letters apart, and to read texts of 4095 bytes.
LONGEST_NAME, LONGEST_WORD, LONGEST_TEXT, LONGEST_IN_A_COMMENT = 28, 24, 4095, 60
NUMBERS_IN_A_LINE = {"float32": 8, "float64": 4}
# Enough digits for every number, and not fewer where fewer would do: some compilers read a float
# through a double, which is safe only if the text is much closer to it than half its last bit.
DIGITS = {"float32": 9, "float64": 17}
REAL = {"float32": "float", "float64": "double"}
SUFFIX = {"float32": "f", "float64": ""}


def check_name(name: object) -> str:
    """Return the name that all names in a header begin with.

    Raises
    ------
    ArgumentError
        If C, or C++, does not allow names that begin with it.

    Examples
    --------
    >>> check_name("digits_2")
    'digits_2'
    """
    if not (isinstance(name, str) and len(name) <= LONGEST_NAME and NAME.fullmatch(name)):
        raise ArgumentError(
            "name must be an identifier of C",
            got=repr(name),
            expected=f"at most {LONGEST_NAME} letters and digits, a letter first, with single"
            " underscores between them",
            cure=f'Pass name="{name_like(str(name))}".',
        )
    return name


def name_like(text: str) -> str:
    """Return a valid name that resembles a text, such as that of a file.

    Examples
    --------
    >>> name_like("my-model"), name_like("2 layers")
    ('my_model', 'net_2_layers')
    """
    own = word(text)
    return own if NAME.fullmatch(own) else f"net_{own}".strip("_")


def word(text: str) -> str:
    r"""Return the letters and digits of a text, underscores for the rest.

    Examples
    --------
    >>> word("Iris s\xe9tosa!"), word("-1.5"), word("?")
    ('Iris_setosa', 'minus_1_5', '')
    """
    text = re.sub(r"^-(?=[0-9.])", "minus ", text[:4096])
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "_", ascii_only).strip("_")[:LONGEST_WORD].strip("_")


def enumeration(title: str, prefix: str, texts: Sequence[str]) -> str:
    """Return an enum with a different name for each text, and the texts as comments.

    Examples
    --------
    >>> print(enumeration("pet", "pet_", ["cat", "a dog", "a-dog"]))
    enum pet {
        pet_cat = 0, /* "cat" */
        pet_a_dog = 1, /* "a dog" */
        pet_a_dog_2 = 2 /* "a-dog" */
    };
    """
    used: set[str] = set()
    lines = []
    for k, text in enumerate(texts):
        own = word(text) or str(k)
        if own in used:
            own = f"{own}_{k}"
        while own in used:
            own += "x"
        used.add(own)
        comma = "," if k < len(texts) - 1 else ""
        lines.append(f"    {prefix}{own} = {k}{comma} /* {quoted_in_comment(text)} */")
    return f"enum {title} {{\n" + "\n".join(lines) + "\n};"


def quoted(text: str) -> str:
    r"""Return a text as a string literal, of ASCII characters only.

    Bytes of UTF-8 are written in octal, which ends after three digits; a question mark could be
    part of a trigraph.

    Examples
    --------
    >>> print(quoted('caf\xe9 "1"??/'))
    "caf\303\251 \"1\"\?\?/"
    """
    letters = text.encode("utf-8", "surrogatepass")
    return '"' + "".join(map(_letter, letters)) + '"'


def constant_text(name: str, text: str) -> str:
    """Return the definition of a text that is too long for a string literal, letter by letter."""
    letters = ", ".join(f"'{_letter(byte)}'" for byte in text.encode("utf-8", "surrogatepass"))
    return f"static const char {name}[] = {{{letters}, 0}};"


def _letter(byte: int) -> str:
    if not 32 <= byte < 127:
        return f"\\{byte:03o}"
    return f"\\{byte:c}" if chr(byte) in "\"'?\\" else chr(byte)


def quoted_in_comment(text: str) -> str:
    """Return a text that neither ends a comment nor seems to begin one.

    Examples
    --------
    >>> print(quoted_in_comment("*/ int i; /*"))
    "* / int i; / *"
    """
    cut = text if len(text) <= LONGEST_IN_A_COMMENT else text[:LONGEST_IN_A_COMMENT] + "..."
    return re.sub(r"\*(?=/)|/(?=\*)", r"\g<0> ", quoted(cut))


def number(value: float, dtype: str) -> str:
    """Return a finite number as a constant that a compiler reads as the same bits.

    Examples
    --------
    >>> number(1, "float32"), number(0.1, "float64")
    ('1.0f', '0.10000000000000001')
    """
    text = f"{float(value):.{DIGITS[dtype]}g}"
    return text + ("" if "." in text or "e" in text else ".0") + SUFFIX[dtype]


def table(name: str, array: Array, dtype: str) -> str:
    """Return the definition of a constant array, with its numbers in C order."""
    words, step = [number(x, dtype) for x in array.ravel().tolist()], NUMBERS_IN_A_LINE[dtype]
    lines = (", ".join(words[k : k + step]) for k in range(0, len(words), step))
    numbers = ",\n    ".join(lines)
    return f"static const {REAL[dtype]} {name}[{len(words)}] = {{\n    {numbers}\n}};"


def integers(values: Array) -> tuple[str, list[str]]:
    """Return the type that holds whole numbers, and the numbers as constants of it.

    Examples
    --------
    >>> import numpy as np
    >>> integers(np.array([-1, 7]))
    ('int32_t ', ['-1', '7'])
    """
    found = [int(value) for value in values.tolist()]
    low, high = min(found), max(found)
    if low > -(1 << 31) and high < 1 << 31:
        return "int32_t ", [str(value) for value in found]
    if high < 1 << 63:  # the lowest number is no constant, but an operation on one
        return "int64_t ", [
            "INT64_MIN" if value == -(1 << 63) else f"INT64_C({value})" for value in found
        ]
    return "uint64_t ", [f"UINT64_C({value})" for value in found]
