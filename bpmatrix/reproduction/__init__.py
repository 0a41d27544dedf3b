"""The published experiments, run again: what was printed, what comes out here, and the band.

`experiments` says what was published and what is to be expected, `running` trains, `report` and
`plots` show. The command is ``bpmatrix reproduce``. What measures speed is in `bench/`.
"""
