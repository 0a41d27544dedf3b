"""A network that can be looked at: description, parameters, and what changes neither."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix.architecture.costs import find_cost
from bpmatrix.architecture.description import Description
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.engine import evaluation, prediction
from bpmatrix.engine.input_gradient import checked_output, input_gradient
from bpmatrix.engine.memory import aligned_copy
from bpmatrix.engine.trace import Trace, trace
from bpmatrix.errors import ArgumentError
from bpmatrix.samples.arrays import as_columns, as_inputs, as_targets
from bpmatrix.samples.samples import Samples
from bpmatrix.samples.weighting import weigh

__all__ = ["Model"]

Array = NDArray[Any]


class Model:
    """The part of `Network` that computes and changes nothing; it is made by `Network` alone."""

    _description: Description
    _parameters: Parameters

    @property
    def description(self) -> Description:
        """Sizes, activation functions, cost, scale of the inputs and type."""
        return self._description

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector, writable: W_1, b_1, W_2, b_2, ..."""
        return self._parameters.flat

    @property
    def weights(self) -> tuple[Array, ...]:
        """Writable views (n_l, n_{l-1}) of `parameters`; ``weights[0]`` belongs to layer l = 1."""
        return self._parameters.weights

    @property
    def biases(self) -> tuple[Array, ...]:
        """Writable views (n_l, 1) of `parameters`; empty in a network without biases."""
        return self._parameters.biases

    def feedforward(self, X: ArrayLike) -> Array:
        """Return the output activations (n_L, m), one column for each column of X.

        Parameters
        ----------
        X : (n_0, m) array_like
            Samples as columns. uint8, float32 and float64 with contiguous columns (``table.T`` of
            a row-major table) are read as they are; a C-ordered matrix is copied once.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError
            If X is no such matrix, or holds NaN or infinity.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([2, 1], seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 0, 0
        >>> net.feedforward([[1.0], [2.0]])
        array([[0.5]])
        """
        return prediction.outputs(self._description, self._parameters.flat, X)

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the class (m,) that each column's outputs name.

        The largest output, ties to the lowest; of one sigmoid output, whether it is above 0.5.

        Raises
        ------
        ArgumentError
            If the network has one output that is no sigmoid: then it names no class.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> Network([2, 3], seed=1).predict([[0.0, 1.0], [1.0, 0.0]]).shape
        (2,)
        """
        self._check_names_classes()
        a = self.feedforward(X)
        if len(a) == 1:
            return np.asarray(a[0] > 0.5, dtype=np.int64)
        return np.asarray(a.argmax(axis=0), dtype=np.int64)

    def accuracy(
        self, X: ArrayLike, targets: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the fraction of columns whose class is that of their target.

        Parameters
        ----------
        X : (n_0, m) array_like
            Samples as columns.
        targets : (m,) labels or (n_L, m) array_like
            What they should be; of Y, the class that each column names.
        sample_weight : (m,) array_like, optional
            How much each column counts, 0 or more.

        Raises
        ------
        ArgumentError
            As `predict`.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([2, 3], seed=1)
        >>> net.accuracy([[0.0, 1.0], [1.0, 0.0]], net.predict([[0.0, 1.0], [1.0, 0.0]]))
        1.0
        """
        self._check_names_classes()
        return self._scores(X, targets, sample_weight).accuracy

    def cost(
        self, X: ArrayLike, targets: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean cost over the columns, each with its weight, without any penalty.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 2, 0
        >>> net.cost([[1.0, 2.0]], [2.0, 6.0])      # 1/2 (0^2 + 2^2) / 2
        1.0
        """
        return self._scores(X, targets, sample_weight).cost

    def gradient(
        self, X: ArrayLike, targets: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Parameters:
        """Return the gradient of `cost`: (BP1)-(BP4) over all columns at once.

        Returns
        -------
        gradient : Parameters
            ``.weights[i]``, ``.biases[i]`` and ``.flat``, shaped as the network's own.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 2, 0
        >>> net.gradient([[1.0, 2.0]], [2.0, 6.0]).weights[0]     # (0 * 1 - 2 * 2) / 2
        array([[-2.]])
        """
        samples = self._weighed(X, targets, sample_weight)
        flat = evaluation.gradient(
            self._description, self.parameters, samples.X, samples.targets, samples.weights
        )
        return Parameters.of(flat, self._description.layout)

    def input_gradient(
        self, X: ArrayLike, targets: ArrayLike | None = None, *, output: int | None = None
    ) -> Array:
        """Return the gradient of each sample's cost, or of one output, by the sample (n_0, m).

        Column j is W_1^T delta_1 of sample j alone, no mean over the samples, in the units of X:
        the factor `input_scale` is in it. It says which inputs the network looks at.

        Parameters
        ----------
        X : (n_0, m) array_like
            Samples as columns.
        targets : array_like, optional
            As for `cost`: the gradient is that of the cost of each sample.
        output : int, optional
            An output unit from 0, instead of targets: the gradient is that of its activation.

        Raises
        ------
        ArgumentError
            If neither or both are given, or there is no such output.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([2, 1], activation="identity", cost="quadratic", seed=1)
        >>> net.weights[0][:], net.biases[0][:] = [[2, -3]], 0
        >>> net.input_gradient([[1.0], [1.0]], output=0)
        array([[ 2.],
               [-3.]])
        >>> net.input_gradient([[1.0], [1.0]], [0.0])      # (a - y) W = -1 W
        array([[-2.],
               [ 3.]])
        """
        if (targets is None) == (output is None):
            raise ArgumentError(
                "input_gradient takes either targets or an output",
                cure="Pass targets for the gradient of the cost, output=k for that of output k.",
            )
        if targets is None:
            k = checked_output(output, self._description.sizes[-1])
            return input_gradient(self._description, self.parameters, self._inputs(X), k)
        samples = self._samples(X, targets)
        return input_gradient(self._description, self.parameters, samples.X, samples.targets)

    def trace(self, X: ArrayLike, targets: ArrayLike) -> Trace:
        """Return z, a, delta, nabla_b and nabla_W of every layer, with a printout to read.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> print(Network([2, 1], seed=1).trace([[0.0], [1.0]], [1.0]).shapes())
        l = 1: W (1, 2), z (1, 1), a (1, 1), delta (1, 1), nabla_b (1, 1), nabla_W (1, 2)
        """
        samples = self._samples(X, targets)
        return trace(self._description, self._parameters, samples.X, samples.targets)

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the views, which would become arrays of their own."""
        return {**self.__dict__, "_parameters": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the views anew, of parameters that begin on a cache line."""
        self.__dict__.update(state)
        theta = aligned_copy(state["_parameters"])
        self._parameters = Parameters.of(theta, self._description.layout)

    def _scores(
        self, X: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None
    ) -> evaluation.Scores:
        samples = self._weighed(X, targets, sample_weight)
        return evaluation.scores(
            self._description, self.parameters, samples.X, samples.targets, samples.weights
        )

    def _inputs(self, X: ArrayLike, name: str = "X", *, check: bool = True) -> Array:
        """Let inputs through the gate; without `check`, a program finds those not finite."""
        d = self._description
        if check:
            return as_inputs(X, d.sizes[0], d.dtype, name=name)
        return as_columns(X, d.sizes[0], name=name)

    def _samples(
        self, X: ArrayLike, targets: ArrayLike, prefix: str = "", *, check: bool = True
    ) -> Samples:
        """Let inputs and targets through the gate together."""
        array = self._inputs(X, prefix + "X", check=check)
        d, cost = self._description, find_cost(self._description.cost)
        checked = as_targets(
            targets,
            d.sizes[-1],
            array.shape[1],
            d.dtype,
            interval=(cost.lowest_target, cost.highest_target),
            sum_to_one=cost.partner == "softmax",
            name=prefix + "targets",
        )
        if not self._names_classes():
            checked = replace(checked, are_classes=False)
        return Samples(array, checked)

    def _weighed(
        self, X: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None
    ) -> Samples:
        """Let samples to be looked at through the gate, with their weights."""
        samples = self._samples(X, targets, check=False)
        return weigh(samples, sample_weight, self._description.dtype)

    def _names_classes(self) -> bool:
        d = self._description
        return d.sizes[-1] > 1 or d.activations[-1] == "sigmoid"

    def _check_names_classes(self) -> None:
        if not self._names_classes():
            raise ArgumentError(
                f"a single {self._description.activations[-1]} output names no class",
                cure="Use feedforward(X) for its values, or cost(X, targets) for its quality.",
            )
