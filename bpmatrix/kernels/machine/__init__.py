"""What kernels are compiled by: numba's flags and cache, and the words of LLVM that numba lacks.

Arithmetic of networks does not live here, and LLVM is spoken only here, in the two tiles and in the
barrier.
"""
