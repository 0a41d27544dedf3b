"""A network without its numbers: sizes, activation functions, cost, scale of the inputs, type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bpmatrix.architecture.activations import OwnActivation, find_activation
from bpmatrix.architecture.costs import (
    COSTS,
    AnyCost,
    OwnCost,
    ParameterCost,
    as_cost,
    find_cost,
)
from bpmatrix.architecture.own_functions import address_of
from bpmatrix.architecture.parameters import Layout
from bpmatrix.checks import check_in_type, find, real_number, whole_number
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels.plan import Cost, Plan, columns_in_cache, lay_out_work, shares_rows

__all__ = ["Description", "checked_sizes", "choose_activations"]

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Description:
    """Everything about a network but its parameters; two networks of one description are alike.

    Parameters
    ----------
    sizes : tuple of int
        Units per layer, n_0 ... n_L, at least two of them, each at least 1.
    activations : tuple of str or OwnActivation
        The activation function of each layer l = 1..L.
    cost : str, ParameterCost or OwnCost
        The name of the cost; a name of those with a parameter becomes an object.
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
    activations: tuple[str | OwnActivation, ...]
    cost: AnyCost
    input_scale: float = 1.0
    bias: bool = True
    dtype: str = "float64"

    def __post_init__(self) -> None:
        """Refuse what is no network."""
        object.__setattr__(self, "sizes", checked_sizes(self.sizes))
        if len(self.activations) != len(self.sizes) - 1:
            raise ArgumentError(
                "one activation function is needed for each layer after the inputs",
                got=[str(name) for name in self.activations],
                expected=f"{len(self.sizes) - 1} names",
            )
        object.__setattr__(self, "cost", as_cost(self.cost))
        _check_functions(self.activations, self.cost)
        scale = real_number(
            self.input_scale, "input_scale", "a finite factor, not 0", lambda scale: scale != 0
        )
        object.__setattr__(self, "input_scale", scale)
        if not isinstance(self.bias, bool):
            raise ArgumentError("bias is no answer", got=repr(self.bias), expected="True or False")
        find(dict.fromkeys(DTYPES), self.dtype, "dtype")

    def check_type(self) -> None:
        """Refuse numbers that are others in the type of the network; a file may hold them.

        Raises
        ------
        ArgumentError
            If one is infinite in it, or 0, or 1 where that makes a difference; it names the type.
        """
        check_in_type(self.input_scale, "input_scale", self.dtype, zero=False)
        if isinstance(self.cost, ParameterCost):
            self.cost.check_type(self.dtype)

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
        itemsize = np.dtype(self.dtype).itemsize
        by_rows = shares_rows(sizes, self.layout.size, itemsize, columns, threads)
        work = lay_out_work(sizes, keeps_z, drops > 0, columns, threads, by_rows=by_rows)
        W, b = self.layout.offsets()
        plan = Plan(
            sizes=sizes,
            sigma=np.array([0, *self._codes()], dtype=np.int64),
            cost=self._cost(),
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
            columns_in_cache=columns_in_cache(sizes, self.layout.size, itemsize, columns),
            own_inputs=work.own_inputs,
            scratch=work.scratch,
            scratch_size=work.scratch_size,
            panel_size=work.panel_size,
        )
        return plan, work.size

    def _codes(self) -> Iterator[int]:
        """Give the number or address by which compiled code knows each activation function."""
        for activation in self.activations:
            record = find_activation(activation)
            function = activation if isinstance(activation, OwnActivation) else record
            yield address_of(function, self.dtype) if record.code is None else record.code

    def _cost(self) -> Cost:
        record = find_cost(self.cost)
        function = self.cost if isinstance(self.cost, OwnCost) else record
        code = address_of(function, self.dtype) if record.code is None else record.code
        parameter = self.cost.parameter if isinstance(self.cost, ParameterCost) else 0.0
        return Cost(code, parameter, int(record.partner is not None))


def choose_activations(
    layers: int,
    activation: str | OwnActivation | Sequence[str | OwnActivation],
    output: str | OwnActivation | None,
    cost: AnyCost,
) -> tuple[str | OwnActivation, ...]:
    """Return the activation function of each layer, as `Network` documents it.

    Examples
    --------
    >>> choose_activations(2, "tanh", None, "log_likelihood")
    ('tanh', 'softmax')
    """
    if not isinstance(activation, str | OwnActivation):
        if not isinstance(activation, Iterable):
            find_activation(activation)  # raises, and lists the names
        names = list(activation)
        if output is not None:
            names.append(output)
        return tuple(names)
    find_activation(activation)  # where there is no hidden layer nobody else asks for it
    if output is None:
        # As in the book. A ReLU at the output could never say a negative number, and may die.
        bounded = activation in {"sigmoid", "tanh"} and find_cost(cost).name == "quadratic"
        output = find_cost(cost).partner or (activation if bounded else "identity")
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


def _check_functions(activations: Sequence[str | OwnActivation], cost: AnyCost) -> None:
    functions = [find_activation(name) for name in activations]
    for function in functions[:-1]:
        if not function.elementwise:
            raise ArgumentError(
                f"{function.name} stands in a hidden layer",
                got=[str(name) for name in activations],
                expected=f"{function.name} at the output only",
            )
    output, record = functions[-1], find_cost(cost)
    fitting = f'"{record.partner}"' if record.partner else "an element-wise function"
    # One's own function may bear a name of ours; only ours has the slope that cancels.
    said = activations[-1]
    fits = said == record.partner if record.partner else output.elementwise
    if not fits:
        partners = [other for other in COSTS.values() if other.partner == said]
        cure = f"The cost {record.name} belongs with output={fitting}"
        other = f'; with {output.name} take cost="{partners[0].name}"' if partners else ""
        kind = "your own" if isinstance(said, OwnActivation) else "the output"
        raise ArgumentError(
            f"the cost {record.name} and {kind} {output.name} do not belong together",
            cure=f"{cure}{other}.",
        )
