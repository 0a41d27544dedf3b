"""What a notebook shows of an object: tables, curves and pictures, as safe HTML."""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from html.parser import HTMLParser

import numpy as np
import pytest

from bpmatrix import Network, datasets, diagnose
from bpmatrix.history import EpochInfo, History
from bpmatrix.markup import Markup, curves, picture, table

DIGITS = datasets.load("digits")
VOID = {"img"}


class Checked(HTMLParser):
    """Collect the texts of a page; every tag must be closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def net() -> Network:
    return Network([64, 30, 10], input_scale=DIGITS.scale, seed=1)


def test_text_is_escaped_and_markup_is_not() -> None:
    page = table("<title>", ["a&b"], [["<script>", Markup("<b>bold</b>"), 3]])
    found = Checked(page)
    assert found.texts == ["<title>", "a&b", "<script>", "bold", "3"]
    assert "script" not in found.tags
    assert 'alt="&quot;&gt;"' in picture([[1.0]], height=8, alt='">')


def test_no_color_of_the_page_is_overridden(net: Network) -> None:
    """Text and lines take the color of the page, so they are readable on dark pages, too."""
    for page in (net._repr_html_(), curves([1.0, 2.0]), DIGITS._repr_html_()):
        assert not re.search(r"(?<![-\w])(color|background)\s*:|#[0-9a-f]{3}|black|white", page)


def test_curves_lie_inside_their_frame_and_leave_gaps() -> None:
    values = [1e308, math.nan, -1e308, 0.0, math.inf]
    parts = re.findall(r'points="([^"]*)"', curves(values, [0.0], width=100, height=20))
    points = [[tuple(map(float, p.split(","))) for p in part.split()] for part in parts]
    assert points == [[(2, 2), (2, 2)], [(50, 18), (74, 10)], [(2, 10), (2, 10)]]
    assert curves([]).count("polyline") == 0
    assert len(curves([math.sin(i) for i in range(100_000)])) < 10_000


def pixels(page: str) -> np.ndarray:
    """Decode the picture, with nothing of the encoder."""
    data = base64.b64decode(re.search(r"base64,([^\"]*)", page)[1])
    width, height = struct.unpack(">II", data[16:24])
    start = data.index(b"IDAT")
    (size,) = struct.unpack(">I", data[start - 4 : start])
    (crc,) = struct.unpack(">I", data[start + 4 + size : start + 8 + size])
    assert zlib.crc32(data[start : start + 4 + size]) == crc
    raw = np.frombuffer(zlib.decompress(data[start + 4 : start + 4 + size]), np.uint8)
    return raw.reshape(height, 1 + 3 * width)[:, 1:].reshape(height, width, 3)


def test_a_picture_is_gray_or_signed() -> None:
    gray = pixels(picture([[0, 1], [2, 4]], height=8))
    assert gray[..., 0].tolist() == [[255, 191], [128, 0]]
    assert (gray == gray[..., :1]).all()
    red, zero, blue = pixels(picture([[-1.0, 0.0, 1.0]], height=8))[0].tolist()
    assert zero == [255] * 3
    assert red[0] > red[2]
    assert blue[2] > blue[0]


@pytest.mark.parametrize("matrix", [[[math.nan, math.inf]], np.zeros((2, 3)), np.ones((700, 3))])
def test_a_picture_of_any_matrix(matrix: object) -> None:
    assert pixels(picture(matrix, height=8)).shape[0] <= 96


def test_network_and_parameters_show_shapes(net: Network) -> None:
    texts = Checked(net._repr_html_()).texts
    assert {"(30, 64)", "(10, 1)", "1,950", "310", "sigmoid"} <= set(texts)
    assert "2,260 parameters" in texts[0]
    nabla = net.gradient(DIGITS.train.X[:, :10], DIGITS.train.labels[:10])
    assert repr(nabla) == "Parameters(2260 float64: W (30, 64), b (30, 1), W (10, 30), b (10, 1))"
    assert Checked(nabla._repr_html_()).texts.count("b") == 2
    without = Network([2, 1], bias=False)
    assert "(1, 2)" in without._repr_html_()
    nabla = without.gradient([[0.0], [1.0]], [[1.0]])
    assert repr(nabla) == "Parameters(2 float64: W (1, 2))"
    assert "b" not in Checked(nabla._repr_html_()).texts


def test_history_shows_curves_and_the_last_epoch() -> None:
    epochs = [EpochInfo(i, 3, 4.0 - i, None, 2.0 + i, None, 3.0, 0.25) for i in (1, 2, 3)]
    found = Checked(History(seed=1, epochs=epochs)._repr_html_())
    assert found.tags.count("svg") == 3
    assert found.texts[0] == "History: epoch 3, best epoch 1, 0.75 s, stopped by epochs"
    row = found.texts.index("validation_cost")
    assert found.texts[row : row + 4] == ["validation_cost", "3", "5", "3"]
    assert "no epoch finished" in Checked(History(seed=1)._repr_html_()).texts[0]


def test_trace_and_diagnosis(net: Network) -> None:
    """The equations of the text, each with its picture; the findings and the layers."""
    X, labels = DIGITS.train.X[:, :10], DIGITS.train.labels[:10]
    trace = net.trace(X, labels)
    found = Checked(trace._repr_html_())
    for text in ("(BP1) delta[2] = dC/dz[2]", "(BP4) dC/dW[1] = delta[1] a[0]^T / 10"):
        assert text in found.texts
        assert text in str(trace)
    assert found.tags.count("img") == 12
    good = Checked(diagnose(net, DIGITS.train.X, DIGITS.train.labels)._repr_html_())
    assert good.texts[0].startswith("Nothing found")
    poor = diagnose(Network([64, 30, 10], seed=1), DIGITS.train.X, DIGITS.train.labels)
    assert Checked(poor._repr_html_()).texts[0] == str(poor.findings[0])


def test_a_data_set_shows_images_if_it_has_any() -> None:
    found = Checked(DIGITS._repr_html_())
    assert found.tags.count("img") == 30
    assert "(64, 1200)" in found.texts
    first = DIGITS.train.X[:, np.flatnonzero(DIGITS.train.labels == 0)[0]].reshape(8, 8)
    shown = pixels(DIGITS._repr_html_())[..., 0]
    assert np.array_equal(shown, np.round(255 * (1 - first / first.max())))


def test_ipython_chooses_these_for_a_notebook(net: Network) -> None:
    formatters = pytest.importorskip("IPython.core.formatters")
    data, _ = formatters.DisplayFormatter().format(net)
    assert data["text/plain"] == repr(net)
    assert data["text/html"] == net._repr_html_()
