"""Slow twins of the update rules: whole gradients, whole vectors, formulas as in the papers.

And a twin for underflow: the operations of a step without a gradient, each rounded and flushed to 0
below the smallest normal number.
"""

from __future__ import annotations

import numpy as np
from twin import fma

from bpmatrix import SGD, AdamW, RMSprop


class RuleTwin:
    """Update theta by the rule of an optimizer; `free` are the parameters without penalties."""

    def __init__(self, optimizer, theta, free, *, l2=0.0, l1=0.0, clip_norm=np.inf):
        self.optimizer, self.theta, self.penalized = optimizer, theta, ~free
        self.l2, self.l1, self.clip_norm = l2, l1, clip_norm
        self.v, self.s, self.t = np.zeros_like(theta), np.zeros_like(theta), 0

    def step(self, gradient, rate):
        """Take one step with the gradient of the mean cost."""
        norm = np.linalg.norm(gradient)
        g = gradient * (self.clip_norm / norm if norm > self.clip_norm else 1.0)
        g = g + self.penalized * (self.l2 * self.theta + self.l1 * np.sign(self.theta))
        self.t += 1
        o = self.optimizer
        if isinstance(o, SGD):
            self.v = o.momentum * self.v - rate * g
            self.theta += o.momentum * self.v - rate * g if o.nesterov else self.v
        elif isinstance(o, RMSprop):
            self.s = o.rho * self.s + (1 - o.rho) * g**2
            self.theta -= rate * g / (np.sqrt(self.s) + o.epsilon)
        else:
            if isinstance(o, AdamW):
                self.theta *= 1 - rate * o.weight_decay * self.penalized
            self.v = o.beta_1 * self.v + (1 - o.beta_1) * g
            self.s = o.beta_2 * self.s + (1 - o.beta_2) * g**2
            v, s = self.v / (1 - o.beta_1**self.t), self.s / (1 - o.beta_2**self.t)
            self.theta -= rate * v / (np.sqrt(s) + o.epsilon)


class FadingTwin:
    """Let w, v and s underflow by the rule of an optimizer, after a million steps.

    w and v are at the end of the normal range, where NumPy rounds differently. Since a step is
    linear in them, they are stored times `far`, a power of two, as ordinary numbers.
    """

    def __init__(self, optimizer, w, v, s, *, l2=0.0, l1=0.0):
        self.optimizer, self.l2, self.l1, self.real = optimizer, l2, l1, w.dtype.type
        self.far = 2.0 ** (600 if w.dtype == np.float64 else 60)
        self.w, self.v, self.s = w * self.real(self.far), v * self.real(self.far), s

    def numbers(self):
        """Return w, v and s."""
        return self.w / self.real(self.far), self.v / self.real(self.far), self.s

    def step(self):
        """Take one step; g is the gradient of the penalties."""
        o, real, far = self.optimizer, self.real, self.far
        l1 = self._kept(real(self.l1) * real(far) * np.sign(self.w))
        g = self._kept(fma(real(self.l2), self.w, l1))
        if isinstance(o, SGD):
            self._descend(real(-o.learning_rate), real(o.momentum), g)
            return
        rate, beta_1, beta_2, epsilon, keep = o.steps(o.learning_rate, 10**6, 1)[0, :5]
        rest = self._kept(real(1 - beta_1) * g)
        self.v = self._kept(fma(real(beta_1), self.v, rest))  # the square of g is 0
        self.s = self._kept(real(beta_2) * self.s, 1)
        step = self._kept(self._kept(real(-rate) * self.v) / (np.sqrt(self.s) + real(epsilon)))
        self.w = self._kept(fma(real(keep), self.w, step))

    def _descend(self, rate, mu, g):
        """The rules of SGD; without momentum or l1 the penalty is a factor on w."""
        change = self._kept(rate * g)
        if mu == 0 and self.l1 == 0:
            self.w = self._kept(self.real(1 + rate.item() * self.l2) * self.w)
        elif mu == 0:
            self.w = self._kept(fma(rate, g, self.w))
        else:
            self.v = self._kept(fma(mu, self.v, change))
            ahead = self._kept(fma(mu, self.v, change)) if self.optimizer.nesterov else self.v
            self.w = self._kept(self.w + ahead)

    def _kept(self, x, far=None):
        """Return numbers in the dtype of w, flushed to 0 below the smallest normal number."""
        x = x.astype(self.real)
        least = np.finfo(self.real).tiny * self.real(self.far if far is None else far)
        return np.where(np.abs(x) < least, self.real(0), x)


class TorchMomentum:
    """PyTorch's rule of SGD with momentum: the velocity does not include the rate."""

    def __init__(self, optimizer, theta):
        self.optimizer, self.theta, self.kept = optimizer, theta, np.zeros_like(theta)

    def step(self, gradient, rate):
        """Take one step with the gradient of the mean cost."""
        mu = self.optimizer.momentum
        self.kept = mu * self.kept + gradient
        nesterov = self.optimizer.nesterov
        self.theta -= rate * (gradient + mu * self.kept if nesterov else self.kept)
