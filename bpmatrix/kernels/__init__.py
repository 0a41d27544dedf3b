"""The compiled engine: arrays in, arrays out; nothing here raises, allocates or prints.

Read `backprop.py` first: it holds the four equations. `codes.py` and `plan.py` load no numba.
"""
