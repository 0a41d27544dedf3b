"""A trained model as a C header: C99 and C++, no allocation, no library but math.h."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from itertools import pairwise
from string import Template
from typing import NamedTuple

import numpy as np

import bpmatrix
from bpmatrix.exchange import c_code as code
from bpmatrix.exchange import c_words as words
from bpmatrix.exchange.c_samples import SAMPLES, self_test_samples
from bpmatrix.exchange.model import Model

LINES = textwrap.TextWrapper(97, break_long_words=False, break_on_hyphens=False)
OUTPUTS = {
    "network": "the outputs of the network",
    "regressor": "the predicted numbers",
    "binary": "the probability of each class",
    "multiclass": "the probability of each class",
    "multilabel-indicator": "the probability of each label",
}
Fill = Callable[..., str]


class Footprint(NamedTuple):
    """What a header needs on the target, beside the code of its functions and of math.h.

    Attributes
    ----------
    flash : int
        Bytes of constants: parameters, standardization and the texts of classes.
    ram : int
        Bytes of scratch.
    multiply_adds : int
        Multiplications in the matrix products, for one sample.
    """

    flash: int
    ram: int
    multiply_adds: int

    def __str__(self) -> str:
        return (
            f"{self.flash:,} bytes of constants in flash, {self.ram:,} bytes of scratch in RAM,"
            f" {self.multiply_adds:,} multiply-adds per sample"
        )


def footprint(model: Model, dtype: str = "float32") -> Footprint:
    """Return what the header of a model needs on the target.

    Examples
    --------
    >>> from bpmatrix import Network
    >>> print(footprint(Network([64, 30, 10], seed=1)._exported()))
    9,040 bytes of constants in flash, 120 bytes of scratch in RAM, 2,220 multiply-adds per sample
    """
    sizes, itemsize = model.description.sizes, np.dtype(dtype).itemsize
    products = sum(n_in * n_out for n_in, n_out in pairwise(sizes))
    numbers = products + sum(sizes[1:])
    numbers += 2 * sizes[0] * (model.inputs is not None)
    numbers += 2 * sizes[-1] * (model.targets is not None)
    texts = _classes(model) if _are_texts(model) else []
    letters = sum(len(text.encode("utf-8", "surrogatepass")) + 1 for text in texts)
    return Footprint(numbers * itemsize + letters, sum(_buffers(model)) * itemsize, products)


def header(model: Model, name: str, dtype: str) -> bytes:
    """Return a model as the text of a header, in ASCII.

    Raises
    ------
    ArgumentError
        If the name or the dtype is not valid, or a number is outside the range of the dtype.
    DataError
        If the outputs are not finite.
    """
    words.check_name(name)
    trained_in = model.description.dtype
    model = model.rounded(dtype)
    how = {"name": name, "real": words.REAL[dtype], "f": words.SUFFIX[dtype]}

    def fill(template: str, **values: object) -> str:
        return Template(template).substitute(how, **values)

    parts = [
        _comment(model, fill, trained_in),
        fill("#ifndef ${name}_H\n#define ${name}_H"),
        "#include <math.h>\n#include <stddef.h>\n#include <stdint.h>",
        _macros(model, fill),
        *_enumerations(model, name),
        *_constants(model, name),
        *_functions(model, fill),
        fill(code.PREDICT, steps=_steps(model, fill)),
        *_classification(model, fill),
        _self_test(model, fill),
        "#endif",
    ]
    return ("\n\n".join(parts) + "\n").encode("ascii")


def _comment(model: Model, fill: Fill, trained_in: str) -> str:
    """Return what the header says about itself."""
    d = model.description
    if _are_texts(model):
        printing = 'printf("%s\\n", ${name}_label(${name}_classify(y)));'
    elif _classes(model):
        printing = 'printf("%g\\n", (double)${name}_label(${name}_classify(y)));'
    elif _rule(model) in {code.LARGEST, code.ABOVE_A_HALF}:
        printing = 'printf("%d\\n", ${name}_classify(y));'
    else:
        printing = 'printf("%g\\n", (double)y[0]);'
    given = "" if d.input_scale == 1 else f", multiplied by {d.input_scale:.9g} here"
    given = ", standardized here" if model.inputs else given
    back = ", in their own units" if model.targets else ""
    text = fill(
        code.ABOUT,
        version=bpmatrix.__version__,
        sizes="-".join(map(str, d.sizes)),
        activations=", ".join(model.activations),
        cost=words.quoted_in_comment(str(d.cost)),
        parameters=f"{d.layout.size:,}",
        trained_in=trained_in,
        dtype=d.dtype,
        inputs=d.sizes[0],
        given=given,
        outputs=_outputs(model),
        meaning=OUTPUTS[model.kind] + back,
        footprint=footprint(model, d.dtype),
    )
    lines = [line for part in text.splitlines() for line in (*LINES.wrap(part), "")]
    lines += fill(code.EXAMPLE, printing=fill(printing)).splitlines()
    return "/*\n" + "\n".join(f" * {line}".rstrip() for line in lines) + "\n */"


def _outputs(model: Model) -> int:
    return 2 if model.kind == "binary" else model.description.sizes[-1]


def _macros(model: Model, fill: Fill) -> str:
    return fill(
        "#define ${name}_INPUTS $inputs\n#define ${name}_OUTPUTS $outputs\n"
        "/* The length of the array `scratch`. */\n#define ${name}_SCRATCH $scratch",
        inputs=model.description.sizes[0],
        outputs=_outputs(model),
        scratch=max(1, sum(_buffers(model))),
    )


def _enumerations(model: Model, name: str) -> Iterator[str]:
    """Yield the enums of named inputs and of classes."""
    if model.feature_names is not None:
        yield words.enumeration(f"{name}_input", f"{name}_INPUT_", model.feature_names)
    classes = _classes(model)
    if classes:
        yield words.enumeration(f"{name}_class", f"{name}_CLASS_", classes)


def _constants(model: Model, name: str) -> Iterator[str]:
    """Yield the arrays of parameters, and of means and standard deviations."""
    dtype = model.description.dtype
    for prefix, scaling in (("", model.inputs), ("y_", model.targets)):
        if scaling is not None:
            yield words.table(f"{name}_{prefix}mean", scaling.mean, dtype)
            yield words.table(f"{name}_{prefix}scale", scaling.scale, dtype)
    for l, (W, b) in enumerate(model.layers(), 1):
        size = " x ".join(map(str, W.shape))
        yield f"/* Layer {l}: W is {size}, row by row. */\n" + words.table(f"{name}_W{l}", W, dtype)
        yield words.table(f"{name}_b{l}", b, dtype)


def _functions(model: Model, fill: Fill) -> Iterator[str]:
    """Yield the functions that `predict` calls."""
    if model.inputs is not None:
        yield fill(code.STANDARDIZE)
    yield fill(code.LAYER)
    for activation in dict.fromkeys(model.activations):
        if activation == "softmax":
            yield fill(code.SOFTMAX)
        elif activation != "identity":
            statements = fill(code.ELEMENTWISE[activation])
            yield fill(code.ACTIVATION, activation=activation, statements=statements)


def _buffers(model: Model) -> tuple[int, int]:
    """Return the lengths of two buffers, which the layers before the last write to in turn."""
    widths = [*model.description.sizes[1:-1]]
    if model.inputs is not None:
        widths.insert(0, model.description.sizes[0])
    return max(widths[::2], default=0), max(widths[1::2], default=0)


def _steps(model: Model, fill: Fill) -> str:
    """Return the statements of `predict`."""
    d, (first, second) = model.description, _buffers(model)
    lines = ["$real *const p = scratch;" if first else "(void)scratch;"]
    if second:
        lines.append(f"$real *const q = scratch + {first};")
    source, buffers = "x", ["p", "q"]
    if model.inputs is not None:
        lines.append("${name}_standardize(x, p);")
        source, buffers = "p", ["q", "p"]
    output = "y + 1" if model.kind == "binary" else "y"
    for l, (n_in, n_out) in enumerate(pairwise(d.sizes), 1):
        z = output if l == len(d.sizes) - 1 else buffers[(l - 1) % 2]
        factor = words.number(d.input_scale, d.dtype) if l == 1 and d.input_scale != 1 else "1"
        arguments = f"{n_in}, {n_out}, {source}, {factor}, {z}"
        lines.append(f"${{name}}_layer(${{name}}_W{l}, ${{name}}_b{l}, {arguments});")
        activation = model.activations[l - 1]
        if activation != "identity":
            lines.append(f"${{name}}_{activation}({z}, {n_out});")
        source = z
    if model.kind == "binary":
        lines.append("y[0] = 1 - y[1];")
    text = "\n".join(f"    {line}" for line in lines)
    return fill(text + ("\n" + code.UNDO if model.targets is not None else ""))


def _classes(model: Model) -> list[str]:
    """Return the classes of a classifier as texts; none if each sample has several labels."""
    if model.kind not in {"binary", "multiclass"} or model.classes is None:
        return []
    return [str(c) for c in model.classes.tolist()]


def _are_texts(model: Model) -> bool:
    return model.classes is not None and bool(_classes(model)) and model.classes.dtype.kind in "OSU"


def _rule(model: Model) -> str:
    """Return the template of the function that turns outputs into classes; "" if there is none."""
    n_outputs, output = model.description.sizes[-1], model.activations[-1]
    if model.kind == "multilabel-indicator":
        return code.EACH_ABOVE_A_HALF
    if model.kind == "network" and n_outputs == 1 and output == "sigmoid":
        return code.ABOVE_A_HALF
    is_classifier = _classes(model) or (model.kind == "network" and n_outputs > 1)
    return code.LARGEST if is_classifier else ""


def _classification(model: Model, fill: Fill) -> Iterator[str]:
    """Yield the functions that turn outputs into classes, and their indices into labels."""
    classes = _classes(model)
    rule = _rule(model)
    if rule:
        yield fill(rule, classes=len(classes) or model.description.sizes[-1])
    if not classes or model.classes is None:
        return
    definitions = ""
    if _are_texts(model):
        kind, labels = "const char *", []
        for k, text in enumerate(classes):
            labels.append(words.quoted(text))
            if len(labels[-1]) > words.LONGEST_TEXT:
                definitions += f"    {words.constant_text(f'text_{k}', text)}\n"
                labels[-1] = f"text_{k}"
    elif model.classes.dtype.kind == "f":
        kind, labels = "double ", [words.number(c, "float64") for c in model.classes.tolist()]
    else:
        kind, labels = words.integers(model.classes)
    yield fill(
        code.LABEL, kind=kind, labels=",\n        ".join(labels), classes=len(classes),
        element=f"{kind}const", texts=definitions,
    )  # fmt: skip


def _self_test(model: Model, fill: Fill) -> str:
    X, Y, bound = self_test_samples(model)
    range_ = (
        "two standard deviations around the mean"
        if model.inputs is not None
        else f"0 to {1 / model.description.input_scale:.9g}"
    )
    dtype = model.description.dtype
    tables = [
        words.table(fill(f"${{name}}_test_{key}"), values, dtype)
        for key, values in (("x", X), ("y", Y), ("bound", bound))
    ]
    return fill(code.SELF_TEST, samples=SAMPLES, range=range_, tables="\n\n".join(tables))
