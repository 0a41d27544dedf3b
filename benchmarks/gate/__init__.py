"""The gate of bpmatrix, which rejects changes that break exact checks or slow down the package.

``python -m benchmarks gate`` runs three stages: exact checks without a clock (`exact`); a paired
comparison of two versions of the package, base and head, by `bpmatrix.bench.gate`; and a least
speed-up over the loop (`floor`). `self_test` measures how reliable the gate is.
"""
