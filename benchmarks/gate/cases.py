"""What the gate times in base and head: calls of a few milliseconds through the public face."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CASES", "SELF_TEST_CASE", "GateCase"]


@dataclass(frozen=True)
class GateCase:
    """One call that is timed.

    Attributes
    ----------
    work : {"train", "predict", "gradient"}
        Which method of `Network`.
    columns : int
        The mini-batch size of a training, the samples of any other call.
    steps : int
        Mini-batches in a training call.
    threads : int
        With more than one the result is information, no verdict: what else the machine does
        decides when threads meet.
    """

    work: str
    sizes: tuple[int, ...]
    columns: int
    steps: int = 1
    dtype: str = "float64"
    activation: str = "sigmoid"
    threads: int = 1

    @property
    def name(self) -> str:
        """What reports and the baseline call it: ``train 784-30-10/10 float64``."""
        threads = "" if self.threads == 1 else f" {self.threads} threads"
        return f"{self.work} {'-'.join(map(str, self.sizes))}/{self.columns} {self.dtype}{threads}"


SELF_TEST_CASE = GateCase("train", (784, 30, 10), 10, steps=100)

CASES = (
    SELF_TEST_CASE,
    GateCase("train", (784, 30, 10), 10, steps=150, dtype="float32"),
    GateCase("train", (784, 30, 10), 1, steps=300),
    GateCase("train", (784, 100, 10), 32, steps=12),
    GateCase("train", (784, 128, 64, 10), 128, steps=4, dtype="float32"),
    GateCase("train", (30, 64, 64, 1), 32, steps=50, activation="tanh"),
    GateCase("predict", (784, 30, 10), 1),
    GateCase("predict", (784, 30, 10), 1000),
    GateCase("gradient", (784, 30, 10), 100),
    GateCase("train", (784, 128, 64, 10), 128, steps=4, threads=2),
)
