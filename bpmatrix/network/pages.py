"""The methods of `Network` that show it, and a mini-batch in it: as text, table and page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from numpy.typing import ArrayLike

from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine.trace import Trace, trace
from bpmatrix.network import gate
from bpmatrix.page import Film, page, shown

if TYPE_CHECKING:
    from bpmatrix.architecture.description import Description
    from bpmatrix.array_types import Array
    from bpmatrix.training.state import TrainingState

# Of a network that was not trained yet.
RATE_OF_A_STEP = 0.5


class Pages:
    """A mini-batch on its way through a network, forward and backward."""

    if TYPE_CHECKING:
        _training: TrainingState

        @property
        def description(self) -> Description: ...  # noqa: D102
        @property
        def parameters(self) -> Array: ...  # noqa: D102
        @property
        def weights(self) -> tuple[Array, ...]: ...  # noqa: D102
        @property
        def epochs(self) -> int: ...  # noqa: D102

    def _repr_html_(self) -> str:
        """Return a table of the layers, for notebooks."""
        return self.description.table_of_layers(self.epochs)

    def trace(self, X: ArrayLike, targets: ArrayLike) -> Trace:
        """Return z, a, delta, nabla_b and nabla_W of every layer; print it to read it.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> print(Network([2, 1], seed=1).trace([[0.0], [1.0]], [1.0]).shapes())
        l = 1: W (1, 2), z (1, 1), a (1, 1), delta (1, 1), nabla_b (1, 1), nabla_W (1, 2)
        """
        d = self.description
        samples, parameters = gate.samples(d, X, targets), Parameters.of(self.parameters, d.layout)
        return trace(d, parameters, samples.X, samples.targets)

    def show(
        self,
        X: ArrayLike,
        targets: ArrayLike,
        *,
        output: str | os.PathLike[str] | None = None,
        film: Film | None = None,
    ) -> Path | None:
        """Show a mini-batch on its way through the network and back: a page for the browser.

        Parameters
        ----------
        X : (n_0, m) array_like
            Samples as columns, 32 at most.
        targets : (m,) labels or (n_L, m) array_like
            Their targets.
        output : path, optional
            The HTML file to write, which requests nothing from a network. None shows the page in a
            notebook, and elsewhere writes a temporary file and says its name.
        film : Film, optional
            What `film` returned: the page then shows the training, too.

        Returns
        -------
        Path or None
            The file; None if the page is in the notebook.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError
            If the samples do not fit the network.
        ArgumentError
            If there are more than 32 samples, or more than 100,000 weights.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from bpmatrix import Network
        >>> net = Network([2, 3, 1], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = net.show([[0.0, 1.0], [1.0, 1.0]], [0.0, 1.0], output=f"{folder}/page.html")
        ...     path.name
        'page.html'
        """
        d = self.description
        samples = gate.samples(d, X, targets)
        rate = getattr(self._training.optimizer, "learning_rate", RATE_OF_A_STEP)
        parameters = Parameters.of(self.parameters, d.layout)
        return shown(page(d, parameters, samples, rate, film), output)

    def film(self, X: ArrayLike, targets: ArrayLike) -> Film:
        """Return a callback that records the training, for `show`.

        A frame is taken at once and after each epoch: the cost and the wrong samples among those
        given here, and the weights of the first layer; for two inputs, the outputs in the plane. A
        film has at most 40 frames: when it is full, every second one is dropped, and from then on
        every second, fourth, ... epoch is recorded.

        Parameters
        ----------
        X : (n_0, n) array_like
            Samples as columns to follow, such as the validation data; the first 300 at most.
        targets : (n,) labels or (n_L, n) array_like
            Their targets.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError
            If the samples do not fit the network.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([2, 3, 1], seed=1)
        >>> X, y = [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
        >>> film = net.film(X, y)
        >>> history = net.train(X, y, epochs=30, callbacks=[film])
        >>> len(film)
        31
        """
        return Film(self, gate.samples(self.description, X, targets))
