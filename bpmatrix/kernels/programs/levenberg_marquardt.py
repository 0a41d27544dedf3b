"""The program that takes Levenberg-Marquardt steps: J^T J, J^T e, damped equations, gain ratio.

The sums over the samples are in `normal_equations.py`; thread 0 alone solves the equations.
"""

import math

from bpmatrix.kernels.arguments import LevenbergMarquardt
from bpmatrix.kernels.cholesky import factorize, solve
from bpmatrix.kernels.machine.instructions import at, convert, shift
from bpmatrix.kernels.machine.jit import inlined, kernel, program
from bpmatrix.kernels.machine.underflow import flush_to_zero, restore_mode
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.programs.normal_equations import evaluate_trial, sum_squares
from bpmatrix.kernels.threads import barrier
from bpmatrix.kernels.views import Scratch, plan_of

# Elements of `LevenbergMarquardt.numbers`.
MU, NU, PENALIZED, WEIGHT, STATUS = range(5)
# What `numbers[STATUS]` says when a call ends: further steps are possible; no step lowers the cost;
# the cost at theta is not finite.
GOING_ON, CONVERGED, NOT_FINITE = range(3)

# The damping stays above this fraction of the largest element of the diagonal: it must be able to
# grow again.
LEAST_DAMPING = 1e-18
# A step that lowers the cost by less than this fraction is the last: what is left is rounding.
LEAST_GAIN = 1e-15


@program
def levenberg_marquardt(t, threads, control, given):
    """Take steps, one per row of `results`, by at most `trials` trials; return how many were taken.

    `given` are the fields of `LevenbergMarquardt`. Without rows, only `normal` is filled.
    """
    given = LevenbergMarquardt(*given)
    mode = flush_to_zero()
    taken = _steps(plan_of(given.table), given, control, t, threads)
    restore_mode(mode)
    return taken


@inlined
def _steps(plan, given, control, t, threads):
    """Take the steps of a call; return how many were taken."""
    numbers, theta, trial = given.numbers, given.theta, given.trial
    wanted, taken, trials = len(given.results), 0, 0
    elements = given.work.size // threads
    work = given.work[t * elements : (t + 1) * elements]
    if not evaluate_trial(plan, theta, given, work, control, t, threads):
        return 0
    if t == 0:
        cost = _mean(given.costs, given) + _penalty(given, theta)
        numbers[PENALIZED] = cost
        numbers[STATUS] = GOING_ON if math.isfinite(cost) else NOT_FINITE
    is_new = True
    while True:
        if not barrier(control, threads):
            return taken
        if numbers[STATUS] != GOING_ON or (taken == wanted and taken > 0):
            return taken
        if is_new and not sum_squares(plan, given, numbers[WEIGHT], work, control, t, threads):
            return taken
        if wanted == 0 or trials == given.trials:
            return taken
        trials += 1
        if t == 0:
            _propose(given)
        if not barrier(control, threads):
            return taken
        if numbers[STATUS] != GOING_ON:
            return taken
        if not evaluate_trial(plan, trial, given, work, control, t, threads):
            return taken
        if t == 0:
            given.flags[0] = _judge(given, taken)
        if not barrier(control, threads):
            return taken
        is_new = given.flags[0] != 0
        taken += is_new


@kernel
def _mean(values, given):
    """Return the weighted mean of costs or hits, summed in order; 0 without classes."""
    total, weights = 0.0, given.weights
    for j in range(values.size):
        total += values[j] * (weights[j] if weights.size > 0 else 1.0)
    return total / given.numbers[WEIGHT]


@kernel
def _penalty(given, theta):
    """Return 1/2 sum decay theta^2."""
    total = 0.0
    for k in range(given.decay.size):
        total += given.decay[k] * float(theta[k]) * float(theta[k])
    return total / 2


@kernel
def _propose(given):
    """Fill `trial` with theta + h, (A + mu I) h = -g; raise mu until A + mu I has a factor."""
    numbers, theta, trial, size = given.numbers, given.theta, given.trial, given.theta.size + 1
    decay = given.decay
    A, R = at(given.normal, 0, given.normal.size), at(given.factor, 0, given.factor.size)
    g, h = at(given.step, 0, given.step.size), at(given.step, size, size)
    panel, highest = Scratch(at(given.panel, 0, given.panel.size), at(given.panel, 0, 1)), 0.0
    for k in range(size - 1):
        highest = max(highest, A[k * size + k] + decay[k])
        g[k] = A[k * size + size - 1] + decay[k] * float(theta[k])
    if numbers[NU] == 0:  # the first trial of all
        numbers[MU], numbers[NU] = numbers[MU] * highest, 2.0
    numbers[MU] = max(numbers[MU], LEAST_DAMPING * highest)
    while True:
        for i in range(size - 1):
            _copy_negated(shift(A, i * size), shift(R, i * size), i, size - 1)
            R[i * size + i] -= numbers[MU] + decay[i]
        if factorize(R, size - 1, size, panel):
            break
        _damp(numbers)
        if not math.isfinite(numbers[MU]) or highest == 0:
            numbers[MU], numbers[NU], numbers[STATUS] = 1.0, 2.0, CONVERGED
            return
    _copy_negated(g, h, 0, size - 1)
    solve(R, size - 1, size, h)
    moves = False
    for k in range(size - 1):
        trial[k] = convert(float(theta[k]) + h[k], at(trial, 0, 1))
        moves |= trial[k] != theta[k]
    if not moves:
        numbers[STATUS] = CONVERGED


@kernel
def _copy_negated(x, out, first, last):
    """out[k] <- -x[k]."""
    long_vectors()
    for k in range(first, last):
        out[k] = -x[k]


@kernel
def _damp(numbers):
    """Raise the damping, faster each time until a step is taken."""
    numbers[MU] *= numbers[NU]
    numbers[NU] *= 2.0


@kernel
def _judge(given, taken):
    """Take the trial if it lowers the cost, and set the damping by the gain ratio.

    K. Madsen, H. B. Nielsen and O. Tingleff, *Methods for non-linear least squares problems*
    (2004), algorithm 3.16: the ratio of the gain to the one that the linear model promised,
    1/2 h^T (mu h - g).
    """
    numbers, size = given.numbers, given.theta.size
    g, h = at(given.step, 0, size), at(given.step, size + 1, size)
    mean = _mean(given.costs, given)
    cost = mean + _penalty(given, given.trial)
    gain, promised = numbers[PENALIZED] - cost, 0.0
    for k in range(size):
        promised += h[k] * (numbers[MU] * h[k] - g[k])
    if not gain > 0:  # also NaN
        _damp(numbers)
        return False
    if gain <= LEAST_GAIN * numbers[PENALIZED]:
        numbers[STATUS] = CONVERGED
        return False
    for k in range(size):
        given.theta[k] = given.trial[k]
    ratio = min(2 * gain / promised, 1.0)  # above 1 the linear model was too careful
    factor = 1 - (2 * ratio - 1) ** 3
    numbers[MU] *= max(factor, 1 / 3)
    numbers[NU] = 2.0
    numbers[PENALIZED] = cost
    given.results[taken, 0], given.results[taken, 1] = mean, _mean(given.hits, given)
    return True
