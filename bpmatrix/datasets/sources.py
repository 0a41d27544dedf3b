"""The data sets on the web: addresses, checksums, authors, licenses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """The origin of a data set.

    Attributes
    ----------
    mirrors : tuple of str
        Base addresses, tried in turn.
    sha256 : mapping of str to str
        The SHA-256 of each gzipped file, as published, by name.
    source, license, packages : str
        The authors of the data, their license, and system packages with them.
    """

    mirrors: tuple[str, ...]
    sha256: Mapping[str, str]
    source: str
    license: str
    packages: str = ""

    def alternatives(self, name: str) -> str:
        """Return how to get the data set `name` without a download by bpmatrix."""
        package = f" or install {self.packages};" if self.packages else ""
        return (
            f"set BPMATRIX_DATA to a folder whose subfolder {name} contains the files "
            f"{', '.join(self.sha256)} from {self.mirrors[0]} (or pass folder=, the path of that "
            f"subfolder);{package} or use 'digits', which is in the package."
        )


def _by_file(*digests: str) -> dict[str, str]:
    """Return the digests by the names of the files, which are those of MNIST."""
    parts = "train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"
    return {f"{part}-ubyte.gz": digest for part, digest in zip(parts, digests, strict=True)}


SOURCES: dict[str, Source] = {
    "mnist": Source(
        mirrors=(
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
        ),
        sha256=_by_file(
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        source="Y. LeCun, C. Cortes, C. J. C. Burges: the MNIST database of handwritten digits",
        license="not stated by its authors",
    ),
    "fashion-mnist": Source(
        mirrors=(
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        sha256=_by_file(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        source="H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST (2017), Zalando SE, "
        "https://github.com/zalandoresearch/fashion-mnist",
        license="MIT",
        packages="the Debian package dataset-fashion-mnist",
    ),
}
