"""The costs of one sample each, and the error of the output layer (BP1).

To add one: its number in `codes.py`, its two formulas here, its description in
`bpmatrix/costs.py`. A cost of a saturated output is computed from z, where a has lost its digits.
"""

from bpmatrix.kernels.codes import CROSS_ENTROPY, LOG_LIKELIHOOD, QUADRATIC
from bpmatrix.kernels.elementwise import times_sigma_prime
from bpmatrix.kernels.exponential import exp, log, log1p
from bpmatrix.kernels.instructions import convert, shift
from bpmatrix.kernels.jit import kernel
from bpmatrix.kernels.vectors import long_vectors
from bpmatrix.kernels.views import span


@kernel
def output_error(cost, sigma, z, a, y, delta):
    """(BP1) delta <- dC/da * sigma'(z) of each sample.

    Quadratic: (a - y) sigma'(z). Cross-entropy with sigmoid and log-likelihood with softmax:
    a - y, since dC/da cancels sigma' (Nielsen, ch. 3, (66) to (68) and problem on (84)).
    """
    a_k, y_k, delta_k = a.start, y.start, delta.start
    for k in range(span(a)):
        delta_k[k] = a_k[k] - y_k[k]
    if cost == QUADRATIC:
        times_sigma_prime(sigma, z, a, delta)


@kernel
def cost_terms(cost, z, a, y, terms):
    """Fill `terms` with what each output adds to the cost of its sample.

    Quadratic: 1/2 (a - y)^2. Cross-entropy: -(y ln a + (1 - y) ln(1 - a)) with a = sigmoid(z), in
    z. Log-likelihood: -y ln a with a = softmax(z), in z.
    """
    long_vectors()
    n = span(a)
    z_k, a_k, y_k, out = z.start, a.start, y.start, terms.start
    zero, half, one = convert(0, a_k), convert(0.5, a_k), convert(1, a_k)
    if cost == QUADRATIC:
        for k in range(n):
            out[k] = half * (a_k[k] - y_k[k]) * (a_k[k] - y_k[k])
    elif cost == CROSS_ENTROPY:
        for k in range(n):
            above = zero if z_k[k] <= zero else z_k[k]
            below = zero if z_k[k] >= zero else -z_k[k]
            out[k] = log1p(exp(-(above + below))) + (one - y_k[k]) * above + y_k[k] * below
    elif cost == LOG_LIKELIHOOD:
        for j in range(a.count):
            _log_likelihood_terms(
                shift(z_k, j * z.step), shift(a_k, j * a.step),
                shift(y_k, j * y.step), shift(out, j * terms.step), a.length,
            )  # fmt: skip


@kernel
def _log_likelihood_terms(z, a, y, out, n):
    """out[k] <- y[k] (ln sum_i exp(z[i]) - z[k]); the log-sum is z - ln a at the largest a."""
    top = 0
    for k in range(1, n):
        top = k if a[k] > a[top] else top
    log_sum = z[top] - log(a[top])
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
    top = 0
    for k in range(1, n):
        top = k if a[k] > a[top] else top
    return top
