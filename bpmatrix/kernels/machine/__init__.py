"""How kernels are compiled: numba's flags, the cache, and LLVM instructions that numba lacks.

Arithmetic of networks does not belong here. Outside this folder, only the tiles, the exponential
function and the barrier contain LLVM code.
"""
