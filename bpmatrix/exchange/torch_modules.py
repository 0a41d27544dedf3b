"""Modules of PyTorch: read without importing it, and written.

A module is known by its class. A subclass counts as its base if it computes the same: if it does
not override `forward`, and no hook may change what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from bpmatrix.array_types import Array
from bpmatrix.errors import MissingPackageError
from bpmatrix.exchange.layers import Layers, NotUnderstoodError
from bpmatrix.exchange.model import Model

# Modules that compute one of our activation functions, and the settings with which they do.
ACTIVATIONS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "Sigmoid": ("sigmoid", lambda _: True),
    "Tanh": ("tanh", lambda _: True),
    "ReLU": ("relu", lambda _: True),
    "LeakyReLU": ("leaky_relu", lambda m: m.negative_slope == 0.01),
    "ELU": ("elu", lambda m: m.alpha == 1),
    "GELU": ("gelu", lambda m: m.approximate == "none"),
    "SiLU": ("silu", lambda _: True),
    # Above its threshold it returns z: at 20 that is 2e-9 too little.
    "Softplus": ("softplus", lambda m: m.beta == 1 and m.threshold >= 20),
    "Exp": ("exp", lambda _: True),  # below, since PyTorch has none
    "Softmax": ("softmax", lambda m: m.dim in {1, -1}),
}
# Modules that change nothing here: samples are columns already, and nothing is dropped in use.
IGNORED: dict[str, Callable[[Any], bool]] = {
    "Identity": lambda _: True,
    "Dropout": lambda _: True,
    "AlphaDropout": lambda _: True,
    "Flatten": lambda m: (m.start_dim, m.end_dim) == (1, -1),
}
KNOWN = ("Sequential", "Linear", *ACTIVATIONS, *IGNORED)


def read(module: Any) -> Layers:
    """Return the layers of a module.

    Raises
    ------
    NotUnderstoodError
        If a network cannot compute what a part of it computes.
    """
    layers = Layers()
    for where, kind, part in _parts(module, ""):
        if kind == "Linear":
            b = None if part.bias is None else as_array(part.bias, where)
            layers.add(as_array(part.weight, where), b, where)
        elif kind in ACTIVATIONS:
            name, fits = ACTIVATIONS[kind]
            if not fits(part):
                raise NotUnderstoodError(f"{where} with other settings than {name} has: {part}")
            layers.activate(name, where)
        elif not IGNORED[kind](part):
            raise NotUnderstoodError(f"{where} with these settings: {part}")
    return layers


def _parts(module: Any, position: str) -> Iterator[tuple[str, str, Any]]:
    """Yield place, kind and module of each part, in order."""
    name = type(module).__name__
    where = f"{name} at {position}" if position else name
    kind = _kind(module)
    if kind is None:
        raise NotUnderstoodError(where, None if position else ORDER)
    if module._forward_hooks or module._forward_pre_hooks:  # noqa: SLF001 - no public name
        raise NotUnderstoodError(
            f"{where} with hooks, which may change what it computes",
            "Remove its hooks, for example with torch.nn.utils.remove_weight_norm.",
        )
    if kind == "Sequential":
        for key, child in module._modules.items():  # noqa: SLF001 - `named_children` skips repeats
            yield from _parts(child, f"{position}.{key}".lstrip("."))
    else:
        yield where, kind, module


ORDER = (
    "Only a Sequential shows the order of its parts: pass nn.Sequential(model.fc1, nn.ReLU(),"
    " model.fc2), or use Network.from_state_dict(model.state_dict(), ...)."
)


def _kind(module: Any) -> str | None:
    """Return the name of the known class whose `forward` a module has, if any."""
    for base in type(module).__mro__:
        ours = base.__module__ == __name__
        if base.__name__ in KNOWN and (ours or base.__module__.startswith("torch.nn.modules.")):
            overrides = getattr(type(module), "forward", None) is not getattr(base, "forward", None)
            return None if overrides else base.__name__
    return None


def as_array(tensor: Any, where: str) -> Array:
    """Return a tensor, or anything else that NumPy can convert, as an array.

    Raises
    ------
    NotUnderstoodError
        If NumPy does not have its type, or it has no numbers.
    """
    try:
        if hasattr(tensor, "detach"):
            tensor = tensor.detach().cpu().numpy()
        return np.asarray(tensor)
    except (NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise NotUnderstoodError(
            f"{where}: {error}", "Convert the module with model.float() or model.double()."
        ) from None


def written(model: Model) -> Any:
    """Return a Sequential that computes what a model computes.

    Raises
    ------
    MissingPackageError
        If PyTorch is not installed.
    """
    try:
        torch = import_module("torch")
    except ImportError:
        raise MissingPackageError.of_extra("to_torch", "torch", "neighbors") from None
    dtype, parts = getattr(torch, model.description.dtype), []
    for (W, b), name in zip(model.layers(folded=True), model.activations, strict=True):
        has_bias = model.description.bias or bool(b.any())
        linear = torch.nn.utils.skip_init(  # draws no random numbers
            torch.nn.Linear, W.shape[1], W.shape[0], bias=has_bias, dtype=dtype
        )
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            if has_bias:
                linear.bias.copy_(torch.from_numpy(b))
        parts.append(linear)
        if name != "identity":
            parts.append(_activation(torch, name))
    return torch.nn.Sequential(*parts)


def _activation(torch: Any, name: str) -> Any:
    if name == "exp":
        return _exp()()
    kind = next(kind for kind, (ours, _) in ACTIVATIONS.items() if ours == name)
    # Above 40, softplus(z) is z in float64.
    settings = {"softmax": {"dim": -1}, "softplus": {"threshold": 40}}.get(name, {})
    return getattr(torch.nn, kind)(**settings)


@cache
def _exp() -> type:
    """Return a module for exp."""
    base = import_module("torch").nn.Module
    return type("Exp", (base,), {"__module__": __name__, "forward": lambda _, z: z.exp()})


def __getattr__(name: str) -> type:
    """Return the class `Exp`, by whose name pickle finds it."""
    if name != "Exp":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _exp()
