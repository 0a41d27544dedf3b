"""What a network is shown: arrays, targets and weights that passed the gate, and splits of them.

Everything that comes from a user is checked here, once; nothing here knows of a network, and the
files that samples come from are read in `datasets/`.
"""
