"""Benchmarks of bpmatrix against other versions and libraries: ``python -m benchmarks --help``."""
