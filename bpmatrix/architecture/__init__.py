"""What a network is: sizes, activation functions, cost, initial weights, and the flat vector.

Nothing here computes an output or changes a weight; samples and optimizers do not belong here.
"""
