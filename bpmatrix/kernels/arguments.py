"""The arguments of each compiled program: one structure, which declares the types to compile for.

Python passes the fields as a plain tuple after the arguments that belong to one thread, and the
program names them again: numba takes ten times as long to type a named tuple (decision 10).
"""

from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Each type for Python and in numba's notation; `real` stands for the dtype of theta.
Count = Annotated[int, "int64"]
Flag = Annotated[bool, "boolean"]
Integers = Annotated[NDArray[np.int64], "int64[::1]"]
IntegerRows = Annotated[NDArray[np.int64], "int64[:, ::1]"]
Doubles = Annotated[NDArray[np.float64], "float64[::1]"]
DoubleRows = Annotated[NDArray[np.float64], "float64[:, ::1]"]
Reals = Annotated[NDArray[Any], "real[::1]"]
RealRows = Annotated[NDArray[Any], "real[:, ::1]"]
DataPointer = Annotated[tuple[int, int, int, float], "Tuple((int64, int64, int64, float64))"]


class Columns(NamedTuple):
    """Where the columns of training data or targets are in memory: one every `stride` bytes.

    `kind` is an element type from `codes`, or LABELS; every element is multiplied by `scale`.
    Programs take the four numbers as a plain tuple, a `DataPointer`.
    """

    address: int
    stride: int
    kind: int
    scale: float


class TrainSlice(NamedTuple):
    """The arguments of `train_slice` that all threads share: a slice of mini-batches.

    `table` is the table of a `Plan`. `X`, `Y` and `V` are inputs, targets and sample weights; `V`
    has address 0 if there are no weights. `moments` is the state of the update rule, one row per
    moment, laid out as theta. The rows of `sums` are laid out as theta, too: no row where the
    gradient is never stored, one row if the gradient is clipped, one per group of columns if a
    mini-batch forms `groups` groups, more than one. Then they are those from `first_group` on;
    other processes own the others if `exchange` is not 0. That is the address of a C function,
    which thread 0 calls in each step with the number of columns and whether all costs are finite.
    It completes `costs`, `hits` and the first row of `sums`, and returns 1 if all costs of all
    processes are finite, 0 if not, and -1 to call the run off.

    Row k of `batches` is (first, last, row): mini-batch k consists of the samples
    order[first:last], and adds the weighted sum of their costs, the weighted count of right
    answers (both from before the update) and the sum of the weights to that row of `totals`. Row k
    of `hyperparameters` holds the `Hyperparameters` of step k for the update rule `rule`. `seed`
    and `first_step`, the number of steps taken before, decide which units are dropped. `costs` has
    one element per column; so has `hits`, or it is empty. Row k of `parts`, unless it is empty,
    receives the mean cost of mini-batch k and the sum of the squares of all weights of the
    network, both from before the update.
    """

    table: Integers
    theta: Reals
    moments: RealRows
    sums: RealRows
    groups: Count
    first_group: Count
    exchange: Count
    work: Reals
    X: DataPointer
    Y: DataPointer
    V: DataPointer
    order: Integers
    batches: IntegerRows
    rule: Count
    hyperparameters: DoubleRows
    seed: Count
    first_step: Count
    costs: Doubles
    hits: Integers
    totals: DoubleRows
    parts: DoubleRows


class Evaluate(NamedTuple):
    """The arguments of `evaluate` that all threads share.

    Arrays that are not wanted are empty. The results are `outputs` (n, n_L), `costs` and `hits`
    (n,), and the sum over the samples of the gradient, weighted by `V` (address 0: no weights) and
    laid out as theta. It is summed in groups of samples: `gradient` holds the sum of the current
    group, and complete groups are added to `total`, which starts at zero. So samples may be passed
    in several calls, in order. All results but `outputs` need targets `Y`. Subnormal numbers are
    kept unless `flushes` is set; then they are flushed to 0, as in training.
    """

    theta: Reals
    outputs: RealRows
    X: DataPointer
    Y: DataPointer
    V: DataPointer
    flushes: Flag
    costs: Doubles
    hits: Integers
    gradient: Reals
    total: Doubles


class InputGradient(NamedTuple):
    """The arguments of `input_gradient` that all threads share.

    `gradient` (n * n_0) receives, for each sample, the gradient of its cost for the targets `Y`, or
    of the activation of output unit `output` if that is not negative. It is taken with respect to
    what the first layer sees, the scaled inputs.
    """

    theta: Reals
    X: DataPointer
    Y: DataPointer
    output: Count
    gradient: Reals


class LevenbergMarquardt(NamedTuple):
    """The arguments of `levenberg_marquardt` that all threads share.

    `table` is the table of a `Plan`, and each thread has its own part of `work`. `theta` is
    changed; `trial` has the same size p. With q = p + 1, `J` has room for q elements per output and
    sample of the plan's columns; `group` (q * q), `normal` (q * q, the upper triangle of
    [J e]^T [J e], divided by the weight of all samples), `factor` (q * q) and `step` (2 * q) are
    work arrays, and so are `panel`, the scratch of a product in float64, and `flags` (1).

    `weights` is empty if there are none, and `decay` is the factor of the penalty 1/2 theta^2 of
    each parameter. The elements of `numbers` are named in `programs/levenberg_marquardt.py`. Row i
    of `results` receives cost and accuracy after step i; `trials` is the largest number of trials.
    """

    table: Integers
    theta: Reals
    trial: Reals
    work: Reals
    X: DataPointer
    Y: DataPointer
    weights: Doubles
    decay: Doubles
    J: Reals
    group: Reals
    normal: Doubles
    factor: Doubles
    step: Doubles
    panel: Doubles
    costs: Doubles
    hits: Integers
    numbers: Doubles
    flags: Integers
    results: DoubleRows
    trials: Count
