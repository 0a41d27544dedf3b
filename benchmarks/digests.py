"""Digests of the results of networks, estimators and the book's programs, to compare their bits.

Run it before and after a change that should keep all bits, on one machine with the same packages.
Only public names are imported, so ``python -m benchmarks.digests`` works on other revisions, too.
"""

import contextlib
import functools
import hashlib
import io
import math
import random
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

import click
import numpy as np
from numpy.typing import ArrayLike, NDArray

import bpmatrix
from bpmatrix import SGD, Adam, AdamW, EarlyStopping, Huber, Network, Quantile, RMSprop, schedules
from bpmatrix.nielsen import mnist_loader, network, network2, problems

Array = NDArray[Any]
Named = Mapping[str, Any]

FEW, MANY = 203, 12_000  # not a multiple of mini-batches or registers; enough for column groups
RECORDED = ("cost", "accuracy", "validation_cost", "validation_accuracy", "learning_rate")
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
OF_A_LAYER = ("W", "z", "a", "delta", "nabla_b", "nabla_W")
NOTHING: Named = {}

Arrays = Iterable[ArrayLike]
Found = tuple[Arrays, Arrays, Arrays]  # weights, predictions, costs
Case = Callable[[int], Found]  # of a number of threads


@functools.cache
def samples(name: str) -> tuple[Array, Array]:
    """Return columns and targets, made from the digits in the package."""
    digits = bpmatrix.datasets.load("digits").train
    X, labels = digits.X[:, :FEW], digits.labels[:FEW]
    many = np.arange(MANY) % digits.labels.size
    return {
        "classes": (X, labels),
        "shares": (X, 0.9 * np.eye(10)[:, labels] + 0.01),
        "yes or no": (X, labels > 4), "counts": (X, 1.0 * labels), "numbers": (X, X[20:23] / 16),
        "float64": (X.astype(np.float64), labels), "float32": (X.astype(np.float32), labels),
        "row-major": (np.ascontiguousarray(X), labels),
        "long columns": (np.tile(X, (5, 1)), labels),
        "many": (digits.X[:, many], digits.labels[many]),
    }[name]  # fmt: skip


class Run(NamedTuple):
    """The differences from the network [64, 19, 10], the arguments of `train`, and the samples."""

    name: str
    network: Named = NOTHING
    training: Named = NOTHING
    data: str = "classes"

    def new(self, dtype: str) -> tuple[Network, Array, Array]:
        """Return the untrained network, columns and targets."""
        X, targets = samples(self.data)
        outputs = {"numbers": 3, "counts": 1, "yes or no": 1}.get(self.data, 10)
        given = {"sizes": [len(X), 19, outputs], "input_scale": 1 / 16, "seed": 1, **self.network}
        return Network(given.pop("sizes"), dtype=dtype, **given), X, targets

    def train(self, dtype: str, threads: int, *, by_file: bool = False) -> Found:
        """Train twice, so that the optimizer's state matters, too."""
        net, X, targets = self.new(dtype)
        how = {"epochs": 2, "n_threads": threads, **self.training}
        if "validation" in how:
            how["validation"] = samples(how["validation"])
        histories = [net.train(X, targets, **how)]
        net = reloaded(net) if by_file else net
        histories.append(net.train(X, targets, **how))
        costs = [getattr(history, column) for history in histories for column in RECORDED]
        outputs = [net.feedforward(X[:, :m]) for m in (1, 2, X.shape[1])]
        return [net.parameters], outputs, [*costs, net.cost(X, targets)]

    def look(self, dtype: str, _threads: int) -> Found:
        """Return the gradient, the gradients by the inputs and, as costs, the arrays of a trace."""
        net, X, targets = self.new(dtype)
        by_inputs = [net.input_gradient(X, targets), net.input_gradient(X, output=0)]
        layers = net.trace(X, targets).layers
        traced = [getattr(layer, name) for layer in layers for name in OF_A_LAYER]
        return [net.gradient(X, targets).flat], by_inputs, traced


def reloaded(model: Any) -> Any:
    """Return a model after saving and loading it."""
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model.safetensors")
        return bpmatrix.load(f"{folder}/model.safetensors")


OWN = {
    "activation": bpmatrix.OwnActivation(
        lambda z: z / (1 + abs(z)), lambda z: 1 / (1 + abs(z)) ** 2, "softsign"),
    "cost": bpmatrix.OwnCost(
        lambda a, y: math.log(math.cosh(a - y)), lambda a, y: math.tanh(a - y), "log_cosh"),
}  # fmt: skip
CAREFUL = {"optimizer": SGD(0.02)}  # for unbounded outputs
WEIGHTS, SPLIT = {"sample_weight": np.arange(FEW) % 4 / 2}, {"validation_split": 0.2}
GROUPS = {"mini_batch_size": MANY // 2 + 100}  # more than docs/decisions/0021 asks for in float32
ACTIVATIONS = (
    "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "exp", "identity",
)  # fmt: skip
COSTS = ("absolute", "huber", "quantile", Huber(0.1), Quantile(0.9))
FUNCTIONS = (
    *(Run(f"{name}, cross_entropy", {"activation": name}, CAREFUL) for name in ACTIVATIONS),
    *(Run(f"quadratic of {name}", {"output": name, "cost": "quadratic"}, CAREFUL, "numbers")
      for name in ACTIVATIONS),
    *(Run(f"tanh, {c}", {"activation": "tanh", "cost": c}, CAREFUL, "numbers") for c in COSTS),
    Run("cross_entropy of shares", data="shares"),
    Run("cross_entropy of one output", data="yes or no"),
    Run("log_likelihood", {"cost": "log_likelihood"}),
    Run("log_likelihood of shares", {"cost": "log_likelihood"}, data="shares"),
    Run("poisson", {"cost": "poisson"}, CAREFUL, "counts"),
    Run("functions of one's own", OWN, CAREFUL, "numbers"),
)  # fmt: skip
NETWORKS: dict[str, Named] = {
    "no hidden layer": {"sizes": [64, 10]}, "no biases": {"bias": False},
    "three layers": {"sizes": [64, 33, 17, 10], "activation": ["relu", "gelu", "sigmoid"]},
    "a layer of 256": {"sizes": [64, 256, 10]},
    **{name: {"initializer": name} for name in ("standard_normal", "glorot", "he", "lecun")},
}  # fmt: skip
OPTIMIZERS = (
    SGD(0.5), SGD(0.1, momentum=0.9), SGD(0.1, momentum=0.9, nesterov=True),
    RMSprop(), Adam(), Adam(0.01, beta_1=0.8, beta_2=0.99), AdamW(weight_decay=0.1),
)  # fmt: skip
WAYS = {"": {}, ", clipped": {"clip_norm": 0.2}, ", penalties": {"weight_decay": 0.01, "l1": 1e-3}}
TRAININGS = {
    **{f"{rule}{way}": {"optimizer": rule, **how} for rule in OPTIMIZERS
       for way, how in WAYS.items()},
    **{f"mini-batches of {m}": {"mini_batch_size": m} for m in (1, 7, 64, 100, FEW)},
    "weight_decay": {"weight_decay": 0.01}, "l1": {"l1": 1e-3}, "dropout": {"dropout": 0.5},
    "dropout of inputs, clipped": {"dropout": [0.1, 0.3], "clip_norm": 0.2},
    "sample_weight": WEIGHTS,
    "sample_weight, dropout, Adam": {**WEIGHTS, "dropout": 0.5, "optimizer": Adam()},
    "class_weight": {"class_weight": {3: 2.0, 5: 0.0}},
    "balanced, sample_weight, split": {"class_weight": "balanced", **WEIGHTS, **SPLIT},
    "validation": {"validation": "float64"},
    "not shuffled": {"shuffle": False},
    **{str(schedule): {"schedule": schedule} for schedule in (
        schedules.Step(2, 0.5), schedules.Cosine(4, 0.1), schedules.InverseScaling(),
        schedules.Warmup(2, then=schedules.Step(1)))},
    "ReduceOnPlateau": {"schedule": schedules.ReduceOnPlateau(0.5, 1, 0.1), "epochs": 6, **SPLIT},
    "a schedule of one's own": {"schedule": lambda epoch: 0.9**epoch},
    "early stopping": {"early_stopping": EarlyStopping(2), "epochs": 60, **SPLIT},
    "early stopping by cost": {"early_stopping": EarlyStopping(3, 0.05, "cost"), "epochs": 60},
    "restore_best": {"restore_best": True, "epochs": 9, "optimizer": SGD(8.0), **SPLIT},
    "groups": GROUPS,
    "groups, Adam": {**GROUPS, "optimizer": Adam()},
    "groups, clipped": {**GROUPS, "clip_norm": 0.1, "weight_decay": 1e-3},
    "groups, dropout, balanced": {**GROUPS, "dropout": 0.3, "class_weight": "balanced"},
}  # fmt: skip
RUNS = (
    *FUNCTIONS,
    *(Run(name, how) for name, how in NETWORKS.items()),
    *(Run(f"X: {name}", data=name) for name in ("float64", "float32", "row-major", "long columns")),
    *(Run(name, NOTHING, how, "many" if "groups" in name else "classes")
      for name, how in TRAININGS.items()),
)  # fmt: skip


# Without "lbfgs": its steps use SciPy's BLAS, whose bits we do not control.
SGD_SOLVER = {"solver": "sgd", "learning_rate_init": 0.05}
STOPPING = {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 2}
GIVEN = {
    "adam": NOTHING, "float32": {"dtype": "float32"},
    "sgd": SGD_SOLVER, "early_stopping": STOPPING,
    "sgd, no momentum": {**SGD_SOLVER, "momentum": 0.0},
    "sgd, invscaling, alpha": {**SGD_SOLVER, "learning_rate": "invscaling", "alpha": 0.1},
    "sgd, adaptive": {**SGD_SOLVER, "learning_rate": "adaptive", "tol": 0.5, "max_iter": 40},
    "early_stopping, sgd, standardize": {**SGD_SOLVER, **STOPPING, "standardize": True},
    "standardize, dropout": {"standardize": True, "dropout": 0.2},
    "two layers": {"hidden_layer_sizes": (17, 9), "activation": ("gelu", "tanh")},
}  # fmt: skip
GIVEN_TO = {
    "MLPClassifier": {**GIVEN, "balanced": {"class_weight": "balanced"}},
    "MLPRegressor": {**GIVEN, "poisson": {"loss": "poisson"}, "huber": {"loss": "huber"}},
}
FITS: dict[str, Callable[..., Any]] = {
    "dense": lambda model, X, y: model.fit(X, y),
    "bytes": lambda model, X, y: model.fit((16 * X).astype(np.uint8), y),
    "sparse": lambda model, X, y: model.fit(import_module("scipy.sparse").csr_array(X), y),
    "partial_fit": lambda model, X, y: model.fit(X, y).partial_fit(X[:50], y[:50]),
    "sample_weight": lambda model, X, y: model.fit(X, y, WEIGHTS["sample_weight"]),
    "two outputs": lambda model, X, y: model.fit(X, np.stack([y > 4, y > 2], axis=1)),
    "X_val": lambda model, X, y: model.fit(X[:150], y[:150], None, X[150:], y[150:]),
    "warm_start": lambda model, X, y: model.set_params(warm_start=True).fit(X, y).fit(X, y),
    "save, load": lambda model, X, y: reloaded(model.fit(X, y)),
}


def estimate(kind: str, given: Named, fit: str, threads: int) -> Found:
    """Fit an estimator in one of the ways of `FITS`."""
    X, labels = samples("classes")[0].T / 16, samples("classes")[1]
    few = {"hidden_layer_sizes": (19,), "max_iter": 4, "batch_size": 20, "random_state": 0}
    model = getattr(bpmatrix, kind)(**{**few, "n_threads": threads, **given})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few epochs do not converge
        model = FITS[fit](model, X, labels if kind == "MLPClassifier" else labels + 0.5)
    costs = [getattr(model, name, None) or [] for name in CURVES]
    predict = getattr(model, "predict_proba", model.predict)
    return [*model.coefs_, *model.intercepts_], [predict(X), predict(X[:1])], costs


def monitored(net: network2.Network, training: Any, evaluation: Any) -> Any:
    """Return the results of all monitors over two epochs of the book's training."""
    return net.SGD(training, 2, 10, 0.5, 0.5, evaluation, *[True] * 4)


BOOK: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "network": (network.Network, lambda net, t, v: net.SGD(t, 2, 10, 3.0, test_data=v)),
    "backprop": (network.Network, lambda net, t, v: net.backprop(*t[0])[1][0]),
    "network2": (network2.Network, monitored),
    "QuadraticCost": (lambda s: network2.Network(s, cost=network2.QuadraticCost), monitored),
    "L1Network": (problems.L1Network, monitored),
    "MomentumNetwork": (problems.MomentumNetwork, monitored),
    "early stopping": (network2.Network, lambda net, t, v:
        problems.train_until_no_improvement(net, t, 10, 0.5, 0.5, v, 2)),
}  # fmt: skip


def by_the_book(name: str, _threads: int) -> Found:
    """Train a network of the book; the text that it prints is among the costs."""
    random.seed(1)
    np.random.seed(1)
    training, evaluation, _ = (list(d)[:FEW] for d in mnist_loader.load_data_wrapper("digits"))
    make, train = BOOK[name]
    net = make([64, 19, 10])
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        returned = train(net, training, evaluation)
    outputs = [net.feedforward(x) for x, _ in evaluation[:9]]
    costs = [] if returned is None else [returned]
    return [*net.weights, *net.biases], outputs, [*costs, printed.getvalue()]


def cases() -> Iterator[tuple[str, Case]]:
    """Yield the name and the function of each line."""
    for dtype in ("float64", "float32"):
        yield from ((f"{run.name}, {dtype}", functools.partial(run.train, dtype)) for run in RUNS)
        for run in (*FUNCTIONS, Run("many columns", data="many")):
            yield f"looked at: {run.name}, {dtype}", functools.partial(run.look, dtype)
        adam = Run("", NOTHING, {"optimizer": Adam()})
        yield f"saved, loaded, {dtype}", functools.partial(adam.train, dtype, by_file=True)
    for kind, table in GIVEN_TO.items():
        for name, given in table.items():
            yield f"{kind}, {name}", functools.partial(estimate, kind, given, "dense")
        for fit in FITS:
            yield f"{kind}, {fit}", functools.partial(estimate, kind, {"alpha": 0.01}, fit)
    yield from ((f"book: {name}", functools.partial(by_the_book, name)) for name in BOOK)


def digest(arrays: Arrays) -> str:
    """Return 16 hexadecimal digits of a hash of the bytes, dtypes and shapes of some arrays."""
    sha = hashlib.sha256()
    for array in map(np.asarray, arrays):
        sha.update(f"{array.dtype} {array.shape} ".encode() + array.tobytes())
    return sha.hexdigest()[:16]


def line(name: str, case: Case) -> str:
    """Return a name and three digests, which must not depend on the threads."""
    try:
        one, two = (" ".join(map(digest, case(threads))) for threads in (1, 2))
    except bpmatrix.BpmatrixError as error:
        raise click.ClickException(f"{name}: {error}") from error
    if one != two:
        raise click.ClickException(f"{name}: {one} with one thread, {two} with two")
    return f"{name:<72} {one}"


@click.command()
def digests() -> None:
    """Print digests of weights, predictions and costs, which differ if any bit differs.

    Save the output of both versions and compare the two with diff.
    """
    for name, case in cases():
        click.echo(line(name, case))


if __name__ == "__main__":
    digests(prog_name="python -m benchmarks.digests")
