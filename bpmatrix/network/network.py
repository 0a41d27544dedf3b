"""`Network`: a description plus one flat vector of parameters."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.costs import AnyCost
from bpmatrix.architecture.description import Description, checked_sizes, choose_activations
from bpmatrix.architecture.initializers import draw_parameters
from bpmatrix.architecture.parameters import Parameters, check_in_place
from bpmatrix.array_types import Array, Integers
from bpmatrix.checks import whole_number
from bpmatrix.engine import evaluation, prediction
from bpmatrix.engine.input_gradient import checked_output, input_gradient
from bpmatrix.engine.memory import aligned_copy
from bpmatrix.engine.processors import running
from bpmatrix.engine.ranks import all_ranks
from bpmatrix.errors import ArgumentError
from bpmatrix.exchange import book_files
from bpmatrix.exchange.exports import Exports
from bpmatrix.exchange.imports import Imports
from bpmatrix.exchange.model import Model
from bpmatrix.foreign import NETWORK, TRAIN, knowing, missing_attribute
from bpmatrix.history import EpochInfo, History
from bpmatrix.network import blocks, gate
from bpmatrix.network.pages import Pages
from bpmatrix.network.resumable import begun, kept_in
from bpmatrix.samples.blocks import Blocks, Data
from bpmatrix.storage import persistence
from bpmatrix.storage.checkpoints import in_use
from bpmatrix.training.arguments import checked_training_arguments
from bpmatrix.training.optimizers import Optimizer
from bpmatrix.training.record import opened, recorded
from bpmatrix.training.schedules import Schedule
from bpmatrix.training.state import TrainingState
from bpmatrix.training.stopping import EarlyStopping


class Network(Exports, Imports, Pages):
    """A multilayer perceptron whose samples are the columns of a matrix.

    Parameters
    ----------
    sizes : sequence of int
        Units per layer, inputs first: ``[784, 30, 10]``.
    activation : str, OwnActivation or sequence of them, default "sigmoid"
        ``"sigmoid"``, ``"tanh"``, ``"relu"`` or another (see Notes): one for all layers, or one per
        layer after the inputs (per hidden layer if `output` is given).
    output : str or OwnActivation, optional
        The activation function of the last layer; also ``"softmax"``. None chooses the one that
        matches the cost: sigmoid for cross-entropy, softmax for log-likelihood, exp for poisson;
        for the quadratic cost sigmoid or tanh if the other layers use it, otherwise identity.
    cost : str, Huber, Quantile or OwnCost, default "cross_entropy"
        Summed over the outputs of a sample. ``"cross_entropy"``, for one class or several
        independent ones, needs a sigmoid output, ``"log_likelihood"`` softmax, ``"poisson"`` exp:
        the output is the rate of a count, the cost half the deviance, a - y + y ln(y / a).
        ``"quadratic"``, ``"absolute"`` and the others (see Notes) take any element-wise output.
    initializer : str or sequence of them, optional
        ``"standard_normal"``, ``"scaled_normal"``, ``"glorot"``, ``"he"`` or ``"lecun"``: one for
        all layers, or one per layer after the inputs. None means he for ReLU and its variants,
        glorot for an output layer above them, scaled_normal otherwise. To set your own arrays,
        use ``weights[i][:] = ...`` and ``biases[i][:] = ...``.
    input_scale : float, optional
        A factor on every input, part of the model and saved with it. None means 1.
    bias : bool, default True
        Whether the layers have biases.
    dtype : str, default "float64"
        ``"float64"`` or ``"float32"``.
    seed : int, optional
        Determines the initial weights and the order of the samples. None draws one; see `seed`.

    Raises
    ------
    ArgumentError
        If the arguments are invalid, or do not fit together.

    Notes
    -----
    Activation functions: sigmoid, tanh, relu, leaky_relu, elu, gelu, silu, softplus, exp, identity,
    and softmax at the output. Costs: quadratic, cross_entropy, log_likelihood, absolute, huber,
    quantile, poisson. Optimizers: SGD, RMSprop, Adam, AdamW, LevenbergMarquardt, LBFGS.

    Examples
    --------
    >>> net = Network([2, 3, 1], seed=1)
    >>> net
    Network([2, 3, 1], sigmoid-sigmoid, cross_entropy, float64, 13 parameters)
    >>> net.feedforward([[0.0, 1.0], [1.0, 0.0]]).shape
    (1, 2)
    """

    _description: Description
    _parameters: Parameters
    _training: TrainingState
    _trained: list[dict[str, Any]]

    @knowing(NETWORK, "network.train(X, targets, {})", TRAIN)
    def __init__(
        self,
        sizes: Sequence[int],
        *,
        activation: str | OwnActivation | Sequence[str | OwnActivation] = "sigmoid",
        output: str | OwnActivation | None = None,
        cost: AnyCost = "cross_entropy",
        initializer: str | Sequence[str | None] | None = None,
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
        description.check_type()
        is_seed_drawn = seed is None
        if seed is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        seed = whole_number(seed, "seed", least=0)
        first, order = (np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2))
        theta = np.empty(description.layout.size, description.dtype)
        training = TrainingState(seed, order, is_seed_drawn=is_seed_drawn)
        self.__setstate__(_state(description, theta, training, []))
        names = [str(name) for name in description.activations]
        draw_parameters(self._parameters, names, initializer, first)

    @property
    def description(self) -> Description:
        """Sizes, activation functions, cost, input scale, bias and dtype."""
        return self._description

    @property
    def parameters(self) -> Array:
        """All weights and biases as one flat vector, writable: W_1, b_1, W_2, b_2, ..."""
        return self._parameters.flat

    @parameters.setter
    def parameters(self, array: Array) -> None:
        """Accept only the vector itself, so that ``network.parameters *= 2`` works."""
        check_in_place("parameters", array, self._parameters.flat)

    @property
    def weights(self) -> tuple[Array, ...]:
        """Writable views (n_l, n_{l-1}) of `parameters`; ``weights[0]`` belongs to layer l = 1.

        Change them in place, with ``weights[0][:] = W`` or ``weights[0] *= 2``; a view cannot be
        replaced by another array.
        """
        return self._parameters.weights

    @weights.setter
    def weights(self, arrays: tuple[Array, ...]) -> None:
        """Reject other arrays, and say what to write."""
        check_in_place("weights", arrays, self._parameters.weights)

    @property
    def biases(self) -> tuple[Array, ...]:
        """Writable views (n_l, 1) of `parameters`; empty if the network has no biases."""
        return self._parameters.biases

    @biases.setter
    def biases(self, arrays: tuple[Array, ...]) -> None:
        """Reject other arrays, and say what to write."""
        check_in_place("biases", arrays, self._parameters.biases)

    def feedforward(self, X: Data) -> Array:
        """Return the output activations (n_L, m), one column for each column of X.

        Parameters
        ----------
        X : (n_0, m) array_like or Blocks
            Samples as columns. uint8, float32 and float64 with contiguous columns (``table.T`` of
            a row-major table) are read in place; a C-ordered matrix is copied once. Or a table of
            pandas, polars, pyarrow or another library, or `Blocks`, whose rows are samples.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError
            If X does not have this shape, is not numeric, or contains NaN or infinity.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([2, 1], seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 0, 0
        >>> net.feedforward([[1.0], [2.0]])
        array([[0.5]])
        """
        return prediction.outputs(self._description, self._parameters.flat, X)

    def predict(self, X: Data) -> Integers:
        """Return the predicted class (m,) of each column.

        The index of the largest output, in case of a tie the lowest; for a single sigmoid output, 1
        if it is above 0.5.

        Raises
        ------
        ArgumentError
            If the network has a single output that is not a sigmoid.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> Network([2, 3], seed=1).predict([[0.0, 1.0], [1.0, 0.0]]).shape
        (2,)
        """
        gate.check_predicts_classes(self._description)
        a = self.feedforward(X)
        if len(a) == 1:
            return np.asarray(a[0] > 0.5, dtype=np.int64)
        return np.asarray(a.argmax(axis=0), dtype=np.int64)

    def accuracy(
        self, X: Data, targets: ArrayLike | None = None, *, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the fraction of columns whose predicted class is correct.

        Parameters
        ----------
        X : (n_0, m) array_like or Blocks
            Samples as columns; or as rows in `Blocks`, with their targets and weights.
        targets : (m,) labels or (n_L, m) array_like
            The correct classes; for a matrix, the largest target of each column.
        sample_weight : (m,) array_like, optional
            The weight of each column, 0 or more.

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
        gate.check_predicts_classes(self._description)
        return self._scores(X, targets, sample_weight).accuracy

    def cost(
        self, X: Data, targets: ArrayLike | None = None, *, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean cost over the columns, weighted by `sample_weight`, without penalties.

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
            ``.weights[i]``, ``.biases[i]`` and ``.flat``, with the shapes of the network's own.

        Examples
        --------
        >>> from bpmatrix import Network
        >>> net = Network([1, 1], activation="identity", cost="quadratic", seed=1)
        >>> net.weights[0][:], net.biases[0][:] = 2, 0
        >>> net.gradient([[1.0, 2.0]], [2.0, 6.0]).weights[0]     # (0 * 1 - 2 * 2) / 2
        array([[-2.]])
        """
        samples = gate.weighted_samples(self._description, X, targets, sample_weight)
        flat = evaluation.gradient(self._description, self.parameters, samples)
        flat = prediction.check_results(flat, "the gradient")
        return Parameters.of(flat, self._description.layout)

    def input_gradient(
        self, X: ArrayLike, targets: ArrayLike | None = None, *, output: int | None = None
    ) -> Array:
        """Return the gradient (n_0, m) of each sample's cost, or of an output, with respect to X.

        Column j is W_1^T delta_1 of sample j alone, without a mean over the samples, including the
        factor `input_scale`. It shows which inputs matter to the network.

        Parameters
        ----------
        X : (n_0, m) array_like
            Samples as columns.
        targets : array_like, optional
            As for `cost`: returns the gradient of each sample's cost.
        output : int, optional
            The index of an output: returns the gradient of its activation.

        Raises
        ------
        ArgumentError
            If neither or both are given, or the output does not exist.

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
                "input_gradient needs either targets or an output",
                cure="Pass targets for the gradient of the cost, output=k for that of output k.",
            )
        if targets is None:
            k = checked_output(output, self._description.sizes[-1])
            inputs = gate.inputs(self._description, X)
            slope = input_gradient(self._description, self.parameters, inputs, k)
        else:
            samples = gate.samples(self._description, X, targets)
            slope = input_gradient(self._description, self.parameters, samples.X, samples.targets)
        return prediction.check_results(slope, "the gradient")

    @property
    def seed(self) -> int:
        """The seed, given or drawn."""
        return self._training.seed

    @property
    def epochs(self) -> int:
        """The number of epochs of training so far."""
        return self._training.epochs

    @property
    def trained(self) -> list[dict[str, Any]]:
        """A summary of each run of `train`, one dictionary per run; saved with the model.

        After more than 100 runs, the first dictionary sums up all but the newest 100: its
        ``"runs"`` and ``"epochs"`` are totals, and the rest is from the newest runs it sums up.

        During a run, ``"stopped_by"`` is None and the figures are those of the completed epochs.
        """
        return self._trained

    @knowing(TRAIN, "Network(sizes, {})", NETWORK)
    def train(
        self,
        X: Data,
        targets: ArrayLike | None = None,
        *,
        epochs: int = 30,
        mini_batch_size: int | None = None,
        optimizer: Optimizer | None = None,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        dropout: float | Sequence[float] = 0.0,
        sample_weight: ArrayLike | None = None,
        class_weight: Mapping[int, float] | str | None = None,
        validation: tuple[ArrayLike, ...] | Blocks | None = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        n_threads: int | str = "auto",
        callbacks: Sequence[Callable[[EpochInfo], object]] = (),
        restore_best: bool = False,
        schedule: Schedule | None = None,
        early_stopping: EarlyStopping | None = None,
        max_seconds: float | None = None,
        record_every: int = 1,
        groups: int | None = None,
        comm: Any = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_seconds: float = 60.0,
    ) -> History:
        """Train the network in place; another call continues the training.

        Parameters
        ----------
        X : (n_0, n) array_like or Blocks
            Samples as columns, as for `feedforward`; or `Blocks` of rows, with their targets and
            weights, for data larger than memory. X and Y are read in place if they need no
            conversion: changing them during the run changes the following steps.
        targets : array_like, unless X is Blocks
            Labels (n,), or Y (n_L, n), or with one output (n,). Targets must be in the range of the
            output layer, for example 0 to 1 for a sigmoid; ``output="identity"`` has no limit.
            Labels and sample weights are copied when the run begins.
        epochs : int, default 30
            Passes over all samples.
        mini_batch_size : int, optional
            Samples per step, at most n. None means 10, or n if n is smaller. A smaller last
            mini-batch is kept and divided by its own size.
        optimizer : SGD, Adam or another Optimizer, optional
            One of ``bpmatrix.training.optimizers``. Its state carries over to the next run if that
            has an equal optimizer. None means the previous run's optimizer, or
            ``SGD(learning_rate=0.5)`` in the first run. `LevenbergMarquardt` and `LBFGS` take all
            samples in each step, an epoch; they have no mini-batches, l1, clip_norm, dropout or
            schedule, and do not read Blocks.
        weight_decay : float, default 0.0
            The penalty is weight_decay / 2 times the sum of squared weights, without biases. The
            book's lambda is n * weight_decay.
        l1 : float, default 0.0
            A penalty of l1 times the sum of absolute weights.
        clip_norm : float, optional
            The largest norm of the gradient of a step's mean cost; larger ones are scaled down.
        dropout : float or sequence of float, default 0.0
            The probability that a unit is dropped for a sample during training: one for all hidden
            layers, or one for the inputs and one per hidden layer.
        sample_weight : (n,) array_like, optional
            The weight of each column in cost, gradient and recorded figures, 0 or more. A
            mini-batch is divided by the sum of its weights; a weight of 0 leaves the sample out.
        class_weight : mapping or "balanced", optional
            A factor on the sample weights for each class, in training and validation; "balanced"
            gives every class the same total weight in training.
        validation : tuple (X, targets) or Blocks, optional
            Or (X, targets, sample_weight). Scored after each epoch, never trained on.
        validation_split : float, default 0.0
            Instead of `validation`, the fraction of the samples to hold out: random, stratified if
            the targets are classes, and the same in every run on the same data.
        shuffle : bool, default True
            Whether to shuffle the samples in each epoch.
        n_threads : int or "auto"
            Threads that share each mini-batch; the weights do not depend on it. "auto" uses one
            thread if a mini-batch is too small to share.
        callbacks : sequence of functions
            Called with an `EpochInfo` after every epoch; returning True ends the run. A callback
            that is also a context manager, such as `progress.bar()`, is entered and exited with the
            run.
        restore_best : bool, default False
            Whether to end with the weights of `History.best_epoch`, however the run ended; always
            so with `early_stopping`.
        schedule : callable or ReduceOnPlateau, optional
            The factor on the learning rate in each epoch, counted from 1 over all runs: one of
            `bpmatrix.schedules`, or any callable. None means a constant rate.
        early_stopping : EarlyStopping, optional
            Ends the run when epochs no longer improve.
        max_seconds : float, optional
            Ends the run at the first slice of mini-batches after that time, without compilation. As
            after Ctrl-C, the steps of an incomplete epoch are in the weights, not in the History.
        record_every : int, default 1
            Limits the History to the epochs whose number is a multiple of this, the best one and
            the last one. Nothing else changes.
        groups : int, optional
            How many groups of columns a mini-batch forms, a power of two. The gradients of the
            groups are added in a fixed order, so the last bits of the weights depend on `groups`;
            up to that many threads share a mini-batch. None means one group, or 16 for mini-batches
            that are much larger than the cache; with `comm`, 16.
        comm : mpi4py.MPI.Comm, optional
            The processes that share each mini-batch: every one makes the same call, and gets the
            same weights and History, the same bits for any number of processes, at most `groups`.
            Rank 0 alone calls the callbacks, whose answer all follow, and writes checkpoints. An
            error or Ctrl-C on one rank is raised on all.
        checkpoint : path, optional
            A folder for checkpoints. If it contains a run, that run is resumed and produces the
            same bits as an uninterrupted one; else a new run starts. `epochs` is then the total
            number of epochs of the run. The folder holds the newest two checkpoints, and
            ``best.safetensors``, the network of the best epoch. A run that early stopping or a
            callback has ended is not continued.
        checkpoint_seconds : float, default 60.0
            The minimum time between two checkpoints, which are written at the end of a slice of
            mini-batches. Another is written when the run ends, also by Ctrl-C or SIGTERM.

        Returns
        -------
        History
            Cost and accuracy by epoch, and why the run ended.

        Raises
        ------
        ShapeError, ArrayTypeError, DataError, ArgumentError
            For wrong arguments, or while another thread trains this network; before anything has
            changed. For an invalid factor of the schedule, at the end of the previous epoch.
            Also for a checkpoint with different data, settings or network.
        DestinationError
            If the first checkpoint cannot be written; for a later one, a warning is issued.
        ModelFileError
            If the folder contains checkpoints but none is valid.
        DivergenceError
            If a cost or weight is not finite.
        DataFileError
            If the data of `Blocks` cannot be read or change during the run; weights and optimizer
            are then those of the last complete slice.
        ThreadStartError
            If the system cannot start another thread; weights and optimizer are then those of the
            last complete slice.

        Examples
        --------
        >>> from bpmatrix import SGD, Network
        >>> net = Network([2, 8, 1], seed=1)
        >>> X, y = [[0.0, 0.0, 1.0, 1.0], [0.0, 1.0, 0.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
        >>> history = net.train(X, y, epochs=2000, optimizer=SGD(learning_rate=2.0))
        >>> net.predict(X)
        array([0, 1, 1, 0])
        """
        with all_ranks(comm) as ranks:
            gate.check_writeable(self.parameters)
            checkpoints, seed = kept_in(self._training, checkpoint, checkpoint_seconds, ranks)
            data = X, targets, sample_weight, class_weight, validation, validation_split
            samples, checked = blocks.training_and_validation(self._description, seed, *data)
            settings = checked_training_arguments(
                self._description, recorded=recorded(samples, checked), weight_decay=weight_decay,
                optimizer=self._training.optimizer if optimizer is None else optimizer, n=samples.n,
                mini_batch_size=mini_batch_size, early_stopping=early_stopping, clip_norm=clip_norm,
                restore_best=restore_best, record_every=record_every, max_seconds=max_seconds,
                n_threads=n_threads, callbacks=callbacks, schedule=schedule, dropout=dropout, l1=l1,
                shuffle=shuffle, groups=groups, epochs=epochs, ranks=ranks,
            )  # fmt: skip
            gate.warn_about_unscaled_bytes(samples.X, self._description.input_scale)
            with running(self._training), in_use(checkpoints), opened(settings.callbacks):
                history = begun(
                    checkpoints, seed, self._description, self.parameters, self._training, samples,
                    checked, settings, self._trained, self,
                ).train()  # fmt: skip
        return history

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network to one .safetensors file, completely or not at all.

        The file contains weights, biases, description, the state of the shuffling and the record of
        training (`docs/file-format.md`).

        Raises
        ------
        ArgumentError
            If the network has custom functions, which cannot be stored.
        DataError
            If a parameter is not finite.
        OSError
            If the file cannot be written.
        """
        persistence.save(path, self._description, self._parameters, self._training, self._trained)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Network:
        """Load a network written by `save`. Nothing in the file is ever executed.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ModelFileError
            If it is damaged or not a bpmatrix network.

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

    def to_book(self, path: str | os.PathLike[str]) -> None:
        """Write the network as JSON, as the book's `network2` does: completely or not at all.

        `input_scale` becomes part of the first weights, and missing biases are written as zeros.
        `from_book`, which has an example, `nielsen.network2.load` and the book's program read it.

        Parameters
        ----------
        path : path
            The file, which is replaced if it exists.

        Raises
        ------
        ArgumentError
            If a layer is not of sigmoids, or the cost is neither quadratic nor cross-entropy.
        DataError
            If a parameter is not finite.
        OSError
            If the file cannot be written.
        """
        book_files.write_model(path, self._exported())

    def _exported(self) -> Model:
        return Model(self._description, self._parameters)

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the views, which would become separate arrays."""
        return {**self.__dict__, "_parameters": self.parameters}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Copy the parameters to the start of a cache line, and create the views."""
        self.__dict__.update(state)
        theta = aligned_copy(state["_parameters"])
        self._parameters = Parameters.of(theta, self._description.layout)

    def __copy__(self) -> Network:
        """Copy everything: with a shared optimizer state, training one would affect the other."""
        return copy.deepcopy(self)

    if not TYPE_CHECKING:  # type checkers should know only the attributes above

        def __getattr__(self, name: str) -> NoReturn:
            """Say what to use instead of an attribute of another library's networks."""
            raise missing_attribute(self, name)

    def _scores(
        self, X: Data, targets: ArrayLike | None, sample_weight: ArrayLike | None
    ) -> evaluation.Scores:
        parts = blocks.scored(self._description, X, targets, sample_weight)
        found = evaluation.scores_of_parts(self._description, self.parameters, parts)
        prediction.check_results(np.asarray(found.cost), "the cost")
        return found

    def __repr__(self) -> str:
        """Describe the network in one line."""
        return f"Network({self._description})"


def _state(
    description: Description, theta: Array, training: TrainingState, trained: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the state of a network, as it is copied and pickled."""
    return {
        "_description": description,
        "_parameters": theta,
        "_training": training,
        "_trained": trained,
    }
