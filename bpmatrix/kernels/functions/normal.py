"""The normal distribution, for GELU: its density phi and its distribution function Phi.

Phi(-t) = e^(-t^2 / 2) P(u) / (t + 4) for t >= 0, where u = (t - 4) / (t + 4) maps the half-line
to [-1, 1] and P is smooth (J. L. Schonfelder, Chebyshev expansions for the error and related
functions, Math. Comp. 32, 1978). So one polynomial serves every t, a small Phi keeps its digits,
and loops become vector code, as with the functions of `exponential.py`.
"""

from bpmatrix.kernels.functions.exponential import huge_exp
from bpmatrix.kernels.machine.formats import constants, polynomial
from bpmatrix.kernels.machine.instructions import fma
from bpmatrix.kernels.machine.jit import kernel


@kernel
def normal(z):
    """phi(z) and Phi(-|z|), within 3 and 4 ULP, both times `huge`: see `huge_exp`.

    The exponential is corrected for the rounding error of t^2.
    """
    c = constants(z)
    t = -z if z < c.zero else z
    t = c.furthest if t > c.furthest else t
    square = t * t
    lost = fma(t, t, -square)
    e = huge_exp(-c.half * square)
    e = fma(e, -c.half * lost, e)
    reach = c.one / (t + c.four)
    tail = e * polynomial((t - c.four) * reach, c.normal_polynomial) * reach
    return e * c.phi_0, tail
