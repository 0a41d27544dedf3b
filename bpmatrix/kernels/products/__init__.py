"""Matrix products of a layer: two register tiles, and the loops that cut matrices into them.

All matrix products of a network are computed here; the equations that use them are elsewhere.
"""
