"""The class methods of `Network` that read other formats."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

from bpmatrix.architecture.activations import OwnActivation
from bpmatrix.architecture.costs import AnyCost
from bpmatrix.architecture.description import choose_activations
from bpmatrix.errors import ArgumentError, ModelFileError
from bpmatrix.exchange import book_files, state_dicts, torch_modules
from bpmatrix.exchange.layers import Layers, NotUnderstoodError


class Imports:
    """A base class for networks that can be read from other formats."""

    weights: tuple[Any, ...]
    biases: tuple[Any, ...]

    @classmethod
    def from_torch(
        cls,
        module: Any,
        *,
        output: str | OwnActivation | None = None,
        cost: AnyCost | None = None,
        seed: int | None = None,
    ) -> Self:
        """Return a network that computes what a PyTorch module computes.

        Parameters
        ----------
        module : torch.nn.Sequential
            Linear (float32 or float64), Sigmoid, Tanh, ReLU, LeakyReLU(0.01), ELU, GELU, SiLU,
            Softplus, Softmax, Identity and nested Sequentials. Flatten and Dropout are left out:
            the columns of X are flat samples; to train with dropout, use ``train(dropout=...)``.
        output : str or OwnActivation, optional
            The activation function of the last layer, if the module ends with a Linear because its
            loss contains that function: ``"softmax"`` for nn.CrossEntropyLoss, ``"sigmoid"`` for
            nn.BCEWithLogitsLoss.
        cost : str, Huber, Quantile or OwnCost, optional
            None means the cost that fits the output: cross-entropy for sigmoid, log-likelihood for
            softmax, poisson for exp, otherwise quadratic.
        seed : int, optional
            Determines the order of the samples in training; see `Network`.

        Returns
        -------
        Network
            With the module's weights and biases, in its type. Biases that only some layers have
            are 0 in the others. Nothing is shared with the module.

        Raises
        ------
        ArgumentError
            If the module has a part that a network does not have, or the arguments do not fit it.

        Notes
        -----
        The outputs are equal up to rounding, except that a Softplus returns z above its threshold:
        for z = 20 that differs by 2e-9.

        Examples
        --------
        ::

            module = nn.Sequential(nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))
            net = Network.from_torch(module, output="softmax")
            net.train(X, labels, optimizer=Adam())          # X has 64 rows, samples are columns
            module = net.to_torch()
        """
        try:
            return cls._of(torch_modules.read(module), output, cost, seed)
        except NotUnderstoodError as error:
            raise ArgumentError(
                "a network cannot compute what this module computes",
                got=error,
                expected="a torch.nn.Sequential of Linear and activation functions",
                cure=error.cure or f"The modules it can have: {', '.join(torch_modules.KNOWN)}.",
            ) from None

    @classmethod
    def from_onnx(
        cls,
        path: str | os.PathLike[str],
        *,
        output: str | OwnActivation | None = None,
        cost: AnyCost | None = None,
        seed: int | None = None,
    ) -> Self:
        """Return a network that computes what an ONNX file computes. Nothing in it is executed.

        Parameters
        ----------
        path : path
            A file with one input, whose rows are samples, and one output; of the operators Gemm,
            MatMul and Add and those of activation functions, as PyTorch, scikit-learn, Keras and
            `to_onnx` write them. Flatten, Reshape to rows, Cast, Identity and Dropout are left out.
            The package `onnx` is not needed.
        output, cost, seed : optional
            As in `from_torch`; a file that `to_onnx` wrote contains the cost.

        Returns
        -------
        Network
            With the file's weights and biases, in its type. A factor on the inputs is its
            `input_scale`.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ModelFileError
            If it is damaged, or contains something else than a chain of layers.
        ArgumentError
            If the arguments do not fit the model.

        Examples
        --------
        ::

            torch.onnx.export(module, (rows,), "net.onnx", external_data=False)
            net = Network.from_onnx("net.onnx", output="softmax")
        """
        from bpmatrix.exchange import onnx_reader  # noqa: PLC0415 - needed only here
        from bpmatrix.exchange.protobuf import DamagedError  # noqa: PLC0415

        try:
            return cls._of(onnx_reader.read(path), output, cost, seed)
        except DamagedError as error:
            raise ModelFileError(
                f"{path} is not a complete ONNX file",
                got=error,
                cure="Export or copy the model again; perhaps it was not copied completely.",
            ) from None
        except NotUnderstoodError as error:
            raise ModelFileError(
                f"{path} is not a network that bpmatrix can read",
                got=error,
                expected="a chain of layers: weights, biases and an activation function",
                cure=error.cure,
            ) from None

    @classmethod
    def from_state_dict(
        cls,
        source: str | os.PathLike[str] | Mapping[str, Any],
        *,
        activation: str | OwnActivation | Sequence[str | OwnActivation],
        output: str | OwnActivation | None = None,
        cost: AnyCost | None = None,
        input_scale: float | None = None,
        seed: int | None = None,
    ) -> Self:
        """Return a network with the weights and biases of a state dict.

        Parameters
        ----------
        source : path or mapping
            A .safetensors file, or a mapping of names to arrays or tensors, float32 or float64:
            ``"0.weight"`` (n_1, n_0), ``"0.bias"`` (n_1,), ``"2.weight"`` and so on, with any
            prefix. Layers are in the order of the numbers in their names; if the names differ in
            more than numbers, in the order in which the shapes fit. For a .pt file, pass
            ``torch.load(path, weights_only=True)``.
        activation, output : str, OwnActivation or sequence
            As in `Network`: a state dict does not say which functions its layers have.
        cost : str, Huber, Quantile or OwnCost, optional
            None means the cost that fits the output: see `from_torch`.
        input_scale, seed : optional
            As in `Network`.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ModelFileError
            If it is damaged, or contains something else than the weights and biases of layers.
        ArgumentError
            If the arguments are invalid, or neither `output` nor `cost` says what the output is.

        Examples
        --------
        >>> import numpy as np
        >>> from bpmatrix import Network
        >>> arrays = {
        ...     "model.0.weight": np.ones((3, 2)), "model.0.bias": np.zeros(3),
        ...     "model.2.weight": np.ones((1, 3)), "model.2.bias": np.zeros(1),
        ... }
        >>> Network.from_state_dict(arrays, activation="relu", output="sigmoid")
        Network([2, 3, 1], relu-sigmoid, cross_entropy, float64, 13 parameters)
        """
        if output is None and cost is None and isinstance(activation, str | OwnActivation):
            raise ArgumentError(
                "a state dict does not say which activation function the output has",
                cure='Pass it, for example output="softmax" or output="identity".',
            )
        try:
            layers = state_dicts.read(source)
            layers.activations = list(
                choose_activations(len(layers.weights), activation, output, cost or "quadratic")
            )
            layers.input_scale = 1.0 if input_scale is None else input_scale
            return cls._of(layers, None, cost, seed)
        except NotUnderstoodError as error:
            raise ModelFileError(
                "the state dict is not that of a network",
                got=error,
                expected="the weights and biases of layers: 0.weight, 0.bias, 2.weight and so on",
                cure=error.cure,
            ) from None

    @classmethod
    def from_book(
        cls,
        path: str | os.PathLike[str],
        *,
        cost: AnyCost | None = None,
        seed: int | None = None,
    ) -> Self:
        """Return the network in a JSON file of the book's `network2`.

        Parameters
        ----------
        path : path
            A file that the book's program, `nielsen.network2` or `to_book` wrote. For the book's
            own kind of network, use `nielsen.network2.load`.
        cost : str, Huber, Quantile or OwnCost, optional
            None means the one that the file names, quadratic or cross-entropy.
        seed : int, optional
            As in `Network`.

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ModelFileError
            If it is damaged, or `cost` is None and the file names a custom cost.

        Examples
        --------
        >>> import tempfile
        >>> from bpmatrix import Network
        >>> net = Network([2, 3, 1], cost="quadratic", seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_book(f"{folder}/net.json")
        ...     same = Network.from_book(f"{folder}/net.json")
        >>> same
        Network([2, 3, 1], sigmoid-sigmoid, quadratic, float64, 13 parameters)
        """
        layers, name = book_files.read(path)
        if cost is None and name not in book_files.COSTS:
            raise ModelFileError(
                f"{path} names a cost that the book does not have",
                got=repr(name),
                expected=" or ".join(book_files.COSTS),
                cure='Pass another, for example cost="quadratic".',
            )
        return cls._of(layers, None, cost or book_files.COSTS[name], seed)

    @classmethod
    def _of(
        cls,
        layers: Layers,
        output: str | OwnActivation | None,
        cost: AnyCost | None,
        seed: int | None,
    ) -> Self:
        """Return a network with these layers, not trained."""
        network = cast("Any", cls)(**layers.arguments(output, cost), seed=seed)
        for view, array in zip(network.weights, layers.weights, strict=True):
            view[:] = array
        for view, b in zip(network.biases, layers.biases, strict=False):  # none without biases
            view[:, 0] = 0 if b is None else b
        return cast("Self", network)
