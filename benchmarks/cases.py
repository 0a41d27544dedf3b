"""The networks that are timed, and the targets of bpmatrix. Nothing runs on import."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.data import load_samples
from bpmatrix.bench.contest import Effort
from bpmatrix.bench.task import Task, TrainingData

DTYPES = ("float64", "float32")


@dataclass(frozen=True)
class Case:
    """A network, its data, and the target speed-ups.

    Attributes
    ----------
    data : str
        A name for `data.load_samples`.
    targets : mapping
        By contender: the target speed-ups of bpmatrix in float64 and float32.
    peak : mapping
        By (dtype, threads): the target share of the attainable peak.
    slow : frozenset of str
        Contenders that are left out because they are slow.
    output : str, optional
        The activation function of the last layer, by default that of the others.
    optimizer : str
        The optimizer of the `Task`.
    """

    sizes: tuple[int, ...]
    activation: str
    mini_batch_size: int
    data: str
    learning_rate: float
    check_steps: int
    targets: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    peak: Mapping[tuple[str, int], float] = field(default_factory=dict)
    slow: frozenset[str] = frozenset({"loop"})
    cost: str = "quadratic"
    output: str | None = None
    optimizer: str = "sgd"

    @property
    def name(self) -> str:
        """The sizes, the mini-batch size, and an optimizer other than SGD: ``784-30-10/10``."""
        sizes = f"{'-'.join(map(str, self.sizes))}/{self.mini_batch_size}"
        return sizes if self.optimizer == "sgd" else f"{sizes}/{self.optimizer}"

    def target(self, contender: str, dtype: str) -> float | None:
        """Return the target speed-up over a contender, if there is one."""
        pair = self.targets.get(contender)
        return None if pair is None else pair[DTYPES.index(dtype)]

    def samples(self) -> TrainingData:
        """Return the case's own data."""
        if self.data == "regression":
            return load_samples(self.data, self.sizes[0], self.sizes[-1])
        return load_samples(self.data)

    def task(self, dtype: str) -> Task:
        """Return the task for the contenders."""
        samples = self.samples()
        hidden = (self.activation,) * (len(self.sizes) - 2)
        return Task(
            sizes=self.sizes,
            activations=(*hidden, self.output or self.activation),
            cost=self.cost,
            dtype=dtype,
            mini_batch_size=self.mini_batch_size,
            learning_rate=self.learning_rate,
            X=samples.X,
            scale=samples.scale,
            targets=samples.targets,
            optimizer=self.optimizer,
        )

    def effort(self, *, quick: bool) -> Effort:
        """Return the effort of its measurement."""
        quads, block_seconds = (6, 0.03) if quick else (20, 0.1)
        return Effort(quads, block_seconds, self.check_steps)


CASES = (
    Case(
        (784, 30, 10), "sigmoid", 10, "mnist", 3.0, 100,
        targets={"loop": (25, 45), "jax": (2.4, 3)},
        peak={("float64", 1): 0.70},
        slow=frozenset(),
    ),
    Case((64, 30, 10), "sigmoid", 10, "digits", 3.0, 100, targets={"jax": (3, 2)}),
    Case(
        (784, 100, 10), "sigmoid", 32, "mnist", 3.0, 50,
        targets={"jax": (1.4, 1.5)},
        slow=frozenset(),
    ),
    Case((30, 64, 64, 1), "tanh", 32, "regression", 0.05, 100, targets={"jax": (1.3, 1.3)}),
    Case(
        (784, 128, 64, 10), "sigmoid", 128, "mnist", 3.0, 20,
        targets={"jax": (1.3, 1.3)},
        slow=frozenset(),
    ),
    Case((4, 32, 16, 4), "tanh", 10_000, "regression", 0.05, 20, targets={"jax": (1.5, 1.5)}),
    Case(
        (784, 512, 512, 10), "sigmoid", 256, "mnist", 1.0, 10,
        targets={"jax": (1.2, 1.05)},
        peak={("float64", 2): 0.85},
    ),
    Case(
        (784, 100, 10), "relu", 200, "mnist", 0.001, 20,
        targets={"jax": (1.3, 1.3), "pytorch": (3, 3), "sklearn": (3, 3)},
        cost="log_likelihood", output="softmax", optimizer="adam",
    ),
)  # fmt: skip


def find_case(name: str) -> Case:
    """Return the case of this name."""
    return next(case for case in CASES if case.name == name)
