"""The programs of Nielsen's book on the matrix engine: `network`, `network2` and `mnist_loader`.

A script written for the book runs once ``import network`` is changed to ``from bpmatrix.nielsen
import network``. Names, shapes, printed lines and random numbers are the book's: data is a list of
tuples ``(x, y)`` of column vectors, ``weights`` and ``biases`` are plain lists, and the same seeds
give the same weights up to rounding.

The book's own loop is in `reference.py`, for comparison.

Source: M. A. Nielsen, *Neural Networks and Deep Learning*, chapters 1 to 3.
"""
