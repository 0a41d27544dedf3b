"""The network: a description plus one flat vector of parameters."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix import evaluation, persistence, training
from bpmatrix.arguments import checked_training_arguments, whole_number
from bpmatrix.arrays import Targets, as_inputs, as_targets
from bpmatrix.costs import find_cost
from bpmatrix.description import Description, choose_activations
from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo, History
from bpmatrix.initializers import draw_parameters
from bpmatrix.optimizers import SGD
from bpmatrix.parameters import Parameters
from bpmatrix.trace import Trace, trace
from bpmatrix.training import Course, Samples

__all__ = ["Network"]

Array = NDArray[Any]

# Small whole numbers in bytes may be counts; larger ones are pixels.
BYTES_LIKE_NUMBERS = 16


class Network:
    """A multilayer perceptron whose samples are the columns of a matrix.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first: ``[784, 30, 10]``.
    activation : str or sequence of str, default "sigmoid"
        ``"sigmoid"``, ``"tanh"``, ``"relu"`` or ``"identity"``: one name for all layers, or one
        for each layer after the inputs (for each hidden layer, if `output` is given).
    output : str, optional
        The activation function of the last layer; also ``"softmax"``. None chooses what belongs to
        the cost: sigmoid for cross-entropy, softmax for log-likelihood, and for the quadratic cost
        that of the other layers (identity after ReLU).
    cost : str, default "cross_entropy"
        ``"quadratic"``, ``"cross_entropy"`` or ``"log_likelihood"``, summed over the outputs of a
        sample. Cross-entropy takes a sigmoid output, log-likelihood softmax.
    initializer : str, optional
        ``"standard_normal"``, ``"scaled_normal"``, ``"glorot"`` or ``"he"``. None takes he for
        layers of ReLU and scaled_normal for the others.
    input_scale : float, optional
        A factor on every input, part of the model and saved with it. None means 1.
    bias : bool, default True
        Whether the layers have biases.
    dtype : str, default "float64"
        ``"float64"`` or ``"float32"``.
    seed : int, optional
        Drives the first weights and the order of the samples. None draws one, kept in `seed`.

    Raises
    ------
    ArgumentError
        If the arguments describe no network.

    Examples
    --------
    >>> net = Network([2, 3, 1], seed=1)
    >>> net
    Network([2, 3, 1], sigmoid-sigmoid, cross_entropy, float64, 13 parameters)
    >>> net.feedforward([[0.0, 1.0], [1.0, 0.0]]).shape
    (1, 2)
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | Sequence[str] = "sigmoid",
        output: str | None = None,
        cost: str = "cross_entropy",
        initializer: str | None = None,
        input_scale: float | None = None,
        bias: bool = True,
        dtype: str = "float64",
        seed: int | None = None,
    ) -> None:
        description = Description(
            tuple(sizes),
            choose_activations(len(sizes) - 1, activation, output, cost),
            cost,
            1.0 if input_scale is None else float(input_scale),
            bias,
            str(np.dtype(dtype)) if not isinstance(dtype, str) else dtype,
        )
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        seed = whole_number(seed, "seed", least=0)
        first, order = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
        self._adopt(description, Course(seed, order), [])
        draw_parameters(self._parameters, description.activations, initializer, first)

    def _adopt(
        self, description: Description, course: Course, trained: list[dict[str, Any]]
    ) -> None:
        """Become a network of this description, with parameters of zero."""
        theta = np.zeros(description.layout.size, description.dtype)
        self._description = description
        self._parameters = Parameters.of(theta, description.layout)
        self._course = course
        self._trained = trained
        self._optimizer: SGD | None = None

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

    @property
    def seed(self) -> int:
        """The seed that was given or drawn."""
        return self._course.seed

    @property
    def epochs(self) -> int:
        """How many epochs the network has been trained for."""
        return self._course.epochs

    @property
    def trained(self) -> list[dict[str, Any]]:
        """How each run of `train` went, one dictionary a run; saved with the model."""
        return self._trained

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
        >>> net = Network([2, 1], seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 0, 0
        >>> net.feedforward([[1.0], [2.0]])
        array([[0.5]])
        """
        return evaluation.outputs(self._description, self.parameters, self._inputs(X))

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the class (m,) that each column's outputs name.

        The largest output, ties to the lowest; of one sigmoid output, whether it is above 0.5.

        Raises
        ------
        ArgumentError
            If the network has one output that is no sigmoid: then it names no class.

        Examples
        --------
        >>> Network([2, 3], seed=1).predict([[0.0, 1.0], [1.0, 0.0]]).shape
        (2,)
        """
        self._check_names_classes()
        a = self.feedforward(X)
        if len(a) == 1:
            return (a[0] > 0.5).astype(np.int64)
        return np.asarray(a.argmax(axis=0))

    def accuracy(self, X: ArrayLike, targets: ArrayLike) -> float:
        """Return the fraction of columns whose class is that of their target.

        Parameters
        ----------
        X : (n_0, m) array_like
            Samples as columns.
        targets : (m,) labels or (n_L, m) array_like
            What they should be; of Y, the class that each column names.

        Raises
        ------
        ArgumentError
            As `predict`.

        Examples
        --------
        >>> net = Network([2, 3], seed=1)
        >>> net.accuracy([[0.0, 1.0], [1.0, 0.0]], net.predict([[0.0, 1.0], [1.0, 0.0]]))
        1.0
        """
        self._check_names_classes()
        samples = self._samples(X, targets)
        return evaluation.scores(
            self._description, self.parameters, samples.X, samples.targets
        ).accuracy

    def cost(self, X: ArrayLike, targets: ArrayLike) -> float:
        """Return the mean cost over the columns, without the penalty of weight decay.

        Examples
        --------
        >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 2, 0
        >>> net.cost([[1.0, 2.0]], [2.0, 6.0])      # 1/2 (0^2 + 2^2) / 2
        1.0
        """
        samples = self._samples(X, targets)
        return evaluation.scores(
            self._description, self.parameters, samples.X, samples.targets
        ).cost

    def gradient(self, X: ArrayLike, targets: ArrayLike) -> Parameters:
        """Return the gradient of `cost`: (BP1)-(BP4) over all columns at once.

        Returns
        -------
        Parameters
            ``.weights[i]``, ``.biases[i]`` and ``.flat``, shaped as the network's own.

        Examples
        --------
        >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 2, 0
        >>> net.gradient([[1.0, 2.0]], [2.0, 6.0]).weights[0]     # (0 * 1 - 2 * 2) / 2
        array([[-2.]])
        """
        samples = self._samples(X, targets)
        flat = evaluation.gradient(
            self._description, self.parameters, samples.X, samples.targets
        )
        return Parameters.of(flat, self._description.layout)

    def trace(self, X: ArrayLike, targets: ArrayLike) -> Trace:
        """Return z, a, delta, nabla_b and nabla_W of every layer, with a printout to read.

        Examples
        --------
        >>> print(Network([2, 1], seed=1).trace([[0.0], [1.0]], [1.0]).shapes())
        l = 1: W (1, 2), z (1, 1), a (1, 1), delta (1, 1), nabla_b (1, 1), nabla_W (1, 2)
        """
        samples = self._samples(X, targets)
        return trace(self._description, self._parameters, samples.X, samples.targets)

    def train(
        self,
        X: ArrayLike,
        targets: ArrayLike,
        *,
        epochs: int = 30,
        mini_batch_size: int | None = None,
        optimizer: SGD | None = None,
        weight_decay: float = 0.0,
        validation: tuple[ArrayLike, ArrayLike] | None = None,
        shuffle: bool = True,
        n_threads: int | str = "auto",
        callbacks: Sequence[Callable[[EpochInfo], object]] = (),
        restore_best: bool = False,
    ) -> History:
        """Train the network in place; a second call goes on where the first one ended.

        Parameters
        ----------
        X : (n_0, n) array_like
            Samples as columns, in any type that `feedforward` takes; never converted as a whole.
        targets : array_like
            Labels (n,), or Y (n_L, n), or with one output a row (n,).
        epochs : int, default 30
            How often every sample is shown.
        mini_batch_size : int, optional
            Samples in a step, at most n. None means 10, or n where there are fewer. A short last
            mini-batch is kept and divided by its own size.
        optimizer : SGD, optional
            None takes that of the run before, or ``SGD(learning_rate=0.5)`` in the first run.
        weight_decay : float, default 0.0
            The penalty is weight_decay / 2 times the sum of all squared weights, biases free. The
            book's lambda is n * weight_decay.
        validation : pair (X, targets), optional
            Scored after each epoch, never trained on.
        shuffle : bool, default True
            Whether each epoch has an order of its own.
        n_threads : int or "auto"
            Threads that share each mini-batch; the weights do not depend on it. "auto" uses one
            where a mini-batch is too small to share.
        callbacks : sequence of functions
            Each is called with an `EpochInfo` after every epoch; one that returns True ends the
            run.
        restore_best : bool, default False
            Whether to end with the weights of `History.best_epoch`, whatever ended the run.

        Returns
        -------
        History
            Cost and accuracy by epoch, and why the run ended.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError, ArgumentError
            For wrong arguments, before anything has changed.
        DivergenceError
            If a cost or weight is not finite.

        Examples
        --------
        >>> net = Network([2, 8, 1], seed=1)
        >>> X, y = [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
        >>> history = net.train(X, y, epochs=2000, optimizer=SGD(learning_rate=2.0))
        >>> net.predict(X)
        array([0, 1, 1, 0])
        """
        samples = self._samples(X, targets)
        checked = validation and self._samples(*validation, prefix="validation ")
        settings = checked_training_arguments(
            samples.X.shape[1], epochs, mini_batch_size, optimizer or self._optimizer,
            weight_decay, shuffle, n_threads, callbacks, restore_best, validation is not None,
            self._description,
        )  # fmt: skip
        _warn_of_unscaled_bytes(samples.X, self._description.input_scale)
        history = training.train(
            self._description, self.parameters, self._course, samples, checked or None, settings
        )
        self._optimizer = settings.optimizer
        self._trained.append(training.record(settings, samples, history))
        return history

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to one .safetensors file: all of it or, on an error, nothing.

        The file holds weights, biases, description, the stream of permutations and how the network
        was trained (`docs/file-format.md`).

        Raises
        ------
        DataError
            If a parameter is not finite.
        OSError
            If the file cannot be written.
        """
        persistence.save(path, self._description, self._parameters, self._course, self._trained)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Return the network that `save` wrote. Nothing in the file is ever executed.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ModelFileError
            If it is damaged or no network of bpmatrix.

        Examples
        --------
        >>> import tempfile
        >>> net = Network([2, 3, 1], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(f"{folder}/net.safetensors")
        ...     same = Network.load(f"{folder}/net.safetensors")
        >>> bool((same.parameters == net.parameters).all())
        True
        """
        description, flat, course, trained = persistence.load(path)
        network = cls.__new__(cls)
        network._adopt(description, course, trained)
        network.parameters[:] = flat
        return network

    def __repr__(self) -> str:
        """Show what the network is, in one line."""
        d = self._description
        functions = "-".join(d.activations)
        return f"Network({list(d.sizes)}, {functions}, {d.cost}, {d.dtype}, {self.parameters.size} parameters)"

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the views, which would become arrays of their own."""
        return {**self.__dict__, "_parameters": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the views anew."""
        self.__dict__.update(state)
        self._parameters = Parameters.of(state["_parameters"], self._description.layout)

    def _inputs(self, X: ArrayLike, name: str = "X") -> Array:
        return as_inputs(X, self._description.sizes[0], self._description.dtype, name=name)

    def _samples(self, X: ArrayLike, targets: ArrayLike, prefix: str = "") -> Samples:
        """Let inputs and targets through the gate together."""
        array = self._inputs(X, prefix + "X")
        d, cost = self._description, find_cost(self._description.cost)
        checked: Targets = as_targets(
            targets,
            d.sizes[-1],
            array.shape[1],
            d.dtype,
            interval=(cost.lowest_target, cost.highest_target),
            sum_to_one=cost.partner == "softmax",
            name=prefix + "targets",
        )
        return Samples(array, checked)

    def _check_names_classes(self) -> None:
        output = self._description.activations[-1]
        if self._description.sizes[-1] == 1 and output != "sigmoid":
            raise ArgumentError(
                f"a single {output} output names no class",
                cure="Use feedforward(X) for its values, or cost(X, targets) for its quality.",
            )


def _warn_of_unscaled_bytes(X: Array, input_scale: float) -> None:
    """Integers are taken as the numbers that they are; for pixels that is seldom meant."""
    if X.dtype == np.uint8 and input_scale == 1 and X.max() > BYTES_LIKE_NUMBERS:
        warnings.warn(
            f"X holds bytes up to {X.max()} and the network has no input_scale, so that its units"
            " saturate; for pixels construct it with Network(..., input_scale=1/255)",
            UserWarning,
            stacklevel=3,
        )
