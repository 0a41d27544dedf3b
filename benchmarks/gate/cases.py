"""The calls that the gate times in base and head: a few milliseconds of the public interface."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GateCase:
    """One timed call.

    Attributes
    ----------
    work : {"train", "predict", "gradient"}
        The kind of the call.
    columns : int
        The mini-batch size of a training, else the number of samples.
    steps : int
        Mini-batches in a training call.
    threads : int
        With more than one, the result is information without a verdict, since other programs of
        the machine delay the threads.
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
        """Its name in reports and in the baseline: ``train 784-30-10/10 float64``."""
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
