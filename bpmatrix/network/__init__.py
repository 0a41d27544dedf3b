"""`Network`, the main class of the public interface: columns are samples.

The class and the checks of its arguments; the work is done in lower layers.
"""

from bpmatrix.network.network import Network

__all__ = ["Network"]
