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
from bpmatrix.kernels.functions.exponential import exp, expm1, log, log1p
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
    z. Log-likelihood: -y ln a with a = softmax(z), in z.
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
            out[k] = log1p(exp(-(above + below))) + (one - y_k[k]) * above + y_k[k] * below
    elif code == LOG_LIKELIHOOD:
        for j in range(a.count):
            _log_likelihood_terms(
                shift(z_k, j * z.step), shift(a_k, j * a.step),
                shift(y_k, j * y.step), shift(out, j * terms.step), a.length,
            )  # fmt: skip
    elif code == POISSON:
        for k in range(n):
            # y (w + e^-w - 1) with a = y e^-w: no digit of a cost near 0 is lost.
            w = log(y_k[k]) - z_k[k]
            out[k] = a_k[k] if y_k[k] == zero else y_k[k] * (w + expm1(-w))
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
def _log_likelihood_terms(z, a, y, out, n):
    """out[k] <- y[k] (ln sum_i exp(z[i]) - z[k]); the log-sum is z - ln a at the largest a."""
    highest, z_there = a[0], z[0]
    for k in range(1, n):
        above = a[k] > highest
        highest, z_there = a[k] if above else highest, z[k] if above else z_there
    log_sum = z_there - log(highest)
    for k in range(n):
        out[k] = y[k] * (log_sum - z[k])


@kernel
def measure(cost, z, a, y, terms, costs, hits, first):
    """Fill costs[first + j] and, where it has room, hits[first + j] of each column j.

    `terms` is scratch. A cost is the sum of its terms in their order. A hit is a column whose
    output names the class of its target: the largest output, ties to the lowest; a single output
    names 1 above one half.
    """
    cost_terms(cost, z, a, y, terms)
    for j in range(a.count):
        line = shift(terms.start, j * terms.step)
        total = convert(0, line)
        for k in range(a.length):
            total += line[k]
        costs[first + j] = total
    if hits.size == 0:
        return
    for j in range(a.count):
        a_j, y_j = shift(a.start, j * a.step), shift(y.start, j * y.step)
        hits[first + j] = _class_named(a_j, a.length) == _class_named(y_j, a.length)


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
