"""What a network is: sizes, activation functions, cost, first weights, and one flat vector of them.

Nothing here computes an output or changes a weight; samples and optimizers do not live here.
"""
