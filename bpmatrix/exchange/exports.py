"""The methods of `Network`, the book's networks and the estimators that write other formats."""

from __future__ import annotations

import os
from pathlib import Path

from bpmatrix.exchange.model import Model
from bpmatrix.storage.files import write_whole


class Exports:
    """A base class for all that can be written in other formats."""

    def _exported(self) -> Model:
        """Return the model as plain arrays."""
        raise NotImplementedError

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
