"""The products of a layer: two register tiles, and the matrices that are cut into them.

All the multiplications of a network happen here; what they are multiplied for does not live here.
"""
