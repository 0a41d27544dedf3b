"""The activation functions that are compiled on demand, and their slopes: scalars in, scalars out.

`c_functions.py` looks up `name` and `name_slope` here. A slope is computed from a if a determines
it, else from z, as the record of the function says. Functions that tend to 0 on the left are scaled
by `huge` until the last product, so that a subnormal result is rounded only once.
"""

from bpmatrix.kernels.functions.exponential import exp, expm1, huge_exp, softplus  # noqa: F401
from bpmatrix.kernels.functions.normal import normal
from bpmatrix.kernels.machine.formats import constants
from bpmatrix.kernels.machine.instructions import fma
from bpmatrix.kernels.machine.jit import kernel


@kernel
def leaky_relu(z):
    """z if z > 0, else z / 100."""
    c = constants(z)
    return c.leak * z if z <= c.zero else z


@kernel
def leaky_relu_slope(a):
    """1 if a > 0, else 1 / 100."""
    c = constants(a)
    return c.leak if a <= c.zero else c.one


@kernel
def elu(z):
    """z if z > 0, else e^z - 1."""
    return expm1(z) if z <= constants(z).zero else z


@kernel
def elu_slope(a):
    """1 if a > 0, else e^z = a + 1."""
    c = constants(a)
    return a + c.one if a <= c.zero else c.one


@kernel
def exp_slope(a):
    """e^z = a."""
    return a


@kernel
def softplus_slope(a):
    """sigmoid(z) = 1 - e^-a."""
    return -expm1(-a)


@kernel
def silu(z):
    """z sigmoid(z) = z / (1 + e^-z), for z <= 0 as z e^z / (1 + e^z); 0 at minus infinity."""
    c = constants(z)
    positive = z > c.zero
    x = c.faintest if z < c.faintest else z
    e = huge_exp(-x if positive else x)
    y = (x if positive else x * e) / fma(c.tiny, e, c.one)
    return y if positive else y * c.tiny


@kernel
def silu_slope(z):
    """s + z s (1 - s) with s = sigmoid(z): the smaller of s and 1 - s is e^-|z| times the other."""
    c = constants(z)
    positive = z > c.zero
    t = z if positive else -z
    t = -c.faintest if t > -c.faintest else t
    e = huge_exp(-t)
    large = c.one / fma(c.tiny, e, c.one)
    small = e * large
    s = c.huge * large if positive else small
    return fma(t if positive else -t, large * small, s) * c.tiny


@kernel
def gelu(z):
    """z Phi(z); 0 at minus infinity."""
    c = constants(z)
    positive = z > c.zero
    x = -c.furthest if z < -c.furthest else z
    _, tail = normal(z)
    y = x * (fma(-c.tiny, tail, c.one) if positive else tail)
    return y if positive else y * c.tiny


@kernel
def gelu_slope(z):
    """Phi(z) + z phi(z)."""
    c = constants(z)
    z = -c.furthest if z < -c.furthest else z
    z = c.furthest if z > c.furthest else z
    phi, tail = normal(z)
    return fma(z, phi, c.huge - tail if z > c.zero else tail) * c.tiny
