"""The slow twins of the update rules: whole gradients, whole vectors, formulas as in the papers."""

from __future__ import annotations

import numpy as np

from bpmatrix import SGD, AdamW, RMSprop


class RuleTwin:
    """Moves theta by the rule of an optimizer; `free` are the parameters without penalties."""

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


class TorchMomentum:
    """PyTorch's rule of SGD with momentum: what is kept has no rate in it."""

    def __init__(self, optimizer, theta):
        self.optimizer, self.theta, self.kept = optimizer, theta, np.zeros_like(theta)

    def step(self, gradient, rate):
        """Take one step with the gradient of the mean cost."""
        mu = self.optimizer.momentum
        self.kept = mu * self.kept + gradient
        nesterov = self.optimizer.nesterov
        self.theta -= rate * (gradient + mu * self.kept if nesterov else self.kept)
