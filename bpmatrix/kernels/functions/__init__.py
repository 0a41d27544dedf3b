"""Functions of one number: exp and its relatives, the relatives of ReLU, the normal law, roots.

Scalars in, scalars out, for any compiled loop. What knows of layers or matrices does not live here.
"""
