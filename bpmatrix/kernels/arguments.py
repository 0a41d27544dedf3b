"""The arguments of each compiled program: one structure, compiled for the types it declares.

Python passes the fields as a plain tuple, after the arguments that belong to one thread, and the
program names them again: numba takes ten times as long to type a named tuple (decision 10).
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Each type for Python and as numba spells it; `real` stands for the type of theta.
Count = Annotated[int, "int64"]
Flag = Annotated[bool, "boolean"]
Integers = Annotated[NDArray[np.int64], "int64[::1]"]
IntegerRows = Annotated[NDArray[np.int64], "int64[:, ::1]"]
Doubles = Annotated[NDArray[np.float64], "float64[::1]"]
DoubleRows = Annotated[NDArray[np.float64], "float64[:, ::1]"]
Reals = Annotated[NDArray[Any], "real[::1]"]
RealRows = Annotated[NDArray[Any], "real[:, ::1]"]
Place = Annotated[tuple[int, int, int, float], "Tuple((int64, int64, int64, float64))"]


class Columns(NamedTuple):
    """Where the columns of training data or targets lie: one column every `stride` bytes.

    `kind` is an element type of `codes`, or LABELS; `scale` multiplies each element. Programs are
    given the four as a plain tuple, a `Place`.
    """

    address: int
    stride: int
    kind: int
    scale: float


class TrainSlice(NamedTuple):
    """The arguments of `train_slice` that all threads share: a slice of mini-batches.

    `table` is that of a `Plan`; `V` are the weights of the samples, with address 0 if there are
    none. `moments` holds the state of the update rule, one row per moment, laid out as theta. So
    are the rows of `sums`: none, one for a gradient that is clipped, or one for each group of
    columns of a mini-batch that may have more columns than the plan.

    A row of `batches` says which samples of `order` a mini-batch has, from the first to before the
    last, and which row of `totals` gains the weighted sums of their costs, in their order, and of
    the right answers, both from before the update, and the sum of the weights. A row of `numbers`
    holds a `Step` of the update rule `rule`. `seed` and `first_step` decide which units are
    dropped. `costs` holds a number for each column, `hits` too or none. `parts` has room for two
    numbers of each step, or none: the mean cost, and the sum of the squares of all weights of the
    network, both from before the update.
    """

    table: Integers
    theta: Reals
    moments: RealRows
    sums: RealRows
    work: Reals
    X: Place
    Y: Place
    V: Place
    order: Integers
    batches: IntegerRows
    rule: Count
    numbers: DoubleRows
    seed: Count
    first_step: Count
    costs: Doubles
    hits: Integers
    totals: DoubleRows
    parts: DoubleRows


class Evaluate(NamedTuple):
    """The arguments of `evaluate` that all threads share.

    Results that are not wanted are empty arrays: `outputs` (n, n_L), `costs` and `hits` (n,), and
    `gradient`, laid out as theta: the sum over the samples, weighted by `V`, which has address 0
    if there are no weights. `gradient` holds the sum of the current group of samples, and the sums
    of complete groups are added to `total`, which starts at zero: so samples may come in several
    calls, in order. The last four results need targets `Y`. Subnormal numbers keep their values;
    with `flushes` they are 0, as in training.
    """

    theta: Reals
    outputs: RealRows
    X: Place
    Y: Place
    V: Place
    flushes: Flag
    costs: Doubles
    hits: Integers
    gradient: Reals
    total: Doubles


class InputGradient(NamedTuple):
    """The arguments of `input_gradient` that all threads share.

    `gradient` (n * n_0) is that of each sample's cost, given targets `Y`, or that of the activation
    of unit `output` if it is not negative. The inputs are those that the first layer sees: scaled.
    """

    theta: Reals
    X: Place
    Y: Place
    output: Count
    gradient: Reals
