"""What Python hands to a compiled program: one structure for each, whose annotations are its types.

A program takes the fields as a plain tuple, behind the arguments that are a thread's own, and makes
the structure of them again: for a named tuple numba takes ten times as long.
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Types for Python, and in numba's spelling, where `real` is the type of theta.
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
    """What all threads share in `train_slice`: a slice of mini-batches.

    `table` is that of a `Plan`, `V` holds the weights of the samples or address 0. A row of
    `moments` is what the rule keeps, laid out as theta; so is each row of `sums`: none, one for a
    gradient that is to be clipped, or one for each group of the columns of a mini-batch that may
    have more of them than the plan.

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
    """What all threads share in `evaluate`.

    What is asked for is what has room: `outputs` (n, n_L), `costs` and `hits` (n,), `gradient` as
    theta: the sum over the samples, each times its weight in `V`, which has address 0 where there
    are none. It is the sum of the group of samples that has last been begun, and that of whole
    groups is added to `total`, where the caller has put zeros: so samples may come in several
    calls, in their order. The last four need targets `Y`. Tiny numbers keep their values; with
    `flushes` they are 0, as in training.
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
    """What all threads share in `input_gradient`.

    `gradient` (n * n_0) is that of the cost of each sample with targets `Y`, or of the activation
    of an output unit where `output` is not negative. It is taken by the inputs as the first layer
    sees them, scaled.
    """

    theta: Reals
    X: Place
    Y: Place
    output: Count
    gradient: Reals
