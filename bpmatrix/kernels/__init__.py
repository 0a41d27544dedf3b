"""The compiled engine: arrays in, arrays out; nothing here raises, allocates or prints.

Read `backprop.py` first: it holds the four equations. It uses `products/`, `functions/` and
`machine/`, and `programs/` uses it. Nothing is imported from outside this folder. `codes.py` and
`plan.py` load no numba.
"""
