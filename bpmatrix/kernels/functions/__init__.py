"""Scalar functions: exp and its relatives, variants of ReLU, the normal distribution, roots.

Scalars in, scalars out, for any compiled loop. Nothing here depends on layers or matrices.
"""
