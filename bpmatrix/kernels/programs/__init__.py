"""Compiled programs: the entry points called from Python, which loop over the columns.

`epoch.py` trains, `evaluate.py` computes outputs, costs and gradients, `input_gradient.py` takes
the gradient back to the inputs. The equations are in `backprop.py`.
"""
