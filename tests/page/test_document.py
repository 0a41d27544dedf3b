"""The page as a file: complete, small, inert, and written like every other file."""

from __future__ import annotations

import base64
import json
import re
from unittest.mock import patch

import numpy as np
import pytest

from bpmatrix import SGD, Network, datasets, reference
from bpmatrix.cli import main
from bpmatrix.page.document import document, framed, shown

DIGITS = datasets.load("digits")


def content(text: str) -> dict:
    """Return what the page embeds."""
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def matrix(packed: dict, form: str = "<f8") -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), form).reshape(packed["shape"])


@pytest.fixture(scope="module")
def net() -> Network:
    net = Network([64, 30, 10], input_scale=DIGITS.scale, seed=1)
    net.train(DIGITS.train.X, DIGITS.train.labels, epochs=1, optimizer=SGD(learning_rate=0.5))
    return net


@pytest.fixture(scope="module")
def text(net: Network, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "page.html"
    film = net.film(DIGITS.validation.X, DIGITS.validation.labels)
    for epoch in range(60):
        film.take(epoch)
    assert net.show(DIGITS.test.X[:, :10], DIGITS.test.labels[:10], output=path, film=film) == path
    return path.read_text(encoding="utf-8")


def test_the_page_is_one_file_below_one_and_a_half_megabytes(text: str):
    """Also with the longest film."""
    assert len(text.encode()) < 1.5e6
    assert not re.search(r"""(src|href)=["'](?!data:,)|@import|url\(|fetch\(|XMLHttp""", text)
    assert "{{" not in text.split("<style>", maxsplit=1)[0]


def test_the_numbers_are_those_of_the_engine_and_of_the_loop(net: Network, text: str):
    found, X = content(text)["pass"], DIGITS.test.X[:, :10]
    trace = net.trace(X, DIGITS.test.labels[:10])
    loop = reference.gradient_by_loop(
        net.weights, net.biases, net.description.activations, "cross_entropy", trace.X, trace.Y
    )[1]
    for k, layer in enumerate(trace.layers):
        matrices = found["layers"][k]["matrices"]
        for name, expected in (("z", layer.z), ("d", layer.delta), ("gW", layer.nabla_W)):
            assert (matrix(matrices[name]) == expected).all()
        assert (matrix(matrices["loop"]) == loop[k] / 10).all()
    factors = found["layers"][0]["matrices"]
    product = matrix(factors["up"]) * matrix(factors["s"])
    np.testing.assert_allclose(product, trace.layers[0].delta, rtol=1e-12)
    assert found["mean_cost"] == net.cost(X, DIGITS.test.labels[:10])
    assert found["cost_after"] < found["mean_cost"]


@pytest.mark.parametrize("cost", ["quadratic", "absolute", "cross_entropy", "log_likelihood"])
def test_delta_is_the_product_of_its_factors_or_they_cancel(cost: str, tmp_path):
    net = Network([3, 4, 2], cost=cost, seed=2, dtype="float32")
    X, path = np.random.default_rng(3).standard_normal((3, 4)), tmp_path / "page.html"
    net.show(X, [0, 1, 0, 1], output=path)
    for layer in content(path.read_text("utf-8"))["pass"]["layers"]:
        found = {name: matrix(packed) for name, packed in layer["matrices"].items()}
        if "up" in found:
            np.testing.assert_allclose(found["up"] * found["s"], found["d"], atol=1e-6)
    assert ("up" in found) == (cost in {"quadratic", "absolute"})


def test_text_cannot_leave_its_element():
    evil = '</script><img src=x onerror="alert(1)"><!--\u2028 {{SCRIPT}}'
    text = document(evil, {"pass": evil, "film": None})
    assert evil not in text
    assert "<img" not in text
    assert text.count("</script>") == 2
    assert content(text) == {"title": evil, "pass": evil, "film": None}


def test_a_frame_in_a_notebook_is_one_attribute(text: str):
    frame = framed(text)
    assert re.fullmatch(r'<iframe srcdoc="[^"]*" sandbox="[^"]*" [^<>]*></iframe>', frame)
    assert "allow-same-origin" not in frame


def test_a_notebook_shows_the_page_itself():
    displayed = []

    class IPython:
        get_ipython = staticmethod(type("Shell", (), {"kernel": 1}))
        HTML = staticmethod(lambda text: text)
        display = staticmethod(displayed.append)

    with patch.dict("sys.modules", {"IPython": IPython, "IPython.display": IPython}):
        assert shown("<p>page</p>", None) is None
    assert displayed[0].startswith("<iframe")


def test_elsewhere_a_file_is_written_and_named(capsys):
    path = shown("<p>page</p>", None)
    assert path.read_text("utf-8") == "<p>page</p>"
    assert str(path) in capsys.readouterr().err


def test_the_command_trains_shows_and_says_where(tmp_path, capsys):
    path = tmp_path / "page.html"
    assert main(["show", "--output", str(path)]) == 0
    assert f"wrote {path}" in capsys.readouterr().err
    found = content(path.read_text("utf-8"))
    assert found["pass"]["sizes"] == [64, 30, 10]
    assert len(found["film"]["frames"]) == 31
    wrong = [len(frame["wrong"]) for frame in found["film"]["frames"]]
    assert wrong[0] > 200
    assert wrong[-1] < 60


def test_the_command_shows_a_saved_network_on_standard_output(net: Network, tmp_path, capsys):
    net.save(tmp_path / "net.safetensors")
    assert main(["show", str(tmp_path / "net.safetensors"), "--output", "-"]) == 0
    assert content(capsys.readouterr().out)["film"] is None


def test_the_page_does_not_replace_a_folder(tmp_path, capsys):
    assert main(["show", "--output", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
