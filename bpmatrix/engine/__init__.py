"""How a network runs: programs loaded, work memory, threads, and what is computed without learning.

The bridge from arrays to compiled programs and back. What changes a weight does not live here.
"""
