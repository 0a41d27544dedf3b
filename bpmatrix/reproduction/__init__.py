"""Published experiments, run again: the published figure, ours, and the accepted band.

`experiments` defines them, `running` trains the networks, `report` and `plots` show the results.
The command is ``bpmatrix reproduce``. Speed is measured in `bench/`.
"""
