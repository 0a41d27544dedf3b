"""The gate: whether the head of a repository is slower than its base, in paired measurements.

``python -m bpmatrix.bench gate FILE --base REV`` (`command`) judges the benchmarks of a file
(`suite`) in two checkouts (`repository`). `versus` measures them in `pairs` of processes, `rule`
decides, and `report` writes the `verdicts`; ``python -m benchmarks gate`` uses the same.
"""
