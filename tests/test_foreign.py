"""Names from other libraries are rejected everywhere, and what the error suggests works."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import numpy as np
import pytest

import bpmatrix
from bpmatrix import Network, foreign
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.architecture.costs import COSTS
from bpmatrix.architecture.initializers import INITIALIZERS
from bpmatrix.errors import ArgumentError, UnknownArgumentError, UnknownAttributeError

RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 24))
TARGETS = (X[0] > 0).astype(int)
# What to pass for a foreign name, by the argument of ours that it stands for.
VALUES = {
    "targets": TARGETS,
    "epochs": 2,
    "mini_batch_size": 6,
    "optimizer": 0.25,
    "weight_decay": 0.01,
    "l1": 0.01,
    "clip_norm": 2.0,
    "dropout": 0.5,
    "validation": (X, TARGETS),
    "validation_split": 0.25,
    "early_stopping": 3,
    "restore_best": False,
    "callbacks": print,
    "sample_weight": np.ones(24),
    "class_weight": "balanced",
    "shuffle": False,
    "n_threads": 1,
    "max_seconds": 60.0,
    "checkpoint": "run-1",
    "checkpoint_seconds": 60.0,
    "schedule": "cosine",
    "sizes": [3, 4, 2],
    "activation": "tanh",
    "output": "sigmoid",
    "cost": "quadratic",
    "initializer": "he",
    "input_scale": 0.5,
    "bias": False,
    "dtype": "float32",
    "seed": 7,
}
NAMESPACE = {name: getattr(bpmatrix, name) for name in bpmatrix.__all__} | {
    "X": X, "targets": TARGETS, "sizes": [3, 4, 2], "n_inputs": 3, "n_outputs": 2, "array": X,
    "X_validation": X, "targets_validation": TARGETS, "W": np.ones((4, 3)), "path": "net",
    "state_dict": {"0.weight": X},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tests write checkpoints to the current folder."""
    monkeypatch.chdir(tmp_path)


def network() -> Network:
    return Network([3, 4, 2], seed=3)


def suggested_by(call: Callable[[], object]) -> str:
    """Return what the error of a call suggests, after checking the types of the error."""
    with pytest.raises(UnknownArgumentError, match="has no argument") as caught:
        call()
    assert isinstance(caught.value, ArgumentError)
    assert isinstance(caught.value, TypeError)
    return cure_of(caught.value)


def cure_of(error: Exception) -> str:
    line = re.search(r" Write (.*)$", str(error))[1].partition(" to see ")[0]
    return line if line.endswith("...") else line.removesuffix(".")


def value_for(word: str, line: str) -> object:
    special = {"nesterov": True, "nesterovs_momentum": True, "solver": "adam", "optim": "sgd"}
    return special.get(word, VALUES[line.partition("=")[0]])


FOREIGN_TO_TRAIN = [
    word for word in foreign.TRAIN if word not in inspect.signature(Network.train).parameters
]


@pytest.mark.parametrize("word", FOREIGN_TO_TRAIN)
def test_train_rejects_a_foreign_name_and_says_what_to_write(word: str) -> None:
    """Nothing changes, and the suggested argument works."""
    net = network()
    before = net.parameters.tolist()
    value = value_for(word, foreign.TRAIN[word])
    if foreign.TRAIN[word].startswith("targets"):
        assert suggested_by(lambda: net.train(X, **{word: value})) == "targets=..."
        return
    line = suggested_by(lambda: net.train(X, TARGETS, **{word: value}))
    assert (net.parameters.tolist(), net.epochs, net.trained) == (before, 0, [])
    arguments = {"epochs": 1, "validation": (X, TARGETS), "sample_weight": None}
    if line.startswith("validation"):
        del arguments["validation"]
    # "..." is for the reader to fill in.
    line = line.replace("[...]", "[print]").replace("...", "None")
    given = eval(f"dict({line})", NAMESPACE)
    assert net.train(X, TARGETS, **arguments | given).epochs


FOREIGN_TO_NETWORK = [
    word for word in foreign.NETWORK if word not in inspect.signature(Network).parameters
]


@pytest.mark.parametrize("word", FOREIGN_TO_NETWORK)
def test_a_network_rejects_a_foreign_name_and_says_what_to_write(word: str) -> None:
    value = value_for(word, foreign.NETWORK[word])
    given = {} if "sizes" in foreign.NETWORK[word] else {"sizes": [3, 4, 2]}
    line = suggested_by(lambda: Network(**given, **{word: value}))
    made = eval(f"dict({line})", NAMESPACE)
    assert Network(**given | made).description.sizes[0] == 3


@pytest.mark.parametrize(
    ("call", "line"),
    [
        (lambda net: net.train(X, TARGETS, batch_size=8, lr=0.3),
         "mini_batch_size=8, optimizer=SGD(learning_rate=0.3)"),
        (lambda net: net.train(X, TARGETS, momentum=0.8, learning_rate=0.2),
         "optimizer=SGD(learning_rate=0.2, momentum=0.8)"),
        (lambda net: net.train(X, TARGETS, momentum=0.8),
         "optimizer=SGD(learning_rate=0.5, momentum=0.8)"),
        (lambda net: net.train(X, TARGETS, nesterovs_momentum=True),
         "optimizer=SGD(learning_rate=0.5, momentum=0.9, nesterov=True)"),
        (lambda net: net.train(X, TARGETS, solver="adam", learning_rate="adaptive"),
         "optimizer=Adam()"),
        (lambda net: net.train(X, TARGETS, optimizer="adamw", learning_rate=0.01),
         "optimizer=AdamW(learning_rate=0.01)"),
        (lambda net: net.train(X, TARGETS, optimizer=bpmatrix.RMSprop(), lr=0.02),
         "optimizer=RMSprop(learning_rate=0.02)"),
        (lambda net: net.train(X, TARGETS, patience=4, min_delta=0.01),
         "early_stopping=EarlyStopping(patience=4, least_change=0.01)"),
        (lambda net: net.train(X, TARGETS, alpha=0.5, batch_size=4),
         "weight_decay=0.5 / 4, mini_batch_size=4"),
        (lambda net: net.train(X, TARGETS, max_iter=5, random_state=3),
         "epochs=5, and Network(sizes, seed=3)"),
        (lambda net: Network([3, 2], random_state=3, dropout=0.25),
         "seed=3, and network.train(X, targets, dropout=0.25)"),
        (lambda net: Network([3, 2], optimizer=bpmatrix.Adam(0.02)),
         "network.train(X, targets, optimizer=Adam(learning_rate=0.02))"),
        (lambda net: Network([3, 2], loss="MSE"), "cost='quadratic'"),
        (lambda net: bpmatrix.SGD(lr=0.1, weight_decay=0.01),
         "learning_rate=0.1, and network.train(X, targets, weight_decay=0.01)"),
        (lambda net: bpmatrix.Adam(eps=1e-6, beta1=0.8), "epsilon=1e-06, beta_1=0.8"),
        (lambda net: bpmatrix.Adam(betas=(0.9, 0.99)), "beta_1=0.9, beta_2=0.999"),
        (lambda net: bpmatrix.RMSprop(alpha=0.99), "rho=0.99"),
        (lambda net: bpmatrix.EarlyStopping(monitor="val_loss", min_delta=0.1),
         'metric="validation_cost", least_change=0.1'),
        (lambda net: bpmatrix.schedules.Step(step_size=5, gamma=0.5), "every=5, factor=0.5"),
        (lambda net: bpmatrix.schedules.Cosine(T_max=5), "epochs=5"),
        (lambda net: bpmatrix.MLPClassifier(epochs=20, lr=0.1),
         "max_iter=20, learning_rate_init=0.1"),
        (lambda net: bpmatrix.MLPRegressor(mini_batch_size=20, seed=1),
         "batch_size=20, random_state=1"),
    ],
)  # fmt: skip
def test_arguments_of_one_object_are_merged(call, line: str) -> None:
    assert suggested_by(lambda: call(network())) == line


def test_an_unknown_argument() -> None:
    """The error lists all arguments; a foreign name beside it still gets a suggestion."""
    with pytest.raises(UnknownArgumentError) as caught:
        bpmatrix.SGD(speed=1)
    assert str(caught.value) == (
        "SGD has no argument speed: expected learning_rate, momentum, nesterov."
    )
    with pytest.raises(
        UnknownArgumentError, match=r"^SGD has no arguments speed, lr: .*_rate=1\.$"
    ):
        bpmatrix.SGD(speed=1, lr=1)


def test_decorated_functions_keep_their_signature() -> None:
    """And their name and documentation."""
    parameters = inspect.signature(Network.train).parameters
    assert not {p.kind for p in parameters.values()} & {inspect.Parameter.VAR_KEYWORD}
    assert Network.train.__name__ == "train"
    assert Network.train.__doc__.startswith("Train the network in place")
    assert list(inspect.signature(bpmatrix.SGD).parameters) == [
        "learning_rate",
        "momentum",
        "nesterov",
    ]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (Network, foreign.NETWORK),
        (Network.train, foreign.TRAIN),
        (bpmatrix.SGD, foreign.OPTIMIZER),
        (bpmatrix.RMSprop, foreign.OPTIMIZER),
        (bpmatrix.Adam, foreign.OPTIMIZER),
        (bpmatrix.EarlyStopping, foreign.EARLY_STOPPING),
    ],
)
def test_our_own_arguments_are_in_the_tables(call, words) -> None:
    """So there is a suggestion when they are passed to the wrong function."""
    names = set(inspect.signature(call).parameters) - {"self", "X"}
    assert names <= set(words)
    assert all(words[name].startswith((f"{name}=", f'{name}="')) for name in names)


# ------------------------------------------------------------------------------------- attributes


@pytest.mark.parametrize("name", foreign.ATTRIBUTES)
def test_a_foreign_attribute_raises_an_error_with_a_suggestion(name, tmp_path, monkeypatch):
    """hasattr is False; the suggestion can be executed."""
    monkeypatch.chdir(tmp_path)
    net = network()
    net.save("net")
    assert not hasattr(net, name)
    assert getattr(net, name, None) is None
    with pytest.raises(UnknownAttributeError) as caught:
        getattr(net, name)
    assert isinstance(caught.value, AttributeError)
    assert str(caught.value).startswith(f"Network has no attribute {name}. Write network.")
    for part in re.split(r", or (?:the History.*)?| and |, for layer 1", cure_of(caught.value)):
        exec(part, NAMESPACE | {"network": net})


def test_an_unknown_attribute() -> None:
    """Python may suggest a similar name, as for every object."""
    net = network()
    with pytest.raises(AttributeError, match=r"Network has no attribute wieghts$") as caught:
        net.wieghts  # noqa: B018
    assert (caught.value.name, caught.value.obj) == ("wieghts", net)


# ------------------------------------------------------------------------------------------ names

TABLES = {"cost": COSTS, "activation": ACTIVATIONS, "initializer": INITIALIZERS}


@pytest.mark.parametrize("name", foreign.NAMES)
def test_the_error_for_a_foreign_value_suggests_ours(name: str) -> None:
    """In upper and lower case; the suggested value works."""
    ours = foreign.NAMES[name]
    argument = next((key for key, table in TABLES.items() if ours in table), "dtype")
    for spelled in (name, name.upper()):
        with pytest.raises(ArgumentError) as caught:
            Network([3, 4, 2], **{argument: spelled})
        assert cure_of(caught.value) == f'"{ours}"'
    output = {"output": "exp"} if ours == "poisson" else {}
    assert Network([3, 4, 2], **{argument: ours}, **output)


def test_an_activation_that_no_layer_would_use_is_checked_too() -> None:
    with pytest.raises(
        ArgumentError, match=r"unknown activation function: got 'logistic'.*\"sigmoid\""
    ):
        Network([3, 2], activation="logistic")
