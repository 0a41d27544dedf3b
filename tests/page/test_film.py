"""A film of a training: bounded, and true at each frame."""

from __future__ import annotations

import base64

import numpy as np

from bpmatrix import Network
from bpmatrix.page.film import MOST_FRAMES

RNG = np.random.default_rng(4)
X = RNG.standard_normal((2, 50))
Y = (X[0] > X[1]).astype(float)


def test_a_film_is_bounded_and_changes_no_bit_of_the_training():
    net, other = Network([2, 3, 1], seed=1), Network([2, 3, 1], seed=1)
    film = net.film(X, Y)
    net.train(X, Y, epochs=200, callbacks=[film])
    other.train(X, Y, epochs=200)
    assert (net.parameters == other.parameters).all()
    assert MOST_FRAMES / 2 <= len(film) <= MOST_FRAMES
    epochs = [frame["epoch"] for frame in film.content()["frames"]]
    assert epochs[0] == 0
    assert epochs == sorted(epochs)
    assert epochs[-1] > 190


def test_the_frames_tell_which_samples_are_wrong():
    net = Network([2, 3, 1], seed=1)
    frame = net.film(X, Y).content()["frames"][0]
    assert frame["wrong"] == list(np.flatnonzero(net.predict(X) != Y))
    assert frame["cost"] == np.float64(net.cost(X, Y))


def test_the_plane_is_what_the_network_says_of_its_points():
    net = Network([2, 3, 3], seed=1)
    film = net.film(X, Y.astype(int)).content()
    plane = np.frombuffer(base64.b64decode(film["frames"][0]["plane"]["data"]), np.uint8)
    n, (x0, x1, y0, y1) = film["grid"], film["box"]
    corner = [[x0 + (x1 - x0) / (2 * n)], [y1 - (y1 - y0) / (2 * n)]]
    assert plane[n * (n - 1)] == net.predict(corner)[0]
    assert (x0 < X[0]).all()
    assert (X[1] < y1).all()


def test_many_samples_of_many_inputs_are_cut():
    net = Network([784, 20, 10], seed=1)
    film = net.film(RNG.random((784, 400)), np.arange(400) % 10).content()
    assert len(film["labels"]) == 100_000 // 784
    assert film["frames"][0]["W"]["shape"] == [6_000 // 784, 784]
