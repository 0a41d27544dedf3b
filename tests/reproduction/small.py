"""Experiments on the digits that train in an instant."""

from bpmatrix.reproduction.experiments import Claim, Experiment


def small(*claims, **changes):
    settings = {"data": "digits", "runs": 2, "quick_runs": 1, **changes}
    return Experiment("chapter1", "small", (64, 10, 10), 0.5, 3, claims, **settings)


# With 297 test images of ten classes, no trained network gets 0 or 100 %.
SURE = Claim("best", 50.0, "made up", (1.0, 99.99), "made up")
NEVER = Claim("best", 50.0, "made up", (0.0, 0.5), "made up")
