"""The methods of `Network`, the book's networks and the estimators that write other formats."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bpmatrix.exchange import torch_modules
from bpmatrix.exchange.model import Ensemble, Model
from bpmatrix.storage.files import write_whole


class ToOnnx:
    """A base class for all that can be written as an ONNX file."""

    def _for_onnx(self) -> Model | Ensemble:
        """Return the model as plain arrays."""
        raise NotImplementedError

    def to_onnx(
        self, path: str | os.PathLike[str], dtype: str | None = None, opset: int = 13
    ) -> None:
        """Write the model as one ONNX file, completely or not at all.

        The rows of the input ``X`` (n, n_features) and of all outputs are samples, as users of ONNX
        expect, also for a `Network`, whose own samples are columns. The outputs are:

        - of a network, ``output`` (n, n_L), what `feedforward` returns, transposed;
        - of a classifier, ``label`` (n,), what `predict` returns, and ``probabilities`` (n,
          n_classes); for multilabel targets both are (n, n_labels);
        - of a regressor, ``variable`` (n, n_outputs).

        A `TableModel`, whose outputs are those of a classifier or regressor, must be one of numbers
        alone: the columns of ``X`` are those in ``feature_names``, with NaN for missing numbers.

        `input_scale`, standardization and classes are part of the file. Its metadata contain, as
        JSON, the ``feature_names``, the ``classes``, and the ``cost`` of a network.

        Parameters
        ----------
        path : path
            The file, which is replaced if it exists.
        dtype : {"float32", "float64"}, optional
            The type of inputs, weights and outputs. None is the type of the model.
        opset : int, default 13
            The version of ONNX's operators, from 13 to the newest of the installed package `onnx`.
            The oldest is read by the most programs.

        Raises
        ------
        MissingPackageError
            If the package `onnx` is not installed.
        ArgumentError
            If an argument is not valid, the model has a custom activation function, a number of it
            is outside the range of `dtype`, or it is larger than an ONNX file can be (2 GiB).
        DataError
            If a parameter is not finite.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> from importlib.util import find_spec
        >>> from bpmatrix import Network
        >>> net = Network([2, 3, 1], seed=1)
        >>> if find_spec("onnx"):
        ...     net.to_onnx("net.onnx")
        """
        from bpmatrix.exchange.onnx_writer import to_bytes  # noqa: PLC0415 - needed only here

        write_whole(Path(path), to_bytes(self._for_onnx(), dtype, opset))


class Exports(ToOnnx):
    """A base class for all that can be written in other formats."""

    def _exported(self) -> Model:
        """Return the model as plain arrays."""
        raise NotImplementedError

    def _for_onnx(self) -> Model:
        return self._exported()

    def to_c(
        self, path: str | os.PathLike[str], name: str | None = None, dtype: str = "float32"
    ) -> None:
        """Write the model as a C header, which needs no library but math.h: C99, or C++.

        ``NAME_predict(x, y, scratch)`` computes the outputs of one sample, and
        ``NAME_predict_batch(x, y, n, scratch)`` those of several. The comment at the top of the
        header has an example, and says how much flash and RAM it needs.

        Parameters
        ----------
        path : path
            The header, usually ending in ``.h``; replaced completely or not at all.
        name : str, optional
            The beginning of all names in the header, an identifier of C. None derives it from the
            name of the file: ``digits`` for ``digits.h``.
        dtype : {"float32", "float64"}, default "float32"
            The type to compute in.

        Raises
        ------
        ArgumentError
            If the name is not an identifier of C, the dtype is unknown, a number of the model is
            outside its range, or the model has a custom activation function.
        DataError
            If a parameter is not finite, or the outputs are not, even for small inputs.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from pathlib import Path
        >>> from bpmatrix import Network
        >>> net = Network([64, 30, 10], seed=1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.to_c(f"{folder}/digits.h")
        ...     "void digits_predict(const float *x" in Path(folder, "digits.h").read_text()
        True
        """
        from bpmatrix.exchange.c_header import header  # noqa: PLC0415 - needed only here
        from bpmatrix.exchange.c_words import name_like  # noqa: PLC0415

        path = Path(path)
        name = name_like(path.stem) if name is None else name
        write_whole(path, header(self._exported(), name, dtype))

    def to_torch(self) -> Any:
        """Return a ``torch.nn.Sequential`` with equal outputs, whose samples are rows.

        Its parameters are copies in the network's type. `input_scale`, and in an estimator the
        standardization of inputs and targets, are part of its first and last Linear; where there
        are none, `Network.from_torch` returns an equal network. In float32 that loses digits of a
        column whose mean is much larger than its standard deviation.

        A classifier's Sequential returns probabilities (of its second class, if there are two);
        without the last module, ``[:-1]``, it returns the logits that PyTorch's losses take.

        Returns
        -------
        torch.nn.Sequential
            Of Linear and activation functions; it shares nothing with the model.

        Raises
        ------
        ArgumentError, DataError
            If the model has a custom activation function, or a parameter that is not finite.
        MissingPackageError
            If PyTorch is not installed.

        Examples
        --------
        >>> from importlib.util import find_spec
        >>> from bpmatrix import Network
        >>> net = Network([2, 3, 1], seed=1)
        >>> if find_spec("torch"):
        ...     module = net.to_torch()
        ...     bool((Network.from_torch(module).parameters == net.parameters).all())
        ... else:
        ...     True
        True
        """
        return torch_modules.written(self._exported())
