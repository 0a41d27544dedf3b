"""`verify` accepts correct gradients and detects wrong ones."""

import numpy as np
import pytest

import bpmatrix
from bpmatrix import Network
from bpmatrix.architecture.parameters import Parameters
from bpmatrix.cli import main
from bpmatrix.inspection.gradcheck import COLUMNS, DIFFERENCES, verify

X, LABELS = np.random.default_rng(1).random((4, 6)), [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("cost", ["quadratic", "cross_entropy", "log_likelihood"])
def test_the_gradient_agrees_and_the_network_is_not_changed(cost, bias):
    """Loop and differences agree to 1e-12 and 1e-6, and theta is unchanged."""
    net = Network([4, 5, 3], cost=cost, bias=bias, seed=1)
    before = net.parameters.copy()

    agreement = verify(net, X, LABELS)

    assert agreement.loop < 1e-12
    assert agreement.differences < 1e-6
    assert agreement.is_good
    assert (net.parameters == before).all()


def test_a_wrong_gradient_is_detected(monkeypatch):
    """A gradient that is off by 1e-3 shows in both figures."""
    net = Network([4, 5, 3], seed=1)
    right = net.gradient(X, LABELS)
    wrong = Parameters.of(right.flat.copy(), net.description.layout)
    wrong.flat[:] *= 1 + 1e-3
    monkeypatch.setattr(net, "gradient", lambda *_: wrong)

    agreement = verify(net, X, LABELS)

    assert agreement.loop > 1e-4
    assert agreement.differences > 1e-4
    assert not agreement.is_good


def test_the_command_prints_one_line_per_network(capsys):
    """`bpmatrix verify` prints its table and exits with 0."""
    assert main(["verify"]) == 0
    assert capsys.readouterr().out.count("same gradient") == 5


def test_verify_is_a_public_function():
    assert bpmatrix.verify is verify


def test_the_numbers_of_columns_and_parameters_are_bounded():
    net = Network([20, 10, 3], seed=1)
    rng = np.random.default_rng(2)

    agreement = verify(net, rng.random((20, 1000)), rng.integers(0, 3, 1000))

    assert (agreement.n_columns, agreement.n_parameters) == (COLUMNS, DIFFERENCES)
    assert agreement.is_good


def test_float32_is_judged_by_its_own_rounding():
    """Its unit in the last place is 2^29 times that of float64, and so is the limit."""
    net = Network([4, 5, 3], dtype="float32", seed=1)

    agreement = verify(net, X, LABELS)

    assert agreement.is_good
    assert agreement.loop_limit == 2**29 * verify(Network([4, 5, 3]), X, LABELS).loop_limit


def test_confidently_wrong_answers_do_not_spoil_the_differences():
    """With a = 1 - 1e-13, ln(1 - a) computed from a has three digits; from z it has all."""
    net = Network([4, 3], seed=1)
    net.weights[0][:], net.biases[0][:] = 0, 30

    assert verify(net, X, LABELS).is_good


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("cost", ["cross_entropy", "log_likelihood"])
@pytest.mark.parametrize("margin", [6, 12, 18, 40, 900])
def test_a_network_that_is_confident_and_correct_is_verified(margin, cost, dtype):
    """a - y is little more than the rounding error of a; the cost has all its digits."""
    net = Network([3, 3], cost=cost, dtype=dtype, seed=1)
    net.weights[0][:], net.biases[0][:] = margin * (2 * np.eye(3) - 1), 0
    inputs = np.eye(3)[:, LABELS] + 0.05 * np.random.default_rng(2).standard_normal((3, 6))

    assert verify(net, inputs, LABELS).is_good

    right = net.gradient(inputs, LABELS)
    net.gradient = lambda *_: Parameters.of(right.flat + 1e-5, net.description.layout)
    assert not verify(net, inputs, LABELS).is_good


def test_a_step_across_a_kink_is_left_out():
    """At z = 0 every step of a ReLU's bias and weight crosses the kink."""
    net = Network([1, 1, 1], activation="relu", cost="quadratic", seed=1)
    net.weights[0][:], net.biases[0][:], net.weights[1][:] = 1, -1, 1

    agreement = verify(net, [[1.0]], [5.0])

    assert agreement.n_parameters == 2  # those of the last layer
    assert agreement.is_good


@pytest.mark.parametrize("targets", [[0, 1], [[0.5]], [0, 1, 2, 0, 1, 3]])
def test_targets_that_do_not_fit_are_rejected(targets):
    with pytest.raises(bpmatrix.BpmatrixError):
        verify(Network([4, 5, 3], seed=1), X, targets)


def test_the_command_accepts_a_model_and_data(tmp_path, capsys):
    """It prints one line for the model, with the number of columns and parameters."""
    model = str(tmp_path / "digits.safetensors")
    Network([64, 5, 10], input_scale=1 / 16, seed=1).save(model)

    assert main(["verify", model, "digits"]) == 0
    out = capsys.readouterr().out
    assert out.count("same gradient") == 1
    assert "over 100 samples" in out
    assert "for 50 of the 385 parameters" in out


def test_the_command_exits_with_1_if_the_gradient_is_wrong(monkeypatch, capsys):
    right = Network.gradient

    def wrong(self, X, targets):
        gradient = right(self, X, targets)
        gradient.flat[0] += 1
        return gradient

    monkeypatch.setattr(Network, "gradient", wrong)

    assert main(["verify"]) == 1
    assert capsys.readouterr().out.count("DIFFERENT") == 5


def test_a_model_alone_or_data_without_labels_is_rejected(tmp_path, capsys):
    model, data = str(tmp_path / "net.safetensors"), tmp_path / "inputs.csv"
    Network([2, 2], seed=1).save(model)
    data.write_text("1,2\n3,4\n")

    assert main(["verify", model]) == 2
    assert "MODEL needs DATA" in capsys.readouterr().err
    assert main(["verify", model, str(data)]) == 2
    assert "contains no labels" in capsys.readouterr().err
