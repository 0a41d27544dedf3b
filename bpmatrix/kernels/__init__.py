"""The compiled engine: arrays in, arrays out; nothing here raises, allocates or prints.

Read `backprop.py` first: it holds the four equations. Below it lie `products/`, `functions/` and
`machine/`, above it `programs/`. Nothing of the package outside this folder is imported here.
`codes.py` and `plan.py` load no numba.
"""
