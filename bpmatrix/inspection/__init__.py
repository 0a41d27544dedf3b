"""Proof and diagnosis: gradients checked three ways, a look at every layer, what it means.

Nothing here changes a network, and nothing below this room knows of it.
"""
