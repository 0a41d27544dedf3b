"""Running compiled programs: loading them, work matrices, threads, and evaluation of a network.

The bridge between arrays and compiled programs. Code that changes weights does not belong here.
"""
