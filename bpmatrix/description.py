"""A network without its numbers: sizes, activation functions, cost, scale of the inputs, type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bpmatrix.activations import find_activation
from bpmatrix.checks import find, real_number, whole_number
from bpmatrix.costs import find_cost
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels.plan import Plan, columns_in_cache, lay_out_work
from bpmatrix.parameters import Layout

__all__ = ["Description", "checked_sizes", "choose_activations"]

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Description:
    """Everything about a network but its parameters; two networks of one description are alike.

    Parameters
    ----------
    sizes : tuple of int
        Units per layer, n_0 ... n_L, at least two of them, each at least 1.
    activations : tuple of str
        The activation function of each layer l = 1..L.
    cost : str
        The name of the cost.
    input_scale : float
        The factor on every input, part of the model.
    bias : bool
        Whether the layers have biases.
    dtype : str
        ``"float64"`` or ``"float32"``.

    Raises
    ------
    ArgumentError
        If any of these is impossible, or cost and output do not belong together.

    Examples
    --------
    >>> Description((784, 30, 10), ("sigmoid", "sigmoid"), "quadratic").layout.size
    23860
    """

    sizes: tuple[int, ...]
    activations: tuple[str, ...]
    cost: str
    input_scale: float = 1.0
    bias: bool = True
    dtype: str = "float64"

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        object.__setattr__(self, "sizes", checked_sizes(self.sizes))
        if len(self.activations) != len(self.sizes) - 1:
            raise ArgumentError(
                "one activation function is needed for each layer after the inputs",
                got=list(self.activations),
                expected=f"{len(self.sizes) - 1} names",
            )
        _check_functions(self.activations, self.cost)
        scale = real_number(
            self.input_scale, "input_scale", "a finite factor, not 0", lambda scale: scale != 0
        )
        object.__setattr__(self, "input_scale", scale)
        if not isinstance(self.bias, bool):
            raise ArgumentError("bias is no answer", got=repr(self.bias), expected="True or False")
        find(dict.fromkeys(DTYPES), self.dtype, "dtype")

    @cached_property
    def layout(self) -> Layout:
        """Where the parameters lie in theta."""
        return Layout(self.sizes, self.bias)

    def plan(
        self,
        columns: int,
        *,
        threads: int = 1,
        keep_every_z: bool = False,
        dropout: tuple[int, ...] = (),
    ) -> tuple[Plan, int]:
        """Return what the kernels know of this network, and the elements of its work array.

        Parameters
        ----------
        columns : int
            How many samples the work matrices hold at a time.
        threads : int, default 1
            How many threads work on them together.
        keep_every_z : bool, default False
            Whether each z has a matrix of its own, also where nothing needs it, to be looked at.
        dropout : tuple of int, optional
            How many of 2^32 units are dropped in each of the layers 0 .. L - 1; none by default.
        """
        functions = [find_activation(name) for name in self.activations]
        sizes = np.array(self.sizes, dtype=np.int64)
        # The output's z is always kept: costs of saturated outputs are computed from it.
        keeps_z = np.array([False, *(keep_every_z or f.keeps_z for f in functions[:-1]), True])
        drops = np.array([*(dropout or (0,) * (sizes.size - 1)), 0], dtype=np.int64)
        work = lay_out_work(sizes, keeps_z, drops > 0, columns, threads)
        W, b = self.layout.offsets()
        plan = Plan(
            sizes=sizes,
            sigma=np.array([0, *(f.code for f in functions)], dtype=np.int64),
            cost=find_cost(self.cost).code,
            W=W,
            b=b,
            a=work.a,
            z=work.z,
            delta=work.delta,
            seen=work.seen,
            dropout=drops,
            y=work.y,
            sample_weights=work.sample_weights,
            ones=work.ones,
            zeros=work.zeros,
            columns=columns,
            block=columns_in_cache(sizes, self.layout.size, np.dtype(self.dtype).itemsize, columns),
            scratch=work.scratch,
            scratch_size=work.scratch_size,
            panel_size=work.panel_size,
        )
        return plan, work.size


def choose_activations(
    layers: int, activation: str | Sequence[str], output: str | None, cost: str
) -> tuple[str, ...]:
    """Return the activation function of each layer, as `Network` documents it.

    Examples
    --------
    >>> choose_activations(2, "tanh", None, "log_likelihood")
    ('tanh', 'softmax')
    """
    if not isinstance(activation, str):
        if not isinstance(activation, Iterable):
            find_activation(activation)  # raises, and lists the names
        names = list(activation)
        if output is not None:
            names.append(output)
        return tuple(names)
    if output is None:
        # A ReLU at the output could never say a negative number, and may die.
        own = "identity" if activation == "relu" else activation
        output = find_cost(cost).partner or own
    return (*[activation] * (layers - 1), output)


def checked_sizes(sizes: object) -> tuple[int, ...]:
    """Return the sizes as a tuple of int.

    Raises
    ------
    ArgumentError
        If they are not two or more whole numbers, or too many units for any memory.

    Examples
    --------
    >>> checked_sizes([784, 30, 10])
    (784, 30, 10)
    """
    try:
        checked = tuple(whole_number(n, "sizes", least=1) for n in sizes)  # type: ignore[attr-defined]
    except (TypeError, ArgumentError):
        checked = ()
    if len(checked) < 2:
        raise ArgumentError(
            "sizes do not describe a network",
            got=repr(sizes),
            expected="two or more whole numbers of units, inputs first, such as [784, 30, 10]",
        )
    # What a 64-bit machine can address, with room for the work matrices beside the parameters.
    if max(checked) >= 1 << 31 or Layout(checked, bias=True).size >= 1 << 48:
        raise ArgumentError(
            "sizes describe a network that no memory can hold",
            got=f"{Layout(checked, bias=True).size:,} parameters",
            cure="Take smaller layers.",
        )
    return checked


def _check_functions(activations: Sequence[str], cost: str) -> None:
    functions = [find_activation(name) for name in activations]
    for function in functions[:-1]:
        if not function.elementwise:
            raise ArgumentError(
                f"{function.name} stands in a hidden layer",
                got=list(activations),
                expected=f"{function.name} at the output only",
            )
    output, partner = functions[-1], find_cost(cost).partner
    if partner is None and not output.elementwise:
        raise ArgumentError(
            f"the cost {cost} and the output {output.name} do not belong together",
            cure='Take cost="log_likelihood" with softmax.',
        )
    if partner not in (None, output.name):
        raise ArgumentError(
            f"the cost {cost} and the output {output.name} do not belong together",
            cure=f'The cost {cost} belongs with output="{partner}"; '
            f'cost="quadratic" takes any element-wise output.',
        )
