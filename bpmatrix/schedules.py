"""Learning-rate schedules under their public name; they are defined in `training/schedules.py`."""

from bpmatrix.training.schedules import (
    Cosine,
    InverseScaling,
    ReduceOnPlateau,
    Schedule,
    Step,
    Warmup,
)

__all__ = ["Cosine", "InverseScaling", "ReduceOnPlateau", "Schedule", "Step", "Warmup"]
