"""The gate: what a change may not break, and how much slower it may not become.

``python -m benchmarks gate`` runs three stages. Exact checks need no clock (`exact`); base against
head compares two versions of the package in pairs (`versus`, judged by `rule`); the floor catches
a speed-up over the loop that has collapsed (`floor`). `self_test` shows that it fires.
"""
