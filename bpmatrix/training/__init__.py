"""How a network learns: optimizers, schedules, stopping, and the training loop over slices.

A run goes from `arguments.py` (checked) over `run.py` (epochs) to `slices.py` (mini-batches in the
compiled program). What an epoch is shown and what a network is do not live here.
"""
