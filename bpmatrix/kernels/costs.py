"""The costs of one sample each, and the error of the output layer (BP1).

To add one: its number in `codes.py`, its two formulas here, its description in
`bpmatrix/architecture/costs.py`. A cost of a saturated output is computed from z, where a has lost
its digits.
"""

from bpmatrix.kernels.codes import (
    ABSOLUTE,
    CROSS_ENTROPY,
    FIRST_ADDRESS,
    HUBER,
    LOG_LIKELIHOOD,
    POISSON,
    QUADRATIC,
    QUANTILE,
    SLOPE,
    VALUE,
)
from bpmatrix.kernels.elementwise import times_sigma_prime
from bpmatrix.kernels.functions.deviance import half_deviance
from bpmatrix.kernels.functions.exponential import exp, log1p
from bpmatrix.kernels.machine.instructions import call_block, convert, shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors
from bpmatrix.kernels.views import span


@kernel
def output_error(cost, sigma, z, a, y, delta):
    """(BP1) delta <- dC/da * sigma'(z) of each sample.

    Quadratic: (a - y) sigma'(z). Cross-entropy with sigmoid, log-likelihood with softmax and
    Poisson with exp: a - y, since dC/da cancels sigma' (Nielsen, ch. 3, (66) to (68) and problem on
    (84)). The others: their slope of a - y, times sigma'(z).
    """
    a_k, y_k, delta_k = a.start, y.start, delta.start
    n = span(a)
    if cost.code >= FIRST_ADDRESS:
        call_block(cost.code, SLOPE, a_k, y_k, delta_k, n)
    else:
        for k in range(n):
            delta_k[k] = a_k[k] - y_k[k]
        _slopes(cost.code, convert(cost.parameter, a_k), delta_k, n)
    if cost.code not in (CROSS_ENTROPY, LOG_LIKELIHOOD, POISSON):
        times_sigma_prime(sigma, z, a, delta)


@kernel
def _slopes(code, parameter, d, n):
    """d <- dC/da of d = a - y, where that is not d itself; at a kink 0."""
    long_vectors()
    zero, one = convert(0, d), convert(1, d)
    if code == ABSOLUTE:
        for k in range(n):
            x = d[k]
            d[k] = one if x > zero else (-one if x < zero else x)
    elif code == HUBER:
        for k in range(n):
            x = d[k]
            low = -parameter if x < -parameter else x
            d[k] = parameter if low > parameter else low
    elif code == QUANTILE:
        for k in range(n):
            x = d[k]
            d[k] = one - parameter if x > zero else (-parameter if x < zero else x)


@kernel
def cost_terms(cost, z, a, y, terms):
    """Fill `terms` with what each output adds to the cost of its sample.

    Quadratic: 1/2 (a - y)^2. Cross-entropy: -(y ln a + (1 - y) ln(1 - a)) with a = sigmoid(z), in
    z. Log-likelihood is not such a sum: see `_measure_log_likelihood`.
    """
    long_vectors()
    n, code = span(a), cost.code
    z_k, a_k, y_k, out = z.start, a.start, y.start, terms.start
    zero, half, one = convert(0, a_k), convert(0.5, a_k), convert(1, a_k)
    if code == QUADRATIC:
        for k in range(n):
            out[k] = half * (a_k[k] - y_k[k]) * (a_k[k] - y_k[k])
    elif code == CROSS_ENTROPY:
        for k in range(n):
            above = zero if z_k[k] <= zero else z_k[k]
            below = zero if z_k[k] >= zero else -z_k[k]
            # What counts for nothing costs nothing, however far away it is.
            wrong = zero if y_k[k] == one else (one - y_k[k]) * above
            missing = zero if y_k[k] == zero else y_k[k] * below
            out[k] = log1p(exp(-(above + below))) + wrong + missing
    elif code == POISSON:
        for k in range(n):
            out[k] = convert(half_deviance(float(z_k[k]), float(a_k[k]), float(y_k[k])), out)
    elif code >= FIRST_ADDRESS:
        call_block(code, VALUE, a_k, y_k, out, n)
    else:
        for k in range(n):
            out[k] = a_k[k] - y_k[k]
        _terms_of_distances(code, convert(cost.parameter, out), out, n)


@kernel
def _terms_of_distances(code, parameter, d, n):
    """d <- the cost of d = a - y.

    Absolute: |d|. Huber: d^2 / 2 up to |d| = delta, from there on the line that goes on from it,
    delta (|d| - delta / 2). Quantile: q |d| below the target, (1 - q) |d| above.
    """
    long_vectors()
    half, one = convert(0.5, d), convert(1, d)
    if code == ABSOLUTE:
        for k in range(n):
            d[k] = abs(d[k])
    elif code == HUBER:
        for k in range(n):
            far = abs(d[k])
            near = parameter if far > parameter else far
            d[k] = near * (far - half * near)
    elif code == QUANTILE:
        for k in range(n):
            below, above = -parameter * d[k], (one - parameter) * d[k]
            d[k] = below if below > above else above


@kernel
def measure(cost, z, a, y, terms, costs, hits, first):
    """Fill costs[first + j] and, where it has room, hits[first + j] of each column j.

    `terms` is scratch. A cost is the sum of its terms in their order, in float64. A hit is a column
    whose output names the class of its target: the largest output, ties to the lowest; a single
    output names 1 above one half.
    """
    if cost.code == LOG_LIKELIHOOD:
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
        hits[first + j] = _class_named(a_j, a.length) == _class_named(y_j, a.length)


@kernel
def _measure_log_likelihood(z, a, y, rest, costs, first):
    """costs[first + j] <- sum_k y[k] (max z - z[k] + ln(1 + sum_i e^(z[i] - max z))).

    max z itself is left out of the i, so that nothing cancels: what is left of a right answer is
    the logarithm, however small it is. The powers are the outputs, divided by the largest. `rest`
    is scratch: logarithms of many columns at a time are vector code.
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
    """The sum of y[k] (highest - z[k]); what counts for nothing costs nothing, however far away."""
    zero, total = convert(0, z), 0.0
    for k in range(n):
        far = zero if y[k] == zero else highest - z[k]
        total += float(y[k] * far)
    return total


@kernel
def _class_named(a, n):
    """The class that a column of outputs or targets names."""
    if n == 1:
        return int(a[0] > convert(0.5, a))
    top, highest = 0, a[0]
    for k in range(1, n):
        above = a[k] > highest
        top, highest = k if above else top, a[k] if above else highest
    return top
