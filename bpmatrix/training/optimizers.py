"""Optimizers as frozen dataclasses: two equal ones behave alike.

Each computes the hyperparameters of its steps; the rules themselves are in `kernels/rules.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from bpmatrix.checks import (
    BELOW_ONE,
    NOT_NEGATIVE,
    POSITIVE,
    check_in_type,
    set_number,
    set_whole_number,
)
from bpmatrix.errors import ArgumentError
from bpmatrix.foreign import OPTIMIZER, TRAIN, knowing
from bpmatrix.kernels.plan import Hyperparameters

Floats = NDArray[np.float64]
DEFAULTS = Hyperparameters(0.0, 0.0, 0.0, 0.0, keep=1.0, l2=0.0, l1=0.0, clip_norm=math.inf)

# The valid range of each parameter.
RANGES = {
    "learning_rate": NOT_NEGATIVE,
    "momentum": BELOW_ONE,
    "rho": BELOW_ONE,
    "beta_1": BELOW_ONE,
    "beta_2": BELOW_ONE,
    "epsilon": POSITIVE,
    "weight_decay": NOT_NEGATIVE,
    "damping": POSITIVE,
}

_knowing = knowing(OPTIMIZER, "network.train(X, targets, {})", TRAIN)


@dataclass(frozen=True, repr=False)
class Optimizer:
    """The base class of optimizers: a learning rate, finite and not negative."""

    learning_rate: float

    def __post_init__(self) -> None:
        """Check the numbers among the parameters."""
        for name, allowed in RANGES.items():
            if hasattr(self, name):
                set_number(self, name, allowed)

    def __repr__(self) -> str:
        """Show the learning rate, and every other parameter that is not the default."""
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields(self)
            if field.name == "learning_rate" or getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    @property
    def rule(self) -> tuple[str, int]:
        """The name of the update rule in `kernels/rules.py`, and its number of moments."""
        raise NotImplementedError

    def steps(self, rate: float, before: int, count: int) -> Floats:
        """Return one row of `kernels.plan.Hyperparameters` per step.

        Parameters
        ----------
        rate : float
            The learning rate of these steps.
        before : int
            How many steps the optimizer has taken before.
        count : int
            The number of steps.
        """
        raise NotImplementedError

    def check_type(self, dtype: str) -> None:
        """Check that the dtype of a network can represent the parameters.

        Raises
        ------
        ArgumentError
            If one is infinite in the dtype, or 0 where the rule divides by it.
        """
        for name in RANGES:
            if hasattr(self, name):
                check_in_type(getattr(self, name), name, dtype, zero=name != "epsilon")


@_knowing
@dataclass(frozen=True, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent: theta <- theta - learning_rate * g.

    The gradient g is the mean over the mini-batch. Nielsen, ch. 1, (20) and (21). With momentum,
    v <- momentum * v - learning_rate * g; theta <- theta + v: Nielsen, ch. 3, (107) and (108).
    With Nesterov's step, theta <- theta + momentum * v - learning_rate * g, with the new v.

    If a schedule changes the rate, v still contains the rates of earlier steps, as in scikit-learn
    and Keras; in PyTorch v contains no rate, and is multiplied by the current one.

    Parameters
    ----------
    learning_rate : float
        The step size eta, finite and not negative.
    momentum : float, default 0.0
        The factor of the velocity v in each step, at least 0 and below 1.
    nesterov : bool, default False
        Whether to take Nesterov's step; requires momentum.

    Raises
    ------
    ArgumentError
        If a parameter is not valid.

    Examples
    --------
    >>> SGD(learning_rate=3.0)
    SGD(learning_rate=3.0)
    >>> SGD(0.1, momentum=0.9, nesterov=True)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    """

    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        """Check the parameters."""
        super().__post_init__()
        if not isinstance(self.nesterov, bool):
            raise ArgumentError("nesterov must be True or False", got=repr(self.nesterov))
        if self.nesterov and self.momentum == 0:
            raise ArgumentError(
                "nesterov requires momentum",
                cure="Pass a momentum above 0, such as momentum=0.9.",
            )

    @property
    def rule(self) -> tuple[str, int]:
        """The name of the update rule in `kernels/rules.py`, and its number of moments."""
        if self.momentum == 0:
            return "DESCENT", 0
        return "NESTEROV" if self.nesterov else "MOMENTUM", 1

    def steps(self, rate: float, before: int, count: int) -> Floats:
        """Return the hyperparameters of some steps: see `Optimizer.steps`."""
        del before
        return _rows(count, rate=rate, beta_1=self.momentum)


@_knowing
@dataclass(frozen=True, repr=False)
class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of the squared gradient.

    s <- rho * s + (1 - rho) * g^2; theta <- theta - learning_rate * g / (sqrt(s) + epsilon).
    T. Tieleman and G. Hinton, lecture 6.5 of *Neural Networks for Machine Learning* (2012).

    Parameters
    ----------
    learning_rate : float, default 0.001
        The step size, finite and not negative.
    rho : float, default 0.9
        The decay rate of the running mean, at least 0 and below 1.
    epsilon : float, default 1e-8
        The number added to the root, above 0, also in the network's dtype.

    Raises
    ------
    ArgumentError
        If a parameter is not valid.

    Examples
    --------
    >>> RMSprop(0.01)
    RMSprop(learning_rate=0.01)
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8
    rule = "ADAM", 2

    def steps(self, rate: float, before: int, count: int) -> Floats:
        """Return the hyperparameters of some steps: see `Optimizer.steps`."""
        del before
        return _rows(count, rate=rate, beta_2=self.rho, epsilon=self.epsilon)


@_knowing
@dataclass(frozen=True, repr=False)
class Adam(Optimizer):
    """Steps along a running mean of the gradient, divided by the root of one of its square.

    v <- beta_1 * v + (1 - beta_1) * g; s <- beta_2 * s + (1 - beta_2) * g^2; in step t
    theta <- theta - learning_rate * v' / (sqrt(s') + epsilon), v' = v / (1 - beta_1^t) and
    s' = s / (1 - beta_2^t). D. P. Kingma and J. Ba, ICLR 2015, algorithm 1.

    Parameters
    ----------
    learning_rate : float, default 0.001
        About the largest change of a weight in a step; finite and not negative.
    beta_1, beta_2 : float, default 0.9 and 0.999
        The decay rates of the two running means, at least 0 and below 1.
    epsilon : float, default 1e-8
        The number added to the root, above 0, also in the network's dtype.

    Raises
    ------
    ArgumentError
        If a parameter is not valid.

    Examples
    --------
    >>> Adam()
    Adam(learning_rate=0.001)
    """

    learning_rate: float = 0.001
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    rule = "ADAM", 2

    def steps(self, rate: float, before: int, count: int) -> Floats:
        """Return the hyperparameters of some steps: see `Optimizer.steps`.

        Learning rate and epsilon contain the bias corrections of the means.
        """
        t = np.arange(before + 1, before + count + 1)
        root = np.sqrt(1 - self.beta_2**t)
        return _rows(
            count,
            rate=rate * root / (1 - self.beta_1**t),
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon * root,
        )

    def check_type(self, dtype: str) -> None:
        """Check the parameters, and epsilon with its bias correction: see `Optimizer.check_type`.

        With the bias correction it is smallest in the first step.
        """
        correction = math.sqrt(1 - self.beta_2)
        check_in_type(self.epsilon, "epsilon", dtype, factor=correction, zero=False)
        super().check_type(dtype)


@_knowing
@dataclass(frozen=True, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay: w <- (1 - learning_rate * weight_decay) w in each step.

    Biases do not decay. I. Loshchilov and F. Hutter, ICLR 2019, algorithm 2.

    Parameters and errors are those of `Adam`, and:

    Parameters
    ----------
    weight_decay : float, default 0.01
        The decay rate of the weights, finite and not negative.

    Examples
    --------
    >>> AdamW(0.002, weight_decay=0.1)
    AdamW(learning_rate=0.002, weight_decay=0.1)
    """

    weight_decay: float = 0.01

    def steps(self, rate: float, before: int, count: int) -> Floats:
        """Return the hyperparameters of some steps: see `Optimizer.steps`."""
        rows = super().steps(rate, before, count)
        rows[:, Hyperparameters._fields.index("keep")] = 1 - rate * self.weight_decay
        return rows


@dataclass(frozen=True, repr=False)
class FullBatch(Optimizer):
    """The base class of optimizers whose steps take all samples at once, without a learning rate.

    An epoch is one step. `learning_rate`, which a History records, is 1.
    """

    learning_rate: ClassVar[float] = 1.0  # type: ignore[misc]
    rule = "NONE", 0  # no rule of the kernels, no moments


@_knowing
@dataclass(frozen=True, repr=False)
class LevenbergMarquardt(FullBatch):
    """Damped Gauss-Newton steps for the quadratic cost: (J^T J + mu I) h = -J^T e.

    J contains the derivatives of the errors e = a - y of all outputs and samples, divided by the
    square root of the number of samples. A step that does not lower the cost is not taken, and mu
    is raised; otherwise mu follows the gain ratio. K. Madsen, H. B. Nielsen and O. Tingleff,
    *Methods for non-linear least squares problems* (2004), algorithm 3.16.

    Best for a few thousand samples and up to a thousand weights: time and memory of a step grow
    with the square of the number of weights.

    Parameters
    ----------
    damping : float, default 0.01
        The first mu, as a fraction of the largest element on the diagonal of J^T J; above 0.

    Raises
    ------
    ArgumentError
        If the parameter is not valid.

    Examples
    --------
    >>> import numpy as np
    >>> from bpmatrix import Network
    >>> x = np.linspace(-3.0, 3.0, 60)[np.newaxis]
    >>> net = Network([1, 6, 1], activation="tanh", output="identity", cost="quadratic", seed=1)
    >>> history = net.train(x, np.sin(x), epochs=200, optimizer=LevenbergMarquardt())
    >>> bool(np.abs(net.feedforward(x) - np.sin(x)).max() < 1e-3)
    True
    """

    damping: float = 0.01


@_knowing
@dataclass(frozen=True, repr=False)
class LBFGS(FullBatch):
    """Quasi-Newton steps for any cost: SciPy's L-BFGS-B, without bounds.

    Each run begins with an empty memory, also if the optimizer is equal to the last run's. D. C.
    Liu and J. Nocedal, *Mathematical Programming* 45 (1989). It needs SciPy: the extra `sklearn`.

    Parameters
    ----------
    memory : int, default 10
        The number of earlier steps from which the curvature is estimated.

    Raises
    ------
    ArgumentError
        If the parameter is not valid.

    Examples
    --------
    >>> LBFGS()
    LBFGS()
    >>> LBFGS(memory=30)
    LBFGS(memory=30)
    """

    memory: int = 10
    rule = "NONE", 1  # the parameters at the start of the run

    def __post_init__(self) -> None:
        """Check the parameter."""
        set_whole_number(self, "memory")


OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.__name__: kind for kind in (SGD, RMSprop, Adam, AdamW, LevenbergMarquardt, LBFGS)
}


def _rows(count: int, **numbers: float | Floats) -> Floats:
    """Return rows of hyperparameters, each given once or per step; the others have no effect."""
    rows = np.empty((count, len(DEFAULTS)))
    rows[:] = DEFAULTS
    for name, value in numbers.items():
        rows[:, Hyperparameters._fields.index(name)] = value
    return rows
