"""What a thread runs: entry points that Python calls, and how they walk through the columns.

`epoch.py` trains, `evaluate.py` looks, `input_gradient.py` goes one layer further back. The
equations do not live here: they are in `backprop.py`.
"""
