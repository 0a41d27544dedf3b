"""The programs of Nielsen's book on the matrix engine: `network`, `network2` and `mnist_loader`.

A script that was written for the book runs after ``import network`` became ``from bpmatrix.nielsen
import network``. Names, shapes, printed lines and random numbers are the book's: a list of tuples
``(x, y)`` of column vectors in, ``weights`` and ``biases`` as plain lists, and from the same seeds
the same weights, to rounding.

The book's own loop, to compare with, is in `reference.py`.

Source: M. A. Nielsen, *Neural Networks and Deep Learning*, chapters 1 to 3.
"""
