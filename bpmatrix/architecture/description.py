"""A network without its parameters: sizes, activation functions, cost, input scale, dtype."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from bpmatrix.architecture.activations import Activation, OwnActivation, find_activation
from bpmatrix.architecture.costs import (
    COSTS,
    AnyCost,
    Cost,
    OwnCost,
    ParameterCost,
    as_cost,
    find_cost,
)
from bpmatrix.architecture.own_functions import address_of
from bpmatrix.architecture.parameters import Layout
from bpmatrix.checks import check_in_type, find, set_number, whole_number
from bpmatrix.errors import ArgumentError
from bpmatrix.kernels.plan import CompiledCost, Plan, columns_in_cache, lay_out_work, shares_rows
from bpmatrix.markup import Markup, table

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Description:
    """Everything about a network except its parameters.

    Parameters
    ----------
    sizes : tuple of int
        Units per layer, n_0 ... n_L, at least two of them, each at least 1.
    activations : tuple of str or OwnActivation
        The activation function of each layer l = 1..L.
    cost : str, ParameterCost or OwnCost
        The cost; the name of a cost with a parameter is replaced by an object.
    input_scale : float
        The factor on every input, part of the model.
    bias : bool
        Whether the layers have biases.
    dtype : str
        ``"float64"`` or ``"float32"``.

    Raises
    ------
    ArgumentError
        If one of these is not valid, or cost and output cannot be combined.

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
        """Check all fields, and convert them."""
        object.__setattr__(self, "sizes", checked_sizes(self.sizes))
        if len(self.activations) != len(self.sizes) - 1:
            raise ArgumentError(
                "one activation function is needed per layer after the inputs",
                got=[str(name) for name in self.activations],
                expected=f"{len(self.sizes) - 1} names",
            )
        object.__setattr__(self, "cost", as_cost(self.cost))
        _check_functions(self.activations, self.cost)
        set_number(self, "input_scale", ("a finite factor, not 0", lambda scale: scale != 0))
        if not isinstance(self.bias, bool):
            raise ArgumentError("bias must be True or False", got=repr(self.bias))
        find(dict.fromkeys(DTYPES), self.dtype, "dtype")

    def check_type(self) -> None:
        """Check that the dtype can represent `input_scale` and the parameter of the cost.

        Raises
        ------
        ArgumentError
            If a number is infinite in the dtype, or 0 or 1 where that changes its meaning.
        """
        check_in_type(self.input_scale, "input_scale", self.dtype, zero=False)
        if isinstance(self.cost, ParameterCost):
            self.cost.check_type(self.dtype)

    @cached_property
    def layout(self) -> Layout:
        """The layout of theta."""
        return Layout(self.sizes, self.bias)

    def __str__(self) -> str:
        """Describe the network in one line."""
        functions = "-".join(map(str, self.activations))
        count = f"{self.layout.size} parameters"
        return f"{list(self.sizes)}, {functions}, {self.cost}, {self.dtype}, {count}"

    def table_of_layers(self, epochs: int) -> Markup:
        """Return the layers as a table for notebooks."""
        rows: list[list[object]] = [[0, self.sizes[0], "inputs", "", "", ""]]
        pairs = zip(pairwise(self.sizes), self.activations, strict=True)
        for l, ((n_in, n_out), function) in enumerate(pairs, 1):
            b, count = (n_out, 1) if self.bias else "", n_out * (n_in + self.bias)
            rows.append([l, n_out, function, (n_out, n_in), b, f"{count:,}"])
        title = f"Network: {self.layout.size:,} parameters of {self.dtype}, cost {self.cost}"
        headings = ["layer", "units", "activation", "W", "b", "parameters"]
        return table(f"{title}, {epochs} epochs trained", headings, rows)

    def plan(
        self,
        columns: int,
        *,
        threads: int = 1,
        keep_every_z: bool = False,
        dropout: tuple[int, ...] = (),
    ) -> tuple[Plan, int]:
        """Return the plan of this network for the kernels, and the elements of its work array.

        Parameters
        ----------
        columns : int
            The number of samples that the work matrices have room for.
        threads : int, default 1
            The number of threads that share these samples.
        keep_every_z : bool, default False
            Whether every z has a matrix of its own, even if training would overwrite it.
        dropout : tuple of int, optional
            For each of the layers 0 .. L - 1, 2^32 times the probability of dropping a unit; none
            by default.
        """
        functions = [find_activation(name) for name in self.activations]
        sizes = np.array(self.sizes, dtype=np.int64)
        # The output's z is always kept: costs of saturated outputs are computed from it.
        keeps_z = np.array([False, *(keep_every_z or f.keeps_z for f in functions[:-1]), True])
        drops = np.array([*(dropout or (0,) * (sizes.size - 1)), 0], dtype=np.int64)
        itemsize = np.dtype(self.dtype).itemsize
        by_rows = shares_rows(sizes, self.layout.size, itemsize, columns, threads)
        work, elements = lay_out_work(sizes, keeps_z, drops > 0, columns, threads, by_rows=by_rows)
        W, b = self.layout.offsets()
        plan = Plan(
            sizes=sizes,
            sigma=np.array([0, *map(self._code, self.activations, functions)], dtype=np.int64),
            cost=self._cost(),
            W=W,
            b=b,
            dropout=drops,
            columns=columns,
            columns_in_cache=columns_in_cache(sizes, self.layout.size, itemsize, columns),
            **work,
        )
        return plan, elements

    def _cost(self) -> CompiledCost:
        record = find_cost(self.cost)
        parameter = self.cost.parameter if isinstance(self.cost, ParameterCost) else 0.0
        return CompiledCost(
            self._code(self.cost, record), parameter, int(record.partner is not None)
        )

    def _code(self, given: str | OwnActivation | AnyCost, record: Activation | Cost) -> int:
        """Return the code of a function in the kernels, or the address of its C function."""
        function = given if isinstance(given, OwnActivation | OwnCost) else record
        return address_of(function, self.dtype) if record.code is None else record.code


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
    find_activation(activation)  # checks it even if there is no hidden layer
    if output is None:
        # As in the book. A ReLU at the output could not be negative, and may die.
        bounded = activation in {"sigmoid", "tanh"} and find_cost(cost).name == "quadratic"
        output = find_cost(cost).partner or (activation if bounded else "identity")
    return (*[activation] * (layers - 1), output)


def checked_sizes(sizes: object) -> tuple[int, ...]:
    """Return the sizes as a tuple of int.

    Raises
    ------
    ArgumentError
        If they are not two or more whole numbers of at least 1, or too large for any memory.

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
            "sizes describe a network that is too large for any memory",
            got=f"{Layout(checked, bias=True).size:,} parameters",
            cure="Use smaller layers.",
        )
    return checked


def _check_functions(activations: Sequence[str | OwnActivation], cost: AnyCost) -> None:
    functions = [find_activation(name) for name in activations]
    for function in functions[:-1]:
        if not function.elementwise:
            raise ArgumentError(
                f"{function.name} cannot be used in a hidden layer",
                got=[str(name) for name in activations],
                expected=f"{function.name} only at the output",
            )
    output, record = functions[-1], find_cost(cost)
    # A user's own function may have the name of a partner, but its sigma' would not cancel.
    given = activations[-1]
    fits = given == record.partner if record.partner else output.elementwise
    if not fits:
        fitting = f'output="{record.partner}"' if record.partner else "an element-wise output"
        costs = [cost.name for cost in COSTS.values() if cost.partner == given]
        other = f', or cost="{costs[0]}" with {output.name}' if costs else ""
        kind = "your own" if isinstance(given, OwnActivation) else "the output"
        raise ArgumentError(
            f"the cost {record.name} and {kind} {output.name} cannot be combined",
            cure=f"Use {fitting} with {record.name}{other}.",
        )
