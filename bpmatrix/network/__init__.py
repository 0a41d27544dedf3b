"""The engine's own face, `Network`: columns are samples.

The class and the gate before it; whatever it does is done by the rooms below.
"""

from bpmatrix.network.network import Network

__all__ = ["Network"]
