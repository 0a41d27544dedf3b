"""Training: optimizers, learning-rate schedules, stopping rules, and the training loop.

`arguments.py` checks the arguments, `run.py` loops over epochs, and `slices.py` passes mini-batches
to the compiled program. Samples and the definition of a network do not belong here.
"""
