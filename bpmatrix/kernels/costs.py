"""The cost of each sample, and the error of the output layer (BP1).

The three costs of the book are part of every program; the others are C functions
(`programs/c_functions.py`), as with activation functions. The cost of a saturated output is
computed from z, since a has lost its digits there. To add one, see "Adding an operation" in
.github/CONTRIBUTING.md.
"""

from bpmatrix.kernels import codes
from bpmatrix.kernels.elementwise import times_sigma_prime
from bpmatrix.kernels.functions.exponential import exp, log1p
from bpmatrix.kernels.machine.instructions import call_c_function, convert, shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.views import span


@kernel
def output_error(cost, sigma, z, a, y, delta):
    """(BP1) delta <- dC/da * sigma'(z) of each sample.

    Quadratic cost: (a - y) sigma'(z). For cross-entropy with sigmoid and log-likelihood with
    softmax, sigma' cancels, and delta = a - y (Nielsen, ch. 3, (66) to (68) and problem on (84)).
    """
    a_k, y_k, delta_k = a.start, y.start, delta.start
    n = span(a)
    if cost.code >= codes.FIRST_ADDRESS:
        call_c_function(cost.code, codes.SLOPE, cost.parameter, a_k, y_k, delta_k, n)
    else:
        for k in range(n):
            delta_k[k] = a_k[k] - y_k[k]
    if not cost.cancels:
        times_sigma_prime(sigma, z, a, delta)


@kernel
def cost_terms(cost, z, a, y, terms):
    """Fill `terms` with the term of each output in the cost of its sample.

    Quadratic: 1/2 (a - y)^2. Cross-entropy: -(y ln a + (1 - y) ln(1 - a)) with a = sigmoid(z),
    written in terms of z. For log-likelihood see `_measure_log_likelihood`.
    """
    long_vectors()
    n, code = span(a), cost.code
    z_k, a_k, y_k, out = z.start, a.start, y.start, terms.start
    zero, half, one = convert(0, a_k), convert(0.5, a_k), convert(1, a_k)
    if code == codes.QUADRATIC:
        for k in range(n):
            out[k] = half * (a_k[k] - y_k[k]) * (a_k[k] - y_k[k])
    elif code == codes.CROSS_ENTROPY:
        for k in range(n):
            above = zero if z_k[k] <= zero else z_k[k]
            below = zero if z_k[k] >= zero else -z_k[k]
            # A factor of 0 gives 0, also where z is infinite.
            wrong = zero if y_k[k] == one else (one - y_k[k]) * above
            missing = zero if y_k[k] == zero else y_k[k] * below
            out[k] = log1p(exp(-(above + below))) + wrong + missing
    else:
        for k in range(n):
            out[k] = z_k[k]
        call_c_function(code, codes.VALUE, cost.parameter, a_k, y_k, out, n)


@kernel
def measure(cost, z, a, y, terms, costs, hits, first):
    """Fill costs[first + j] and, unless it is empty, hits[first + j] for each column j.

    `terms` is scratch. The terms of a cost are added in order, in float64. A column is a hit if its
    outputs and its target predict the same class: the index of the largest output, the lowest one
    in a tie; for a single output, 1 if it is above 0.5.
    """
    if cost.code == codes.LOG_LIKELIHOOD:
        _measure_log_likelihood(z, a, y, terms.start, costs, first)
    else:
        cost_terms(cost, z, a, y, terms)
        for j in range(a.count):
            line = shift(terms.start, j * terms.step)
            total = 0.0
            for k in range(a.length):
                total += float(line[k])
            costs[first + j] = total
    if hits.size == 0:
        return
    for j in range(a.count):
        a_j, y_j = shift(a.start, j * a.step), shift(y.start, j * y.step)
        hits[first + j] = _predicted_class(a_j, a.length) == _predicted_class(y_j, a.length)


@kernel
def _measure_log_likelihood(z, a, y, rest, costs, first):
    """costs[first + j] <- sum_k y[k] (max z - z[k] + ln(1 + sum_i e^(z[i] - max z))).

    The sum leaves out one i with z[i] = max z, so that nothing cancels: the cost of a right answer
    is log1p of a small number. The powers are the outputs divided by the largest output. `rest` is
    scratch: it lets the logarithms of many columns be computed in vector code.
    """
    long_vectors()
    for j in range(a.count):
        z_j, a_j = shift(z.start, j * z.step), shift(a.start, j * a.step)
        highest, largest, others = z_j[0], a_j[0], convert(0, z_j)
        for k in range(1, a.length):
            above = z_j[k] > highest
            others += largest if above else a_j[k]
            highest, largest = z_j[k] if above else highest, a_j[k] if above else largest
        rest[j] = others / largest
        y_j = shift(y.start, j * y.step)
        costs[first + j] = _weighted_distances(highest, z_j, y_j, a.length)
    for j in range(a.count):
        rest[j] = log1p(rest[j])
    for j in range(a.count):
        y_j, weight = shift(y.start, j * y.step), 0.0
        for k in range(a.length):
            weight += float(y_j[k])
        costs[first + j] += weight * float(rest[j])


@kernel
def _weighted_distances(highest, z, y, n):
    """Return sum_k y[k] (highest - z[k]); y[k] = 0 gives 0, also where z[k] is infinite."""
    zero, total = convert(0, z), 0.0
    for k in range(n):
        far = zero if y[k] == zero else highest - z[k]
        total += float(y[k] * far)
    return total


@kernel
def _predicted_class(a, n):
    """Return the class that a column of n outputs or targets stands for."""
    if n == 1:
        return int(a[0] > convert(0.5, a))
    top, highest = 0, a[0]
    for k in range(1, n):
        above = a[k] > highest
        top, highest = k if above else top, a[k] if above else highest
    return top
