"""The network: a description plus one flat vector of parameters."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bpmatrix import persistence, training
from bpmatrix.activations import OwnActivation
from bpmatrix.arguments import checked_training_arguments
from bpmatrix.checks import whole_number
from bpmatrix.costs import AnyCost
from bpmatrix.description import Description, checked_sizes, choose_activations
from bpmatrix.errors import ArgumentError
from bpmatrix.history import EpochInfo, History
from bpmatrix.initializers import draw_parameters
from bpmatrix.model import Model
from bpmatrix.optimizers import SGD
from bpmatrix.processors import running
from bpmatrix.training import Course, Samples

__all__ = ["Network"]

Array = NDArray[Any]

# Small whole numbers in bytes may be counts; larger ones are pixels.
BYTES_LIKE_NUMBERS = 16


class Network(Model):
    """A multilayer perceptron whose samples are the columns of a matrix.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first: ``[784, 30, 10]``.
    activation : str, OwnActivation or sequence of them, default "sigmoid"
        ``"sigmoid"``, ``"tanh"``, ``"relu"``, ``"leaky_relu"`` (slope 0.01 below 0), ``"elu"``
        (alpha 1), ``"gelu"`` (the exact one), ``"silu"``, ``"softplus"``, ``"exp"`` or
        ``"identity"``: one for all layers, or one for each layer after the inputs (for each hidden
        layer, if `output` is given).
    output : str or OwnActivation, optional
        The activation function of the last layer; also ``"softmax"``. None chooses what belongs to
        the cost: sigmoid for cross-entropy, softmax for log-likelihood, exp for poisson, for the
        quadratic cost sigmoid or tanh where the other layers have it, else identity.
    cost : str, Huber, Quantile or OwnCost, default "cross_entropy"
        Summed over the outputs of a sample. ``"cross_entropy"``, for one class or several
        independent ones, takes a sigmoid output, ``"log_likelihood"`` softmax, ``"poisson"`` exp:
        the output is the rate of a count, the cost half the deviance, a - y + y ln(y / a).
        ``"quadratic"``, ``"absolute"``, ``"huber"`` (see `Huber`) and ``"quantile"`` (see
        `Quantile`) take any element-wise output.
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

    _course: Course
    _trained: list[dict[str, Any]]

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | OwnActivation | Sequence[str | OwnActivation] = "sigmoid",
        output: str | OwnActivation | None = None,
        cost: AnyCost = "cross_entropy",
        initializer: str | None = None,
        input_scale: float | None = None,
        bias: bool = True,
        dtype: str = "float64",
        seed: int | None = None,
    ) -> None:
        sizes = checked_sizes(sizes)
        description = Description(
            sizes,
            choose_activations(len(sizes) - 1, activation, output, cost),
            cost,
            1.0 if input_scale is None else input_scale,
            bias,
            dtype,
        )
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        seed = whole_number(seed, "seed", least=0)
        first, order = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
        theta = np.empty(description.layout.size, description.dtype)
        self.__setstate__(_state(description, theta, Course(seed, order), []))
        names = [str(name) for name in description.activations]
        draw_parameters(self._parameters, names, initializer, first)

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
            For wrong arguments, or while another thread trains this network; before anything has
            changed.
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
        if not self.parameters.flags.writeable:
            raise ArgumentError(
                "the parameters are read-only",
                cure="Set network.parameters.flags.writeable = True.",
            )
        samples = self._samples(X, targets)
        checked = None if validation is None else self._validation(validation)
        settings = checked_training_arguments(
            self._description,
            n=samples.X.shape[1],
            epochs=epochs,
            mini_batch_size=mini_batch_size,
            optimizer=self._course.optimizer if optimizer is None else optimizer,
            weight_decay=weight_decay,
            shuffle=shuffle,
            n_threads=n_threads,
            callbacks=callbacks,
            restore_best=restore_best,
            has_validation=checked is not None,
        )
        _warn_of_unscaled_bytes(samples.X, self._description.input_scale)
        with running(self._course):
            history = training.train(
                self._description, self.parameters, self._course, samples, checked, settings
            )
        self._course.optimizer = settings.optimizer
        self._trained.append(training.record(settings, samples, history))
        return history

    def _validation(self, validation: object) -> Samples:
        """Let a pair of inputs and targets through the gate."""
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise ArgumentError(
                "validation is no pair", got=type(validation).__name__, expected="(X, targets)"
            )
        X, targets = validation
        return self._samples(X, targets, prefix="validation ")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to one .safetensors file: all of it or, on an error, nothing.

        The file holds weights, biases, description, the stream of permutations and how the network
        was trained (`docs/file-format.md`).

        Raises
        ------
        ArgumentError
            If the network has functions of the user's own, which no file could hold.
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
        network = cls.__new__(cls)
        network.__setstate__(_state(*persistence.load(path)))
        return network

    def __repr__(self) -> str:
        """Show what the network is, in one line."""
        d, count = self._description, self.parameters.size
        functions = "-".join(map(str, d.activations))
        return f"Network({list(d.sizes)}, {functions}, {d.cost}, {d.dtype}, {count} parameters)"


def _state(
    description: Description, theta: Array, course: Course, trained: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return what makes up a network, as it is copied and pickled."""
    return {
        "_description": description,
        "_parameters": theta,
        "_course": course,
        "_trained": trained,
    }


def _warn_of_unscaled_bytes(X: Array, input_scale: float) -> None:
    """Integers are taken as the numbers that they are; for pixels that is seldom meant."""
    if X.dtype == np.uint8 and input_scale == 1 and X.max() > BYTES_LIKE_NUMBERS:
        warnings.warn(
            f"X holds bytes up to {X.max()} and the network has no input_scale, so that its units"
            " saturate; for pixels construct it with Network(..., input_scale=1/255)",
            UserWarning,
            stacklevel=3,
        )
