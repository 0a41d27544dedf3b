"""The costs of one output that are compiled on demand, and their slopes dC/da.

A cost takes z, a, y and its parameter, a slope a, y and the parameter. For a cost that cancels
sigma' of its output, the slope is dC/dz. At a kink the slope is 0; for NaN it is NaN.
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
    """d^2 / 2 if d = |a - y| <= delta, else delta (d - delta / 2)."""
    far = abs(a - y)
    near = delta if far > delta else far
    return near * (far - constants(a).half * near)


@kernel
def huber_slope(a, y, delta):
    """a - y, clipped to [-delta, delta]."""
    d = a - y
    low = -delta if d < -delta else d
    return delta if low > delta else low


@kernel
def quantile(z, a, y, q):
    """q (y - a) if a < y, else (1 - q) (a - y)."""
    d = a - y
    below, above = -q * d, (constants(a).one - q) * d
    return below if below > above else above


@kernel
def quantile_slope(a, y, q):
    """-q if a < y, 1 - q if a > y."""
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
