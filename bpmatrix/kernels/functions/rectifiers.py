"""The relatives of ReLU, and their slopes: scalars in, scalars out.

A slope is computed from a, where a can tell, and else from z.
"""

from bpmatrix.kernels.functions.exponential import exp, expm1, sigmoid
from bpmatrix.kernels.functions.normal import normal
from bpmatrix.kernels.machine.formats import constants
from bpmatrix.kernels.machine.instructions import fma
from bpmatrix.kernels.machine.jit import kernel


@kernel
def leaky_relu(z):
    """z, and z / 100 below 0."""
    c = constants(z)
    return c.leak * z if z <= c.zero else z


@kernel
def leaky_relu_slope(a):
    """1 above 0, else 1 / 100."""
    c = constants(a)
    return c.leak if a <= c.zero else c.one


@kernel
def elu(z):
    """z, and e^z - 1 below 0."""
    return expm1(z) if z <= constants(z).zero else z


@kernel
def elu_slope(a):
    """1 above 0, else e^z = a + 1."""
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
    """z sigmoid(z); 0 at minus infinity."""
    c = constants(z)
    return (c.lowest if z < c.lowest else z) * sigmoid(z)


@kernel
def silu_slope(z):
    """s + z s (1 - s) with s = sigmoid(z): of s and 1 - s one is e^-|z| times the other."""
    c = constants(z)
    t = -z if z < c.zero else z
    t = -c.lowest if t > -c.lowest else t
    e = exp(-t)
    large = c.one / (c.one + e)
    small = e * large
    return fma(-t if z < c.zero else t, large * small, small if z < c.zero else large)


@kernel
def gelu(z):
    """z Phi(z); 0 at minus infinity."""
    c = constants(z)
    _, Phi = normal(z)
    return (-c.furthest if z < -c.furthest else z) * Phi


@kernel
def gelu_slope(z):
    """Phi(z) + z phi(z)."""
    c = constants(z)
    z = -c.furthest if z < -c.furthest else z
    z = c.furthest if z > c.furthest else z
    phi, Phi = normal(z)
    return fma(z, phi, Phi)
