"""The update rules, element by element: how w follows from its gradient g and the moments v, s.

SGD: w <- w - eta g; without L1 and clipping, w <- keep w - eta g, with the decay in one factor.
Momentum (Nielsen, ch. 3, (107) and (108)): v <- mu v - eta g; w <- w + v; with Nesterov's step
w <- w + mu v - eta g. Adam (Kingma & Ba 2015, algorithm 1) and AdamW (Loshchilov & Hutter 2019):
v <- beta_1 v + (1 - beta_1) g; s <- beta_2 s + (1 - beta_2) g^2; w <- keep w - eta v /
(sqrt(s) + epsilon), where eta and epsilon contain the bias corrections of the step. RMSprop is Adam
with beta_1 = 0 and no corrections. Subnormal numbers are flushed to 0 (`underflow.py`).

To add one, see "Adding an operation" in .github/CONTRIBUTING.md.
"""

from bpmatrix.kernels.functions.roots import root
from bpmatrix.kernels.machine.instructions import convert, fma, shift
from bpmatrix.kernels.machine.jit import kernel
from bpmatrix.kernels.machine.vectors import long_vectors

# The names by which optimizers choose their rules. PLAIN is DESCENT without L1 penalty and
# clipping, which need the gradient itself.
PLAIN, DESCENT, MOMENTUM, NESTEROV, ADAM = range(5)


@kernel
def follow(rule, step, penalized, scale, W, first, second, G):
    """Update W by a rule; scale * G is the gradient of the mean cost. G is overwritten.

    `step` are the `Hyperparameters` of the step. `first` and `second` are the moments; a rule
    without moments does not read them. Only weights are `penalized`, not biases.
    """
    if W.step == W.length:  # without gaps, all lines are one
        _follow_line(
            rule, step, penalized, scale, W.count * W.length,
            W.start, first.start, second.start, G.start,
        )  # fmt: skip
        return
    for i in range(W.count):
        _follow_line(
            rule, step, penalized, scale, W.length,
            shift(W.start, i * W.step), shift(first.start, i * first.step),
            shift(second.start, i * second.step), shift(G.start, i * G.step),
        )  # fmt: skip


@kernel
def _follow_line(rule, step, penalized, scale, n, w, v, s, G):
    """Update n contiguous numbers."""
    if penalized and step.l1 > 0:
        _add_l1(convert(step.l1 / scale, w), n, w, G)
    l2 = step.l2 if penalized else 0.0
    if rule == ADAM:
        _adam(step, step.keep if penalized else 1.0, scale, l2, n, w, v, s, G)
    else:
        _descend(rule, step, scale, l2, n, w, v, G)


@kernel
def _add_l1(l1, n, w, G):
    """G <- G + l1 sign(w), with sign(0) = 0."""
    long_vectors()
    zero = convert(0, w)
    for k in range(n):
        up = l1 if w[k] > zero else zero
        down = l1 if w[k] < zero else zero
        G[k] += up - down


@kernel
def _descend(rule, step, scale, l2, n, w, v, G):
    """Gradient descent without moments, or along a velocity v."""
    long_vectors()
    if rule == PLAIN:  # the same bits as `gradient_descent`
        keep, factor = convert(1 - step.rate * l2, w), convert(-step.rate * scale, w)
        for k in range(n):
            w[k] = fma(keep, w[k], factor * G[k])
        return
    scale, l2 = convert(scale, w), convert(l2, w)
    eta, mu = convert(-step.rate, w), convert(step.beta_1, w)
    if rule == DESCENT:
        for k in range(n):
            w[k] = fma(eta, fma(l2, w[k], scale * G[k]), w[k])
    elif rule == MOMENTUM:
        for k in range(n):
            v[k] = fma(mu, v[k], eta * fma(l2, w[k], scale * G[k]))
            w[k] = w[k] + v[k]
    elif rule == NESTEROV:
        for k in range(n):
            change = eta * fma(l2, w[k], scale * G[k])
            v[k] = fma(mu, v[k], change)
            w[k] = w[k] + fma(mu, v[k], change)


@kernel
def _adam(step, keep, scale, l2, n, w, v, s, G):
    """Descent along the mean v of the gradients, divided by the root of the mean s of g^2."""
    long_vectors()
    scale, l2, keep = convert(scale, w), convert(l2, w), convert(keep, w)
    eta, epsilon = convert(-step.rate, w), convert(step.epsilon, w)
    beta_1, rest_1 = convert(step.beta_1, w), convert(1 - step.beta_1, w)
    beta_2, rest_2 = convert(step.beta_2, w), convert(1 - step.beta_2, w)
    for k in range(n):
        g = fma(l2, w[k], scale * G[k])
        mean, mean_square = fma(beta_1, v[k], rest_1 * g), fma(beta_2, s[k], rest_2 * (g * g))
        v[k], s[k] = mean, mean_square
        w[k] = fma(keep, w[k], eta * mean / (root(mean_square, w) + epsilon))
