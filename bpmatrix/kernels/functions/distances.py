"""The costs of one output: its distance from the target, and the slope of that by the output.

Each takes z, a, y and the parameter of the cost, its slope a, y and the parameter. Where the slope
of the output's activation function cancels, the slope is dC/dz. At a kink it is 0; NaN is neither
above nor below a target.
"""

from bpmatrix.kernels.functions.deviance import half_deviance
from bpmatrix.kernels.machine.formats import constants
from bpmatrix.kernels.machine.jit import kernel


@kernel
def absolute(z, a, y, _):
    """|a - y|."""
    return abs(a - y)


@kernel
def absolute_slope(a, y, _):
    """The sign of a - y."""
    c, d = constants(a), a - y
    return c.one if d > c.zero else (-c.one if d < c.zero else d)


@kernel
def huber(z, a, y, delta):
    """d^2 / 2 of d = |a - y| up to delta, then the line that goes on, delta (d - delta / 2)."""
    far = abs(a - y)
    near = delta if far > delta else far
    return near * (far - constants(a).half * near)


@kernel
def huber_slope(a, y, delta):
    """a - y, between -delta and delta."""
    d = a - y
    low = -delta if d < -delta else d
    return delta if low > delta else low


@kernel
def quantile(z, a, y, q):
    """q (y - a) below the target, (1 - q) (a - y) above."""
    d = a - y
    below, above = -q * d, (constants(a).one - q) * d
    return below if below > above else above


@kernel
def quantile_slope(a, y, q):
    """-q below the target, 1 - q above."""
    c, d = constants(a), a - y
    return c.one - q if d > c.zero else (-q if d < c.zero else d)


@kernel
def poisson(z, a, y, _):
    """a - y + y ln(y / a) with a = e^z, in float64."""
    return half_deviance(float(z), float(a), float(y))


@kernel
def poisson_slope(a, y, _):
    """dC/dz = a - y."""
    return a - y
