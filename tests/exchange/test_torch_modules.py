"""PyTorch: modules read and written, equal outputs, equal steps of training."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pytest
from numeric import same_bits

from bpmatrix import SGD, Adam, MLPClassifier, MLPRegressor, Network
from bpmatrix.architecture.activations import ACTIVATIONS
from bpmatrix.errors import ArgumentError
from bpmatrix.nielsen import network, network2

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn

RNG = np.random.default_rng(7)
ROWS = RNG.normal(3.0, [1.0, 20.0, 0.1], size=(80, 3))


def outputs(module, rows):
    with torch.no_grad():
        return module(torch.from_numpy(np.ascontiguousarray(rows))).numpy()


def assert_equal_networks(one, other):
    assert one.description == other.description
    assert same_bits(one.parameters, other.parameters)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_a_network_goes_to_torch_and_back_without_a_change(name, dtype):
    """Also through pickle. Outputs differ by rounding: sums of 6 terms, functions to some ulp."""
    hidden = "tanh" if name in {"softmax", "exp"} else name  # exp(exp(z)) magnifies errors
    cost = {"softmax": "log_likelihood", "sigmoid": "cross_entropy", "exp": "poisson"}
    net = Network(
        [6, 5, 4], activation=hidden, output=name, cost=cost.get(name, "quadratic"), dtype=dtype,
        bias=name != "tanh", seed=1,
    )  # fmt: skip
    X = RNG.normal(0, 2, (6, 50)).astype(dtype)
    state = torch.get_rng_state()
    module = net.to_torch()
    assert torch.equal(torch.get_rng_state(), state)  # it draws no random numbers
    wanted = net.feedforward(X)
    close = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(outputs(module, X.T).T, wanted, rtol=close, atol=close * 4)
    copied = pickle.loads(pickle.dumps(module))
    assert_equal_networks(Network.from_torch(copied), net)
    net.parameters[:] = 0  # nothing is shared
    assert np.abs(module[0].weight.detach().numpy()).max() > 0


def test_modules_that_change_nothing_are_left_out():
    relu = nn.ReLU()  # one module may occur twice
    module = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(6, 4), nn.Dropout(0.5), relu),
        nn.Identity(),
        nn.Linear(4, 4, bias=False),
        relu,
        nn.Linear(4, 2),
    ).eval()
    net = Network.from_torch(module)
    assert str(net) == (
        "Network([6, 4, 4, 2], relu-relu-identity, quadratic, float32, 58 parameters)"
    )
    assert not net.biases[1].any()
    images = RNG.normal(size=(9, 2, 3)).astype(np.float32)
    found = net.feedforward(images.reshape(9, 6).T)
    np.testing.assert_allclose(found.T, outputs(module, images), rtol=1e-5, atol=1e-6)


def test_the_functions_of_a_loss_can_be_added():
    module = nn.Sequential(nn.Linear(3, 2))
    assert Network.from_torch(module).description.cost == "quadratic"
    assert Network.from_torch(module, output="softmax").description.cost == "log_likelihood"
    net = Network.from_torch(module, output="sigmoid", cost="quadratic", seed=4)
    assert (net.description.activations, net.description.cost) == (("sigmoid",), "quadratic")
    assert net.seed == 4
    with pytest.raises(ArgumentError, match='Use output="softmax" with log_likelihood'):
        Network.from_torch(module, cost="log_likelihood")
    module.append(nn.Tanh())
    with pytest.raises(ArgumentError, match="expected tanh"):
        Network.from_torch(module, output="softmax")


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Renamed(nn.Linear):
    pass


def test_a_subclass_counts_if_it_computes_the_same():
    assert Network.from_torch(Renamed(3, 2)).description.sizes == (3, 2)
    parametrized = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
    net = Network.from_torch(parametrized)
    np.testing.assert_array_equal(net.weights[0], parametrized.weight.detach().numpy())


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), "BatchNorm1d at 1"),
        (nn.Sequential(nn.Linear(2, 3), nn.Sequential(Doubled(3, 3))), "Doubled at 1.0"),
        (nn.Conv2d(1, 1, 3), "Only a Sequential shows the order"),
        (nn.ModuleList([nn.Linear(2, 3)]), "ModuleList"),
        ("model.pt", "got str"),
        (nn.Sequential(nn.ReLU(), nn.Linear(2, 3)), "ReLU at 0: relu without a layer"),
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Tanh()), "Tanh at 2: tanh without a layer"),
        (nn.Sequential(nn.Linear(2, 3), nn.LeakyReLU(0.2)), "negative_slope=0.2"),
        (nn.Sequential(nn.Linear(2, 3), nn.ELU(2.0)), "alpha=2.0"),
        (nn.Sequential(nn.Linear(2, 3), nn.GELU("tanh")), "approximate='tanh'"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softplus(2.0)), "beta=2.0"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softplus(1.0, 5.0)), "threshold=5.0"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softmax(dim=0)), "dim=0"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(2, 3)), "start_dim=0"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softmax(1), nn.Linear(3, 1)), "a layer after softmax"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(4, 1)), "4 inputs after a layer of 3 units"),
        (nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1).double()), "float32 and float64"),
        (nn.Linear(2, 3).half(), "type float16. .*Convert all parameters to float32"),
        (nn.Linear(2, 3).bfloat16(), "BFloat16.*model.float"),
        (nn.Linear(2, 3, device="meta"), "meta tensor"),
        (nn.LazyLinear(3), "LazyLinear with hooks"),
        (nn.Sequential(nn.Flatten()), "no layers"),
    ],
)
def test_anything_else_is_refused_by_its_name(module, words):
    with pytest.raises(ArgumentError, match=words):
        Network.from_torch(module)


def test_parameters_that_are_not_finite_are_refused():
    module = nn.Linear(2, 3)
    with torch.no_grad():
        module.bias[1] = torch.inf
    with pytest.raises(ArgumentError, match="not finite"):
        Network.from_torch(module)


def test_hooks_are_refused():
    module = nn.Sequential(nn.Linear(2, 3))
    module.register_forward_hook(lambda module, inputs, output: 2 * output)
    with pytest.raises(ArgumentError, match="Sequential with hooks"):
        Network.from_torch(module)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_trained_there_is_read_trained_on_here_and_given_back(dtype):
    """A step of gradient descent is the same in both within the rounding of both."""
    torch.manual_seed(3)
    X = RNG.normal(size=(5, 32)).astype(dtype)
    labels = (X[0] > 0).astype(int) + (X[1] > 0)
    rows, classes = torch.from_numpy(np.ascontiguousarray(X.T)), torch.from_numpy(labels)
    module = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).to(getattr(torch, dtype))
    descent = torch.optim.SGD(module.parameters(), lr=0.5)

    def step():
        descent.zero_grad()
        nn.functional.cross_entropy(module(rows), classes).backward()
        descent.step()

    for _ in range(20):
        step()
    net = Network.from_torch(module, output="softmax")
    bounds = rounding_of_a_step(net, X, np.eye(3)[labels].T, eta=0.5)
    step()
    net.train(X, labels, epochs=1, mini_batch_size=32, optimizer=SGD(learning_rate=0.5))
    theirs = [p.detach().numpy() for p in module.parameters()]
    ours = [p for pair in zip(net.weights, net.biases, strict=True) for p in pair]
    for found, wanted, bound in zip(ours, theirs, bounds, strict=True):
        assert (np.abs(found - wanted.reshape(found.shape)) <= bound).all()
    before = net.cost(X, labels)
    net.train(X, labels, epochs=20, optimizer=Adam())
    assert net.cost(X, labels) < before
    back = net.to_torch()
    assert [type(part) for part in back] == [nn.Linear, nn.Tanh, nn.Linear, nn.Softmax]
    accuracy = (outputs(back, X.T).argmax(axis=1) == labels).mean()
    assert accuracy == pytest.approx(net.accuracy(X, labels))
    module.load_state_dict(back[:-1].state_dict())  # into the module that it came from


def rounding_of_a_step(net, X, Y, eta):
    """Return how far W_1, b_1, W_2, b_2 of two programs may differ after a step.

    A sum of n products is off by (n + 2) eps times the sum of their absolute values, at most; a
    function by 4 eps. These errors are carried through (BP1) to (BP4), for each program.
    """
    eps = np.finfo(net.description.dtype).eps
    (W1, W2), (b1, b2), m = net.weights, net.biases, X.shape[1]
    a = np.tanh(W1 @ X + b1)
    z = W2 @ a + b2
    p = np.exp(z - z.max(axis=0))
    p /= p.sum(axis=0)
    delta = p - Y
    pulled = W2.T @ delta
    off_a = (X.shape[0] + 2) * eps * (np.abs(W1) @ np.abs(X) + np.abs(b1)) + 4 * eps  # |tanh'| <= 1
    off_z = np.abs(W2) @ off_a + (len(a) + 2) * eps * (np.abs(W2) @ np.abs(a) + np.abs(b2))
    off_delta = 2 * off_z.max(axis=0) + 8 * eps + np.zeros_like(delta)
    off_1 = np.abs(W2.T) @ (off_delta + (len(z) + 2) * eps * np.abs(delta))
    off_1 += np.abs(pulled) * (2 * off_a + 4 * eps)
    bounds = []
    for W, b, d, off_d, below, off_below in (
        (W1, b1, pulled * (1 - a**2), off_1, X, 0 * X), (W2, b2, delta, off_delta, a, off_a)
    ):  # fmt: skip
        off_sums = (m + 2) * eps * np.abs(d)
        off_W = (off_d + off_sums) @ np.abs(below).T + np.abs(d) @ off_below.T
        off_b = (off_d + off_sums).sum(axis=1, keepdims=True)
        bounds += [2 * eta / m * off_W + 4 * eps * np.abs(W)]
        bounds += [2 * eta / m * off_b + 4 * eps * np.abs(b)]
    return [bound * 1.01 for bound in bounds]  # for products of errors


def test_estimators_and_networks_of_the_book():
    """Standardization is in the first and last layer, so rows are the user's own."""
    numbers = 100.0 + ROWS @ [5.0, 1.0, -40.0]
    how = {"hidden_layer_sizes": (4,), "standardize": True, "max_iter": 3, "random_state": 1}
    with warnings.catch_warnings(action="ignore"):  # they have not converged
        regressor = MLPRegressor(**how).fit(ROWS, numbers)
        classifier = MLPClassifier(**how).fit(ROWS, numbers > 100)
    found = outputs(regressor.to_torch(), ROWS)
    np.testing.assert_allclose(found[:, 0], regressor.predict(ROWS), rtol=1e-12)
    second = outputs(classifier.to_torch(), ROWS)
    np.testing.assert_allclose(second[:, 0], classifier.predict_proba(ROWS)[:, 1], rtol=1e-12)
    for kind in (network.Network, network2.Network):
        book = kind([3, 2, 1])
        found = outputs(book.to_torch(), ROWS)
        np.testing.assert_allclose(found.T, book.feedforward(ROWS.T), rtol=1e-12)


def test_the_input_scale_is_in_the_first_layer():
    net = Network([3, 2], input_scale=0.25, bias=False, seed=1)
    module = net.to_torch()
    np.testing.assert_array_equal(module[0].weight.detach().numpy(), 0.25 * net.weights[0])
    assert module[0].bias is None
