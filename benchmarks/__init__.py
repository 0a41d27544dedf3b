"""How fast bpmatrix is, against itself and others: ``python -m benchmarks --help``."""
